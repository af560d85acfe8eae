import { setTimeout as sleep } from 'node:timers/promises'
import { hasCode } from '../errors.ts'
import { isTooSlow, isTransient } from './failures.ts'
import type { Limits } from './limits.ts'

/**
 * How often and how long one operation is tried again: a budget of tries and of time, whoever of its parts fails.
 *
 * A host that says when to come back is taken at its word, unless that is too far off: then its refusal stands.
 */
export class Patience {
  readonly #limits: Limits
  #failures = 0
  #slow = 0
  #since: number | undefined

  constructor(limits: Limits) {
    this.#limits = limits
  }

  /** Runs `attempt` until it succeeds, fails for good or has used the budget up. Errors: the last one's; `signal`'s reason. */
  async run<T>(attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (;;) {
      try {
        return await attempt()
      } catch (error) {
        await this.after(error, signal)
      }
    }
  }

  /** Waits until another try makes sense after `error`. Errors: `error`, when none does; `signal`'s reason. */
  async after(error: unknown, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const { backoffMs, retryAfterMs, deadlineMs, slowConnections } = this.#limits
    if (isTooSlow(error) && ++this.#slow >= slowConnections) throw error
    const backoff = backoffMs[this.#failures++]
    const asked = askedWait(error)
    if (backoff === undefined || !isTransient(error) || asked > retryAfterMs) throw error
    // Never sooner than asked for.
    const wait = Math.max(jittered(backoff), asked + (asked * Math.random()) / 10)
    const now = performance.now()
    this.#since ??= now
    if (now + wait - this.#since > deadlineMs) throw error
    await pause(wait, signal)
  }

  /** Something was got that is worth having: what failed before counts no more. */
  renew(): void {
    this.#failures = 0
    this.#slow = 0
    this.#since = undefined
  }
}

/** One operation with a {@link Patience} of its own. */
export function withRetries<T>(limits: Limits, attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  return new Patience(limits).run(attempt, signal)
}

/** Waits; rejects with `signal`'s own reason. */
async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal })
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}

/** A quarter more or less, so that many clients don't come back in step. */
function jittered(ms: number): number {
  return ms * (0.75 + Math.random() / 2)
}

/** In milliseconds; 0 when nothing was said. */
function askedWait(error: unknown): number {
  const said = hasCode(error, 'RATE_LIMITED') || hasCode(error, 'UNAVAILABLE') ? error.details.retryAfterMs : undefined
  return said ?? 0
}
