/** HTTP/1.1 messages as bytes: nothing is corrected, neither what comes nor what goes. */

/** A request as it came. */
export interface Received {
  readonly method: string
  /** Path and query, or whatever stood there. */
  readonly target: string
  /** In their order and spelling. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer
  /** All of it, byte for byte. */
  readonly raw: Buffer
  /** Number of the connection, from 1. */
  readonly connection: number
  /** Bytes of bodies that the kernel took as the answer. */
  sent: number
}

export interface Response {
  readonly status: number
  /** In their order; a name may come twice. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Uint8Array
}

/** The first value of a header, whatever its name's case. */
export function headerOf({ headers }: Pick<Received, 'headers'>, name: string): string | undefined {
  return headers.find(([other]) => other.toLowerCase() === name)?.[1]
}

/** Status line and headers, with the empty line. */
export function headOf({ status, headers }: Response): string {
  const lines = [`HTTP/1.1 ${status} Scripted`, ...headers.map(pair => pair.join(': ')), '', '']
  return lines.join('\r\n')
}

/**
 * The first whole request in `bytes`; undefined while there is none. `enough` says how many bytes of its body make it whole.
 */
export function parseRequest(
  bytes: Buffer,
  connection: number,
  enough: (line: string, length: number) => number = (_, length) => length,
): Received | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) return undefined
  const [line = '', ...lines] = bytes.subarray(0, headEnd).toString('latin1').split('\r\n')
  const [method = '', target = ''] = line.split(' ')
  const headers = lines.map((text): [string, string] => {
    const colon = text.indexOf(':')
    return [text.slice(0, colon), text.slice(colon + 1).trim()]
  })
  const bodyStart = headEnd + 4
  const length = Number(headerOf({ headers }, 'content-length') ?? 0)
  const end = bodyStart + enough(`${method} ${target}`, length)
  if (bytes.length < end) return undefined
  const raw = bytes.subarray(0, end)
  return { method, target, headers, body: raw.subarray(bodyStart), raw, connection, sent: 0 }
}

export function json(status: number, value: unknown, headers: Response['headers'] = []): Response {
  const body = Buffer.from(JSON.stringify(value))
  const own: Response['headers'] = [
    ['content-type', 'application/json'],
    ['content-length', `${body.length}`],
  ]
  return { status, headers: [...own, ...headers], body }
}
