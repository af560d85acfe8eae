/** Large enough that passing one on costs nothing beside what is done with its bytes. */
export const CHUNK_BYTES = 2 ** 20

/**
 * Memory for the pieces of a stream. Fresh memory costs more than a read from the page cache: the kernel clears each
 * page of it, and the collector frees it late. So what comes back is used again.
 */
export class Chunks {
  readonly #own = new WeakSet<ArrayBufferLike>()
  readonly #free: Buffer[] = []
  readonly #giveBack: (memory: ArrayBuffer) => void

  /** `giveBack`: is handed memory from elsewhere that nobody looks at any more. */
  constructor(giveBack: (memory: ArrayBuffer) => void = () => {}) {
    this.#giveBack = giveBack
  }

  /** {@link CHUNK_BYTES} bytes, with a buffer of their own. */
  take(): Buffer {
    const free = this.#free.pop()
    if (free !== undefined) return free
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
    this.#own.add(chunk.buffer)
    return chunk
  }

  /** Nobody looks at `bytes`, or at anything else in the same memory, any more. */
  give({ buffer }: Uint8Array): void {
    if (this.#own.has(buffer)) this.#free.push(Buffer.from(buffer))
    else if (buffer instanceof ArrayBuffer) this.#giveBack(buffer)
  }
}
