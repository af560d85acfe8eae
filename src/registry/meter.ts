import type { Limits } from './limits.ts'

/** What a connection has brought, and the time that it was given: pauses of the reader don't count. */
export class Meter {
  #bytes = 0
  #ms = 0
  #since: number | undefined = performance.now()

  get bytes(): number {
    return this.#bytes
  }

  get ms(): number {
    return this.#since === undefined ? this.#ms : this.#ms + performance.now() - this.#since
  }

  add(bytes: number): void {
    this.#bytes += bytes
  }

  pause(): void {
    this.#ms = this.ms
    this.#since = undefined
  }

  resume(): void {
    this.#since ??= performance.now()
  }
}

/** What a connection fails with that is alive, and too slow to be of use. */
export const tooSlowCode = 'ERR_TOO_SLOW'

/** Calls `onSlow` when `meter` stays below the least pace; returns how to stop watching. */
export function watchPace(
  meter: Meter,
  { slowBytesPerSecond, slowMs }: Pick<Limits, 'slowBytesPerSecond' | 'slowMs'>,
  onSlow: (error: Error) => void,
): () => void {
  let begun = { bytes: 0, ms: 0 }
  const look = () => {
    const now = { bytes: meter.bytes, ms: meter.ms }
    if (now.ms - begun.ms < slowMs) return
    const isSlow = (now.bytes - begun.bytes) * 1000 < slowBytesPerSecond * (now.ms - begun.ms)
    begun = now
    if (isSlow)
      onSlow(Object.assign(new Error(`less than ${slowBytesPerSecond} bytes a second`), { code: tooSlowCode }))
  }
  const timer = setInterval(look, Math.min(1000, slowMs / 4)).unref()
  return () => clearInterval(timer)
}
