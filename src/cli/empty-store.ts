import { readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { errnoOf } from '../errors.ts'
import type { Parts } from '../parts.ts'

/** Whether there is no store at `root`, nor anything else. */
export function isAbsent(root: string): boolean {
  try {
    return readdirSync(root).length === 0
  } catch (error) {
    // Whatever else is wrong with it, opening it will say.
    return errnoOf(error) === 'ENOENT'
  }
}

/** The same parts over a store in which nothing is, and of which nothing is on disk. */
export function withEmptyStore(parts: Parts): Parts {
  return {
    ...parts,
    contentStore: async () => (await import('../store/content/memory.ts')).openMemoryStore(),
    images: async () => (await import('../store/memory-images.ts')).openMemoryImages(),
    leases: async () => (await import('../store/memory-leases.ts')).openMemoryLeases(),
    blobMapping: async () => (await import('../store/memory-blob-mapping.ts')).openMemoryBlobMapping(),
    layout: async () => (await import('../store/layout.ts')).layoutOf(resolve(parts.settings.root)),
    snapshotter: async (name = parts.settings.snapshotter ?? 'erofs') =>
      name === 'none' ? undefined : (await import('../rootfs/empty.ts')).emptySnapshotter(name),
  }
}
