import type { Freeable } from '../pull/no-space.ts'
import { type CollectableParts, openCollectable } from './collectable.ts'

/** Nobody waits longer than that for an error: measuring large directories takes time. */
const LOOK_MS = 3_000

/** What a collection would free, and what would go if images that nobody uses went first. Writes nothing. */
export async function findFreeable(parts: CollectableParts): Promise<Freeable> {
  const { prune } = await import('../store/gc/prune.ts')
  const { collect } = await import('../store/gc/sweep.ts')
  const all = await openCollectable(parts)
  // A store without blobs may lack tables too, and looking into one would make it.
  if (!(await hasBlobs(all.store))) return { unneeded: 0, unused: 0 }
  const options = { dryRun: true, signal: AbortSignal.timeout(LOOK_MS) }
  const { bytes: unneeded } = await collect(all, options)
  const { bytes: unused } = await prune(all, options)
  return { unneeded, unused }
}

async function hasBlobs(store: Awaited<ReturnType<typeof openCollectable>>['store']): Promise<boolean> {
  for await (const _ of store.walk()) return true
  return false
}
