import { read } from 'node:fs'
import { promisify } from 'node:util'
import { ImageError } from '../../errors.ts'
import type { Download, FetchOptions } from '../../registry/registry.ts'
import { CHUNK_BYTES } from '../../system/chunks.ts'

/** Bytes of an open file: all of it, or a member of an archive. */
export interface FileRange {
  readonly fd: number
  /** For errors to name. */
  readonly path: string
  readonly offset: number
  readonly size: number
  /** Lets go of what was opened for it. */
  close(): void
}

const readBeside = promisify(read)

/**
 * The bytes of a range from `offset` on; closes it at the end, or when nobody wants more. The next piece is read while
 * the receiver is at this one.
 *
 * Shape:  pieces of 1 MiB, but for the last; each the receiver's, with its memory.
 * Errors: SIZE_MISMATCH: the file was cut off meanwhile.
 */
export function downloadRange(range: FileRange, { offset = 0, signal }: FetchOptions = {}): Download {
  const spare: ArrayBuffer[] = []
  const end = range.offset + range.size
  let at = range.offset + offset

  async function next(): Promise<Uint8Array | undefined> {
    const length = Math.min(CHUNK_BYTES, end - at)
    if (length <= 0) return undefined
    const piece = new Uint8Array(spare.pop() ?? new ArrayBuffer(CHUNK_BYTES), 0, length)
    for (let filled = 0; filled < length; ) {
      const { bytesRead } = await readBeside(range.fd, piece, filled, length - filled, at)
      if (bytesRead === 0) throw cutOff(range, end, at)
      filled += bytesRead
      at += bytesRead
    }
    return piece
  }

  async function* pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    let reading = next()
    try {
      for (;;) {
        signal?.throwIfAborted()
        const piece = await reading
        if (piece === undefined) return
        reading = next()
        reading.catch(() => {})
        yield piece
      }
    } finally {
      // A read must not find the descriptor given to somebody else.
      await reading.catch(() => {})
      range.close()
    }
  }

  return {
    reuse(memory) {
      if (memory.byteLength === CHUNK_BYTES) spare.push(memory)
    },
    close: () => range.close(),
    [Symbol.asyncIterator]: pieces,
  }
}

/** The same for one of several readers, who doesn't close it. */
export function shared(range: FileRange): FileRange {
  return { ...range, close() {} }
}

/** The first bytes of a range, as many as there are. */
export async function headOf({ fd, offset, size }: FileRange, length: number): Promise<Uint8Array> {
  const head = new Uint8Array(Math.min(length, size))
  const { bytesRead } = await readBeside(fd, head, 0, head.length, offset)
  return head.subarray(0, bytesRead)
}

function cutOff({ path, offset }: FileRange, end: number, at: number): ImageError {
  const details = { expected: end - offset, actual: at - offset }
  return new ImageError('SIZE_MISMATCH', `Cannot read ${path}: it ends after ${at} bytes of ${end}`, details)
}
