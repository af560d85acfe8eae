import { hasCode } from '../errors.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import { type Digest, hexOf } from '../spec/digest.ts'
import { mediaTypes } from '../spec/media-types.ts'
import type { BlobInfo, ContentStore, Labels } from '../store/content/store.ts'
import type { Layer } from './image.ts'

/** On a tar: digest of a compressed layer that was let go for it. Hex digits follow, for there may be several. */
const STANDS_FOR = 'davit.layer/stands-for.'

/** Says, on the tar of `blob`, that there is no need to fetch `blob`. */
export function standsFor({ digest }: Descriptor): Labels {
  return { [STANDS_FOR + hexOf(digest)]: digest }
}

/** A tar that another image has brought stands for nothing: that layer was compressed in another way, or not let go. */
export function isInstead({ labels }: BlobInfo, { digest }: Descriptor): boolean {
  return labels[STANDS_FOR + hexOf(digest)] === digest
}

/** The tar that was kept in place of a compressed layer; undefined when there is none. */
export async function findTarInstead(
  store: ContentStore,
  { blob, diffId }: Pick<Layer, 'blob' | 'diffId'>,
): Promise<BlobInfo | undefined> {
  const tar = await ifHere(store, diffId)
  return tar !== undefined && isInstead(tar, blob) ? tar : undefined
}

/**
 * A blob that has what is in a layer: the compressed one, else the tar.
 *
 * Errors: NOT_FOUND: neither is here.
 */
export async function bytesOf(
  store: ContentStore,
  { blob, diffId }: Pick<Layer, 'blob' | 'diffId'>,
): Promise<Descriptor> {
  if ((await ifHere(store, blob.digest)) !== undefined) return blob
  const { size } = await store.info(diffId)
  return { mediaType: mediaTypes.ociLayer, digest: diffId, size }
}

/** Undefined when it isn't here. */
export async function ifHere(store: ContentStore, digest: Digest): Promise<BlobInfo | undefined> {
  try {
    return await store.info(digest)
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return undefined
    throw error
  }
}
