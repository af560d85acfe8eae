import { hasCode, ImageError } from '../../errors.ts'
import type { Digest } from '../../spec/digest.ts'
import type { Workers } from '../../system/workers.ts'
import { hashBlob } from './hash-task.ts'
import type { ContentStore, Verdict, Want } from './store.ts'
import { openVerifier } from './verify.ts'

/** What of a blob without a file is read at a time. */
const PIECE_BYTES = 1 << 20

/** What the store has under the name of `digest` is something else. */
export function damaged(digest: Digest, actual: Digest): ImageError {
  const message = `Cannot use ${digest}: what is stored under that name hashes to ${actual}`
  const hint = 'davit verify --repair fetches again what is damaged, and so does davit pull'
  return new ImageError('DIGEST_MISMATCH', message, { expected: digest, actual }, { hint })
}

/** Bytes that aren't what somebody promised: the kind of failure that a damaged blob leads to. */
export function isWrongContent(error: unknown): boolean {
  return hasCode(error, 'DIGEST_MISMATCH') || hasCode(error, 'SIZE_MISMATCH') || hasCode(error, 'MALFORMED')
}

export interface RehashOptions {
  readonly signal?: AbortSignal
  /** Told how many more bytes were hashed. */
  readonly onBytes?: (bytes: number) => void
}

/** Reads a committed blob to its end, in a worker where it is a file. Errors: NOT_FOUND; what the disk says. */
export async function rehash(
  store: ContentStore,
  workers: Workers,
  digest: Digest,
  { signal, onBytes }: RehashOptions = {},
): Promise<Verdict> {
  const reader = await store.open(digest)
  try {
    if (reader.path !== undefined) {
      const options = { weight: reader.size, ...(signal && { signal }), ...(onBytes && { onMessage: onBytes }) }
      return await workers.run(hashBlob, { path: reader.path, digest }, options).result
    }
    const verifier = openVerifier({ digest })
    for (let at = 0; at < reader.size; at += PIECE_BYTES) {
      signal?.throwIfAborted()
      const bytes = await reader.read(at, PIECE_BYTES)
      verifier.update(bytes)
      onBytes?.(bytes.length)
    }
    return verifier.verdict()
  } finally {
    await reader.close()
  }
}

/**
 * Takes a blob away when it isn't what `want` says, so that it can be brought again; answers whether it did. Its labels
 * stay. Without a blob there is nothing to do.
 */
export async function dropIfDamaged(
  store: ContentStore,
  workers: Workers,
  want: Want,
  options: RehashOptions = {},
): Promise<boolean> {
  try {
    const found = await rehash(store, workers, want.digest, options)
    if (found.digest === want.digest) return false
    await store.invalidate(want.digest)
    return true
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return false
    throw error
  }
}
