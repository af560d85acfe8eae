import { closeSync, existsSync, openSync } from 'node:fs'
import { hasCode } from '../errors.ts'
import type { ImageMeter } from '../layer/quota.ts'
import type { Download } from '../registry/registry.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import type { Digest } from '../spec/digest.ts'
import { damaged, dropIfDamaged, isWrongContent, rehash } from '../store/content/damage.ts'
import { addSource } from '../store/content/sources.ts'
import { type ContentStore, type Ingest, isIngest, type Verdict, type Want } from '../store/content/store.ts'
import { judge } from '../store/content/verify.ts'
import type { Run, Workers } from '../system/workers.ts'
import { type Fetching, fetchBlob, ingestKey, ingestWhole, waitingFor } from './fetch.ts'
import type { Layer } from './image.ts'
import { indexTar, pathOf } from './index-tar.ts'
import type { Job } from './jobs.ts'
import { isInstead, standsFor } from './layer-bytes.ts'
import { type FromLayer, type LayerArgs, type LayerVerdicts, storeLayer } from './layer-task.ts'
import { proveTar, UNCOMPRESSED } from './prove-tar.ts'
import { Room } from './room.ts'

/** What storing layers takes beside the content store. */
export interface LayerPlace {
  readonly workers: Workers
  /** Path of the index of a layer. */
  readonly index: (diffId: Digest) => string
}

/** Parts and settings, the same for every layer of a pull. */
export interface LayerStoring extends Fetching, LayerPlace {
  /** Keep the uncompressed tar alone. */
  readonly discardCompressed?: boolean
  readonly meter: ImageMeter
}

/** How long a worker may take over the last chunks after a pull was broken off. */
const DRAIN_MS = 500

/**
 * Brings one layer into the content store as its compressed blob, its tar and the tar's index, in one pass: nothing is
 * visible before both digests hold.
 *
 * Errors: the fetcher's, the store's, the decompressor's; DIGEST_MISMATCH for either digest. After an error or an abort
 * the compressed bytes stay resumable, unless they proved wrong.
 */
export async function bringLayer(
  storing: LayerStoring,
  layer: Layer,
  job: Job,
  { signal, onUnpacked }: { readonly signal: AbortSignal; readonly onUnpacked: (bytes: number) => void },
): Promise<void> {
  const { contentStore, keep } = storing
  const { blob, diffId } = layer
  await keep.hold({ kind: 'content', id: diffId })
  const want = { digest: diffId }
  // An uncompressed layer is its own tar.
  const isPlain = diffId === blob.digest
  const tar = isPlain ? undefined : await contentStore.ingest(ingestKey(want), want, waitingFor(storing, job, signal))
  if (tar === undefined || !isIngest(tar)) {
    // That another image brought the tar proves nothing about this one's blob.
    const isEnough = tar !== undefined && isInstead(tar, blob)
    if (tar !== undefined) await contentStore.label(diffId, keep.labels)
    if (isEnough) {
      skip(job)
      await dropPartial(contentStore, blob)
    } else await fetchBlob(storing, job, signal)
    if (tar !== undefined && !isEnough) await orAgain(storing, job, signal, () => proveTar(storing, layer, signal))
    if (isPlain) await orAgain(storing, job, signal, () => indexPlain(storing, layer, job, signal))
    onUnpacked(blob.size)
    return
  }
  try {
    await unpackWhileFetching(storing, layer, job, { tar, signal, onUnpacked })
  } catch (error) {
    await tar.abort()
    throw error
  }
}

/** Runs `work` on a blob that may have been here before; if that proves to be damaged, once more on one just fetched. */
async function orAgain(storing: LayerStoring, job: Job, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  const { contentStore, workers } = storing
  try {
    await work()
  } catch (error) {
    if (!isWrongContent(error) || !(await dropIfDamaged(contentStore, workers, job.descriptor, { signal }))) throw error
    await fetchBlob(storing, job, signal)
    await work()
  }
}

