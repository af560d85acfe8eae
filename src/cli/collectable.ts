import { statSync } from 'node:fs'
import type { Parts } from '../parts.ts'
import { snapshotterNames } from '../rootfs/index.ts'
import type { Collectable } from '../store/gc/graph.ts'
import { openSnapshotter } from './open-snapshotter.ts'

export type CollectableParts = Pick<Parts, 'contentStore' | 'images' | 'leases' | 'layout' | 'snapshotter'>

/** The whole store, with the snapshots of every snapshotter that may have worked in it. */
export async function openCollectable(parts: CollectableParts): Promise<Collectable> {
  const { index } = await parts.layout()
  return {
    store: await parts.contentStore(),
    images: await parts.images(),
    leases: await parts.leases(),
    snapshotters: await Promise.all(snapshotterNames.map(name => openSnapshotter(parts, name))),
    indexSize: digest => statSync(index(digest), { throwIfNoEntry: false })?.size ?? 0,
  }
}
