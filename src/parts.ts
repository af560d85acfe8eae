import type { Settings } from './defaults.ts'
import type { Resolver } from './registry/registry.ts'
import type { Applier } from './rootfs/applier.ts'
import type { Snapshotter } from './rootfs/snapshotter.ts'
import type { BlobMapping } from './store/blob-mapping.ts'
import type { ContentStore } from './store/content/store.ts'
import type { ImageStore } from './store/images.ts'
import type { Leases } from './store/leases.ts'
import type { Workers } from './system/workers.ts'

/**
 * The parts of one davit over one store, each made when it is first asked for: `images ls` loads no HTTP client, and
 * `digest` opens no store. Whoever opened them closes them, once.
 */
export interface Parts {
  readonly settings: Settings
  contentStore(): Promise<ContentStore>
  images(): Promise<ImageStore>
  leases(): Promise<Leases>
  blobMapping(): Promise<BlobMapping>
  /** By name (`overlayfs`, `native`); without one the settings' or the best this machine can; undefined for `none`. */
  snapshotter(name?: string): Promise<Snapshotter | undefined>
  applier(): Promise<Applier>
  resolver(): Promise<Resolver>
  workers(): Promise<Workers>
  close(): Promise<void>
}

export declare function openParts(settings: Settings): Parts
