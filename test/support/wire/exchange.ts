import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { headOf, type Received, type Response } from './message.ts'

/** A client that takes longer than this to read has other reasons. */
const settleMs = 3_000

/** One request and the connection it came on. */
export interface Exchange {
  readonly request: Received
  /** What an honest registry would answer. */
  readonly honest: Response
  /** What it would answer to another request. */
  honestTo(request: Received): Response
  /** Sends these bytes as they are; false when the client is gone. `counted`: they belong to a body. */
  send(bytes: string | Uint8Array, options?: { readonly counted?: boolean }): Promise<boolean>
  /** Sends a whole message; none of its body when a HEAD was asked. */
  answer(response: Response): Promise<boolean>
  /** Ends the connection in order; without TLS's farewell. */
  close(): Promise<void>
  /** Resets the connection. */
  reset(): Promise<void>
  /** Says nothing more; resolves when the client gives up. */
  fallSilent(): Promise<void>
  /** Notes that the scripted fault is on the wire now. */
  fire(): void
}

/** Answers one request. The connection goes on afterwards, unless the script ended it. */
export type Script = (exchange: Exchange) => Promise<unknown>

interface Line {
  /** Below TLS. */
  readonly socket: Socket
  /** What is written to: `socket` or its TLS. */
  readonly stream: Socket
}

export function openExchange(
  { socket, stream }: Line,
  request: Received,
  { honestTo, fire }: Pick<Exchange, 'honestTo' | 'fire'>,
): Exchange {
  let honest: Response | undefined
  const exchange: Exchange = {
    request,
    // Made when it is wanted: an honest registry keeps what it is sent.
    get honest() {
      honest ??= honestTo(request)
      return honest
    },
    honestTo,
    fire,
    async send(bytes, { counted = false } = {}) {
      const taken = await written(stream, bytes)
      if (taken && counted) request.sent += bytes.length
      return taken
    },
    async answer(response) {
      const isHead = request.method === 'HEAD'
      const head = await exchange.send(headOf(response))
      return isHead || response.body.length === 0 ? head : await exchange.send(response.body, { counted: true })
    },
    async close() {
      await settled(socket)
      socket.end()
      if (stream !== socket) socket.destroy()
    },
    async reset() {
      await settled(socket)
      if (!socket.destroyed) socket.resetAndDestroy()
    },
    async fallSilent() {
      if (!stream.destroyed) await new Promise(resolve => stream.once('close', resolve))
    },
  }
  return exchange
}

/** True when the kernel took all of it, false when the connection ended before. */
function written(stream: Socket, bytes: string | Uint8Array): Promise<boolean> {
  if (stream.destroyed || !stream.writable) return Promise.resolve(false)
  return new Promise(resolve => {
    const gone = () => resolve(false)
    stream.once('close', gone)
    stream.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, error => {
      stream.off('close', gone)
      resolve(!error)
    })
  })
}

/**
 * Waits until the client's kernel has all that was sent: a reset would throw the rest away, and what was refetched could
 * not be told. No event says so; the table of connections does.
 */
async function settled({ localPort = 0, remotePort = 0 }: Socket): Promise<void> {
  const port = (number: number) => number.toString(16).toUpperCase().padStart(4, '0')
  const line = new RegExp(`:${port(localPort)} [0-9A-F]+:${port(remotePort)} \\w+ ([0-9A-F]{8}):`)
  for (const begun = performance.now(); performance.now() - begun < settleMs; await sleep(2)) {
    const [, queued] = line.exec(readFileSync('/proc/net/tcp', 'latin1')) ?? []
    if (queued === undefined || Number.parseInt(queued, 16) === 0) return
  }
}
