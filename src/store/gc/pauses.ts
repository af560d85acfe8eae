import { setTimeout as sleep } from 'node:timers/promises'
import type { FreezeOptions, Leases } from '../leases.ts'

/** How long leases are to be frozen at a time. Pulls are promised no more than 100: the rest is for slow disks. */
const PAUSE_MS = 20
/** A batch takes this many times as much as the one before, at most: one that was quick says little. */
const GROWTH = 4

/**
 * Calls `work` with `items`, a few at a time, as many as take {@link PAUSE_MS}, with leases frozen; then as long with
 * leases free, so that whoever waits has a turn.
 *
 * Errors: those of `work`; LOCKED; the signal's reason.
 */
export async function inPauses<T>(
  leases: Leases,
  items: readonly T[],
  options: FreezeOptions,
  work: (items: readonly T[]) => Promise<void>,
): Promise<void> {
  let count = GROWTH
  for (let at = 0; at < items.length; ) {
    options.signal?.throwIfAborted()
    const frozen = await leases.freeze(options)
    const begun = performance.now()
    try {
      await work(items.slice(at, at + count))
    } finally {
      frozen.release()
    }
    at += count
    const tookMs = performance.now() - begun
    count = Math.max(1, Math.floor(count * Math.min(GROWTH, PAUSE_MS / tookMs)))
    await sleep(tookMs)
  }
}
