import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a link does to one connection, both ways alike. */
export interface Weather {
  /** One way. */
  readonly delayMs?: number
  readonly bytesPerSecond?: number
  /** Largest piece that is passed on at once. */
  readonly pieceBytes?: number
  /** After so many bytes towards the client: a reset, or nothing any more. */
  readonly breaks?: { readonly afterBytes: number; readonly how: 'reset' | 'silence' }
  /** After so many bytes away from the client: a reset at both ends. */
  readonly cutAfterBytes?: number
  /** Nobody answers: a reset at once, or an open connection and silence. */
  readonly dead?: 'reset' | 'silence'
}

/** A TCP proxy that stands for a bad link to one host. */
export interface Link {
  /** `127.0.0.1:PORT` */
  readonly authority: string
  /** So far, dead ones too. */
  readonly connections: number
  /** Connections that it broke, or let nobody through. */
  readonly broken: number
  /** Bytes that came out at the client's end. */
  readonly carried: number
  close(): Promise<void>
}

/** What waits in the link before the sender is told to stop. */
const heldBytes = 256 * 1024

/** `weather`: of the connection with this number, from 1. */
export async function startLink(to: string, weather: (connection: number) => Weather): Promise<Link> {
  const sockets = new Set<Socket>()
  const [host, port] = to.split(':')
  let [connections, broken, carried] = [0, 0, 0]
  const keep = (socket: Socket): Socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    return socket.on('close', () => sockets.delete(socket))
  }

  const server = createServer({ noDelay: true }, client => {
    keep(client)
    connections += 1
    const now = weather(connections)
    if (now.dead !== undefined) {
      broken += 1
      if (now.dead === 'reset') client.resetAndDestroy()
      return
    }
    const far = keep(connect({ host: host ?? '', port: Number(port), noDelay: true }))
    const { breaks, cutAfterBytes, ...calm } = now
    const cut = cutAfterBytes === undefined ? {} : { breaks: { afterBytes: cutAfterBytes, how: 'reset' } as const }
    void carry(
      client,
      far,
      { ...calm, ...cut },
      {
        onCarried() {},
        onBreak() {
          broken += 1
          for (const end of [client, far]) if (!end.destroyed) end.resetAndDestroy()
        },
      },
    )
    void carry(far, client, now, {
      onCarried(bytes) {
        carried += bytes
      },
      onBreak() {
        broken += 1
        if (breaks?.how === 'reset' && !client.destroyed) client.resetAndDestroy()
      },
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  return {
    authority: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections
    },
    get broken() {
      return broken
    },
    get carried() {
      return carried
    },
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

interface Watch {
  onCarried(bytes: number): void
  onBreak(): void
}

/** Carries bytes from one end to the other, late and slowly, until the weather breaks the link. */
async function carry(from: Socket, to: Socket, weather: Weather, watch?: Watch): Promise<void> {
  const { delayMs = 0, bytesPerSecond = Number.POSITIVE_INFINITY, pieceBytes = 64 * 1024, breaks } = weather
  let left = breaks?.afterBytes ?? Number.POSITIVE_INFINITY
  let free = performance.now()
  for await (const [bytes, due] of arrivals(from, delayMs)) {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const piece = bytes.subarray(at, Math.min(at + pieceBytes, at + left))
      free = Math.max(free, due, performance.now()) + (piece.length / bytesPerSecond) * 1000
      await sleep(Math.max(0, free - performance.now()))
      if (to.destroyed) return void from.destroy()
      if (!to.write(piece)) await Promise.race([once(to, 'drain'), once(to, 'close')])
      watch?.onCarried(piece.length)
      left -= piece.length
      if (left <= 0) return watch?.onBreak()
    }
  }
  to.end()
}

/** What arrives at one end, and when it is due at the other. */
async function* arrivals(from: Socket, delayMs: number): AsyncGenerator<readonly [Buffer, number], void, undefined> {
  const queue: (readonly [Buffer, number])[] = []
  let [held, ended] = [0, false]
  let wake = () => {}
  from.on('data', (bytes: Buffer) => {
    queue.push([bytes, performance.now() + delayMs])
    held += bytes.length
    if (held > heldBytes) from.pause()
    wake()
  })
  from.on('close', () => {
    ended = true
    wake()
  })
  from.on('end', () => {
    ended = true
    wake()
  })
  for (;;) {
    const next = queue.shift()
    if (next === undefined) {
      if (ended) return
      await new Promise<void>(resolve => {
        wake = resolve
      })
      continue
    }
    yield next
    held -= next[0].length
    if (held <= heldBytes) from.resume()
  }
}
