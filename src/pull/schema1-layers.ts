import { ImageError } from '../errors.ts'
import { sniff } from '../layer/compression/index.ts'
import { ImageMeter, type Quotas } from '../layer/quota.ts'
import { type Digest, isDigest } from '../spec/digest.ts'
import { mediaTypes } from '../spec/media-types.ts'
import type { LayerFacts } from '../spec/schema1-image.ts'
import { dropIfDamaged } from '../store/content/damage.ts'
import type { BlobReader } from '../store/content/store.ts'
import { Group } from '../system/group.ts'
import { inlineWorkers } from '../system/inline.ts'
import type { Workers } from '../system/workers.ts'
import { type Fetching, fetchBlob } from './fetch.ts'
import type { Jobs } from './jobs.ts'
import { ifHere } from './layer-bytes.ts'
import { type MeasuredTar, measureFile, measureTar } from './measure-tar.ts'
import { UNCOMPRESSED } from './prove-tar.ts'
import { MAX_LAYERS_IN_FLIGHT, Turns } from './schedule.ts'

export interface LearningLayers extends Fetching {
  readonly jobs: Jobs
  readonly quotas?: Partial<Quotas>
  /** Without it the blobs are read in this thread. */
  readonly layers?: { readonly workers: Workers }
}

/** On a blob: whether it holds nothing but the end of an archive. Whoever knows only its diff ID hasn't looked. */
const EMPTY = 'davit.layer/empty'

const READ_BYTES = 1 << 20

const typeOf = { gzip: mediaTypes.ociLayerGzip, zstd: mediaTypes.ociLayerZstd, none: mediaTypes.ociLayer } as const

/**
 * Fetches layers that are known by digest alone, a few at a time, and says what they are. What was learnt stays with
 * each blob, as labels.
 *
 * Errors: the fetcher's, the store's, the decompressor's; LIMIT_EXCEEDED over a quota.
 */
export async function learnLayers(
  learning: LearningLayers,
  blobs: ReadonlySet<Digest>,
  signal: AbortSignal,
): Promise<ReadonlyMap<Digest, LayerFacts>> {
  const group = new Group(signal)
  const turns = new Turns(MAX_LAYERS_IN_FLIGHT, group.signal)
  const meter = new ImageMeter(learning.quotas)
  const learnt = [...blobs].map(digest =>
    group.run(() => turns.take(() => learnLayer(learning, digest, meter, group.signal))),
  )
  await group.wait()
  return new Map((await Promise.all(learnt)).map(facts => [facts.blob.digest, facts]))
}

async function learnLayer(
  learning: LearningLayers,
  digest: Digest,
  meter: ImageMeter,
  signal: AbortSignal,
): Promise<LayerFacts> {
  const { contentStore, keep, jobs } = learning
  await keep.hold({ kind: 'content', id: digest })
  const size = (await ifHere(contentStore, digest))?.size ?? (await sizeOf(learning, digest, signal))
  // Schema 1 doesn't say how a layer is packed: gzip, unless its bytes differ.
  const job = jobs.add({ mediaType: mediaTypes.ociLayerGzip, digest, size })
  await fetchBlob(learning, job, signal)
  // What it unpacks to is believed from here on.
  const workers = learning.layers?.workers ?? inlineWorkers()
  if (job.state === 'exists' && (await dropIfDamaged(contentStore, workers, { digest }, { signal })))
    await fetchBlob(learning, job, signal)

  const { labels } = await contentStore.info(digest)
  const reader = await contentStore.open(digest)
  try {
    const mediaType = typeOf[sniff(await reader.read(0, 6)).name]
    const blob = { mediaType, digest, size: reader.size }
    const known = labels[UNCOMPRESSED]
    if (isDigest(known) && EMPTY in labels) return { blob, diffId: known, isEmpty: labels[EMPTY] === 'true' }
    const tar = await measure(learning, reader, meter, signal)
    await contentStore.label(digest, { [UNCOMPRESSED]: tar.digest, [EMPTY]: String(tar.isEmpty) })
    return { blob, diffId: tar.digest, isEmpty: tar.isEmpty }
  } finally {
    await reader.close()
  }
}

async function measure(
  { layers }: LearningLayers,
  reader: BlobReader,
  meter: ImageMeter,
  signal: AbortSignal,
): Promise<MeasuredTar> {
  const options = { algorithm: 'sha256', allowance: meter.allowance() } as const
  const { path, size } = reader
  const tar =
    path === undefined || layers === undefined
      ? await measureTar(bytesOf(reader), options, { signal })
      : await layers.workers.run(measureFile, { path, ...options }, { weight: size, signal }).result
  meter.add({ bytes: tar.size, entries: 0 })
  return tar
}

async function* bytesOf(reader: BlobReader): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < reader.size; at += READ_BYTES) yield await reader.read(at, READ_BYTES)
}

async function sizeOf({ fetcher, source }: Fetching, digest: Digest, signal: AbortSignal): Promise<number> {
  if (fetcher.sizeOf !== undefined) return fetcher.sizeOf(digest, { signal })
  const message = `Cannot fetch layer ${digest} of ${source?.repository ?? 'a file'}: its source doesn't say how large it is`
  throw new ImageError('UNSUPPORTED', message, { what: 'layer of unknown size' })
}
