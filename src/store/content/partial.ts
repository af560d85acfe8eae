import { closeSync, constants, fstatSync, openSync, statSync, unlinkSync } from 'node:fs'
import { errnoOf } from '../../errors.ts'
import { lockFd } from '../../system/locks.ts'
import { diskError } from './disk-error.ts'
import type { IngestOptions } from './store.ts'

/**
 * Opens and locks the partial blob at `path`, making it when there is none. The lock ends when the descriptor is
 * closed.
 *
 * Errors: LOCKED, NO_SPACE, DENIED; the signal's reason.
 */
export async function holdPartial(path: string, options: IngestOptions = {}): Promise<number> {
  const { signal, lockTimeoutMs = Number.POSITIVE_INFINITY, onWait } = options
  const deadline = performance.now() + lockTimeoutMs
  let waiting = false
  const waitOnce = () => {
    if (!waiting) onWait?.()
    waiting = true
  }
  for (;;) {
    signal?.throwIfAborted()
    const fd = create(path)
    try {
      const timeoutMs = Math.max(0, deadline - performance.now())
      await lockFd(fd, path, { timeoutMs, onWait: waitOnce, ...(signal === undefined ? {} : { signal }) })
      if (isAt(path, fd)) return fd
    } catch (error) {
      closeSync(fd)
      throw error
    }
    // Its holder before has renamed or removed it: the lock is on a file that has left the path.
    closeSync(fd)
  }
}

/**
 * Removes the partial blob at `path`; false when there is none. Errors: LOCKED when somebody holds it.
 */
export async function abandonPartial(path: string): Promise<boolean> {
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

function create(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
  } catch (error) {
    throw diskError(error, path)
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
