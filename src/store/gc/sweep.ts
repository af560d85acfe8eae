import { hasCode } from '../../errors.ts'
import type { BlobInfo, IngestStatus } from '../content/store.ts'
import { type Collectable, type Graph, type Snapshot, survey } from './graph.ts'
import { mark, type Node } from './mark.ts'

/** A partial download is kept this long after its last byte, for whoever tries again tomorrow. The only clock here. */
const PARTIAL_MAX_AGE_MS = 24 * 60 * 60 * 1000

/** Blobs that are deleted side by side: the database flushes once for them, not once each. */
const DELETED_TOGETHER = 128

export interface CollectOptions {
  /** Says what would go, and removes nothing. */
  readonly dryRun?: boolean
  readonly signal?: AbortSignal
  readonly lockTimeoutMs?: number
}

/** What went, or would go. */
export interface Collected {
  readonly blobs: readonly BlobInfo[]
  readonly snapshots: readonly { readonly snapshotter: string; readonly key: string }[]
  readonly ingests: readonly IngestStatus[]
  readonly bytes: number
}

/**
 * Removes what no image, lease or rooted label reaches. Pulls that run on lose nothing: what they need is leased, and
 * leasing waits meanwhile.
 *
 * Errors: LOCKED, when another collection is under way; the signal's reason. What was not removed then goes next time.
 */
export async function collect(
  parts: Collectable,
  { dryRun = false, signal, lockTimeoutMs }: CollectOptions = {},
): Promise<Collected> {
  const frozen = await parts.leases.freeze({
    ...(signal !== undefined && { signal }),
    ...(lockTimeoutMs !== undefined && { timeoutMs: lockTimeoutMs }),
  })
  try {
    const sweep: Sweep = { ...parts, dryRun, signal }
    const graph = await survey(parts)
    const snapshots = await sweepSnapshots(sweep, graph)
    const blobs = await sweepBlobs(sweep, graph, snapshots.inUse)
    const ingests = await sweepIngests(sweep)
    const bytes = snapshots.bytes + total(blobs.map(blob => blob.size)) + total(ingests.map(ingest => ingest.offset))
    return { blobs, snapshots: snapshots.gone, ingests, bytes }
  } finally {
    frozen.release()
  }
}

interface Sweep extends Collectable {
  readonly dryRun: boolean
  readonly signal: AbortSignal | undefined
}

async function sweepSnapshots({ snapshotters, dryRun, signal }: Sweep, { snapshots, edges, roots }: Graph) {
  const live = mark(roots, node => edges.get(node) ?? [])
  const gone: { snapshotter: string; key: string }[] = []
  const inUse: Node[] = []
  let bytes = 0
  for (const [node, { snapshotter, key }] of childrenFirst(snapshots, live)) {
    signal?.throwIfAborted()
    const { size } = await snapshotter.usage(key)
    if (!dryRun && !(await removed(snapshotter.remove(key), 'IN_USE'))) inUse.push(node)
    else {
      bytes += size
      gone.push({ snapshotter: snapshotter.name, key })
    }
  }
  if (!dryRun) for (const snapshotter of snapshotters) await snapshotter.cleanup()
  return { gone, inUse, bytes }
}

/** After the snapshots: what is mounted still needs its blobs, whoever has forgotten it. */
async function sweepBlobs({ store, dryRun, signal }: Sweep, { blobs, edges, roots }: Graph, inUse: readonly Node[]) {
  const live = mark([...roots, ...inUse], node => edges.get(node) ?? [])
  const gone = [...blobs].filter(([node]) => !live.has(node)).map(([, blob]) => blob)
  if (dryRun) return gone
  for (let at = 0; at < gone.length; at += DELETED_TOGETHER) {
    signal?.throwIfAborted()
    await Promise.all(gone.slice(at, at + DELETED_TOGETHER).map(({ digest }) => removed(store.delete(digest))))
  }
  await store.cleanup()
  return gone
}

async function sweepIngests({ store, dryRun, signal }: Sweep): Promise<readonly IngestStatus[]> {
  const gone: IngestStatus[] = []
  for await (const ingest of store.ingests()) {
    signal?.throwIfAborted()
    if (Date.now() - ingest.updatedAt.getTime() < PARTIAL_MAX_AGE_MS) continue
    if (dryRun || (await removed(store.abort(ingest.key), 'LOCKED'))) gone.push(ingest)
  }
  return gone
}

/** The snapshots that aren't live, each before its parent. */
function* childrenFirst(snapshots: Graph['snapshots'], live: ReadonlySet<Node>): Iterable<[Node, Snapshot]> {
  const doomed = [...snapshots].filter(([node]) => !live.has(node))
  const children = new Map<Node, number>()
  for (const [, { parent }] of doomed) if (parent !== undefined) children.set(parent, (children.get(parent) ?? 0) + 1)
  const ready = doomed.filter(([node]) => !children.has(node))
  for (const [node, snapshot] of ready) {
    yield [node, snapshot]
    const { parent } = snapshot
    if (parent === undefined) continue
    const left = (children.get(parent) ?? 0) - 1
    children.set(parent, left)
    const found = snapshots.get(parent)
    if (left === 0 && found !== undefined) ready.push([parent, found])
  }
}

/** False when it has to stay, for the reason that `unless` names; true also when somebody else removed it. */
async function removed(removal: Promise<void>, unless?: 'IN_USE' | 'LOCKED'): Promise<boolean> {
  try {
    await removal
    return true
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return true
    if (unless !== undefined && hasCode(error, unless)) return false
    throw error
  }
}

function total(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, 0)
}
