/** Large enough that passing one on costs nothing beside what is done with its bytes. */
export const CHUNK_BYTES = 2 ** 20

export interface ChunksOptions {
  /** Default: any memory. */
  readonly allocate?: (length: number) => Buffer
  readonly giveBack?: (memory: ArrayBuffer) => void
}

/**
 * Memory for the pieces of a stream. Fresh memory costs more than a read from the page cache: the kernel clears each
 * page of it, and the collector frees it late. So what comes back is used again.
 */
export class Chunks {
  readonly #own = new WeakMap<ArrayBufferLike, Buffer>()
  readonly #free: Buffer[] = []
  readonly #allocate: (length: number) => Buffer
  readonly #giveBack: (memory: ArrayBuffer) => void

  /** `giveBack`: is handed memory from elsewhere that nobody looks at any more. */
  constructor({ allocate = Buffer.allocUnsafeSlow, giveBack = () => {} }: ChunksOptions = {}) {
    this.#allocate = allocate
    this.#giveBack = giveBack
  }

  /** {@link CHUNK_BYTES} bytes, with a buffer of their own. */
  take(): Buffer {
    const free = this.#free.pop()
    if (free !== undefined) return free
    const chunk = this.#allocate(CHUNK_BYTES)
    this.#own.set(chunk.buffer, chunk)
    return chunk
  }

  /** Nobody looks at `bytes`, or at anything else in the same memory, any more. */
  give({ buffer }: Uint8Array): void {
    const own = this.#own.get(buffer)
    if (own !== undefined) this.#free.push(own)
    else if (buffer instanceof ArrayBuffer) this.#giveBack(buffer)
  }
}
