import { closeSync, constants, openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { ImageError } from '../errors.ts'
import { LOCK_EX, LOCK_NB, LOCK_SH } from './sys/constants.ts'
import { openSys } from './sys/linux.ts'

/**
 * Waiting for a kernel lock can't be cancelled, so it is polled, give or take half: soon at first, since many are held for
 * milliseconds, then half as often each time, down to this.
 */
const POLL_MS = 40
const FIRST_POLL_MS = 2

export interface LockOptions {
  /** Others may share it. Default: exclusive. */
  readonly shared?: boolean
  readonly signal?: AbortSignal
  /** 0 doesn't wait at all. Default: for ever. */
  readonly timeoutMs?: number
  /** Called once, when somebody else holds it and waiting begins. */
  readonly onWait?: () => void
}

/** A kernel lock (flock) on a file. It ends with `release`, or with the process, however that dies. */
export interface Lock {
  /** Open on the locked file. */
  readonly fd: number
  release(): void
}

/**
 * Locks the file at `path`, which is made when absent.
 *
 * Whoever removes lock files must check after locking that the path still names the file: see {@link lockFd}.
 *
 * Errors: LOCKED when `timeoutMs` has passed; the signal's reason.
 */
export async function lock(path: string, options: LockOptions = {}): Promise<Lock> {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
  try {
    await lockFd(fd, path, options)
  } catch (error) {
    closeSync(fd)
    throw error
  }
  return { fd, release: () => closeSync(fd) }
}

/** Locks an open file. Errors: as {@link lock}. */
export async function lockFd(fd: number, path: string, options: LockOptions = {}): Promise<void> {
  const { shared = false, signal, timeoutMs = Number.POSITIVE_INFINITY, onWait } = options
  const sys = openSys()
  const operation = (shared ? LOCK_SH : LOCK_EX) | LOCK_NB
  const deadline = performance.now() + timeoutMs
  for (let pollMs = FIRST_POLL_MS; !sys.flock(fd, operation); pollMs = Math.min(2 * pollMs, POLL_MS)) {
    signal?.throwIfAborted()
    if (performance.now() >= deadline) {
      const hint = 'another davit is at work on it: wait, or raise --lock-timeout'
      throw new ImageError('LOCKED', `Cannot lock ${path} in time: another process holds it`, { path }, { hint })
    }
    if (pollMs === FIRST_POLL_MS) onWait?.()
    await sleep(pollMs * (0.5 + Math.random()), undefined, signal === undefined ? {} : { signal }).catch(() => {
      signal?.throwIfAborted()
    })
  }
}
