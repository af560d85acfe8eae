import { ImageError } from '../errors.ts'
import type { ImageMeter } from '../layer/quota.ts'
import { algorithmOf, type Digest } from '../spec/digest.ts'
import type { ContentStore } from '../store/content/store.ts'
import type { Workers } from '../system/workers.ts'
import type { Layer } from './image.ts'
import { measureFile } from './measure-tar.ts'

/** Tells which blob is the tar of which compressed one (containerd's label). */
export const UNCOMPRESSED = 'containerd.io/uncompressed'

interface Proving {
  readonly contentStore: ContentStore
  readonly workers: Workers
  readonly meter: ImageMeter
}

/**
 * Sees to it that the tar which is here by another way is what the layer's blob, here too, holds: documents may claim
 * that of any two. Remembered at the blob.
 *
 * Errors: the decompressor's; DIGEST_MISMATCH; LIMIT_EXCEEDED over a quota.
 */
export async function proveTar(
  { contentStore, workers, meter }: Proving,
  { blob, diffId }: Layer,
  signal: AbortSignal,
): Promise<void> {
  const { labels } = await contentStore.info(blob.digest)
  if (labels[UNCOMPRESSED] === diffId) return
  const reader = await contentStore.open(blob.digest)
  try {
    const args = { path: reader.path ?? '', algorithm: algorithmOf(diffId), allowance: meter.allowance() }
    const { digest: actual, size } = await workers.run(measureFile, args, { weight: blob.size, signal }).result
    if (actual !== diffId) throw wrongDiffId(diffId, blob.digest, actual)
    meter.add({ bytes: size, entries: 0 })
  } finally {
    await reader.close()
  }
  await contentStore.label(blob.digest, { [UNCOMPRESSED]: diffId })
}

function wrongDiffId(expected: Digest, blob: Digest, actual: Digest): ImageError {
  const message = `Cannot accept layer ${blob}: it uncompresses to ${actual}, its image says ${expected}`
  return new ImageError('DIGEST_MISMATCH', message, { expected, actual })
}
