/** A source that can be read a chunk at a time, and take back what was read too far. */
export class Input {
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #returned: Uint8Array[] = []
  #reading = false

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]()
  }

  /** The next chunk, never an empty one; `undefined` at the end. */
  async next(): Promise<Uint8Array | undefined> {
    const returned = this.#returned.pop()
    if (returned !== undefined) return returned
    this.#reading = true
    try {
      for (;;) {
        const { value, done } = await this.#chunks.next()
        if (done === true) return undefined
        if (value.length > 0) return value
      }
    } finally {
      this.#reading = false
    }
  }

  /** Gives bytes back: the next ones to be read. */
  unread(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#returned.push(bytes)
  }

  /** Ends the source. Doesn't wait for a chunk that is under way: it may never come. */
  async close(): Promise<void> {
    const closing = this.#chunks.return?.()
    if (!this.#reading) await closing
    else closing?.catch(() => {})
  }
}
