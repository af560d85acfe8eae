import { ImageError } from '../errors.ts'
import { onlyStrict } from '../spec/platform-match.ts'
import { parseReference } from '../spec/reference.ts'
import type { BlobMapping } from '../store/blob-mapping.ts'
import { addSource } from '../store/content/sources.ts'
import type { ContentStore } from '../store/content/store.ts'
import type { ImageRecord } from '../store/images.ts'
import { childrenOf, labelChildren } from './children.ts'
import { readImage } from './image.ts'
import { ifHere, standsFor } from './layer-bytes.ts'

/**
 * Writes what the database says of one recorded image: what its documents lead to, where its blobs came from, which tars
 * stand for layers, and which blob made which chain ID.
 *
 * Less than what was lost: which other repositories served a blob, what library users rooted, and which tar was proved to
 * be a blob's. So a registry is asked once more than needed, and never once less.
 *
 * False when a document is missing or damaged.
 */
export async function describeImage(
  { contentStore, blobMapping }: { readonly contentStore: ContentStore; readonly blobMapping: BlobMapping },
  { reference, platform, manifest, target }: ImageRecord,
  signal: AbortSignal,
): Promise<boolean> {
  const label = labelChildren(contentStore, childrenOf(contentStore))
  const source = parseReference(reference)
  try {
    const image = await readImage(contentStore, manifest, { wanted: platform, matcher: onlyStrict(platform) })
    for (const document of new Set([target, manifest])) await label(document, signal)
    for (const { digest } of [target, ...image.blobs]) {
      const here = await ifHere(contentStore, digest)
      if (here !== undefined) await contentStore.label(digest, addSource(here.labels, source))
    }
    for (const { blob, diffId, chainId } of image.layers) {
      const isLetGo = (await ifHere(contentStore, blob.digest)) === undefined
      if (isLetGo && (await ifHere(contentStore, diffId)) !== undefined) {
        await contentStore.label(diffId, standsFor(blob))
      }
      await blobMapping.set(chainId, { diffId, blob: blob.digest })
    }
    return true
  } catch (error) {
    if (error instanceof ImageError) return false
    throw error
  }
}
