/**
 * Layers in flight at a time, per pull: enough to fill a link and the workers, few enough that the lowest layer, which
 * is unpacked first, isn't starved. BuildKit's figure for connections a registry.
 */
export const MAX_LAYERS_IN_FLIGHT = 4

/**
 * Turns in order of asking: layers ask base first, so the base is fetched first. Documents don't ask: JSON never waits
 * behind layers. Whoever waits rejects with the signal's reason when that comes first.
 */
export class Turns {
  readonly #signal: AbortSignal | undefined
  readonly #waiting: Waiting[] = []
  #free: number

  constructor(limit: number, signal?: AbortSignal) {
    this.#free = limit
    this.#signal = signal
  }

  /** Runs `work` when it is its turn. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    await this.#enter()
    try {
      return await work()
    } finally {
      this.#leave()
    }
  }

  #enter(): Promise<void> | undefined {
    this.#signal?.throwIfAborted()
    if (this.#free > 0) {
      this.#free -= 1
      return undefined
    }
    // One listener for all who wait: Node warns of a leak at the eleventh.
    if (this.#waiting.length === 0) this.#signal?.addEventListener('abort', this.#stop)
    return new Promise<void>((go, stop) => this.#waiting.push({ go, stop }))
  }

  #leave(): void {
    const next = this.#waiting.shift()
    if (this.#waiting.length === 0) this.#signal?.removeEventListener('abort', this.#stop)
    if (next === undefined) this.#free += 1
    else next.go()
  }

  readonly #stop = (): void => {
    for (const { stop } of this.#waiting.splice(0)) stop(this.#signal?.reason)
  }
}

interface Waiting {
  readonly go: () => void
  readonly stop: (reason: unknown) => void
}
