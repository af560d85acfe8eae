import { existsSync } from 'node:fs'
import { mkdir, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errnoOf, ImageError } from '../errors.ts'
import { removeTree } from '../rootfs/removal.ts'
import { hold } from '../rootfs/staging.ts'
import { isUnfinished, markFinished, markUnfinished } from '../rootfs/unfinished.ts'
import { diskError } from '../system/disk-error.ts'
import type { Workers } from '../system/workers.ts'

/**
 * Lets `fill` write into `directory`, which is absent or empty, and is so again when that fails. What a killed run has
 * left in it goes first.
 *
 * Errors: NOT_FOUND (where it is to lie), ALREADY_EXISTS (it isn't empty), IN_USE (somebody else is filling it), DENIED;
 *   those of `fill`.
 */
export async function fillDirectory(
  workers: Workers,
  directory: string,
  fill: () => Promise<void>,
  mode?: number,
): Promise<void> {
  const isNew = await makeEmpty(directory, mode)
  const held = hold(directory)
  if (held === undefined) throw unusable('IN_USE', directory, 'another davit is at work on it')
  const empty = async () => {
    for (const name of await readdir(directory)) await workers.run(removeTree, join(directory, name)).result
  }
  try {
    // Who held it before may have filled it.
    await isThere(directory)
    await empty()
  } catch (error) {
    held.release()
    throw error
  }
  try {
    markUnfinished(directory)
    await fill()
    markFinished(directory)
  } catch (error) {
    if (isNew) await workers.run(removeTree, directory).result
    else {
      await empty()
      markFinished(directory)
    }
    throw error
  } finally {
    held.release()
  }
}

/** True when the directory had to be made. */
async function makeEmpty(directory: string, mode: number | undefined): Promise<boolean> {
  if (await isThere(directory)) return false
  try {
    await mkdir(directory, { mode })
    return true
  } catch (error) {
    throw diskError(error, directory)
  }
}

/**
 * Whether the directory is there already, and empty but for what a killed run has left; to be looked at before anything
 * is fetched for it.
 *
 * Errors: ALREADY_EXISTS (it isn't empty, or no directory), NOT_FOUND (nor is its parent there), DENIED.
 */
export async function isThere(directory: string): Promise<boolean> {
  try {
    if ((await readdir(directory)).length === 0 || isUnfinished(directory)) return true
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR') throw unusable('ALREADY_EXISTS', directory, 'it is not a directory')
    if (errnoOf(error) !== 'ENOENT') throw diskError(error, directory)
    if (!existsSync(dirname(directory))) throw unusable('NOT_FOUND', directory, `there is no ${dirname(directory)}`)
    return false
  }
  // Where a directory can't be marked, nothing tells what a killed run has left from what somebody keeps there.
  throw unusable('ALREADY_EXISTS', directory, 'it is not empty', 'if an unpack was killed there, remove it first')
}

function unusable(
  code: 'NOT_FOUND' | 'ALREADY_EXISTS' | 'IN_USE',
  directory: string,
  why: string,
  hint?: string,
): ImageError {
  const details = { what: 'directory', name: directory }
  const extras = hint === undefined ? {} : { hint }
  return new ImageError(code, `Cannot unpack into ${directory}: ${why}`, details, extras)
}
