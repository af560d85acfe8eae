import { hasCode, ImageError } from '../errors.ts'
import type { Parts } from '../parts.ts'
import { readImage } from '../pull/image.ts'
import { keepByLease } from '../pull/keep.ts'
import { bringTars } from '../pull/tars.ts'
import { type ImageTree, openImageTree, type StoredLayer } from '../rootfs/image-tree.ts'
import { onlyStrict } from '../spec/platform-match.ts'
import { parsePlatform } from '../spec/platform-parse.ts'
import { parseReference } from '../spec/reference.ts'
import type { Context } from './context.ts'
import { findImage } from './find-image.ts'

/** An image as it was typed. */
export interface TypedImage {
  readonly ref: string
  readonly platform: string | undefined
}

/** What the commands that read images say of it. */
export const localOnly = 'The image must be here already. Needs no privilege.'

/**
 * Runs `use` with the layers of an image that is here, as tars with their indexes, which are kept meanwhile.
 *
 * Errors: NOT_FOUND, NO_MATCHING_PLATFORM; those of `bringTars`.
 */
export async function withLayers<T>(
  { host, signal }: Context,
  parts: Parts,
  { ref, platform }: TypedImage,
  use: (layers: readonly StoredLayer[]) => Promise<T>,
): Promise<T> {
  const wanted = platform === undefined ? host : parsePlatform(platform, host)
  const record = await findImage(parts, parseReference(ref), wanted)
  const [contentStore, leases, { index }] = [await parts.contentStore(), await parts.leases(), await parts.layout()]
  const lease = await leases.hold()
  try {
    const { manifest, platform: own, reference } = record
    const { layers } = await readImage(contentStore, manifest, { wanted: own, matcher: onlyStrict(own) })
    const stored = await bringTars(
      { contentStore, workers: await parts.workers(), index, keep: keepByLease(lease) },
      layers,
      { signal },
    ).catch(error => {
      throw hasCode(error, 'NOT_FOUND') ? notWhole(reference, error) : error
    })
    return await use(stored)
  } finally {
    await lease.end()
  }
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

function notWhole(name: string, cause: Error): ImageError {
  const details = { what: 'image', name }
  return new ImageError('NOT_FOUND', `Cannot read ${name}: a layer is missing here`, details, {
    cause,
    hint: `davit pull ${name}`,
  })
}
