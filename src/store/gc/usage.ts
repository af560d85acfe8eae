import { type Collectable, survey } from './graph.ts'
import { mark, type Node } from './mark.ts'

/** How much there is of a kind. */
export interface Share {
  readonly count: number
  /** Bytes on disk. */
  readonly bytes: number
  /** Of `bytes`: needed by several images. */
  readonly sharedBytes: number
  /** Of `bytes`: what a collection would free now. */
  readonly reclaimableBytes: number
}

export interface Usage {
  /** As they came: documents and compressed layers. */
  readonly blobs: Share
  /** Uncompressed layers. */
  readonly tars: Share
  readonly indexes: Share
  readonly snapshots: Share
  /** Downloads that broke off, or run. */
  readonly partials: Share
}

/** Says what lies in a store, and what of it would go. Looks only; what others do meanwhile may be counted or not. */
export async function measureUsage(
  parts: Collectable,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<Usage> {
  const { indexSize = () => 0 } = parts
  const { blobs, snapshots, edges, roots, byImage } = await survey(parts)
  const follow = (node: Node) => edges.get(node) ?? []
  const live = mark(roots, follow)
  const owners = new Map<Node, number>()
  for (const nodes of byImage.values())
    for (const node of mark(nodes, follow)) owners.set(node, (owners.get(node) ?? 0) + 1)

  const tally = { blobs: new Tally(), tars: new Tally(), indexes: new Tally(), snapshots: new Tally() }
  const about = (node: Node) => ({ isShared: (owners.get(node) ?? 0) > 1, isLive: live.has(node) })
  const held = new Set([...snapshots.keys()].flatMap(follow))
  for (const [node, blob] of blobs) {
    const index = indexSize(blob.digest)
    const isTar = index > 0 || held.has(node)
    tally[isTar ? 'tars' : 'blobs'].add(blob.size, about(node))
    if (index > 0) tally.indexes.add(index, about(node))
  }
  for (const [node, { snapshotter, key }] of snapshots) {
    signal?.throwIfAborted()
    tally.snapshots.add((await snapshotter.usage(key)).size, about(node))
  }
  const partials = new Tally()
  for await (const { offset } of parts.store.ingests()) partials.add(offset, { isShared: false, isLive: true })
  return { ...tally, partials }
}

class Tally implements Share {
  count = 0
  bytes = 0
  sharedBytes = 0
  reclaimableBytes = 0

  add(bytes: number, { isShared, isLive }: { readonly isShared: boolean; readonly isLive: boolean }): void {
    this.count += 1
    this.bytes += bytes
    if (isShared) this.sharedBytes += bytes
    if (!isLive) this.reclaimableBytes += bytes
  }
}
