/** The right to have a connection for layers; given back once. */
export interface Place {
  release(): void
}

interface Waiting {
  readonly host: string
  readonly signal: AbortSignal | undefined
  readonly go: (place: Place) => void
  readonly stop: (reason: unknown) => void
}

/**
 * Counts the connections that carry layers, for each host and in all. Documents need no place: they never wait behind
 * layers.
 *
 * Places go to whoever asked first, so the lowest layer comes first; {@link tryTake} is for those who are better off
 * with more connections, and gets what nobody waits for.
 */
export class Connections {
  readonly #perHost: number
  #free: number
  readonly #taken = new Map<string, number>()
  readonly #waiting: Waiting[] = []
  readonly #listeners = new Set<() => void>()

  constructor(perHost: number, total: number) {
    this.#perHost = perHost
    this.#free = total
  }

  /** Waits for a place at `host`. Errors: `signal`'s reason. */
  async take(host: string, signal?: AbortSignal): Promise<Place> {
    signal?.throwIfAborted()
    const place = this.tryTake(host)
    if (place !== undefined) return place
    // One listener, added once, for all who wait with a signal: Node warns of a leak at the eleventh.
    signal?.addEventListener('abort', this.#stop)
    return new Promise((go, stop) => this.#waiting.push({ host, signal, go, stop }))
  }

  /** A place at `host`, unless all are taken or somebody waits. */
  tryTake(host: string): Place | undefined {
    return this.#hasRoom(host) && !this.#waiting.some(waiting => this.#hasRoom(waiting.host))
      ? this.#give(host)
      : undefined
  }

  /** Calls `listener` whenever a place is free that nobody waits for; returns how to stop that. Who came first hears first. */
  onFree(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #hasRoom(host: string): boolean {
    return this.#free > 0 && (this.#taken.get(host) ?? 0) < this.#perHost
  }

  #give(host: string): Place {
    this.#free -= 1
    this.#taken.set(host, (this.#taken.get(host) ?? 0) + 1)
    let released = false
    return {
      release: () => {
        if (released) return
        released = true
        this.#free += 1
        this.#taken.set(host, (this.#taken.get(host) ?? 0) - 1)
        this.#serve()
        for (const listener of [...this.#listeners]) listener()
      },
    }
  }

  #serve(): void {
    for (const waiting of [...this.#waiting]) {
      if (!this.#hasRoom(waiting.host)) continue
      this.#leave(waiting)
      waiting.go(this.#give(waiting.host))
    }
  }

  #leave(waiting: Waiting): void {
    this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
    const isLast = !this.#waiting.some(({ signal }) => signal === waiting.signal)
    if (isLast) waiting.signal?.removeEventListener('abort', this.#stop)
  }

  readonly #stop = ({ currentTarget }: Event): void => {
    for (const waiting of this.#waiting.filter(({ signal }) => signal === currentTarget)) {
      this.#leave(waiting)
      waiting.stop(waiting.signal?.reason)
    }
  }
}
