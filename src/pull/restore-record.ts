import { rmSync } from 'node:fs'
import { basename } from 'node:path'
import { hasCode } from '../errors.ts'
import type { Snapshotter } from '../rootfs/snapshotter.ts'
import { onlyStrict } from '../spec/platform-match.ts'
import type { ContentStore } from '../store/content/store.ts'
import { imageFileName } from '../store/fs-images.ts'
import type { ImageRecord, ImageStore } from '../store/images.ts'
import type { Layout } from '../store/layout.ts'
import { readOciIndex } from '../store/oci-index.ts'
import { readImage } from './image.ts'

/** What a record is made from when it can't be read any more. */
export interface RestoreParts {
  readonly layout: Layout
  readonly contentStore: ContentStore
  readonly images: ImageStore
  readonly snapshotters: readonly Snapshotter[]
}

/**
 * Writes the image record at `path` anew from what `index.json` says of it, its documents, and the snapshots that are
 * here. What the tag named is then the manifest, even where it was an index. False when nothing tells.
 *
 * Errors: those of the documents.
 */
export async function restoreRecord(parts: RestoreParts, path: string): Promise<boolean> {
  const known = readOciIndex(parts.layout).find(
    ({ reference, platform }) => imageFileName(reference, platform) === basename(path),
  )
  if (known === undefined) return false
  const { reference, platform, manifest } = known
  const { layers } = await readImage(parts.contentStore, manifest, { wanted: platform, matcher: onlyStrict(platform) })
  const snapshot = await findSnapshot(parts.snapshotters, layers.at(-1)?.chainId)
  const size = layers.reduce((sum, { blob }) => sum + blob.size, 0)
  rmSync(path, { force: true })
  await parts.images.set({ reference, platform, manifest, target: manifest, size, ...snapshot })
  return true
}

async function findSnapshot(
  snapshotters: readonly Snapshotter[],
  chainId: ImageRecord['chainId'],
): Promise<Pick<ImageRecord, 'chainId' | 'snapshotter'>> {
  if (chainId === undefined) return {}
  for (const snapshotter of snapshotters) {
    try {
      await snapshotter.stat(chainId)
      return { chainId, snapshotter: snapshotter.name }
    } catch (error) {
      if (!hasCode(error, 'NOT_FOUND')) throw error
    }
  }
  return {}
}
