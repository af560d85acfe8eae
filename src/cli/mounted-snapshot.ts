import { realpath } from 'node:fs/promises'
import { errnoOf, hasCode, ImageError } from '../errors.ts'
import type { Parts } from '../parts.ts'
import { snapshotterNames } from '../rootfs/index.ts'
import type { Snapshotter } from '../rootfs/snapshotter.ts'
import { digestOf, hexOf } from '../spec/digest.ts'

/** Hex digits of a target's hash: enough for every mount of a machine. */
const keyHex = 32

/** Kept by the snapshot of a mount, for people and for `umount`. */
export const targetLabel = 'davit.mount/target'

/** The directory as the kernel names it. Errors: NOT_FOUND, DENIED. */
export async function mountTarget(directory: string): Promise<string> {
  try {
    return await realpath(directory)
  } catch (error) {
    if (errnoOf(error) === 'EACCES') {
      const message = `Cannot reach directory ${directory}: access denied`
      throw new ImageError('DENIED', message, { what: directory }, { cause: error, hint: 'mounting is for root' })
    }
    if (!isNowhere(error)) throw error
    const details = { what: 'directory', name: directory }
    throw new ImageError('NOT_FOUND', `Cannot find directory ${directory}`, details, { cause: error })
  }
}

function isNowhere(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].includes(errnoOf(error) ?? '')
}

/** A target has one snapshot at a time, and its key says which. */
export function mountKey(target: string): string {
  return `mount-${hexOf(digestOf(target)).slice(0, keyHex)}`
}

/** The snapshotter that holds the snapshot of a mount; undefined when none does. */
export async function findMounted(parts: Parts, key: string): Promise<Snapshotter | undefined> {
  for (const name of snapshotterNames) {
    try {
      const snapshotter = await parts.snapshotter(name)
      if (snapshotter === undefined) continue
      await snapshotter.stat(key)
      return snapshotter
    } catch (error) {
      // One that this machine can't have holds nothing either.
      if (!hasCode(error, 'NOT_FOUND') && !hasCode(error, 'UNSUPPORTED') && !hasCode(error, 'DENIED')) throw error
    }
  }
  return undefined
}
