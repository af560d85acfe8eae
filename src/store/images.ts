import type { Descriptor } from '../spec/descriptor.ts'
import type { Digest } from '../spec/digest.ts'
import type { Platform } from '../spec/platform.ts'
import type { Resource } from './leases.ts'

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

/** What a record is found by. */
export type ImageKey = Pick<ImageRecord, 'reference' | 'platform'>

export interface ImageUse {
  readonly image: ImageRecord
  readonly usedAt: Date
}

export interface ImageStore {
  /** The records of a reference, one a platform; none is an empty array. */
  get(reference: string): Promise<readonly ImageRecord[]>
  /**
   * Writes a record durably, replacing the one of the same reference and platform. The caller has leased what the image
   * needs, for a collection that runs may have looked at the images already.
   */
  set(record: Omit<ImageRecord, 'createdAt' | 'updatedAt'>): Promise<ImageRecord>
  /** Removes the records of a reference (of one platform, when given). Errors: NOT_FOUND. */
  remove(reference: string, platform?: Platform): Promise<readonly ImageRecord[]>
  walk(): AsyncIterable<ImageRecord>
  /** Says that an image is used now. Costs next to nothing, and never fails: what can't be noted is used all the same. */
  use(image: ImageKey): Promise<void>
  /** When an image was last used: its record was set, or `use` called. The epoch when there is no such record. */
  usedAt(image: ImageKey): Promise<Date>
  /** Removes the records of images, all at once, but for those that were used since. Answers those that went. */
  removeUnused(images: readonly ImageUse[]): Promise<readonly ImageRecord[]>
  /** Writes again what other tools read instead of the records, after blobs have come or gone. */
  refresh(): Promise<void>
}

/** What a record names itself. */
export function resourcesOf({
  manifest,
  target,
  chainId,
  snapshotter,
}: Pick<ImageRecord, 'manifest' | 'target' | 'chainId' | 'snapshotter'>): readonly Resource[] {
  const documents = [manifest, target].map(({ digest }): Resource => ({ kind: 'content', id: digest }))
  if (chainId === undefined || snapshotter === undefined) return documents
  return [...documents, { kind: 'snapshot', id: `${snapshotter}/${chainId}` }]
}
