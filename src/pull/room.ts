/** How much a receiver can take right now: senders wait for it. */
export class Room {
  #free = 0
  #failure: { readonly reason: unknown } | undefined
  #wake: () => void = () => {}

  add(): void {
    this.#free += 1
    this.#wake()
  }

  /** The receiver takes no more: whoever waits, or comes later, is told why. */
  fail(reason: unknown): void {
    this.#failure = { reason }
    this.#wake()
  }

  async take(): Promise<void> {
    while (this.#free === 0 && this.#failure === undefined) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    if (this.#failure !== undefined) throw this.#failure.reason
    this.#free -= 1
  }
}