/** Nothing else will read the whole of an uncompressed layer. */
async function indexPlain(storing: LayerStoring, layer: Layer, job: Job, signal: AbortSignal): Promise<void> {
  const { contentStore, workers } = storing
  const files = { tar: await pathOf(contentStore, layer), index: storing.index(layer.diffId) }
  if (job.state === 'exists' && !existsSync(files.index)) {
    const { digest } = await rehash(contentStore, workers, layer.diffId, { signal })
    if (digest !== layer.diffId) throw damaged(layer.diffId, digest)
  }
  await indexTar(storing, files, signal)
}

interface Unpacking {
  readonly tar: Ingest
  readonly signal: AbortSignal
  readonly onUnpacked: (bytes: number) => void
}

async function unpackWhileFetching(storing: LayerStoring, layer: Layer, job: Job, unpacking: Unpacking): Promise<void> {
  const { contentStore, keep, source, discardCompressed = false } = storing
  const { tar, signal } = unpacking
  const { blob, diffId } = layer
  job.startedAt = new Date()
  // Of a run that broke off: inflating can't be taken up in the middle.
  if (tar.offset > 0) await tar.reset()
  await keep.hold({ kind: 'content', id: blob.digest })
  const compressed = await ingestWhole(contentStore, blob, waitingFor(storing, job, signal))
  const labels = { ...keep.labels, [UNCOMPRESSED]: diffId, ...addSource({}, source) }
  if (isIngest(compressed)) {
    const verdicts = await receive(storing, layer, job, { ...unpacking, compressed })
    if (discardCompressed) {
      // The other way round, a crash in between would leave neither.
      await tar.commit({ ...keep.labels, ...standsFor(blob) }, verdicts.tar)
      await compressed.abort()
    } else {
      const commits = [compressed.commit(labels, verdicts.blob), tar.commit(keep.labels, verdicts.tar)]
      // Neither file is in use any more when a failure is dealt with.
      await Promise.allSettled(commits)
      await Promise.all(commits)
    }
    job.state = 'done'
  } else {
    const verdict = await inflateWhole(storing, layer, unpacking)
    if (verdict === undefined) return unpackWhileFetching(storing, layer, job, unpacking)
    await tar.commit(keep.labels, verdict)
    await contentStore.label(blob.digest, { ...labels, ...addSource(compressed.labels, source) })
    skip(job)
  }
  unpacking.onUnpacked(blob.size)
  job.completedAt = new Date()
}

/** From the committed blob; undefined when that proved to be damaged, and is gone. */
async function inflateWhole(storing: LayerStoring, layer: Layer, unpacking: Unpacking): Promise<Verdict | undefined> {
  const { contentStore, workers } = storing
  const { tar, signal } = unpacking
  try {
    return (await inflate(storing, layer, unpacking)).tar
  } catch (error) {
    if (!isWrongContent(error) || !(await dropIfDamaged(contentStore, workers, layer.blob, { signal }))) throw error
    await tar.reset()
    return undefined
  }
}

/** From the network, through the worker, to both files. */
async function receive(
  storing: LayerStoring,
  layer: Layer,
  job: Job,
  { compressed, ...unpacking }: Unpacking & { readonly compressed: Ingest },
): Promise<LayerVerdicts> {
  try {
    return await passThrough(storing, layer, job, { compressed, ...unpacking })
  } catch (error) {
    const isWrong = isWrongContent(error)
    if (isWrong && (job.resumed > 0 || storing.fetcher.distrust?.(layer.blob))) {
      // Wrong bytes of an earlier run, or of a host that another one can stand in for: one clean try.
      await compressed.reset()
      await unpacking.tar.reset()
      try {
        return await passThrough(storing, layer, job, { compressed, ...unpacking })
      } catch (again) {
        await compressed.abort()
        throw again
      }
    }
    await (isWrong ? compressed.abort() : compressed.close())
    throw error
  }
}

