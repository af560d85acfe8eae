import { hasCode, ImageError } from '../errors.ts'
import type { Parts } from '../parts.ts'
import { type Image, readImage } from '../pull/image.ts'
import { keepByLease } from '../pull/keep.ts'
import { bringTars } from '../pull/tars.ts'
import { type ImageTree, openImageTree, type StoredLayer } from '../rootfs/image-tree.ts'
import { onlyStrict } from '../spec/platform-match.ts'
import { parsePlatform } from '../spec/platform-parse.ts'
import { formatReference, parseReference, type Reference } from '../spec/reference.ts'
import type { ContentStore } from '../store/content/store.ts'
import type { Context } from './context.ts'
import { findImage } from './find-image.ts'

/** An image as it was typed. */
export interface TypedImage {
  readonly ref: string
  readonly platform: string | undefined
}

/** What the commands that read images say of it. */
export const localOnly = 'The image must be here already. Needs no privilege.'

/** An image that is here, kept while somebody works with it. */
export interface LocalImage {
  readonly reference: Reference
  readonly image: Image
  /** Its layers as tars with their indexes. Errors: those of `bringTars`; NOT_FOUND when one is missing. */
  layers(): Promise<readonly StoredLayer[]>
}

/**
 * Runs `use` with an image that is here.
 *
 * Errors: NOT_FOUND, NO_MATCHING_PLATFORM.
 */
export async function withImage<T>(
  { host, signal }: Context,
  parts: Parts,
  { ref, platform }: TypedImage,
  use: (image: LocalImage) => Promise<T>,
): Promise<T> {
  const wanted = platform === undefined ? host : parsePlatform(platform, host)
  const record = await findImage(parts, parseReference(ref), wanted)
  const [contentStore, leases, { index }] = [await parts.contentStore(), await parts.leases(), await parts.layout()]
  const lease = await leases.hold()
  try {
    const { manifest, platform: own, reference } = record
    const image = await readImage(contentStore, manifest, { wanted: own, matcher: onlyStrict(own) })
    for (const { digest } of image.blobs) await lease.add({ kind: 'content', id: digest })
    const layers = async () => {
      const tars = { contentStore, workers: await parts.workers(), index, keep: keepByLease(lease) }
      return bringTars(tars, image.layers, { signal }).catch(error => {
        throw hasCode(error, 'NOT_FOUND') ? notWhole(reference, error) : error
      })
    }
    return await use({ reference: parseReference(reference), image, layers })
  } finally {
    await lease.end()
  }
}

/** The same with its layers. */
export function withLayers<T>(
  context: Context,
  parts: Parts,
  image: TypedImage,
  use: (layers: readonly StoredLayer[]) => Promise<T>,
): Promise<T> {
  return withImage(context, parts, image, async ({ layers }) => use(await layers()))
}

/** The same with the merged tree. */
export function withTree<T>(
  context: Context,
  parts: Parts,
  image: TypedImage,
  use: (tree: ImageTree) => Promise<T>,
): Promise<T> {
  return withLayers(context, parts, image, async layers => {
    const tree = openImageTree(layers)
    try {
      return await use(tree)
    } finally {
      tree.close()
    }
  })
}

/**
 * Sees to it that every blob of an image is here as it was pulled.
 *
 * Errors: NOT_FOUND: the compressed one of a layer was discarded, or something is missing.
 */
export async function requireBlobs(store: ContentStore, { blobs }: Image, reference: Reference): Promise<void> {
  try {
    for (const { digest } of blobs) await store.info(digest)
  } catch (error) {
    throw hasCode(error, 'NOT_FOUND') ? notWhole(formatReference(reference), error) : error
  }
}

function notWhole(name: string, cause: Error): ImageError {
  const details = { what: 'image', name }
  return new ImageError('NOT_FOUND', `Cannot read ${name}: a layer is missing here`, details, {
    cause,
    hint: `davit pull ${name}`,
  })
}
