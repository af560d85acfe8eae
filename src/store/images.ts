import type { Descriptor } from '../spec/descriptor.ts'
import type { Digest } from '../spec/digest.ts'
import type { Platform } from '../spec/platform.ts'

/** What a name means here: one record a reference and platform. The authority on what lives. */
export interface ImageRecord {
  /** The full normalised reference, as `formatReference` writes it. */
  readonly reference: string
  readonly platform: Platform
  /** The image's manifest. */
  readonly manifest: Descriptor
  /** What the tag named: the index, where there is one, else the manifest. */
  readonly target: Descriptor
  readonly chainId?: Digest
  /** Name of the snapshotter that holds `chainId`. */
  readonly snapshotter?: string
  /** Bytes of all layers as stored. */
  readonly size: number
  readonly createdAt: string
  readonly updatedAt: string
}

export interface ImageStore {
  /** The records of a reference, one a platform; none is an empty array. */
  get(reference: string): Promise<readonly ImageRecord[]>
  /** Writes a record durably, replacing the one of the same reference and platform. */
  set(record: Omit<ImageRecord, 'createdAt' | 'updatedAt'>): Promise<ImageRecord>
  /** Removes the records of a reference (of one platform, when given). Errors: NOT_FOUND. */
  remove(reference: string, platform?: Platform): Promise<readonly ImageRecord[]>
  walk(): AsyncIterable<ImageRecord>
  /** Writes again what other tools read instead of the records, after blobs have come or gone. */
  refresh(): Promise<void>
}
