import { closeSync, openSync, readSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import type { Channel } from '../../system/workers.ts'

/** Large enough that a read costs nothing beside what is done with its bytes. */
export const sourceChunkBytes = 2 ** 20

/** The file's bytes, read as they are asked for. Between two reads the thread hears its messages. */
export async function* readFile(path: string): AsyncGenerator<Uint8Array> {
  const fd = openSync(path, 'r')
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafeSlow(sourceChunkBytes)
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
