/** A part of a blob that is fetched ahead of its turn, into memory. */
export class Segment implements AsyncIterable<Uint8Array> {
  readonly start: number
  readonly end: number
  readonly #asked = performance.now()
  readonly #stop = new AbortController()
  readonly #chunks: Uint8Array[] = []
  #got = 0
  #state: 'asked' | 'coming' | 'ended' = 'asked'
  #wake: (() => void) | undefined

  constructor(start: number, end: number) {
    this.start = start
    this.end = end
  }

  /** Aborted when nobody wants it any more. */
  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** Whether a reader may count on it: it has been answered. */
  get isComing(): boolean {
    return this.#state !== 'asked'
  }

  /** Whether it may be coming still: it is, or was asked for less than `ms` ago. */
  isDue(ms: number): boolean {
    return this.isComing || performance.now() - this.#asked < ms
  }

  /** Whether nothing more of it will come. */
  get isEnded(): boolean {
    return this.#state === 'ended'
  }

  /** Whether any of it has come. */
  get isBegun(): boolean {
    return this.#got > 0
  }

  /** Takes in what `open` answers. Rejects when it fails, or sends more; what came before that stays. */
  async fill(open: (signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>): Promise<void> {
    try {
      const body = await open(this.signal)
      this.#state = 'coming'
      this.#wake?.()
      for await (const chunk of body) {
        if (this.#got + chunk.length > this.end - this.start) throw new Error('more than was asked for')
        this.#got += chunk.length
        this.#chunks.push(chunk)
        this.#wake?.()
      }
      if (this.#got < this.end - this.start) throw new Error('less than was asked for')
    } finally {
      this.#state = 'ended'
      this.#wake?.()
    }
  }

  /** Waits for an answer, up to `ms` after it was asked for. */
  async answered(ms: number): Promise<void> {
    while (!this.isComing && this.isDue(ms)) {
      const left = ms - (performance.now() - this.#asked)
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, left)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  drop(): void {
    this.#chunks.length = 0
    this.#stop.abort()
  }

  /** What came, in order, until it ends, whole or not. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const chunk = this.#chunks.shift()
      if (chunk !== undefined) yield chunk
      else if (this.#state === 'ended') return
      else
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
    }
  }
}
