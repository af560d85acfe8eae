import { randomBytes } from 'node:crypto'
import { hasCode, ImageError } from '../errors.ts'
import type { ImageMeter } from '../layer/quota.ts'
import type { UnpackEvent } from '../progress/events.ts'
import type { ImageApplier } from '../rootfs/applier.ts'
import type { Snapshotter } from '../rootfs/snapshotter.ts'
import type { Digest } from '../spec/digest.ts'
import type { BlobMapping } from '../store/blob-mapping.ts'
import { isWrongContent } from '../store/content/damage.ts'
import type { ContentStore } from '../store/content/store.ts'
import type { Image, Layer } from './image.ts'
import type { Keep } from './keep.ts'
import { bytesOf } from './layer-bytes.ts'
import { leftOutOf, markLeftOut } from './left-out.ts'
import type { SharedApplier } from './shared-applier.ts'

/** Parts and settings of unpacking, the same for every layer of a pull. */
export interface Unpacking {
  readonly reference: string
  readonly contentStore: ContentStore
  readonly snapshotter: Snapshotter
  /** Of this image: started when there is something to unpack, if not before. */
  readonly applier: SharedApplier
  readonly blobMapping: BlobMapping
  readonly keep: Keep
  /** Resolves when the blob, or the tar in its place, is verified and in the store. */
  readonly ready: (blob: Digest) => Promise<void>
  /** Brings the bytes of a layer again if what is here proves to be damaged; answers whether it did. */
  readonly mend?: (layer: Layer) => Promise<boolean>
  readonly onWarning: (message: string) => void
  readonly meter: ImageMeter
  /** How long to wait for other processes. Default: for ever. */
  readonly lockTimeoutMs?: number
}

/**
 * Turns an image's layers into a chain of snapshots, base first, each as soon as its blob is there and its parent
 * stands; says how far each is in `states`, by the layer's place.
 *
 * Answers the top chain ID: undefined for an image without layers.
 *
 * Errors: the applier's and the snapshotter's; DIGEST_MISMATCH when a layer isn't what the config says. Snapshots that
 * were committed before stay; the active one goes.
 */
export async function unpackLayers(
  unpacking: Unpacking,
  { layers }: Image,
  { signal, states }: { readonly signal: AbortSignal; readonly states: Map<number, UnpackEvent> },
): Promise<Digest | undefined> {
  for (const [at, layer] of layers.entries()) states.set(at, waiting(unpacking.reference, layer))
  for (const [at, layer] of layers.entries()) {
    const say = (change: Partial<UnpackEvent>) => {
      states.set(at, { ...waiting(unpacking.reference, layer), ...states.get(at), ...change })
    }
    const parent = layers[at - 1]?.chainId
    await unpackLayer(unpacking, layer, { parent, say, signal })
    await unpacking.ready(layer.blob.digest)
    await unpacking.blobMapping.set(layer.chainId, { diffId: layer.diffId, blob: layer.blob.digest })
  }
  return layers.at(-1)?.chainId
}

interface LayerOptions {
  readonly parent: Digest | undefined
  readonly say: (change: Partial<UnpackEvent>) => void
  readonly signal: AbortSignal
}

async function unpackLayer(unpacking: Unpacking, layer: Layer, options: LayerOptions): Promise<void> {
  const { snapshotter, keep, ready } = unpacking
  const { say, signal } = options
  await keep.hold({ kind: 'snapshot', id: `${snapshotter.name}/${layer.chainId}` })
  const end = (state: 'exists' | 'done') => say({ state, offset: layer.blob.size, completedAt: new Date() })
  if (await isCommitted(unpacking, layer.chainId)) return end('exists')
  const applier = unpacking.applier.open()
  await ready(layer.blob.digest)
  const isMade = await makeInTurn(unpacking, layer.chainId, signal, async () => {
    say({ state: 'unpacking', startedAt: new Date() })
    try {
      await applyLayer(unpacking, layer, options, applier)
    } catch (error) {
      if (!isWrongContent(error) || !(await unpacking.mend?.(layer))) throw error
      await applyLayer(unpacking, layer, options, applier)
    }
  })
  end(isMade ? 'done' : 'exists')
}

/** Lets `make` commit a snapshot called `name`, unless whoever is at it already has done so then. Answers whether it did. */
export async function makeInTurn(
  { snapshotter, keep, lockTimeoutMs }: Pick<Unpacking, 'snapshotter' | 'keep' | 'lockTimeoutMs'>,
  name: string,
  signal: AbortSignal,
  make: () => Promise<void>,
): Promise<boolean> {
  const turn = await snapshotter.turn(name, {
    signal,
    ...(lockTimeoutMs === undefined ? {} : { timeoutMs: lockTimeoutMs }),
  })
  try {
    if (await isCommitted({ snapshotter, keep }, name)) return false
    await make()
    return true
  } finally {
    turn.release()
  }
}

async function applyLayer(
  unpacking: Unpacking,
  layer: Layer,
  { parent, say, signal }: LayerOptions,
  applier: ImageApplier,
): Promise<void> {
  const { snapshotter, keep } = unpacking
  // Random: what a run that was killed has left has another.
  const key = `extract-${randomBytes(8).toString('hex')} ${layer.chainId}`
  await keep.hold({ kind: 'snapshot', id: `${snapshotter.name}/${key}` })
  const mounts = await snapshotter.prepare(key, parent, { signal, labels: keep.labels })
  try {
    const bytes = await bytesOf(unpacking.contentStore, layer)
    const { diffId, size, entries, leftOut } = await applier.apply(unpacking.contentStore, bytes, mounts, {
      signal,
      leftOut: parent === undefined ? [] : leftOutOf(await snapshotter.stat(parent)),
      allowance: unpacking.meter.allowance(),
      onProgress: offset => say({ offset: Math.min(offset, layer.blob.size) }),
      onWarning: unpacking.onWarning,
    })
    if (diffId !== layer.diffId) throw wrongDiffId(layer, diffId)
    unpacking.meter.add({ bytes: size, entries })
    signal.throwIfAborted()
    await snapshotter.commit(layer.chainId, key, {
      labels: { ...keep.labels, ...markLeftOut(leftOut) },
      diffIds: [diffId],
    })
  } catch (error) {
    await giveUp(snapshotter, key, error)
  }
}

/**
 * Removes a snapshot that couldn't be committed. Fine when another process has made it meanwhile; else `error` is what
 * to say, whatever the removal, which collection makes up for, fails with.
 */
export async function giveUp(snapshotter: Snapshotter, key: string, error: unknown): Promise<void> {
  if (hasCode(error, 'ALREADY_EXISTS')) return snapshotter.remove(key)
  await snapshotter.remove(key).catch(() => {})
  throw error
}

/** True when the snapshot is there already; it is then kept as this pull keeps its own. */
export async function isCommitted(
  { snapshotter, keep }: Pick<Unpacking, 'snapshotter' | 'keep'>,
  name: string,
): Promise<boolean> {
  try {
    if (Object.keys(keep.labels).length > 0) await snapshotter.label(name, keep.labels)
    else await snapshotter.stat(name)
    return true
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return false
    throw error
  }
}

function wrongDiffId({ blob, diffId }: Layer, actual: Digest): ImageError {
  const message = `Cannot unpack layer ${blob.digest}: its content hashes to ${actual}, the config says ${diffId}`
  return new ImageError('DIGEST_MISMATCH', message, { expected: diffId, actual })
}

export function waiting(reference: string, { blob, chainId }: Layer): UnpackEvent {
  return { type: 'unpack', reference, digest: blob.digest, chainId, state: 'waiting', offset: 0, total: blob.size }
}
