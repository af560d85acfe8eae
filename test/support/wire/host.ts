import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import type { Certificate } from './certificates.ts'
import { type Content, openContent } from './content.ts'
import { openExchange, type Script } from './exchange.ts'
import { parseRequest, type Received } from './message.ts'

type Greeting = (socket: Socket) => void

/** A script for some requests, or for connections. */
export interface Rule {
  readonly what: RegExp
  readonly script: Script
  readonly greet?: Greeting
  /** Bytes of the body after which the script doesn't wait for more. */
  readonly enough?: number
  /** Requests that it still takes. */
  left: number
  /** How often its fault was on the wire. */
  fired: number
}

/** A server on loopback that sends exactly the bytes that it is told to and keeps all that it receives. */
export interface WireHost {
  /** `127.0.0.2:PORT` */
  readonly authority: string
  readonly origin: string
  readonly content: Content
  readonly requests: readonly Received[]
  readonly rules: readonly Rule[]
  /** All that ever arrived, above TLS, a buffer a connection. */
  readonly connections: readonly Buffer[]
  /** Requests whose `METHOD target` matches are answered by `script`, `times` times; later rules come after earlier ones. */
  on(what: RegExp, script: Script, times?: number): void
  /** As `on`, when so many bytes of the request's body are there; more of it must not be sent. */
  onPart(what: RegExp, enough: number, script: Script, times?: number): void
  /** Takes over connections before anything is read, TLS included. */
  greet(greeting: Greeting, times?: number): void
  /** As `on`, after all those; no fault, but how this host is meant to be. */
  onRest(what: RegExp, script: Script): void
  /** Forgets all scripts: an honest registry from now on. */
  mend(): void
  close(): Promise<void>
}

export interface HostOptions {
  /** Default 127.0.0.1. */
  readonly address?: string
  readonly tls?: Certificate
}

export async function startHost({ address = '127.0.0.1', tls }: HostOptions = {}): Promise<WireHost> {
  const content = openContent()
  const rules: Rule[] = []
  const usual: Pick<Rule, 'what' | 'script'>[] = []
  const requests: Received[] = []
  const connections: Buffer[][] = []
  const sockets = new Set<Socket>()
  const secureContext = tls === undefined ? undefined : createSecureContext(tls)
  const honest: Script = exchange => exchange.answer(exchange.honest)

  const server = createServer({ noDelay: true }, socket => {
    sockets.add(socket)
    socket.on('error', () => {}) // a client may leave as it likes
    socket.on('close', () => sockets.delete(socket))
    const greeting = rules.find(({ greet, left }) => greet !== undefined && left > 0)
    if (greeting?.greet !== undefined) {
      greeting.left -= 1
      greeting.fired += 1
      return greeting.greet(socket)
    }
    const stream = secureContext === undefined ? socket : new TLSSocket(socket, { isServer: true, secureContext })
    serve(socket, stream)
  })
  server.listen(0, address)
  await once(server, 'listening')
  const authority = `${address}:${(server.address() as AddressInfo).port}`

  /** Reads requests off a connection and answers one after the other. */
  function serve(socket: Socket, stream: Socket): void {
    const came: Buffer[] = []
    const number = connections.push(came)
    let [pending, busy] = [Buffer.alloc(0), false]
    stream.on('error', () => {})
    stream.on('data', (bytes: Buffer) => {
      came.push(bytes)
      pending = Buffer.concat([pending, bytes])
      // As servers do when a client greets them in TLS.
      if (pending[0] === 0x16) stream.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n')
      else void next()
    })

    async function next(): Promise<void> {
      if (busy) return
      busy = true
      for (
        let request = parseRequest(pending, number, enoughFor);
        request !== undefined;
        request = parseRequest(pending, number, enoughFor)
      ) {
        pending = pending.subarray(request.raw.length)
        requests.push(request)
        await answer(request)
      }
      busy = false
    }

    function enoughFor(line: string, length: number): number {
      return Math.min(ruleFor(line)?.enough ?? length, length)
    }

    function ruleFor(line: string): Rule | undefined {
      return rules.find(({ what, left }) => left > 0 && what.test(line))
    }

    async function answer(request: Received): Promise<void> {
      const line = `${request.method} ${request.target}`
      const rule = ruleFor(line)
      if (rule !== undefined) rule.left -= 1
      const fire = () => {
        if (rule !== undefined) rule.fired += 1
      }
      const script = rule?.script ?? usual.find(({ what }) => what.test(line))?.script ?? honest
      await script(openExchange({ socket, stream }, request, { honestTo: content.answer, fire }))
    }
  }

  return {
    authority,
    origin: `${tls === undefined ? 'http' : 'https'}://${authority}`,
    content,
    requests,
    rules,
    get connections() {
      return connections.map(came => Buffer.concat(came))
    },
    on(what, script, times = Number.POSITIVE_INFINITY) {
      rules.push({ what, script, left: times, fired: 0 })
    },
    onPart(what, enough, script, times = Number.POSITIVE_INFINITY) {
      rules.push({ what, script, enough, left: times, fired: 0 })
    },
    onRest(what, script) {
      usual.push({ what, script })
    },
    greet(greet, times = Number.POSITIVE_INFINITY) {
      rules.push({ what: /^\b$/, greet, script: async () => {}, left: times, fired: 0 })
    },
    mend() {
      for (const rule of rules) rule.left = 0
    },
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
