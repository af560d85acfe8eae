import { randomBytes } from 'node:crypto'
import { closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf } from '../errors.ts'
import { LOCK_EX, LOCK_NB, LOCK_SH } from '../system/sys/constants.ts'
import { openSys } from '../system/sys/linux.ts'

/** Begins the names of directories in the making, and of those on their way out. */
const MAKING = 'new-'
const LEAVING = 'rm-'

/** A directory that is held by a kernel lock: as long as its holder lives, nobody clears it away. */
export interface Held {
  readonly path: string
  release(): void
}

/** Makes an empty directory that is invisible until it is renamed. */
export function openStaging(snapshots: string): Held {
  for (;;) {
    const path = join(snapshots, `${MAKING}${randomBytes(8).toString('hex')}`)
    mkdirSync(path, { mode: 0o700 })
    // A cleanup may take it in the instant before it is locked.
    const held = hold(path)
    if (held !== undefined) return held
  }
}

/** Renames the directory `name` out of sight, for its holder to remove. Undefined when it is gone, or held by another. */
export function discard(snapshots: string, name: string): Held | undefined {
  const from = join(snapshots, name)
  const path = join(snapshots, `${LEAVING}${randomBytes(8).toString('hex')}`)
  const held = hold(from)
  if (held === undefined) return undefined
  renameSync(from, path)
  return { ...held, path }
}

/** Whether `name` is a directory that a crash may have left behind. */
export function isTransient(name: string): boolean {
  return name.startsWith(MAKING) || name.startsWith(LEAVING)
}

/** Holds the directory at `path`; undefined when somebody else does (also not shared), or when it is gone. */
export function hold(path: string, { shared = false } = {}): Held | undefined {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
  const operation = (shared ? LOCK_SH : LOCK_EX) | LOCK_NB
  if (openSys().flock(fd, operation) && isAt(fd, path)) return { path, release: () => closeSync(fd) }
  closeSync(fd)
  return undefined
}

function isAt(fd: number, path: string): boolean {
  const [held, there] = [fstatSync(fd), lstatSync(path, { throwIfNoEntry: false })]
  return there !== undefined && there.ino === held.ino && there.dev === held.dev
}
