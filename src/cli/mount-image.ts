import { ImageError } from '../errors.ts'
import type { Parts } from '../parts.ts'
import { isMounted, mountAll } from '../rootfs/mounts.ts'
import { GC_ROOT } from '../store/gc/refs.ts'
import type { ImageRecord } from '../store/images.ts'
import { findMounted, mountKey, mountTarget, targetLabel } from './mounted-snapshot.ts'
import { openSnapshotter } from './open-snapshotter.ts'

/**
 * Mounts an image that is here on a directory; to be written to, with `rw`, until it is unmounted.
 *
 * Errors: NOT_FOUND (no directory, or the image was pulled without unpacking), IN_USE; those of `mountAll`.
 */
export async function mountImage(
  parts: Parts,
  image: Pick<ImageRecord, 'reference' | 'chainId' | 'snapshotter'>,
  directory: string,
  { rw, signal }: { readonly rw: boolean; readonly signal: AbortSignal },
): Promise<void> {
  const target = await mountTarget(directory)
  const key = mountKey(target)
  if (image.chainId === undefined || image.snapshotter === undefined) throw notUnpacked(image.reference)
  await removeStale(parts, key, target)

  const snapshotter = await openSnapshotter(parts, image.snapshotter)
  const labels = { [GC_ROOT]: new Date().toISOString(), [targetLabel]: target }
  const mounts = rw
    ? await snapshotter.prepare(key, image.chainId, { labels, signal })
    : await snapshotter.view(key, image.chainId, { labels, signal })
  try {
    mountAll(mounts, target)
  } catch (error) {
    await snapshotter.remove(key)
    throw error
  }
}

function notUnpacked(reference: string): ImageError {
  const details = { what: 'snapshot', name: reference }
  return new ImageError('NOT_FOUND', `Cannot mount ${reference}: it was pulled without unpacking`, details, {
    hint: `davit pull ${reference}`,
  })
}

/** A machine that was switched off forgets mounts, but not their snapshots. Errors: IN_USE for one that is mounted. */
async function removeStale(parts: Parts, key: string, target: string): Promise<void> {
  const holder = await findMounted(parts, key)
  if (holder === undefined) return
  if (!isMounted(target)) return holder.remove(key)
  const details = { what: 'directory', name: target }
  throw new ImageError('IN_USE', `Cannot mount on ${target}: an image is mounted there`, details, {
    hint: `davit umount ${target}`,
  })
}
