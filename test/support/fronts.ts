import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'

/** Something on loopback that stands before a server. */
export interface Front {
  /** `127.0.0.1:port` */
  readonly host: string
  close(): void
}

/** Speaks TLS for the plain server at `target`. */
export async function tlsFront(target: string, options: TlsOptions): Promise<Front> {
  const server = createTlsServer(options, socket => join(socket, target))
  server.on('tlsClientError', () => {})
  return await listening(server)
}

export interface ProxyFront extends Front {
  /** `host:port` that tunnels were asked for, and the proxy credentials that came with it. */
  readonly asked: readonly (readonly [target: string, authorization: string | undefined])[]
}

/** An HTTP proxy that tunnels to `target`, whatever it is asked for. */
export async function proxyFront(target: string): Promise<ProxyFront> {
  const asked: (readonly [string, string | undefined])[] = []
  const server = createHttpServer()
  server.on('connect', ({ url = '', headers }: IncomingMessage, socket: Socket) => {
    asked.push([url, headers['proxy-authorization']])
    socket.write('HTTP/1.1 200 OK\r\n\r\n')
    join(socket, target)
  })
  return { ...(await listening(server)), asked }
}

function join(socket: Socket, target: string): void {
  const [host = '', port = ''] = target.split(':')
  const inner = connect(Number(port), host)
  socket.pipe(inner).pipe(socket)
  for (const [one, other] of [
    [socket, inner],
    [inner, socket],
  ] as const) {
    one.on('error', () => other.destroy())
    one.on('close', () => other.destroy())
  }
}

async function listening(server: Server): Promise<Front> {
  const sockets = new Set<Socket>()
  server.on('connection', socket => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
