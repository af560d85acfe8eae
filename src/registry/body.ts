import { chunkBytes, Memory } from './memory.ts'

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
  readonly #memory: Memory
  #held: Uint8Array[] = []
  #chunk: Buffer | undefined
  /** What of the chunk is filled, and whether the socket itself reads into it. */
  #start = 0
  #end = 0
  #isRead = false
  #paused = false
  #ended = false
  #failure: { readonly reason: unknown } | undefined
  #wake: (() => void) | undefined
  #linger: NodeJS.Timeout | undefined
  #isPatient = false

  /** `length`: as announced, when it was. `memory`: where sockets read into, and chunks are made of. */
  constructor(source: Source, length = Number.POSITIVE_INFINITY, memory = new Memory()) {
    this.#source = source
    this.#unknownBytes = length
    this.#memory = memory
  }

  /** Hands out full chunks alone, but for the last one: for a reader that keeps them, since each takes a whole buffer. */
  inFull(): this {
    this.#isPatient = true
    return this
  }

  push(bytes: Uint8Array): void {
    const chunk = this.#memory.chunkOf(bytes)
    if (chunk === undefined) this.#copy(bytes)
    else this.#adopt(bytes, chunk)
    if (this.#held.length > 0 || this.#isWorthwhile) this.#wake?.()
    else if (this.#wake !== undefined && !this.#isPatient) this.#linger ??= setTimeout(this.#wake, lingerMs)
    if (this.#held.length < heldChunks || this.#paused) return
    this.#paused = true
    this.#source.pause()
  }

  end(): void {
    // The connection goes on, with the answer to the next question.
    if (this.#isRead) this.#seal()
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

  /** A chunk that the socket reads into is handed on when it is full; before, what is in it would have to be copied. */
  get #isWorthwhile(): boolean {
    return !this.#isRead && this.#filled >= (this.#isPatient ? chunkBytes : enoughBytes)
  }

  get #filled(): number {
    return this.#end - this.#start
  }

  #take(anything: boolean): Uint8Array | undefined {
    if (this.#held.length === 0 && (anything ? this.#filled > 0 : this.#isWorthwhile)) this.#seal()
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

  #copy(bytes: Uint8Array): void {
    if (this.#isRead) this.#seal()
    for (let rest = bytes; rest.length > 0; ) {
      this.#chunk ??= this.#newChunk(rest.length)
      const part = rest.subarray(0, this.#chunk.length - this.#end)
      this.#chunk.set(part, this.#end)
      this.#end += part.length
      rest = rest.subarray(part.length)
      if (this.#end === this.#chunk.length) this.#seal()
    }
  }

  /** Leaves `bytes` in `chunk`, where the socket has put them; what lies between them and those before goes. */
  #adopt(bytes: Uint8Array, chunk: Buffer): void {
    if (this.#chunk !== chunk) {
      this.#seal()
      this.#begin(chunk, bytes.byteOffset)
      this.#isRead = true
    }
    if (bytes.byteOffset !== this.#end) chunk.set(bytes, this.#end)
    this.#end += bytes.length
    if (!this.#memory.isLast(bytes)) return
    this.#isRead = false
    this.#seal()
  }

  /** As long as what is still to come, so that a manifest doesn't cost a layer's buffer. */
  #newChunk(atLeast: number): Buffer {
    const length = Math.min(chunkBytes, Math.max(this.#unknownBytes, atLeast))
    return length === chunkBytes ? this.#memory.take() : Buffer.allocUnsafeSlow(length)
  }

  /** The socket may be reading into its chunk at any time: that one can't be given away. */
  #seal(): void {
    if (this.#chunk === undefined) return
    const filled = this.#chunk.subarray(this.#start, this.#end)
    this.#held.push(this.#isRead ? copyOf(filled) : filled)
    this.#unknownBytes -= filled.length
    this.#begin(undefined, 0)
  }

  #begin(chunk: Buffer | undefined, at: number): void {
    this.#chunk = chunk
    this.#start = at
    this.#end = at
    this.#isRead = false
  }

  #drop(): void {
    this.#held = []
    this.#begin(undefined, 0)
  }
}

/** With a buffer of its own. */
function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  return copy
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