async function passThrough(
  { fetcher, workers, index, meter }: LayerStoring,
  { blob, diffId }: Layer,
  job: Job,
  { compressed, tar, signal, onUnpacked }: Unpacking & { readonly compressed: Ingest },
): Promise<LayerVerdicts> {
  job.resumed = compressed.offset
  job.offset = compressed.offset
  job.state = 'downloading'
  const failed = new AbortController()
  const args: LayerArgs = {
    blob: { ...handOver(compressed), want: wantOf(blob), whole: false },
    tar: { ...handOver(tar), want: { digest: diffId } },
    indexPath: index(diffId),
    allowance: meter.allowance(),
  }
  const room = new Room()
  let download: Download | undefined
  const onMessage = (message: FromLayer) => {
    if ('want' in message) room.add()
    else if ('consumed' in message) onUnpacked(message.consumed)
    else download?.reuse(message.spent)
  }
  const run = workers.run(storeLayer, args, { weight: blob.size, signal: failed.signal, onMessage })
  run.result.catch(error => room.fail(error))
  try {
    if (job.offset < blob.size) {
      download = await fetcher.fetch(blob, { offset: compressed.offset, signal })
      await send(run, room, job, download)
    }
    run.end()
    const verdicts = await run.result
    judge(wantOf(blob), verdicts.blob)
    judge({ digest: diffId }, verdicts.tar)
    meter.add({ bytes: verdicts.tar.size, entries: verdicts.entries })
    return verdicts
  } catch (error) {
    // What has come is written still, for the next run; then the worker must be off the files.
    run.end()
    const grace = setTimeout(() => failed.abort(error), DRAIN_MS)
    await run.result.catch(() => {})
    clearTimeout(grace)
    throw error
  }
}

async function send(run: Run<Uint8Array, LayerVerdicts>, room: Room, job: Job, download: Download): Promise<void> {
  for await (const chunk of download) {
    await room.take()
    const { byteLength } = chunk
    // The receiver of a download owns its chunks, each in a buffer of its own.
    run.send(chunk, [chunk.buffer as ArrayBuffer])
    job.fetched += byteLength
    job.offset += byteLength
  }
}

/** From the committed blob. */
export async function inflate(
  { contentStore, workers, index, meter }: Pick<LayerStoring, 'contentStore' | 'workers' | 'index' | 'meter'>,
  { blob, diffId }: Layer,
  { tar, signal, onUnpacked }: Unpacking,
): Promise<LayerVerdicts> {
  const reader = await contentStore.open(blob.digest)
  const path = reader.path ?? ''
  const fd = openSync(path, 'r')
  try {
    const args: LayerArgs = {
      blob: { fd, path, offset: reader.size, want: wantOf(blob), whole: true },
      tar: { ...handOver(tar), want: { digest: diffId } },
      indexPath: index(diffId),
      allowance: meter.allowance(),
    }
    const onMessage = (message: FromLayer) => {
      if ('consumed' in message) onUnpacked(message.consumed)
    }
    const verdicts = await workers.run(storeLayer, args, { weight: blob.size, signal, onMessage }).result
    judge(wantOf(blob), verdicts.blob)
    judge({ digest: diffId }, verdicts.tar)
    meter.add({ bytes: verdicts.tar.size, entries: verdicts.entries })
    return verdicts
  } finally {
    closeSync(fd)
    await reader.close()
  }
}

function handOver(ingest: Ingest) {
  const handed = ingest.handOver()
  if (handed === undefined) throw new TypeError('This snapshotter takes layers from a store of files alone')
  return handed
}

function wantOf({ digest, size }: Descriptor): Want {
  return { digest, size }
}

/** What is left of a blob whose tar was kept in its place, when the run that did so died then: nobody will resume it. */
async function dropPartial(store: ContentStore, blob: Descriptor): Promise<void> {
  try {
    await store.abort(ingestKey(blob))
  } catch (error) {
    if (!hasCode(error, 'NOT_FOUND') && !hasCode(error, 'LOCKED')) throw error
  }
}

/** Of a blob that needs no fetching. */
export function skip(job: Job): void {
  job.state = 'exists'
  job.offset = job.descriptor.size
  job.startedAt ??= new Date()
  job.completedAt = new Date()
}
