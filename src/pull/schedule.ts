/**
 * Layers in flight at a time, per pull: enough to fill a link and the workers, few enough that the lowest layer, which
 * is unpacked first, isn't starved. BuildKit's figure for connections a registry.
 */
export const MAX_LAYERS_IN_FLIGHT = 4

/**
 * Turns in order of asking: layers ask base first, so the base is fetched first. Documents don't ask: JSON never waits
 * behind layers.
 */
export class Turns {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(limit: number) {
    this.#free = limit
  }

  /** Runs `work` when it is its turn; rejects with the signal's reason when that comes first. */
  async take<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    await this.#enter(signal)
    try {
      return await work()
    } finally {
      this.#leave()
    }
  }

  #enter(signal: AbortSignal | undefined): Promise<void> | undefined {
    signal?.throwIfAborted()
    if (this.#free > 0) {
      this.#free -= 1
      return undefined
    }
    return new Promise<void>((resolve, reject) => {
      const go = () => {
        signal?.removeEventListener('abort', stop)
        resolve()
      }
      const stop = () => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1)
        reject(signal?.reason)
      }
      this.#waiting.push(go)
      signal?.addEventListener('abort', stop, { once: true })
    })
  }

  #leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free += 1
    else next()
  }
}
