import { existsSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errnoOf, ImageError } from '../errors.ts'
import type { Parts } from '../parts.ts'
import type { OnProgress, TotalEvent } from '../progress/events.ts'
import { bytesOf } from '../pull/layer-bytes.ts'
import type { PulledImage, PulledLayer } from '../pull/pull.ts'
import type { ApplyOptions, ImageApplier } from '../rootfs/applier.ts'
import { resetBaseDirectory } from '../rootfs/base-directory.ts'
import type { Mount } from '../rootfs/mounts.ts'
import { removeTree } from '../rootfs/removal.ts'
import { chainIds } from '../spec/chain-id.ts'
import type { ContentStore } from '../store/content/store.ts'
import { diskError } from '../system/disk-error.ts'

/** How often a layer's progress is passed on. */
const statusMs = 150

/**
 * Writes the layers of a pulled image into `directory`, which is absent or empty, and is so again when that fails.
 *
 * Errors: those of the applier; DIGEST_MISMATCH (a diff ID), ALREADY_EXISTS (`directory` isn't empty).
 */
export async function applyLayers(
  parts: Pick<Parts, 'contentStore' | 'applier' | 'treeWorkers'>,
  image: PulledImage,
  directory: string,
  {
    signal,
    onProgress,
    total,
  }: { readonly signal: AbortSignal; readonly onProgress: OnProgress; readonly total: TotalEvent },
): Promise<void> {
  const isNew = await makeEmpty(directory)
  resetBaseDirectory(directory)
  const [contentStore, applier] = [await parts.contentStore(), (await parts.applier()).open()]
  const mounts: readonly Mount[] = [{ type: 'bind', source: directory, options: ['rbind', 'rw'] }]
  const chain = chainIds(image.layers.map(layer => layer.diffId))
  const { reference } = total
  const toUnpack = image.layers.reduce((sum, layer) => sum + layer.size, 0)
  let unpacked = 0
  try {
    for (const [place, layer] of image.layers.entries()) {
      const subject = {
        type: 'unpack',
        reference,
        digest: layer.digest,
        chainId: chain[place] ?? layer.diffId,
      } as const
      let saidAt = Number.NEGATIVE_INFINITY
      const tell = (offset: number): void => {
        const now = performance.now()
        if (now - saidAt < statusMs) return
        saidAt = now
        onProgress({ ...subject, state: 'unpacking', offset, total: layer.size })
        onProgress({ ...total, state: 'running', unpacked: unpacked + offset, toUnpack })
      }
      tell(0)
      await applyLayer(contentStore, applier, layer, mounts, {
        signal,
        onProgress: tell,
        onWarning: message => onProgress({ type: 'warning', reference, message }),
      })
      unpacked += layer.size
      onProgress({ ...subject, state: 'done', offset: layer.size, total: layer.size })
    }
    onProgress({ ...total, state: 'done', unpacked, toUnpack })
  } catch (error) {
    onProgress({ ...total, state: 'failed', unpacked, toUnpack })
    await applier.close()
    const trees = await parts.treeWorkers()
    const leftovers = isNew ? [directory] : (await readdir(directory)).map(name => join(directory, name))
    for (const path of leftovers) await trees.run(removeTree, path).result
    throw error
  } finally {
    await applier.close()
  }
}

async function applyLayer(
  contentStore: ContentStore,
  applier: ImageApplier,
  layer: PulledLayer,
  mounts: readonly Mount[],
  options: ApplyOptions,
): Promise<void> {
  const bytes = await bytesOf(contentStore, { blob: layer, diffId: layer.diffId })
  const { diffId } = await applier.apply(contentStore, bytes, mounts, options)
  if (diffId === layer.diffId) return
  throw new ImageError(
    'DIGEST_MISMATCH',
    `Cannot accept layer ${layer.digest}: it uncompresses to ${diffId}, its image says ${layer.diffId}`,
    { expected: layer.diffId, actual: diffId },
  )
}

/** True when the directory had to be made. */
async function makeEmpty(directory: string): Promise<boolean> {
  if (await isThere(directory)) return false
  try {
    await mkdir(directory)
    return true
  } catch (error) {
    throw diskError(error, directory)
  }
}

/**
 * Whether the directory for the layers is there already, and empty; it is looked at before anything is fetched.
 *
 * Errors: ALREADY_EXISTS (it isn't empty, or no directory), NOT_FOUND (nor is its parent there), DENIED.
 */
export async function isThere(directory: string): Promise<boolean> {
  try {
    if ((await readdir(directory)).length === 0) return true
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR') throw unusable('ALREADY_EXISTS', directory, 'it is not a directory')
    if (errnoOf(error) !== 'ENOENT') throw diskError(error, directory)
    if (!existsSync(dirname(directory))) throw unusable('NOT_FOUND', directory, `there is no ${dirname(directory)}`)
    return false
  }
  throw unusable('ALREADY_EXISTS', directory, 'it is not empty')
}

function unusable(code: 'NOT_FOUND' | 'ALREADY_EXISTS', directory: string, why: string): ImageError {
  return new ImageError(code, `Cannot unpack into ${directory}: ${why}`, { what: 'directory', name: directory })
}
