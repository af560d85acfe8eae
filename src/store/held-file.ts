import { closeSync, constants, fstatSync, openSync, statSync, unlinkSync } from 'node:fs'
import { errnoOf } from '../errors.ts'
import { type LockOptions, lockFd } from '../system/locks.ts'
import { LOCK_NB, LOCK_SH } from '../system/sys/constants.ts'
import { openSys } from '../system/sys/linux.ts'

/**
 * A file that is its own lock: whoever holds the flock may write it, rename it or remove it, and nobody else.
 *
 * Opens and locks the one at `path`, making it when there is none. Closing the descriptor lets go of it.
 *
 * Errors: LOCKED; the signal's reason; what the disk says.
 */
export async function holdFile(path: string, options: LockOptions = {}): Promise<number> {
  const { timeoutMs = Number.POSITIVE_INFINITY, onWait } = options
  const deadline = performance.now() + timeoutMs
  let waiting = false
  const waitOnce = () => {
    if (!waiting) onWait?.()
    waiting = true
  }
  for (;;) {
    options.signal?.throwIfAborted()
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
    try {
      await lockFd(fd, path, { ...options, timeoutMs: Math.max(0, deadline - performance.now()), onWait: waitOnce })
      if (isAt(path, fd)) return fd
    } catch (error) {
      closeSync(fd)
      throw error
    }
    // Its holder before has renamed or removed it: the lock is on a file that has left the path.
    closeSync(fd)
  }
}

/** Removes the file at `path`; false when there is none. Errors: LOCKED when somebody holds it. */
export async function removeUnheld(path: string): Promise<boolean> {
  const fd = openIfThere(path)
  if (fd === undefined) return false
  try {
    await lockFd(fd, path, { timeoutMs: 0 })
    if (!isAt(path, fd)) return false
    unlinkSync(path)
    return true
  } finally {
    closeSync(fd)
  }
}

/** Whether somebody holds the file at `path`; undefined when there is none. */
export function isFileHeld(path: string): boolean | undefined {
  const fd = openIfThere(path)
  if (fd === undefined) return undefined
  try {
    return !openSys().flock(fd, LOCK_SH | LOCK_NB)
  } finally {
    closeSync(fd)
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDWR | constants.O_NOFOLLOW)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function isAt(path: string, fd: number): boolean {
  const [there, here] = [statSync(path, { throwIfNoEntry: false }), fstatSync(fd)]
  return there !== undefined && there.ino === here.ino && there.dev === here.dev
}
