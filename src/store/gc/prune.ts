import type { ImageRecord, ImageStore, ImageUse } from '../images.ts'
import { type Collectable, type Graph, survey } from './graph.ts'
import { mark, type Node } from './mark.ts'
import { measure, total } from './sizes.ts'
import { type Collected, type CollectOptions, collect, isAbandoned } from './sweep.ts'

export interface PruneOptions extends CollectOptions {
  /** Only images that were last used before. */
  readonly usedBefore?: Date
  /** Bytes: no more images than must go for the store to take no more than that. */
  readonly keepBytes?: number
}

export interface Pruned extends Collected {
  /** The names that went, or would go; the least recently used first. */
  readonly images: readonly ImageRecord[]
  /** With `keepBytes`: bytes that the store takes afterwards; more than that when the rest is in use. */
  readonly kept?: number
}

/**
 * Removes images that nobody uses, the least recently used first, and then what nothing needs any more. In use is what a
 * lease, a rooted label or a mount holds; what is pulled or mounted meanwhile stays.
 *
 * Errors: as `collect`; what was not freed then goes next time, the names are gone.
 */
export async function prune(parts: Collectable, options: PruneOptions = {}): Promise<Pruned> {
  const { usedBefore, keepBytes, dryRun = false, signal } = options
  const graph = await survey(parts)
  const unused = (await unusedImages(parts.images, graph)).filter(
    ({ usedAt }) => usedBefore === undefined || usedAt < usedBefore,
  )
  const bytesWithout = keepBytes === undefined ? undefined : await measureWithout(parts, graph, signal)
  const count =
    keepBytes === undefined || bytesWithout === undefined
      ? unused.length
      : fewest(unused.length, first => bytesWithout(unused.slice(0, first)) <= keepBytes)
  const chosen = unused.slice(0, count)
  const images = dryRun ? chosen.map(({ image }) => image) : await parts.images.removeUnused(chosen)
  const collected = await collect(dryRun ? { ...parts, images: without(parts.images, chosen) } : parts, options)
  return { images, ...collected, ...(bytesWithout !== undefined && { kept: bytesWithout(chosen) }) }
}

/** The least recently used first. */
async function unusedImages(images: ImageStore, { byImage, held, edges }: Graph): Promise<readonly ImageUse[]> {
  const inUse = mark(held, node => edges.get(node) ?? [])
  const unused: ImageUse[] = []
  for (const image of byImage.keys()) {
    const { manifest, chainId, snapshotter } = image
    const own: readonly Node[] = [`content:${manifest.digest}`, `snapshot:${snapshotter}/${chainId}`]
    if (!own.some(node => inUse.has(node))) unused.push({ image, usedAt: await images.usedAt(image) })
  }
  return unused.toSorted((a, b) => a.usedAt.getTime() - b.usedAt.getTime())
}

/** Answers how many bytes the store takes after images have gone and a collection was made. */
async function measureWithout(
  parts: Collectable,
  graph: Graph,
  signal: AbortSignal | undefined,
): Promise<(gone: readonly ImageUse[]) => number> {
  const { blobs, snapshots, edges, held, byImage } = graph
  const sizes = await measure(parts, graph, [...blobs.keys(), ...snapshots.keys()], signal)
  let partials = 0
  for await (const ingest of parts.store.ingests()) if (!isAbandoned(ingest)) partials += ingest.offset
  return gone => {
    const goes = new Set(gone.map(({ image }) => image))
    const roots = [...byImage].flatMap(([image, nodes]) => (goes.has(image) ? [] : nodes))
    const live = mark([...held, ...roots], node => edges.get(node) ?? [])
    return partials + total([...live].map(node => sizes.get(node) ?? 0))
  }
}

/** The least number up to `most` that is enough; `most` when none is. What is enough stays so with more. */
function fewest(most: number, isEnough: (count: number) => boolean): number {
  let [low, high] = [0, most]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (isEnough(middle)) high = middle
    else low = middle + 1
  }
  return low
}

/** To look at only. */
function without(images: ImageStore, gone: readonly ImageUse[]): ImageStore {
  const key = ({ reference, platform }: ImageRecord) => JSON.stringify([reference, platform])
  const goes = new Set(gone.map(({ image }) => key(image)))
  return {
    ...images,
    async *walk() {
      for await (const image of images.walk()) if (!goes.has(key(image))) yield image
    },
  }
}
