/** What the receiver is handed at a time: few crossings between threads, and two of them fit any memory budget. */
export const chunkBytes = 512 * 1024

/** A piece that is worth a crossing of its own while more is on its way. */
const enoughBytes = 256 * 1024

/** How long a waiting reader is left without the little that has come: progress is shown some times a second. */
const lingerMs = 50

/** Chunks held for a slow reader before the sender is told to stop. */
const heldChunks = 2

/** The sender's end of a connection. */
export interface Source {
  pause(): void
  resume(): void
  /** Breaks the connection off. */
  abort(reason: Error): void
}

/**
 * A response body: gathers what the network delivers into chunks that are worth handing on.
 *
 * Shape:  chunks of 256 KiB to 512 KiB while the network keeps up, shorter ones when it is slow and at the end; each
 *         with a buffer of its own.
 * Errors: what the sender failed with, after all bytes before the failure; an abort comes at once.
 */
export class Body implements AsyncIterable<Uint8Array> {
  readonly #source: Source
  #unknownBytes: number
  #held: Uint8Array[] = []
  #chunk: Buffer | undefined
  readonly #spare: ArrayBuffer[]
  #filled = 0
  #paused = false
  #ended = false
  #failure: { readonly reason: unknown } | undefined
  #wake: (() => void) | undefined
  #linger: NodeJS.Timeout | undefined
  #isPatient = false

  /** `length`: as announced, when it was. `spare`: memory of {@link chunkBytes} each, which chunks may be made of. */
  constructor(source: Source, length = Number.POSITIVE_INFINITY, spare: ArrayBuffer[] = []) {
    this.#source = source
    this.#unknownBytes = length
    this.#spare = spare
  }

  /** Hands out full chunks alone, but for the last one: for a reader that keeps them, since each takes a whole buffer. */
  inFull(): this {
    this.#isPatient = true
    return this
  }

  push(bytes: Uint8Array): void {
    for (let rest = bytes; rest.length > 0; ) {
      this.#chunk ??= this.#newChunk(rest.length)
      const part = rest.subarray(0, this.#chunk.length - this.#filled)
      this.#chunk.set(part, this.#filled)
      this.#filled += part.length
      rest = rest.subarray(part.length)
      if (this.#filled === this.#chunk.length) this.#seal()
    }
    if (this.#held.length > 0 || this.#filled >= this.#enough) this.#wake?.()
    else if (this.#wake !== undefined && !this.#isPatient) this.#linger ??= setTimeout(this.#wake, lingerMs)
    if (this.#held.length < heldChunks || this.#paused) return
    this.#paused = true
    this.#source.pause()
  }

  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  fail(reason: unknown): void {
    this.#ended = true
    this.#failure ??= { reason }
    this.#wake?.()
  }

  /** Fails without handing out what is held. */
  abort(reason: unknown): void {
    this.#drop()
    this.fail(reason)
  }

  /** Ends the body early; breaks the connection when the sender has more to say. */
  close(): void {
    this.#drop()
    if (this.#ended) return
    this.#ended = true
    this.#source.abort(new Error('body closed'))
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (let waited = false; ; ) {
        const chunk = this.#take(waited || this.#ended)
        waited = chunk === undefined
        if (chunk !== undefined) yield chunk
        else if (this.#failure !== undefined) throw this.#failure.reason
        else if (this.#ended) return
        else await this.#more()
      }
    } finally {
      this.close()
    }
  }

  get #enough(): number {
    return this.#isPatient ? chunkBytes : enoughBytes
  }

  #take(anything: boolean): Uint8Array | undefined {
    if (this.#held.length === 0 && this.#filled >= (anything ? 1 : this.#enough)) this.#seal()
    const chunk = this.#held.shift()
    if (this.#paused && this.#held.length < heldChunks) {
      this.#paused = false
      this.#source.resume()
    }
    return chunk
  }

  async #more(): Promise<void> {
    await new Promise<void>(resolve => {
      this.#wake = resolve
      if (this.#filled > 0 && !this.#isPatient) this.#linger = setTimeout(resolve, lingerMs)
    })
    clearTimeout(this.#linger)
    this.#linger = undefined
    this.#wake = undefined
  }

  /** As long as what is still to come, so that a manifest doesn't cost a layer's buffer. */
  #newChunk(atLeast: number): Buffer {
    const length = Math.min(chunkBytes, Math.max(this.#unknownBytes, atLeast))
    const spare = length === chunkBytes ? this.#spare.pop() : undefined
    return spare === undefined ? Buffer.allocUnsafeSlow(length) : Buffer.from(spare)
  }

  #seal(): void {
    if (this.#chunk === undefined) return
    this.#held.push(this.#chunk.subarray(0, this.#filled))
    this.#unknownBytes -= this.#filled
    this.#chunk = undefined
    this.#filled = 0
  }

  #drop(): void {
    this.#held = []
    this.#chunk = undefined
    this.#filled = 0
  }
}

/** The whole of a short body; undefined, and the body closed, when it is longer than `max` bytes. */
export async function readAll(body: Body, max: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    length += chunk.length
    if (length > max) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, length)
}
