import { ImageMeter, type Quotas } from '../layer/quota.ts'
import type { UnpackEvent } from '../progress/events.ts'
import type { Snapshotter } from '../rootfs/snapshotter.ts'
import type { Digest } from '../spec/digest.ts'
import type { BlobMapping } from '../store/blob-mapping.ts'
import { dropIfDamaged } from '../store/content/damage.ts'
import type { Group } from '../system/group.ts'
import { inlineWorkers } from '../system/inline.ts'
import { type Fetching, fetchBlob } from './fetch.ts'
import type { Image, Layer } from './image.ts'
import type { Job, Jobs } from './jobs.ts'
import { findTarInstead } from './layer-bytes.ts'
import { MAX_LAYERS_IN_FLIGHT, Turns } from './schedule.ts'
import type { SharedApplier } from './shared-applier.ts'
import { stackLayers } from './stack.ts'
import { bringLayer, type LayerPlace, skip } from './store-layer.ts'
import { unpackLayers } from './unpack.ts'

/** Parts and settings of bringing an image's layers and making snapshots of them. */
export interface Bringing extends Fetching {
  readonly reference: string
  readonly snapshotter?: Snapshotter
  readonly applier: SharedApplier
  readonly blobMapping: BlobMapping
  readonly layers?: LayerPlace
  readonly discardCompressed?: boolean
  readonly keepTars?: boolean
  readonly quotas?: Partial<Quotas>
  readonly jobs: Jobs
  readonly states: Map<number, UnpackEvent>
  readonly onWarning: (message: string) => void
}

/**
 * Fetches the layers of `image`, a few at a time and the base first, and makes what the snapshotter takes of them:
 * tars, or directories, each applied as soon as it is there and its parent stands.
 *
 * Answers the top chain ID; undefined without layers or without a snapshotter.
 */
export async function bringLayers(bringing: Bringing, image: Image, group: Group): Promise<Digest | undefined> {
  const { snapshotter, jobs, states, layers: place } = bringing
  const { signal } = group
  const meter = new ImageMeter(bringing.quotas)
  const turns = new Turns(MAX_LAYERS_IN_FLIGHT, signal)
  const start = (job: Job, bring: () => Promise<void>): Promise<void> => {
    job.ready ??= group.run(() => turns.take(bring))
    return job.ready
  }

  const store = (layer: Layer, onUnpacked: (bytes: number) => void) => {
    if (place === undefined) throw new TypeError('Layers are to be stored uncompressed: say where their indexes belong')
    const job = jobs.add(layer.blob)
    return start(job, () => bringLayer({ ...bringing, ...place, meter }, layer, job, { signal, onUnpacked }))
  }
  if (snapshotter?.takes === 'layers')
    return stackLayers({ ...bringing, snapshotter, store }, image, { signal, states })
  if (snapshotter === undefined && bringing.keepTars === true) {
    for (const layer of image.layers) store(layer, () => {})
    return undefined
  }

  if (bringing.discardCompressed === true) bringing.onWarning(keptAnyway(snapshotter))
  const fetching = { ...bringing, isCold: snapshotter === undefined }
  for (const layer of image.layers) {
    const job = jobs.add(layer.blob)
    start(job, () => fetchLayer(fetching, layer, job, signal))
  }
  if (snapshotter === undefined) return undefined
  const ready = async (digest: Digest) => jobs.get(digest)?.ready
  const mend = (layer: Layer) => mendLayer(bringing, layer, signal)
  return unpackLayers({ ...bringing, snapshotter, ready, mend, meter }, image, { signal, states })
}

/** The compressed blob, unless a tar was kept in its place. */
async function fetchLayer(bringing: Bringing, layer: Layer, job: Job, signal: AbortSignal): Promise<void> {
  const { contentStore, keep } = bringing
  await keep.hold({ kind: 'content', id: layer.diffId })
  const tar = await findTarInstead(contentStore, layer)
  if (tar === undefined) return fetchBlob(bringing, job, signal)
  await contentStore.label(tar.digest, keep.labels)
  skip(job)
}

/** Of a blob, or a tar in its place, that was here before: what came just now has been checked. */
async function mendLayer(bringing: Bringing, { blob, diffId }: Layer, signal: AbortSignal): Promise<boolean> {
  const { contentStore, jobs, layers } = bringing
  const workers = layers?.workers ?? inlineWorkers()
  const dropped = [
    await dropIfDamaged(contentStore, workers, blob, { signal }),
    await dropIfDamaged(contentStore, workers, { digest: diffId }, { signal }),
  ]
  if (!dropped.includes(true)) return false
  await fetchBlob(bringing, jobs.add(blob), signal)
  return true
}

function keptAnyway(snapshotter: Snapshotter | undefined): string {
  const why = snapshotter === undefined ? 'nothing is unpacked' : `${snapshotter.name} keeps no tars`
  return `compressed layers are kept, for ${why} that could stand for them`
}
