/** Messages in order, for one reader that waits for the next. */
export class Inbox<T> {
  readonly #queue: T[] = []
  #ended = false
  #failure: { readonly reason: unknown } | undefined
  #wake: (() => void) | undefined

  push(message: T): void {
    this.#queue.push(message)
    this.#wake?.()
  }

  /** What was pushed before is still delivered. */
  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  /** The reader's next call rejects, whatever is queued. */
  fail(reason: unknown): void {
    this.#failure = { reason }
    this.#wake?.()
  }

  async next(): Promise<T | undefined> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.reason
      if (this.#queue.length > 0) return this.#queue.shift()
      if (this.#ended) return undefined
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
  }
}
