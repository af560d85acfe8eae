import { randomBytes } from 'node:crypto'
import type { UnpackEvent } from '../progress/events.ts'
import type { Snapshotter } from '../rootfs/snapshotter.ts'
import type { Digest } from '../spec/digest.ts'
import type { BlobMapping } from '../store/blob-mapping.ts'
import type { Image, Layer } from './image.ts'
import type { Keep } from './keep.ts'
import { giveUp, isCommitted, makeInTurn, waiting } from './unpack.ts'

/** Parts and settings of stacking, the same for every layer of a pull. */
export interface Stacking {
  readonly reference: string
  readonly snapshotter: Snapshotter
  readonly blobMapping: BlobMapping
  readonly keep: Keep
  /** How long to wait for other processes. Default: for ever. */
  readonly lockTimeoutMs?: number
  /** Stores one layer as a tar, and tells how many of its compressed bytes are unpacked. */
  readonly store: (layer: Layer, onUnpacked: (bytes: number) => void) => Promise<void>
}

/**
 * Makes one snapshot of all of an image's layers, which are stored side by side, in any order. The chain IDs below the
 * top one get no snapshot: whoever asks for one makes it of the same tars.
 *
 * Answers the top chain ID: undefined for an image without layers.
 *
 * Errors: those of `store` and the snapshotter. Layers that were stored before stay.
 */
export async function stackLayers(
  stacking: Stacking,
  { layers }: Image,
  { signal, states }: { readonly signal: AbortSignal; readonly states: Map<number, UnpackEvent> },
): Promise<Digest | undefined> {
  const { reference, snapshotter, blobMapping, keep, store } = stacking
  const top = layers.at(-1)?.chainId
  if (top === undefined) return undefined
  await keep.hold({ kind: 'snapshot', id: `${snapshotter.name}/${top}` })
  const known = await isCommitted({ snapshotter, keep }, top)
  for (const [at, layer] of layers.entries()) states.set(at, waiting(reference, layer))
  const say = (at: number, layer: Layer, change: Partial<UnpackEvent>) => {
    states.set(at, { ...waiting(reference, layer), ...states.get(at), ...change })
  }
  await Promise.all(
    layers.map(async (layer, at) => {
      await store(layer, offset => say(at, layer, { state: 'unpacking', offset, ...startOf(states.get(at)) }))
      say(at, layer, { state: known ? 'exists' : 'done', offset: layer.blob.size, completedAt: new Date() })
      await blobMapping.set(layer.chainId, { diffId: layer.diffId, blob: layer.blob.digest })
    }),
  )
  signal.throwIfAborted()
  if (!known) await makeInTurn(stacking, top, signal, () => commitStack({ snapshotter, keep }, layers, top))
  return top
}

function startOf(state: UnpackEvent | undefined): Pick<UnpackEvent, 'startedAt'> {
  return { startedAt: state?.startedAt ?? new Date() }
}

async function commitStack(
  { snapshotter, keep }: Pick<Stacking, 'snapshotter' | 'keep'>,
  layers: readonly Layer[],
  top: Digest,
): Promise<void> {
  // Random: what a run that was killed has left has another.
  const key = `stack-${randomBytes(8).toString('hex')} ${top}`
  await keep.hold({ kind: 'snapshot', id: `${snapshotter.name}/${key}` })
  await snapshotter.prepare(key, undefined, { labels: keep.labels })
  try {
    await snapshotter.commit(top, key, { labels: keep.labels, diffIds: layers.map(layer => layer.diffId) })
  } catch (error) {
    await giveUp(snapshotter, key, error)
  }
}
