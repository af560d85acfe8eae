import { hasCode } from '../../errors.ts'
import type { Collectable, Graph } from './graph.ts'
import type { Node } from './mark.ts'

/** Bytes on disk: of a tar with its index, of a snapshot by a walk, which takes long. What isn't there any more is left out. */
export async function measure(
  { indexSize = () => 0 }: Collectable,
  { blobs, snapshots }: Graph,
  nodes: Iterable<Node>,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<Node, number>> {
  const sizes = new Map<Node, number>()
  for (const node of nodes) {
    const [blob, snapshot] = [blobs.get(node), snapshots.get(node)]
    if (blob !== undefined) sizes.set(node, blob.size + indexSize(blob.digest))
    if (snapshot === undefined) continue
    signal?.throwIfAborted()
    try {
      sizes.set(node, (await snapshot.snapshotter.usage(snapshot.key)).size)
    } catch (error) {
      if (!hasCode(error, 'NOT_FOUND')) throw error
    }
  }
  return sizes
}

export function total(sizes: Iterable<number>): number {
  let sum = 0
  for (const size of sizes) sum += size
  return sum
}
