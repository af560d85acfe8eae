import { closeSync, openSync, readSync } from 'node:fs'
import { decompress } from '../layer/compression/decompress.ts'
import { type Allowance, LayerMeter } from '../layer/quota.ts'
import { type Algorithm, type Digest, digestFrom, newHash } from '../spec/digest.ts'
import { Chunks } from '../system/chunks.ts'
import type { Channel, Task } from '../system/workers.ts'

export interface MeasureOptions {
  readonly algorithm: Algorithm
  readonly allowance?: Allowance
}

/** What a layer's blob holds uncompressed. */
export interface MeasuredTar {
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
  /** Nothing but zeros, or nothing at all. */
  readonly isEmpty: boolean
}

/** {@link measureTar} of a file. */
export const measureFile: Task<MeasureOptions & { readonly path: string }, never, never, MeasuredTar> = {
  module: import.meta.url,
  name: measureFileTask.name,
}

/**
 * Unpacks a layer's blob and keeps nothing of it but what it is.
 *
 * Errors: the decompressor's; LIMIT_EXCEEDED over a quota.
 */
export async function measureTar(
  blob: AsyncIterable<Uint8Array>,
  { algorithm, allowance }: MeasureOptions,
  { signal, chunks = new Chunks() }: { readonly signal: AbortSignal; readonly chunks?: Chunks },
): Promise<MeasuredTar> {
  const hash = newHash(algorithm)
  const meter = new LayerMeter(allowance)
  let size = 0
  let isEmpty = true
  for await (const piece of decompress(meter.compressed(blob), chunks)) {
    signal.throwIfAborted()
    meter.unpacked(piece.length)
    hash.update(piece)
    size += piece.length
    isEmpty &&= piece.every(byte => byte === 0)
    chunks.give(piece)
  }
  return { digest: digestFrom(hash, algorithm), size, isEmpty }
}

export async function measureFileTask(
  { path, ...options }: MeasureOptions & { readonly path: string },
  { signal }: Channel<never, never>,
): Promise<MeasuredTar> {
  const chunks = new Chunks()
  const fd = openSync(path, 'r')
  async function* blob(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = chunks.take()
      const length = readSync(fd, chunk)
      if (length === 0) return
      yield chunk.subarray(0, length)
    }
  }
  try {
    return await measureTar(blob(), options, { signal, chunks })
  } finally {
    closeSync(fd)
  }
}
