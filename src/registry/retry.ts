import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode } from '../errors.ts'
import { isTransient } from './failures.ts'
import type { Limits } from './limits.ts'

/**
 * Runs `attempt` until it succeeds, fails for good or has used its tries up.
 *
 * A host that says when to come back is taken at its word, unless that is too far off: then its refusal stands.
 *
 * Errors: the last attempt's; `signal`'s reason.
 */
export async function withRetries<T>(
  { backoffMs, retryAfterMs }: Limits,
  attempt: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  for (const backoff of backoffMs) {
    try {
      return await attempt()
    } catch (error) {
      signal?.throwIfAborted()
      if (!isTransient(error)) throw error
      const wait = askedWait(error) ?? jittered(backoff)
      if (wait > retryAfterMs) throw error
      await pause(wait, signal)
    }
  }
  return await attempt()
}

/** Waits; rejects with `signal`'s own reason. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal })
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}

/** A quarter more or less, so that many clients don't come back in step. */
export function jittered(ms: number): number {
  return ms * (0.75 + Math.random() / 2)
}

function askedWait(error: unknown): number | undefined {
  if (hasCode(error, 'RATE_LIMITED') || hasCode(error, 'UNAVAILABLE')) return error.details.retryAfterMs
  return undefined
}
