import { accessSync, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf, ImageError } from '../errors.ts'
import { diskError } from '../system/disk-error.ts'

/** Two pages of the smallest size begin every LMDB file. */
const MIN_BYTES = 8192

/**
 * A meta page, as LMDB of this version writes it (`MDB_meta` behind a page header of 24 bytes): there are two, and the
 * one of the later transaction counts.
 */
const META = { magic: 24, pageSize: 48, lastPage: 144, transaction: 152, end: 160 } as const
const MAGIC = 0xbeefc0de
const pageSizes = { min: 512, max: 65_536 } as const

/**
 * Looks at a database file before LMDB does: it takes the whole process down over one that isn't its own, or that has
 * been cut short. `isAbsent` means that LMDB may make one.
 *
 * Errors: MALFORMED.
 */
export function checkDbFile(directory: string): { readonly isAbsent: boolean } {
  let fd: number
  try {
    fd = openSync(join(directory, 'data.mdb'), constants.O_RDONLY)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { isAbsent: true }
    throw error
  }
  try {
    if (fstatSync(fd).size === 0) return { isAbsent: true }
    const needed = bytesInUse(fd)
    if (needed === undefined) throw malformedDb(directory, 'it is damaged')
    // Looked at last: whoever commits meanwhile has the file grow before a meta page says so.
    const { size } = fstatSync(fd)
    if (size < Math.max(needed, MIN_BYTES))
      throw malformedDb(directory, `it has been cut short, to ${size} of ${needed} bytes`)
    return { isAbsent: false }
  } finally {
    closeSync(fd)
  }
}

/**
 * Makes LMDB's lock file, or sees that it can be written: LMDB takes the whole process down when it can't open it. One
 * that is there is not opened here: closing it would drop the locks that this process may have on it.
 *
 * Errors: the disk's.
 */
export function checkLockFile(directory: string): void {
  const path = join(directory, 'lock.mdb')
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw diskError(error, path)
    accessSync(path, constants.R_OK | constants.W_OK)
  }
}

export function malformedDb(directory: string, found: string): ImageError {
  const hint = 'davit rebuild makes it anew from the files'
  return new ImageError('MALFORMED', `Cannot open database ${directory}: ${found}`, { what: directory }, { hint })
}

/** Bytes that the file must have; undefined when it is none of LMDB's. */
function bytesInUse(fd: number): number | undefined {
  const first = readMeta(fd, 0)
  if (first === undefined) return undefined
  const second = readMeta(fd, first.pageSize)
  if (second === undefined || second.pageSize !== first.pageSize) return undefined
  const { lastPage } = second.transaction > first.transaction ? second : first
  return (Number(lastPage) + 1) * first.pageSize
}

interface Meta {
  readonly pageSize: number
  readonly lastPage: bigint
  readonly transaction: bigint
}

function readMeta(fd: number, offset: number): Meta | undefined {
  const page = Buffer.alloc(META.end)
  if (readSync(fd, page, 0, META.end, offset) < META.end || page.readUInt32LE(META.magic) !== MAGIC) return undefined
  const pageSize = page.readUInt32LE(META.pageSize)
  if (pageSize < pageSizes.min || pageSize > pageSizes.max) return undefined
  return {
    pageSize,
    lastPage: page.readBigUInt64LE(META.lastPage),
    transaction: page.readBigUInt64LE(META.transaction),
  }
}
