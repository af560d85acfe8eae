import type { Allowance } from '../layer/quota.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import type { Digest } from '../spec/digest.ts'
import type { ContentStore } from '../store/content/store.ts'
import type { Mount } from './mounts.ts'

/** Writes layers, image by image. */
export interface Applier {
  /** Starts what will write the layers of one image: nothing of it serves a second one. */
  open(): ImageApplier
}

/**
 * Writes a layer's changes into the mounts of an active snapshot.
 *
 * Needs nothing mounted: an overlay mount is written through its upper directory, with parents, whiteouts and links
 * resolved over the lower ones. On failure what was written stays, for the caller to remove with the snapshot.
 */
export interface ImageApplier {
  /**
   * Errors: MALFORMED, UNSAFE, LIMIT_EXCEEDED, UNSUPPORTED, DENIED, NO_SPACE.
   */
  apply(store: ContentStore, layer: Descriptor, mounts: readonly Mount[], options?: ApplyOptions): Promise<Applied>
  /** Layers that are being written are lost. */
  close(): Promise<void>
}

export interface ApplyOptions {
  readonly signal?: AbortSignal
  /** What the layer may come to. Default: the default quotas, of which no other layer used anything. */
  readonly allowance?: Allowance
  /** What `apply` answered for the layer below. */
  readonly leftOut?: readonly string[]
  /** Bytes of the compressed blob consumed so far; a few times a second. */
  readonly onProgress?: (bytes: number) => void
  /** Said once each: what is lost here and why (no privilege for owners, no xattrs, …). */
  readonly onWarning?: (message: string) => void
}

export interface Applied {
  /** Digest of the whole uncompressed stream, padding after the end marker included. */
  readonly diffId: Digest
  /** Bytes of the uncompressed stream. */
  readonly size: number
  readonly entries: number
  /**
   * Paths of devices, and of hardlinks to them, that the layers so far have and could not be made here. The next layer
   * may link to them; what it links is then left out likewise.
   */
  readonly leftOut?: readonly string[]
}
