import { randomBytes } from 'node:crypto'
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf } from '../errors.ts'
import { diskError } from '../system/disk-error.ts'
import { writeAll } from '../system/files.ts'
import { openHostFile } from '../system/jail.ts'
import { LOCK_EX, LOCK_NB } from '../system/sys/constants.ts'
import { openSys } from '../system/sys/linux.ts'
import { isFileHeld } from './held-file.ts'

/** Ends the name of an index in the making. */
const STAGED = '.new'

/**
 * The stored index of a layer, by its path (`Layout.index`); undefined when there is none. The bytes carry their own
 * version and checksum: whoever decodes them makes a new one from the tar when they are no good.
 */
export function readLayerIndex(path: string): Uint8Array | undefined {
  let fd: number
  try {
    fd = openHostFile(path)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    return readFileSync(fd)
  } finally {
    closeSync(fd)
  }
}

/**
 * Writes an index, in pieces, whole or not at all. Not synced: after a power cut it may have to be made again.
 *
 * Errors: NO_SPACE and other disk errors.
 */
export function writeLayerIndex(path: string, pieces: readonly Uint8Array[]): void {
  const { fd, staging } = stage(path)
  try {
    for (const bytes of pieces) writeAll(fd, bytes)
    renameSync(staging, path)
  } catch (error) {
    rmSync(staging, { force: true })
    throw diskError(error, path)
  } finally {
    closeSync(fd)
  }
}

/** A file of its own for every writer, held by a kernel lock as long as its writer lives. */
function stage(path: string): { readonly fd: number; readonly staging: string } {
  for (;;) {
    const staging = `${path}.${randomBytes(6).toString('hex')}${STAGED}`
    const fd = openSync(staging, 'wx', 0o600)
    // A sweep may take it in the instant before it is held.
    if (openSys().flock(fd, LOCK_EX | LOCK_NB) && fstatSync(fd).nlink > 0) return { fd, staging }
    closeSync(fd)
  }
}

/** Removes from a directory what writers that died have left, and the indexes that `isNeeded` says nobody can use. */
export function sweepLayerIndexes(directory: string, isNeeded: (name: string) => boolean): number {
  let removed = 0
  for (const name of readdirSync(directory)) {
    const path = join(directory, name)
    // A staged one that is gone has just become an index.
    if (name.endsWith(STAGED) ? (isFileHeld(path) ?? true) : isNeeded(name)) continue
    rmSync(path, { force: true })
    removed += 1
  }
  return removed
}
