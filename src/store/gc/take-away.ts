import { hasCode } from '../../errors.ts'
import type { Digest } from '../../spec/digest.ts'
import type { BlobInfo } from '../content/store.ts'
import type { FreezeOptions, Remembered } from '../leases.ts'
import type { Doomed } from './doomed.ts'
import { type Collectable, nodeOf, type Snapshot } from './graph.ts'
import { Living } from './living.ts'
import type { Node } from './mark.ts'
import { inPauses } from './pauses.ts'

export interface TakenAway {
  readonly blobs: readonly BlobInfo[]
  readonly snapshots: readonly (readonly [Node, Snapshot])[]
  /** What frees the space of those that are out of sight, snapshots first. */
  readonly frees: readonly (() => Promise<void>)[]
}

/**
 * Takes out of sight what is doomed, unless somebody has come to need it since that was found: whoever does so leases it,
 * and leasing waits while it is decided what goes. `remembered`: since before that.
 *
 * Errors: LOCKED; the signal's reason; the disk's. What is out of sight by then is freed by the next collection.
 */
export async function takeAway(
  { store, leases, snapshotters }: Collectable,
  doomed: Doomed,
  remembered: Remembered,
  options: FreezeOptions,
): Promise<TakenAway> {
  const living = new Living({ store, snapshotters }, doomed.live)
  const blobs: BlobInfo[] = []
  const snapshots: (readonly [Node, Snapshot])[] = []
  const frees: (() => Promise<void>)[] = []

  const inTurn = <T>(items: ReadonlyMap<Node, T>, work: (items: readonly (readonly [Node, T])[]) => Promise<void>) =>
    inPauses(leases, [...items], options, async batch => {
      await living.add((await remembered.resources()).map(nodeOf))
      await work(batch)
    })

  async function discardBlobs(digests: readonly Digest[]): Promise<void> {
    if (digests.length > 0) frees.push(await store.discard(digests))
  }

  await inTurn(doomed.snapshots, async batch => {
    for (const [node, snapshot] of batch) {
      if ((await living.judge(node)) !== 'unneeded') continue
      const free = await discarded(snapshot)
      if (free === undefined) await living.add([node])
      else {
        frees.push(free)
        snapshots.push([node, snapshot])
      }
    }
  })
  // After the snapshots: what is mounted still needs its blobs, whoever has forgotten it.
  await inTurn(doomed.blobs, async batch => {
    const going: BlobInfo[] = []
    for (const [node, blob] of batch) if ((await living.judge(node)) === 'unneeded') going.push(blob)
    await discardBlobs(going.map(({ digest }) => digest))
    blobs.push(...going)
  })
  await inTurn(doomed.orphans, async batch => {
    const going: Digest[] = []
    for (const [node, digest] of batch) if ((await living.judge(node)) === 'absent') going.push(digest)
    await discardBlobs(going)
  })
  return { blobs, snapshots, frees }
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
