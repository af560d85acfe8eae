/** How long ago still counts: shorter flickers, longer lies after a stall. */
const smoothingMs = 4_000

/** Before this much has been watched, a rate is a guess and a time left is a lie. */
const minWatchedMs = 400

/** Bytes a second, smoothed: what was moved longer ago weighs exponentially less, and a stall shows. */
export class Rate {
  #bytes = 0
  #ms = 0
  #watchedMs = 0
  #at: number | undefined

  /** `bytes` have moved since the last call. The first one only starts the clock. */
  add(bytes: number, now: number): void {
    if (this.#at === undefined) {
      if (bytes > 0) this.#at = now
      return
    }
    const elapsed = Math.max(now - this.#at, 0)
    const kept = Math.exp(-elapsed / smoothingMs)
    // Both are taken as spread evenly over the time since: a lump at its end would weigh too much.
    const weighed = smoothingMs * (1 - kept)
    this.#bytes = this.#bytes * kept + (elapsed === 0 ? bytes : (bytes * weighed) / elapsed)
    this.#ms = this.#ms * kept + weighed
    this.#watchedMs += elapsed
    this.#at = now
  }

  /** Undefined until there is something to say. */
  bytesPerSecond(now: number): number | undefined {
    this.add(0, now)
    if (this.#watchedMs < minWatchedMs || this.#ms === 0) return undefined
    return (this.#bytes / this.#ms) * 1000
  }

  /** Milliseconds until `bytes` more have moved, at this rate. */
  timeLeftMs(bytes: number, now: number): number | undefined {
    const rate = this.bytesPerSecond(now)
    if (rate === undefined || rate < 1) return undefined
    return (bytes / rate) * 1000
  }
}
