import { readSync } from 'node:fs'
import { setImmediate as giveWay } from 'node:timers/promises'
import type { DirectFile } from '../../system/direct-file.ts'
import { writeAll } from '../../system/files.ts'
import type { Channel, Task } from '../../system/workers.ts'
import type { Verdict, Want } from './store.ts'
import { openVerifier, type Verifier } from './verify.ts'

/** Bytes of an earlier run are read in pieces of this size, and other tasks of the thread get their turn in between. */
const REHASH_BYTES = 1 << 20

export interface IngestArgs {
  /** Threads share the process's descriptors; it stays open until the task has ended. */
  readonly fd: number
  readonly path: string
  /** Written past the page cache. */
  readonly isCold: boolean
  readonly want: Want
  /** Bytes that are there already. */
  readonly offset: number
}

/** `buffer` travels to the task and back again, so that a few serve a blob of any size; `length` bytes of it from `start` count. */
export interface Chunk {
  readonly buffer: ArrayBuffer
  readonly start: number
  readonly length: number
}

/** Hashes what the file has, then writes and hashes each chunk; sends its buffer back when it is written. */
export const ingestTask: Task<IngestArgs, Chunk, ArrayBuffer, Verdict> = {
  module: import.meta.url,
  name: writeIngest.name,
}

export async function writeIngest(
  { want, offset, ...place }: IngestArgs,
  channel: Channel<Chunk, ArrayBuffer>,
): Promise<Verdict> {
  const verifier = openVerifier(want)
  await rehash(place.fd, offset, verifier, channel.signal)
  const file = await openSink(place, offset)
  try {
    for (let chunk = await channel.next(); chunk !== undefined; chunk = await channel.next()) {
      const bytes = new Uint8Array(chunk.buffer, chunk.start, chunk.length)
      const written = file.write(bytes)
      verifier.update(bytes)
      await written
      channel.send(chunk.buffer, [chunk.buffer])
    }
  } finally {
    // Whatever has come is there for the next run.
    await file.end()
  }
  return verifier.verdict()
}

/** What comes next goes to `position`. The means of direct writes are loaded where they are used. */
async function openSink(
  { fd, path, isCold }: Pick<IngestArgs, 'fd' | 'path' | 'isCold'>,
  position: number,
): Promise<Pick<DirectFile, 'write' | 'end'>> {
  if (isCold) {
    const { DirectFile } = await import('../../system/direct-file.ts')
    return new DirectFile({ fd, path }, position)
  }
  let at = position
  return {
    async write(bytes) {
      writeAll(fd, bytes, at)
      at += bytes.length
    },
    async end() {},
  }
}

/** Hash state doesn't survive a process; a flipped bit in the old bytes is found here too. */
async function rehash(fd: number, length: number, verifier: Verifier, signal: AbortSignal): Promise<void> {
  if (length === 0) return
  const buffer = new Uint8Array(Math.min(length, REHASH_BYTES))
  for (let at = 0; at < length; ) {
    signal.throwIfAborted()
    const read = readSync(fd, buffer, 0, Math.min(buffer.length, length - at), at)
    if (read === 0) throw new Error(`Partial blob ended at ${at} of ${length} bytes while it was held`)
    verifier.update(buffer.subarray(0, read))
    at += read
    await giveWay()
  }
}
