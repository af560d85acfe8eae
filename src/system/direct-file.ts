import { closeSync, constants, openSync, write } from 'node:fs'
import { promisify } from 'node:util'
import { errnoOf } from '../errors.ts'
import { diskError } from './disk-error.ts'
import { addressOf } from './sys/ffi.ts'

/** What memory, offsets and lengths of direct writes are multiples of: no disk's block is longer than a page. */
const ALIGNMENT = 4096

/** Bytes that don't lie as direct writes want them are gathered to pieces of this size. */
const STAGED_BYTES = 512 << 10

const { O_WRONLY, O_DIRECT } = constants

/** `length` bytes whose memory is fit for direct writes. */
export function alignedBuffer(length: number): Buffer {
  const memory = Buffer.allocUnsafeSlow(length + ALIGNMENT)
  const start = -Number(addressOf(memory) % BigInt(ALIGNMENT)) & (ALIGNMENT - 1)
  return memory.subarray(start, start + length)
}

/**
 * Writes a stream to a file past the page cache, where the file system can: what is only to be kept costs a quarter of
 * the CPU that copying it into the cache, and flushing that, would take. The disk works beside the thread.
 *
 * Shape:  aligned memory ({@link alignedBuffer}) is written as it is; the first and last bytes, up to a multiple of
 *         4 KiB, and other memory are copied.
 * Errors: NO_SPACE and other disk errors, of this write or of an earlier one. After one, what is in the file is a prefix of the stream.
 */
export class DirectFile {
  /** Writes through the cache: what isn't aligned. */
  readonly #fd: number
  readonly #path: string
  #direct: number | undefined
  /** In the file, of the stream. */
  #position: number
  /** One is filled while the other is being written. */
  #staged: [filling: Buffer, writing: Buffer] | undefined
  #filled = 0
  #writing = Promise.resolve()

  /** Writes to `fd`, which stays the caller's, from `position` on; errors name `path`. */
  constructor({ fd, path }: { readonly fd: number; readonly path: string }, position: number) {
    this.#fd = fd
    this.#path = path
    this.#position = position
    this.#direct = openDirect(fd)
  }

  /** Resolves when `bytes` may be used again, or changed; until then no other write may begin. */
  write(bytes: Uint8Array): Promise<void> {
    const taken = this.#takeAll(bytes)
    // Whoever fails in the meantime needn't wait for this.
    taken.catch(() => {})
    return taken
  }

  /** Writes what is left; the file ends with the stream. */
  async end(): Promise<void> {
    try {
      await this.#flush()
      await this.#writing
    } finally {
      await this.close()
    }
  }

  /** Ends without writing what is left. */
  async close(): Promise<void> {
    await this.#writing.catch(() => {})
    if (this.#direct !== undefined) closeSync(this.#direct)
    this.#direct = undefined
  }

  async #takeAll(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0; ) rest = rest.subarray(await this.#take(rest))
  }

  async #take(bytes: Uint8Array): Promise<number> {
    const whole = bytes.length - (bytes.length % ALIGNMENT)
    if (this.#filled === 0 && whole > 0 && this.#position % ALIGNMENT === 0 && isAligned(bytes)) {
      await this.#writing
      this.#writing = this.#put(bytes.subarray(0, whole))
      await this.#writing
      return whole
    }
    this.#staged ??= [alignedBuffer(STAGED_BYTES), alignedBuffer(STAGED_BYTES)]
    // The first piece may have to end early, so that those behind it begin where they should.
    const room = STAGED_BYTES - (this.#position % ALIGNMENT) - this.#filled
    const length = Math.min(bytes.length, room)
    this.#staged[0].set(bytes.subarray(0, length), this.#filled)
    this.#filled += length
    if (length === room) await this.#flush()
    return length
  }

  /** Waits for the piece before, not for this one. */
  async #flush(): Promise<void> {
    await this.#writing
    if (this.#staged === undefined || this.#filled === 0) return
    const [filling, writing] = this.#staged
    this.#writing = this.#put(filling.subarray(0, this.#filled))
    this.#writing.catch(() => {})
    this.#staged = [writing, filling]
    this.#filled = 0
  }

  async #put(bytes: Uint8Array): Promise<void> {
    const at = this.#position
    const whole = at % ALIGNMENT === 0 ? bytes.length - (bytes.length % ALIGNMENT) : 0
    this.#position += bytes.length
    try {
      const direct = await this.#putDirectly(bytes.subarray(0, whole), at)
      await putAll(this.#fd, bytes.subarray(direct), at + direct)
    } catch (error) {
      throw diskError(error, this.#path)
    }
  }

  /** Answers how much could be written so: all or nothing. */
  async #putDirectly(bytes: Uint8Array, at: number): Promise<number> {
    if (this.#direct === undefined || bytes.length === 0) return 0
    try {
      await putAll(this.#direct, bytes, at)
    } catch (error) {
      if (errnoOf(error) !== 'EINVAL') throw error
      // A file system that opens files so, but has wishes of its own.
      closeSync(this.#direct)
      this.#direct = undefined
      return 0
    }
    return bytes.length
  }
}

function openDirect(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_DIRECT)
  } catch {
    // The file system has no such thing: the cache does.
    return undefined
  }
}

function isAligned(bytes: Uint8Array): boolean {
  return addressOf(bytes) % BigInt(ALIGNMENT) === 0n
}

const writeBeside = promisify(write)

/** A full disk writes less than asked before it fails. */
async function putAll(fd: number, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await writeBeside(fd, bytes, done, bytes.length - done, at + done)
    done += bytesWritten
  }
}
