import { closeSync, readSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import type { Chunks } from '../../system/chunks.ts'
import { openHostFile } from '../../system/jail.ts'
import type { Channel } from '../../system/workers.ts'

/** The file's bytes, read as they are asked for. Between two reads the thread hears its messages. */
export async function* readFile(path: string, chunks: Chunks): AsyncGenerator<Uint8Array> {
  const fd = openHostFile(path)
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
