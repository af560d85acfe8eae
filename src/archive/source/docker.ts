import * as v from 'valibot'
import { sniff } from '../../layer/compression/index.ts'
import { parseConfig } from '../../spec/config.ts'
import type { Descriptor } from '../../spec/descriptor.ts'
import { type Digest, digestFrom, digestOf, newHash } from '../../spec/digest.ts'
import { limited } from '../../spec/document.ts'
import { malformed, parseJson } from '../../spec/json.ts'
import { mediaTypes } from '../../spec/media-types.ts'
import { validate } from '../../spec/validate.ts'
import { MANIFEST, savedManifest } from '../docker-archive.ts'
import { fetchFrom, MadeDocuments } from './blobs.ts'
import { downloadRange, type FileRange, headOf } from './file-range.ts'
import { type Files, readDocument } from './files.ts'
import { wholeName } from './names.ts'
import type { Images, SourceImage } from './source.ts'

/** As many as an index may list. */
const maxImages = 1_000
/** Of all images together; the same as one pull may meet. */
const maxLayers = 10_000

const listSchema = v.array(
  v.object({
    Config: v.string(),
    RepoTags: v.nullish(v.array(v.string())),
    Layers: v.nullish(v.array(v.string())),
  }),
)

type Entry = v.InferOutput<typeof listSchema>[number]

/** One archive, being read. */
interface Reading {
  readonly files: Files
  readonly made: MadeDocuments
  /** Where each blob is, by the name of a member. */
  readonly places: Map<Digest, string>
  /** Layers that were looked at. */
  readonly layers: Map<string, Descriptor>
  readonly signal: AbortSignal
}

/**
 * The images of an archive as `docker save` wrote it before it wrote OCI layouts, and as podman, skopeo and crane write
 * it still. Layers are their tars, known by their diff IDs; compressed ones are hashed here. The
 * manifest is made, the same for the same archive, and the one that containerd makes of it.
 *
 * Errors: NOT_FOUND, MALFORMED, LIMIT_EXCEEDED for what is no such archive.
 * Source: Docker, "Image Specification v1.2", "Combined Image JSON + Filesystem Changeset Format".
 */
export async function readDockerArchive(files: Files, { signal }: { readonly signal: AbortSignal }): Promise<Images> {
  const list = validate(listSchema, parseJson(await readDocument(files, MANIFEST), MANIFEST), MANIFEST)
  const reading: Reading = { files, made: new MadeDocuments(), places: new Map(), layers: new Map(), signal }
  const images: SourceImage[] = []
  limited(
    list.flatMap(({ Layers }) => Layers ?? []),
    maxLayers,
    'layers',
  )
  for (const entry of limited(list, maxImages, 'images')) images.push(...(await imagesOf(reading, entry)))
  return {
    images,
    fetcher: fetchFrom(files.path, reading.made, async digest => {
      const place = reading.places.get(digest)
      return place === undefined ? undefined : files.open(place)
    }),
  }
}

/** One for each of its names. */
async function imagesOf(reading: Reading, { Config, RepoTags, Layers }: Entry): Promise<readonly SourceImage[]> {
  const bytes = await readDocument(reading.files, Config)
  const { diffIds } = parseConfig(bytes)
  const names = Layers ?? []
  if (names.length !== diffIds.length) {
    throw malformed(MANIFEST, `it has ${names.length} layers for ${Config}, which names ${diffIds.length}`)
  }
  const config = { digest: digestOf(bytes), size: bytes.length }
  reading.places.set(config.digest, Config)
  const layers: Descriptor[] = []
  for (const [at, diffId] of diffIds.entries()) layers.push(await layerOf(reading, names[at] ?? '', diffId))
  const descriptor = reading.made.add(mediaTypes.dockerManifest, savedManifest(config, layers))
  if (!RepoTags?.length) return [{ descriptor, reference: undefined, tag: undefined }]
  return RepoTags.map(name => ({ descriptor, reference: wholeName(name), tag: name }))
}

async function layerOf(reading: Reading, name: string, diffId: Digest): Promise<Descriptor> {
  const { files, places, layers } = reading
  const key = `${diffId} ${name}`
  const known = layers.get(key)
  if (known !== undefined) return known
  const range = await files.open(name)
  if (range === undefined) throw malformed(files.path, `it has no ${name}`)
  const { name: compression } = sniff(await headOf(range, 6))
  // What a plain one hashes to is judged when it is taken.
  const digest = compression === 'none' ? diffId : await hashOf(range, reading.signal)
  const layer = { mediaType: typeOf[compression], digest, size: range.size }
  range.close()
  places.set(digest, name)
  layers.set(key, layer)
  return layer
}

const typeOf = {
  none: mediaTypes.dockerLayer,
  gzip: mediaTypes.dockerLayerGzip,
  zstd: mediaTypes.dockerLayerZstd,
} as const

export async function hashOf(range: FileRange, signal: AbortSignal): Promise<Digest> {
  const hash = newHash()
  const download = downloadRange(range, { signal })
  for await (const piece of download) {
    hash.update(piece)
    download.reuse(piece.buffer as ArrayBuffer)
  }
  return digestFrom(hash)
}
