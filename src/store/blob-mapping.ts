import type { Digest } from '../spec/digest.ts'

/**
 * Which blob made which snapshot: chain ID → diff ID and blob digest, and back. Rebuildable.
 *
 * One diff ID may have several blobs (gzip and zstd), one blob several chain IDs.
 */
export interface BlobMapping {
  set(chainId: Digest, layer: MappedLayer): Promise<void>
  byChainId(chainId: Digest): Promise<MappedLayer | undefined>
  /** Chain IDs whose top layer came from `blob`. */
  byBlob(blob: Digest): Promise<readonly Digest[]>
  /** Blobs known to uncompress to `diffId`. */
  byDiffId(diffId: Digest): Promise<readonly Digest[]>
}

export interface MappedLayer {
  readonly diffId: Digest
  readonly blob: Digest
}
