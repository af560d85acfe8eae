/**
 * Work that stands or falls together: the first failure aborts the rest, and nothing is left running behind `wait`.
 */
export class Group {
  readonly #abort = new AbortController()
  readonly #running = new Set<Promise<unknown>>()
  #failure: { readonly error: unknown } | undefined
  /** Aborted by the first failure, or by the signal that was given. */
  readonly signal: AbortSignal

  constructor(signal?: AbortSignal) {
    this.signal = signal === undefined ? this.#abort.signal : AbortSignal.any([signal, this.#abort.signal])
  }

  /** Starts `work` as a member. The result may be ignored: `wait` reports its failure. */
  run<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const member = this.#guard(work)
    this.#running.add(member)
    member.then(
      () => this.#running.delete(member),
      () => this.#running.delete(member),
    )
    return member
  }

  /** Resolves when every member has ended, those that members started too; throws the first failure. */
  async wait(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled([...this.#running])
    if (this.#failure !== undefined) throw this.#failure.error
  }

  async #guard<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      this.signal.throwIfAborted()
      return await work(this.signal)
    } catch (error) {
      this.#failure ??= { error }
      this.#abort.abort(error)
      throw error
    }
  }
}
