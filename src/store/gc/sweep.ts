import { hasCode } from '../../errors.ts'
import type { BlobInfo, ContentStore, IngestStatus } from '../content/store.ts'
import { type Collectable, type Documents, type Graph, type Snapshot, survey } from './graph.ts'
import { mark, type Node } from './mark.ts'
import { measure, total } from './sizes.ts'

/** A partial download is kept this long after its last byte, for whoever tries again tomorrow. The only clock here. */
const PARTIAL_MAX_AGE_MS = 24 * 60 * 60 * 1000

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
 * leasing waits while it is decided what goes, and that is taken out of sight. What takes longer comes before, looking
 * at everything once without stopping anybody, or afterwards, freeing the space.
 *
 * Errors: LOCKED, when another collection is deciding; the signal's reason. What was not freed then goes next time.
 */
export async function collect(parts: Collectable, options: CollectOptions = {}): Promise<Collected> {
  const { dryRun = false, signal } = options
  const documents: Documents = new Map()
  const graph = await survey(parts, documents)
  const going = [...doomedSnapshots(graph).map(([node]) => node), ...doomedBlobs(graph, []).map(nodeOf)]
  const sizes = await measure(parts, graph, going, signal)
  const doomed = dryRun ? wouldGo(graph) : await takeAway(parts, documents, options)
  for (const free of doomed.frees) {
    signal?.throwIfAborted()
    await free()
  }
  if (!dryRun) {
    for (const snapshotter of parts.snapshotters) await snapshotter.cleanup()
    await parts.store.cleanup()
    // Also what a pull that was killed after its record had no time to write for other tools.
    await parts.images.refresh()
  }
  const { blobs } = doomed
  const ingests = await sweepIngests(parts.store, { dryRun, signal })
  const snapshots = doomed.snapshots.map(([, { snapshotter, key }]) => ({ snapshotter: snapshotter.name, key }))
  const bytes =
    total(doomed.snapshots.map(([node]) => sizes.get(node) ?? 0)) +
    total(blobs.map(blob => sizes.get(nodeOf(blob)) ?? blob.size)) +
    total(ingests.map(ingest => ingest.offset))
  return { blobs, snapshots, ingests, bytes }
}

/** A partial download that a collection takes, unless somebody holds it. */
export function isAbandoned({ updatedAt }: IngestStatus): boolean {
  return Date.now() - updatedAt.getTime() >= PARTIAL_MAX_AGE_MS
}

function nodeOf({ digest }: BlobInfo): Node {
  return `content:${digest}`
}

interface Doomed {
  readonly blobs: readonly BlobInfo[]
  readonly snapshots: readonly [Node, Snapshot][]
  /** What frees the space of those that are out of sight, snapshots first. */
  readonly frees: readonly (() => Promise<void>)[]
}

function wouldGo(graph: Graph): Doomed {
  return { blobs: doomedBlobs(graph, []), snapshots: doomedSnapshots(graph), frees: [] }
}

/** While this runs, nobody comes to need anything. */
async function takeAway(
  parts: Collectable,
  documents: Documents,
  { signal, lockTimeoutMs }: Pick<CollectOptions, 'signal' | 'lockTimeoutMs'>,
): Promise<Doomed> {
  const frozen = await parts.leases.freeze({
    ...(signal !== undefined && { signal }),
    ...(lockTimeoutMs !== undefined && { timeoutMs: lockTimeoutMs }),
  })
  try {
    const graph = await survey(parts, documents)
    const snapshots: [Node, Snapshot][] = []
    const inUse: Node[] = []
    const frees: (() => Promise<void>)[] = []
    for (const [node, snapshot] of doomedSnapshots(graph)) {
      signal?.throwIfAborted()
      const free = await discarded(snapshot)
      if (free === undefined) inUse.push(node)
      else {
        frees.push(free)
        snapshots.push([node, snapshot])
      }
    }
    // After the snapshots: what is mounted still needs its blobs, whoever has forgotten it.
    const live = liveIn(graph, inUse)
    const blobs = doomedBlobs(graph, inUse)
    const orphans = [...graph.orphans].filter(([node]) => !live.has(node)).map(([, digest]) => digest)
    const digests = [...blobs.map(blob => blob.digest), ...orphans]
    if (digests.length > 0) frees.push(await parts.store.discard(digests))
    return { blobs, snapshots, frees }
  } finally {
    frozen.release()
  }
}

/** Undefined when it has to stay. */
async function discarded({ snapshotter, key }: Snapshot): Promise<(() => Promise<void>) | undefined> {
  try {
    return await snapshotter.discard(key)
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return async () => {}
    if (hasCode(error, 'IN_USE')) return undefined
    throw error
  }
}

function liveIn({ edges, roots }: Graph, inUse: readonly Node[]): ReadonlySet<Node> {
  return mark([...roots, ...inUse], node => edges.get(node) ?? [])
}

function doomedBlobs(graph: Graph, inUse: readonly Node[]): readonly BlobInfo[] {
  const live = liveIn(graph, inUse)
  return [...graph.blobs].filter(([node]) => !live.has(node)).map(([, blob]) => blob)
}

/** The snapshots that aren't live, each before its parent. */
function doomedSnapshots(graph: Graph): readonly [Node, Snapshot][] {
  const { snapshots } = graph
  const live = liveIn(graph, [])
  const doomed = [...snapshots].filter(([node]) => !live.has(node))
  const children = new Map<Node, number>()
  for (const [, { parent }] of doomed) if (parent !== undefined) children.set(parent, (children.get(parent) ?? 0) + 1)
  const ready = doomed.filter(([node]) => !children.has(node))
  // An array's iterator meets what is added on the way.
  for (const [, { parent }] of ready) {
    if (parent === undefined) continue
    const left = (children.get(parent) ?? 0) - 1
    children.set(parent, left)
    const found = snapshots.get(parent)
    if (left === 0 && found !== undefined) ready.push([parent, found])
  }
  return ready
}

async function sweepIngests(
  store: ContentStore,
  { dryRun, signal }: { readonly dryRun: boolean; readonly signal: AbortSignal | undefined },
): Promise<readonly IngestStatus[]> {
  const gone: IngestStatus[] = []
  for await (const ingest of store.ingests()) {
    signal?.throwIfAborted()
    if (!isAbandoned(ingest)) continue
    if (dryRun || (await aborted(store, ingest.key))) gone.push(ingest)
  }
  return gone
}

/** False when somebody is at it; true also when somebody else removed it. */
async function aborted(store: ContentStore, key: string): Promise<boolean> {
  try {
    await store.abort(key)
    return true
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return true
    if (hasCode(error, 'LOCKED')) return false
    throw error
  }
}
