import type { Digest } from '../../spec/digest.ts'
import type { BlobInfo } from '../content/store.ts'
import type { Graph, Snapshot } from './graph.ts'
import { mark, type Node } from './mark.ts'

/** What nothing needed when somebody looked. */
export interface Doomed {
  /** Each before its parent. */
  readonly snapshots: ReadonlyMap<Node, Snapshot>
  readonly blobs: ReadonlyMap<Node, BlobInfo>
  /** Labels whose blobs aren't here. */
  readonly orphans: ReadonlyMap<Node, Digest>
  /** What was needed. */
  readonly live: ReadonlySet<Node>
}

export function findDoomed({ snapshots, blobs, orphans, edges, roots }: Graph): Doomed {
  const live = mark(roots, node => edges.get(node) ?? [])
  const without = <T>(all: ReadonlyMap<Node, T>) => new Map([...all].filter(([node]) => !live.has(node)))
  return { snapshots: childrenFirst(without(snapshots)), blobs: without(blobs), orphans: without(orphans), live }
}

function childrenFirst(snapshots: ReadonlyMap<Node, Snapshot>): ReadonlyMap<Node, Snapshot> {
  const children = new Map<Node, number>()
  for (const { parent } of snapshots.values())
    if (parent !== undefined) children.set(parent, (children.get(parent) ?? 0) + 1)
  const ordered = new Map([...snapshots].filter(([node]) => !children.has(node)))
  // A map's iterator meets what is added on the way.
  for (const { parent } of ordered.values()) {
    if (parent === undefined) continue
    const left = (children.get(parent) ?? 0) - 1
    children.set(parent, left)
    const found = snapshots.get(parent)
    if (left === 0 && found !== undefined) ordered.set(parent, found)
  }
  return ordered
}
