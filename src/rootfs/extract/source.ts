import { closeSync, openSync, readSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import type { Channel } from '../../system/workers.ts'

/** Large enough that a read costs nothing beside what is done with its bytes. */
export const sourceChunkBytes = 2 ** 20

/**
 * Memory for chunks. Fresh memory costs more than a read from the page cache: the kernel clears each page of it, so
 * what comes back is used again.
 */
export class Chunks {
  readonly #own = new WeakSet<ArrayBufferLike>()
  readonly #free: Buffer[] = []

  take(): Buffer {
    const free = this.#free.pop()
    if (free !== undefined) return free
    const chunk = Buffer.allocUnsafeSlow(sourceChunkBytes)
    this.#own.add(chunk.buffer)
    return chunk
  }

  /** Nobody looks at `bytes` any more. Memory from elsewhere is left alone. */
  give({ buffer }: Uint8Array): void {
    if (this.#own.has(buffer)) this.#free.push(Buffer.from(buffer))
  }
}

/** The file's bytes, read as they are asked for. Between two reads the thread hears its messages. */
export async function* readFile(path: string, chunks: Chunks): AsyncGenerator<Uint8Array> {
  const fd = openSync(path, 'r')
  try {
    for (;;) {
      const chunk = chunks.take()
      const length = readSync(fd, chunk)
      if (length === 0) return
      yield chunk.subarray(0, length)
      await setImmediate()
    }
  } finally {
    closeSync(fd)
  }
}

/** Bytes that the caller sends, one message for each time that they are asked for; one more is always under way. */
export async function* readChannel(channel: Channel<Uint8Array, { want: true }>): AsyncGenerator<Uint8Array> {
  channel.send({ want: true })
  for (;;) {
    channel.send({ want: true })
    const chunk = await channel.next()
    if (chunk === undefined) return
    yield chunk
  }
}
