import { closeSync, openSync, readSync } from 'node:fs'
import { ImageError } from '../errors.ts'
import { decompress } from '../layer/compression/decompress.ts'
import { algorithmOf, type Digest, digestFrom, newHash } from '../spec/digest.ts'
import type { ContentStore } from '../store/content/store.ts'
import { Chunks } from '../system/chunks.ts'
import type { Channel, Task, Workers } from '../system/workers.ts'
import type { Layer } from './image.ts'

/** Tells which blob is the tar of which compressed one (containerd's label). */
export const UNCOMPRESSED = 'containerd.io/uncompressed'

interface BlobArgs {
  readonly path: string
  /** Says in what algorithm. */
  readonly diffId: Digest
}

/** Digest of what a blob holds uncompressed. */
const hashTar: Task<BlobArgs, never, never, Digest> = { module: import.meta.url, name: hashTarTask.name }

export async function hashTarTask({ path, diffId }: BlobArgs, { signal }: Channel<never, never>): Promise<Digest> {
  const hash = newHash(algorithmOf(diffId))
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
    for await (const piece of decompress(blob(), chunks)) {
      signal.throwIfAborted()
      hash.update(piece)
      chunks.give(piece)
    }
    return digestFrom(hash, algorithmOf(diffId))
  } finally {
    closeSync(fd)
  }
}

/**
 * Sees to it that the tar which is here by another way is what the layer's blob, here too, holds: documents may claim
 * that of any two. Remembered at the blob.
 *
 * Errors: the decompressor's; DIGEST_MISMATCH.
 */
export async function proveTar(
  { contentStore, workers }: { readonly contentStore: ContentStore; readonly workers: Workers },
  { blob, diffId }: Layer,
  signal: AbortSignal,
): Promise<void> {
  const { labels } = await contentStore.info(blob.digest)
  if (labels[UNCOMPRESSED] === diffId) return
  const reader = await contentStore.open(blob.digest)
  try {
    const args = { path: reader.path ?? '', diffId }
    const actual = await workers.run(hashTar, args, { weight: blob.size, signal }).result
    if (actual !== diffId) throw wrongDiffId(diffId, blob.digest, actual)
  } finally {
    await reader.close()
  }
  await contentStore.label(blob.digest, { [UNCOMPRESSED]: diffId })
}

function wrongDiffId(expected: Digest, blob: Digest, actual: Digest): ImageError {
  const message = `Cannot accept layer ${blob}: it uncompresses to ${actual}, its image says ${expected}`
  return new ImageError('DIGEST_MISMATCH', message, { expected, actual })
}
