import { rmSync } from 'node:fs'
import { basename } from 'node:path'
import { hasCode } from '../errors.ts'
import type { Snapshotter } from '../rootfs/snapshotter.ts'
import { onlyStrict } from '../spec/platform-match.ts'
import type { ContentStore } from '../store/content/store.ts'
import { imageFileName } from '../store/fs-images.ts'
import { type ImageRecord, type ImageStore, resourcesOf } from '../store/images.ts'
import type { Layout } from '../store/layout.ts'
import { type Leases, type Resource, whileLeased } from '../store/leases.ts'
import { readOciIndex } from '../store/oci-index.ts'
import { readImage } from './image.ts'

/** What a record is made from when it can't be read any more. */
export interface RestoreParts {
  readonly layout: Layout
  readonly contentStore: ContentStore
  readonly images: ImageStore
  readonly leases: Leases
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
  const own = { wanted: platform, matcher: onlyStrict(platform) }
  const { blobs, layers } = await readImage(parts.contentStore, manifest, own)
  const snapshot = await findSnapshot(parts.snapshotters, layers.at(-1)?.chainId)
  const size = layers.reduce((sum, { blob }) => sum + blob.size, 0)
  const record = { reference, platform, manifest, target: manifest, size, ...snapshot }
  const needed = [...blobs.map(({ digest }) => digest), ...layers.map(({ diffId }) => diffId)]
  const resources = [...resourcesOf(record), ...needed.map((id): Resource => ({ kind: 'content', id }))]
  // For a moment there is no record.
  await whileLeased(parts.leases, resources, async () => {
    rmSync(path, { force: true })
    await parts.images.set(record)
  })
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
