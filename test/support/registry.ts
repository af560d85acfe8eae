import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Descriptor } from '../../src/spec/descriptor.ts'
import { type Digest, digestOf } from '../../src/spec/digest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { type Guard, type GuardOptions, openGuard } from './registry-guard.ts'

/** What a client sent. */
export interface Received {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** Status of the answer; 0 when the connection was broken before one. */
  status: number
}

/** Answers one request in place of the registry; `serve` is what the registry would do. */
export type Action = (request: IncomingMessage, response: ServerResponse, serve: () => void) => void

export interface TestRegistry {
  /** `127.0.0.1:port`. */
  readonly host: string
  readonly origin: string
  /** Everything received, in order. */
  readonly received: Received[]
  /** Token and password checks, when there are any. */
  readonly guard: Guard | undefined
  /** Requests whose `METHOD /path` contains or matches `what` are answered by `action`: always, or as often as `times` says. */
  on(what: string | RegExp, action: Action, times?: number): void
  putBlob(bytes: Uint8Array | string, mediaType?: string): Descriptor
  /** Serves `document`, or these very bytes, under its digest, or the one that is given, and each of `tags`. */
  putManifest(
    document: object | Uint8Array,
    options?: { readonly mediaType?: string; readonly tags?: readonly string[]; readonly digest?: Digest },
  ): Descriptor
  /** An image of these layers; its config is put as it is given. */
  putImage(image: {
    readonly config: object
    readonly layers: readonly Descriptor[]
    readonly tags?: readonly string[]
  }): Descriptor
  close(): Promise<void>
}

/**
 * A registry on loopback, in this process, that can be told to misbehave. Every repository holds the same content.
 */
