import type { OnReadOpts, Socket } from 'node:net'

/** Of a chunk: few crossings between threads, and two of them fit any memory budget. */
export const chunkBytes = 512 * 1024

/** What is left of a chunk and less than this is not read into any more: short reads cost as much as long ones. */
const leastReadBytes = 64 * 1024

/**
 * Memory for what sockets bring. They read straight into chunks that receivers are handed later: Node's own way is
 * 64 KiB of fresh memory for each read, whose bytes would have to be copied together.
 */
export class Memory {
  readonly #most: number
  readonly #spare: ArrayBuffer[] = []
  /** Where what was read ends: of memory that no socket reads into any more. */
  readonly #ends = new WeakMap<ArrayBufferLike, number>()
  /** All that sockets have been given. */
  readonly #given = new WeakMap<ArrayBufferLike, Buffer>()

  /** `mostBytes`: how much is kept for later. */
  constructor(mostBytes = 0) {
    this.#most = mostBytes
  }

  /** {@link chunkBytes}, with a buffer of their own. */
  take(): Buffer {
    const spare = this.#spare.pop()
    return spare === undefined ? Buffer.allocUnsafeSlow(chunkBytes) : Buffer.from(spare)
  }

  /** Nobody looks at `memory` any more. */
  give(memory: ArrayBuffer): void {
    if (memory.byteLength === chunkBytes && this.#spare.length * chunkBytes < this.#most) this.#spare.push(memory)
  }

  /** How a new socket is to read. */
  reading(): OnReadOpts {
    let rest: Buffer | undefined
    const ends = this.#ends
    return {
      callback(this: Socket | undefined, length: number, into: Uint8Array) {
        rest = Buffer.from(into.buffer, into.byteOffset + length, into.length - length)
        return this?.push(into.subarray(0, length)) ?? false
      },
      // Called after each read, and before the first.
      buffer: () => {
        const next = rest
        rest = undefined
        if (next !== undefined && next.length >= leastReadBytes) return next
        if (next !== undefined) ends.set(next.buffer, next.byteOffset)
        return this.#giveChunk()
      },
    }
  }

  /** The chunk that a socket has read `bytes` into; undefined when they lie elsewhere. */
  chunkOf({ buffer }: Uint8Array): Buffer | undefined {
    return this.#given.get(buffer)
  }

  /** Whether `bytes` are the last in their chunk, and no socket will read into it: it may be handed on. */
  isLast({ buffer, byteOffset, length }: Uint8Array): boolean {
    return this.#ends.get(buffer) === byteOffset + length
  }

  #giveChunk(): Buffer {
    const chunk = this.take()
    this.#given.set(chunk.buffer, chunk)
    return chunk
  }
}
