import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { errnoOf } from '../errors.ts'

/**
 * Makes a directory, for its owner alone, and what is missing above it; answers the topmost that it made. Node's own
 * `recursive` never returns where a file system refuses names with ENOENT, as /proc does.
 */
export function makeDirectories(path: string): string | undefined {
  try {
    mkdirSync(path, { mode: 0o700 })
    return path
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return undefined
    if (errnoOf(error) !== 'ENOENT' || existsSync(dirname(path))) throw error
  }
  const topmost = makeDirectories(dirname(path))
  return makeDirectories(path) === undefined ? topmost : (topmost ?? path)
}

/** Writes all of `bytes`, at `position` or where the file stands: a full disk takes less than asked before it fails. */
export function writeAll(fd: number, bytes: Uint8Array, position?: number): void {
  for (let done = 0; done < bytes.length; ) {
    const at = position === undefined ? null : position + done
    done += writeSync(fd, bytes, done, bytes.length - done, at)
  }
}

/** Makes names in `directory` durable: after a rename, only this survives a power cut. */
export function syncDirectory(directory: string): void {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Renames `from` to `to`, in the same file system, for good. */
export function renameDurably(from: string, to: string): void {
  renameSync(from, to)
  syncDirectory(dirname(to))
}

/**
 * Replaces the file at `path` by `content`: readers and power cuts see the old one or the new one, whole. Not `durable`:
 * readers and crashes of processes do, and a power cut may leave anything.
 */
export function writeFileDurably(path: string, content: string, { mode = 0o600, durable = true } = {}): void {
  const staging = `${path}.${randomBytes(6).toString('hex')}.new`
  const fd = openSync(staging, 'wx', mode)
  try {
    writeAll(fd, Buffer.from(content))
    if (durable) fsyncSync(fd)
  } catch (error) {
    rmSync(staging, { force: true })
    throw error
  } finally {
    closeSync(fd)
  }
  if (durable) renameDurably(staging, path)
  else renameSync(staging, path)
}
