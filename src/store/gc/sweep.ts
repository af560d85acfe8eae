import { hasCode } from '../../errors.ts'
import type { BlobInfo, ContentStore, IngestStatus } from '../content/store.ts'
import { type Doomed, findDoomed } from './doomed.ts'
import { type Collectable, survey } from './graph.ts'
import type { Node } from './mark.ts'
import { measure, total } from './sizes.ts'
import { type TakenAway, takeAway } from './take-away.ts'

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
 * Removes what no image, lease or rooted label reaches. Pulls that run on lose nothing: what they need is leased. First
 * everything is looked at once, while others work on; then what nobody needs is taken out of sight, a little at a time, and
 * only then leasing waits; at last the space is freed.
 *
 * Errors: LOCKED, when another collection is deciding; the signal's reason. What was not freed then goes next time.
 */
export async function collect(parts: Collectable, options: CollectOptions = {}): Promise<Collected> {
  const { dryRun = false, signal } = options
  const { sizes, blobs, snapshots, frees } = dryRun ? await look(parts, signal) : await decide(parts, options)
  for (const free of frees) {
    signal?.throwIfAborted()
    await free()
  }
  if (!dryRun) {
    for (const snapshotter of parts.snapshotters) await snapshotter.cleanup()
    await parts.store.cleanup()
    // Also what a pull that was killed after its record had no time to write for other tools.
    await parts.images.refresh()
  }
  const ingests = await sweepIngests(parts.store, { dryRun, signal })
  const bytes =
    total(snapshots.map(([node]) => sizes.get(node) ?? 0)) +
    total(blobs.map(blob => sizes.get(`content:${blob.digest}`) ?? blob.size)) +
    total(ingests.map(ingest => ingest.offset))
  return {
    blobs,
    snapshots: snapshots.map(([, { snapshotter, key }]) => ({ snapshotter: snapshotter.name, key })),
    ingests,
    bytes,
  }
}

/**
 * A partial download that a collection takes, unless somebody holds it. An empty one is what somebody left who was
 * killed as he found that another had made the blob.
 */
export function isAbandoned({ offset, updatedAt }: IngestStatus): boolean {
  return offset === 0 || Date.now() - updatedAt.getTime() >= PARTIAL_MAX_AGE_MS
}

interface Decided extends TakenAway {
  /** Of everything that might have gone. */
  readonly sizes: ReadonlyMap<Node, number>
}

async function look(
  parts: Collectable,
  signal: AbortSignal | undefined,
): Promise<Decided & { readonly doomed: Doomed }> {
  const graph = await survey(parts)
  const doomed = findDoomed(graph)
  const sizes = await measure(parts, graph, [...doomed.snapshots.keys(), ...doomed.blobs.keys()], signal)
  return { doomed, sizes, blobs: [...doomed.blobs.values()], snapshots: [...doomed.snapshots], frees: [] }
}

async function decide(parts: Collectable, { signal, lockTimeoutMs }: CollectOptions): Promise<Decided> {
  const waiting = {
    ...(signal !== undefined && { signal }),
    ...(lockTimeoutMs !== undefined && { timeoutMs: lockTimeoutMs }),
  }
  const remembered = await parts.leases.remember(waiting)
  try {
    const { doomed, sizes } = await look(parts, signal)
    return { sizes, ...(await takeAway(parts, doomed, remembered, waiting)) }
  } finally {
    await remembered.forget()
  }
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
