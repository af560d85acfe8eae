import { gzipSync } from 'node:zlib'
import { type Digest, digestOf, hexOf } from '../../src/spec/digest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { add, type BuiltImage } from './image.ts'

/** One layer of an image of schema 1, as its builder saw it. */
export interface Step {
  /** Default: from the step's place. */
  readonly name?: string
  /** Default: the step before. */
  readonly parent?: string
  /** The blob as stored; the default is Docker's empty layer. */
  readonly blob?: Uint8Array
  /** What else the config of this layer says. */
  readonly config?: Readonly<Record<string, unknown>>
}

type Json = Record<string, unknown>

/** Docker's layer without files. */
export const emptyLayer: Uint8Array = gzipSync(Buffer.alloc(1024))

export function idOf(name: string): string {
  return hexOf(digestOf(name))
}

/** The document of an image with these steps, base first; `change` may spoil it. */
export function schema1Document(steps: readonly Step[], change: (document: Json) => Json = same => same): Json {
  const names = steps.map(({ name }, at) => name ?? `step ${at}`)
  const compatibilities = steps.map(({ parent, config }, place) => {
    const below = parent ?? names[place - 1]
    return JSON.stringify({
      id: idOf(names[place] ?? ''),
      ...(below === undefined ? {} : { parent: idOf(below) }),
      created: `2015-01-01T00:00:0${place % 10}Z`,
      container_config: { Cmd: ['/bin/sh', '-c', `step ${place}`] },
      architecture: 'amd64',
      os: 'linux',
      ...config,
    })
  })
  return change({
    schemaVersion: 1,
    name: 'team/old',
    tag: 'latest',
    architecture: 'amd64',
    fsLayers: steps.map(({ blob = emptyLayer }) => ({ blobSum: digestOf(blob) })).toReversed(),
    history: compatibilities.map(v1Compatibility => ({ v1Compatibility })).toReversed(),
  })
}

/** `payload`, a JSON object, as registries serve it: with what claims to be a signature of it inside. */
export function sign(payload: Uint8Array, change: (header: Json) => Json = same => same): Uint8Array {
  const text = Buffer.from(payload).toString()
  const tail = /\s*\}\s*$/.exec(text)?.[0] ?? ''
  const header = change({
    formatLength: Buffer.byteLength(text) - Buffer.byteLength(tail),
    formatTail: Buffer.from(tail).toString('base64url'),
    time: '2015-01-01T00:00:00Z',
  })
  const signature = { header: { alg: 'ES256' }, signature: 'AA', protected: encodeHeader(header) }
  return Buffer.from(
    `${text.slice(0, text.length - tail.length)},\n   "signatures": ${JSON.stringify([signature])}${tail}`,
  )
}

function encodeHeader(header: Json): string {
  return Buffer.from(JSON.stringify(header)).toString('base64url')
}

/** An image of schema 1, signed as most are, with its blobs. */
export function buildSchema1(
  steps: readonly Step[],
  { signed = true, change }: { readonly signed?: boolean; readonly change?: (document: Json) => Json } = {},
): BuiltImage {
  const blobs = new Map<Digest, Uint8Array>()
  for (const { blob = emptyLayer } of steps) add(blobs, mediaTypes.dockerLayerGzip, blob)
  const payload = Buffer.from(JSON.stringify(schema1Document(steps, change), null, 3))
  const digest = digestOf(payload)
  const bytes = signed ? sign(payload) : payload
  blobs.set(digest, bytes)
  const mediaType = signed ? mediaTypes.dockerSchema1Signed : mediaTypes.dockerSchema1
  return { target: { mediaType, digest, size: bytes.length }, blobs }
}
