import { hasCode } from '../errors.ts'
import type { Snapshotter } from '../rootfs/snapshotter.ts'
import { onlyStrict } from '../spec/platform-match.ts'
import type { ContentStore } from '../store/content/store.ts'
import type { ImageRecord, ImageStore } from '../store/images.ts'
import type { PlatformChoice } from './choose.ts'
import { type Image, readImage } from './image.ts'
import { bytesOf } from './layer-bytes.ts'

/** An image that is here already: its record, and its documents read. */
export interface LocalImage {
  readonly record: ImageRecord
  readonly image: Image
}

/**
 * The recorded image for `choice`, the best where several platforms are here; undefined unless all of it is present:
 * documents, layers, and, when a snapshotter is given, its top snapshot.
 */
export async function findLocalImage(
  parts: {
    readonly images: ImageStore
    readonly contentStore: ContentStore
    readonly snapshotter?: Snapshotter | undefined
  },
  reference: string,
  { matcher }: PlatformChoice,
): Promise<LocalImage | undefined> {
  const records = await parts.images.get(reference)
  const [record] = records
    .filter(({ platform }) => matcher.match(platform))
    .sort((a, b) => matcher.compare(a.platform, b.platform))
  if (record === undefined) return undefined
  try {
    const own = { wanted: record.platform, matcher: onlyStrict(record.platform) }
    const image = await readImage(parts.contentStore, record.manifest, own)
    for (const layer of image.layers) await bytesOf(parts.contentStore, layer)
    const top = image.layers.at(-1)
    if (parts.snapshotter !== undefined && top !== undefined) await parts.snapshotter.stat(top.chainId)
    return { record, image }
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return undefined
    throw error
  }
}
