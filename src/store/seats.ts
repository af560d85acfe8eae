import { setTimeout as sleep } from 'node:timers/promises'
import { ImageError } from '../errors.ts'
import type { IngestOptions } from './content/store.ts'

const POLL_MS = 5

/** Locks by name within one process. */
export class Seats {
  readonly #taken = new Set<string>()

  /** Resolves to what gives the seat back. Errors: LOCKED; the signal's reason. */
  async take(name: string, options: IngestOptions = {}): Promise<() => void> {
    const { signal, lockTimeoutMs = Number.POSITIVE_INFINITY, onWait } = options
    const deadline = performance.now() + lockTimeoutMs
    signal?.throwIfAborted()
    for (let waited = false; this.#taken.has(name); waited = true) {
      if (performance.now() >= deadline) {
        throw new ImageError('LOCKED', `Cannot lock ${name}: somebody else holds it`, { path: name })
      }
      if (!waited) onWait?.()
      await sleep(POLL_MS)
      signal?.throwIfAborted()
    }
    this.#taken.add(name)
    return () => this.#taken.delete(name)
  }
}
