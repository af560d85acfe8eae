import { type LocalRoot, localRoot } from '../copy/local-root.ts'
import type { Parts } from '../parts.ts'
import { counted } from '../progress/format.ts'
import { type Image, readImage } from '../pull/image.ts'
import { formatPlatform, type Platform } from '../spec/platform.ts'
import { onlyStrict } from '../spec/platform-match.ts'
import { formatReference, parseReference, type Reference } from '../spec/reference.ts'
import type { ContentStore } from '../store/content/store.ts'
import type { ImageRecord } from '../store/images.ts'
import type { Lease } from '../store/leases.ts'
import { findImage, findImages } from './find-image.ts'
import { requireBlobs } from './local-layers.ts'

/** What a reference names here, for some platforms or all, whole. */
export interface LocalImages extends LocalRoot {
  readonly store: ContentStore
  readonly images: readonly Image[]
  /** What is said where others of the index don't come along. */
  readonly remark: string | undefined
}

/**
 * Runs `use` with the images of `reference` for these platforms, or with all that are here; they stay meanwhile.
 *
 * Errors: NOT_FOUND, NO_MATCHING_PLATFORM; those of `localRoot`.
 */
export async function withLocalRoot<T>(
  parts: Parts,
  reference: Reference,
  platforms: readonly Platform[] | undefined,
  use: (images: LocalImages) => Promise<T>,
): Promise<T> {
  const records =
    platforms === undefined
      ? await findImages(parts, reference)
      : await Promise.all(platforms.map(platform => findImage(parts, reference, platform)))
  const store = await parts.contentStore()
  const lease = await (await parts.leases()).hold()
  try {
    const images: Image[] = []
    for (const record of records) images.push(await keepWhole(store, lease, record))
    const local = await localRoot(store, records)
    const fate = platforms === undefined ? 'not here' : 'left out'
    const remark = local.missing === 0 ? undefined : remarkOn(reference, records, local, fate)
    return await use({ ...local, store, images, remark })
  } finally {
    await lease.end()
  }
}

/** Sees to it that all blobs of an image are here, and stay. Errors: NOT_FOUND. */
async function keepWhole(
  store: ContentStore,
  lease: Lease,
  { manifest, target, platform, reference }: ImageRecord,
): Promise<Image> {
  await lease.add({ kind: 'content', id: target.digest })
  const image = await readImage(store, manifest, { wanted: platform, matcher: onlyStrict(platform) })
  for (const { digest } of image.blobs) await lease.add({ kind: 'content', id: digest })
  await requireBlobs(store, image, parseReference(reference))
  return image
}

function remarkOn(
  reference: Reference,
  records: readonly ImageRecord[],
  { bytes, missing }: LocalRoot,
  fate: string,
): string {
  const platforms = records.map(({ platform }) => formatPlatform(platform)).join(', ')
  const how = bytes === undefined ? 'alone, without the index' : 'in a new index'
  const what = `${counted(missing, 'more image')} of the index ${missing === 1 ? 'is' : 'are'} ${fate}`
  return `${formatReference(reference)}: ${platforms} goes ${how}: ${what}`
}
