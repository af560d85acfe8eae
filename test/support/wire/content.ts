import { type Digest, digestOf, isDigest } from '../../../src/spec/digest.ts'
import { documentDigest } from '../../../src/spec/schema1-payload.ts'
import type { BuiltImage } from '../image.ts'
import { headerOf, json, type Received, type Response } from './message.ts'
import { created, openUploads } from './uploads.ts'

/** What an honest registry holds and answers; every repository has all of it. */
export interface Content {
  /** Puts an image, or an index with all its images; `tag` names its top document. */
  putImage(image: BuiltImage, tag: string): void
  /** Serves `bytes` under `name`, whatever they hash to. */
  put(kind: 'manifests' | 'blobs', name: string, bytes: Uint8Array, mediaType?: string): void
  /** Lets a blob be mounted that isn't there yet. */
  offer(bytes: Uint8Array): void
  /** The bytes under that name; undefined for none. */
  get(kind: 'manifests' | 'blobs', name: string): Uint8Array | undefined
  /** Has nothing any more. */
  forget(): void
  answer(request: Received): Response
}

interface Item {
  readonly bytes: Uint8Array
  readonly mediaType: string
  readonly digest: Digest
}

export function openContent(): Content {
  const items = new Map<string, Item>()
  const offered = new Map<string, Uint8Array>()
  const uploads = openUploads({
    mount(digest) {
      const bytes = offered.get(digest)
      if (bytes !== undefined) content.put('blobs', digest, bytes)
      return bytes !== undefined
    },
    keep: (digest, bytes) => content.put('blobs', digest, bytes),
  })
  const content: Content = {
    putImage({ target, blobs }, tag) {
      for (const [digest, bytes] of blobs) {
        const mediaType = digest === target.digest ? target.mediaType : documentType(bytes)
        content.put(mediaType === undefined ? 'blobs' : 'manifests', digest, bytes, mediaType)
        if (digest === target.digest) content.put('manifests', tag, bytes, mediaType)
      }
    },
    put(kind, name, bytes, mediaType = 'application/octet-stream') {
      items.set(`${kind}/${name}`, {
        bytes,
        mediaType,
        digest: isDigest(name) ? name : documentDigest(bytes, mediaType),
      })
    },
    offer(bytes) {
      offered.set(digestOf(bytes), bytes)
    },
    forget: () => items.clear(),
    get: (kind, name) => items.get(`${kind}/${name}`)?.bytes,
    answer(request) {
      const [, kind = '', name = ''] = /^\/v2\/.+\/(manifests|blobs)\/([^/?]+)/.exec(request.target) ?? []
      if (request.target === '/v2/') return json(200, {}) // what some clients ask first
      if (request.target.includes('/blobs/uploads/')) return uploads.answer(request)
      if (request.method === 'PUT' && kind === 'manifests') {
        const digest = documentDigest(request.body, headerOf(request, 'content-type') ?? '')
        for (const each of [name, digest]) content.put(kind, each, request.body, headerOf(request, 'content-type'))
        return created(`/v2/x/manifests/${digest}`, digest)
      }
      const item = items.get(`${kind}/${name}`)
      return item === undefined ? unknown(kind) : found(item, kind, request)
    },
  }
  return content
}

function unknown(kind: string): Response {
  return json(404, { errors: [{ code: kind === 'manifests' ? 'MANIFEST_UNKNOWN' : 'BLOB_UNKNOWN' }] })
}

function found({ bytes, mediaType, digest }: Item, kind: string, request: Received): Response {
  const etag = `"${digest}"`
  const headers: [string, string][] = [
    ['content-type', mediaType],
    ['etag', etag],
    ...(kind === 'manifests'
      ? [['docker-content-digest', digest] as [string, string]]
      : [['accept-ranges', 'bytes'] as [string, string]]),
  ]
  const range = kind === 'blobs' ? rangeOf(request, etag) : undefined
  if (range === undefined)
    return { status: 200, headers: [...headers, ['content-length', `${bytes.length}`]], body: bytes }
  const { start, end = bytes.length - 1 } = range
  if (start >= bytes.length)
    return {
      status: 416,
      headers: [
        ['content-range', `bytes */${bytes.length}`],
        ['content-length', '0'],
      ],
      body: Buffer.alloc(0),
    }
  const body = bytes.subarray(start, end + 1)
  const place = `bytes ${start}-${start + body.length - 1}/${bytes.length}`
  return { status: 206, headers: [...headers, ['content-range', place], ['content-length', `${body.length}`]], body }
}

function rangeOf(request: Received, etag: string): { readonly start: number; readonly end?: number } | undefined {
  const condition = headerOf(request, 'if-range')
  if (condition !== undefined && condition !== etag) return undefined
  const [, start, end] = /^bytes=(\d+)-(\d*)$/.exec(headerOf(request, 'range') ?? '') ?? []
  if (start === undefined) return undefined
  return { start: Number(start), ...(end ? { end: Number(end) } : {}) }
}

/** Of a document that names its own; layers and configs don't. */
function documentType(bytes: Uint8Array): string | undefined {
  if (bytes[0] !== 0x7b) return undefined
  const { mediaType } = JSON.parse(Buffer.from(bytes).toString()) as { mediaType?: string }
  return mediaType
}