export async function startRegistry(options: { readonly auth?: GuardOptions } = {}): Promise<TestRegistry> {
  const blobs = new Map<string, { readonly bytes: Uint8Array; readonly mediaType: string }>()
  const manifests = new Map<
    string,
    { readonly bytes: Uint8Array; readonly mediaType: string; readonly digest: Digest }
  >()
  const actions: { readonly what: string | RegExp; readonly action: Action; times: number }[] = []
  const received: Received[] = []
  const sockets = new Set<Socket>()

  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { method = '', url = '', headers } = request
    const record: Received = { method, url, headers, body: Buffer.concat(chunks).toString(), status: 0 }
    received.push(record)
    response.on('close', () => {
      if (response.headersSent) record.status = response.statusCode
    })
    const line = `${method} ${url}`
    const scripted = actions.find(
      ({ what, times }) => times > 0 && (typeof what === 'string' ? line.includes(what) : what.test(line)),
    )
    const serve = () => serveContent(request, response, record)
    if (scripted !== undefined) scripted.times--
    if (scripted === undefined) serve()
    else scripted.action(request, response, serve)
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const origin = `http://${host}`
  const guard = options.auth === undefined ? undefined : openGuard(origin, options.auth)

  function serveContent(request: IncomingMessage, response: ServerResponse, { url, body }: Received): void {
    if (guard?.handles(request, response, body)) return
    if (url === '/v2/') {
      replyJson(response, 200, {})
      return
    }
    const [, kind, name = ''] = /^\/v2\/.+\/(manifests|blobs)\/([^/?]+)(?:\?.*)?$/.exec(url) ?? []
    const manifest = manifests.get(name)
    const found = kind === 'manifests' ? manifest : kind === 'blobs' ? blobs.get(name) : undefined
    if (found === undefined) {
      const code = kind === 'manifests' ? 'MANIFEST_UNKNOWN' : 'BLOB_UNKNOWN'
      replyJson(response, 404, { errors: [{ code, message: `${name} is not here` }] })
      return
    }
    response.setHeader('content-type', found.mediaType)
    if (kind === 'manifests' && manifest !== undefined) response.setHeader('docker-content-digest', manifest.digest)
    const { length } = found.bytes
    const [, from, to] = (kind === 'blobs' && /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')) || []
    const start = Number(from ?? 0)
    const end = Math.min(length, Number(to || length) + 1)
    if (from !== undefined) response.setHeader('content-range', `bytes ${start}-${end - 1}/${length}`)
    response.writeHead(from === undefined ? 200 : 206, { 'content-length': end - start })
    response.end(request.method === 'HEAD' ? undefined : found.bytes.subarray(start, end))
  }

  const registry: TestRegistry = {
    host,
    origin,
    received,
    guard,
    on(what, action, times = Number.POSITIVE_INFINITY) {
      actions.push({ what, action, times })
    },
    putBlob(content, mediaType = 'application/octet-stream') {
      const bytes = Buffer.from(content)
      const digest = digestOf(bytes)
      blobs.set(digest, { bytes, mediaType: 'application/octet-stream' })
      return { mediaType, digest, size: bytes.length }
    },
    putManifest(document, { mediaType = mediaTypes.ociManifest, tags = [], digest: named } = {}) {
      const bytes = document instanceof Uint8Array ? document : Buffer.from(JSON.stringify(document))
      const digest = named ?? digestOf(bytes)
      for (const name of [digest, ...tags]) manifests.set(name, { bytes, mediaType, digest })
      return { mediaType, digest, size: bytes.length }
    },
    putImage({ config, layers, tags = [] }) {
      const named = registry.putBlob(JSON.stringify(config), mediaTypes.ociConfig)
      const document = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: named, layers }
      return registry.putManifest(document, { tags })
    },
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
  return registry
}

/** Answers with `status` and the error body of the specification, or with these headers and this body. */
export function reply(status: number, headers: Readonly<Record<string, string | string[]>> = {}, body = ''): Action {
  return (_, response) => {
    response.writeHead(status, headers)
    response.end(body)
  }
}

/** Answers as usual with one thing changed: these headers set, or taken away where they are undefined. */
export function withHeaders(headers: Readonly<Record<string, string | undefined>>): Action {
  return (_, response, serve) => {
    const writeHead = response.writeHead.bind(response)
    response.writeHead = ((status: number, own: Record<string, string | number> = {}) => {
      for (const [name, value] of Object.entries(own)) response.setHeader(name, value)
      for (const [name, value] of Object.entries(headers)) {
        if (value === undefined) response.removeHeader(name)
        else response.setHeader(name, value)
      }
      return writeHead(status)
    }) as typeof response.writeHead
    serve()
  }
}

/** Serves the content from its beginning, whatever range was asked for. */
export const ignoreRange: Action = (request, _, serve) => {
  delete request.headers.range
  serve()
}

/** Answers as usual, and breaks the connection after `bytes` of the body. */
export function breakAfter(bytes: number): Action {
  return (_, response, serve) => {
    response.end = ((body?: Uint8Array) => {
      response.write((body ?? Buffer.alloc(0)).subarray(0, bytes), () => setTimeout(() => response.destroy(), 5))
      return response
    }) as typeof response.end
    serve()
  }
}

/** Sends `bytes` of the body and then nothing, with the connection open. */
export function stallAfter(bytes: number): Action {
  return (_, response, serve) => {
    const end = response.end.bind(response)
    response.end = ((body: Uint8Array = Buffer.alloc(0)) => {
      if (body.length <= bytes) return end(body)
      response.write(body.subarray(0, bytes))
      return response
    }) as typeof response.end
    serve()
  }
}

/** Sends the body in pieces of 64 KiB, one every `ms`. */
export function slowly(ms: number): Action {
  return (_, response, serve) => {
    const end = response.end.bind(response)
    response.end = ((body: Uint8Array = Buffer.alloc(0)) => {
      const send = (at: number): void => {
        if (response.destroyed) return
        if (at + 65_536 >= body.length) return void end(body.subarray(at))
        response.write(body.subarray(at, at + 65_536))
        setTimeout(send, ms, at + 65_536)
      }
      send(0)
      return response
    }) as typeof response.end
    serve()
  }
}

/** Breaks the connection without an answer. */
export const hangUp: Action = (_, response) => {
  response.destroy()
}

/** Never answers. */
export const ignore: Action = () => {}

export function replyJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...headers,
  })
  response.end(text)
}
