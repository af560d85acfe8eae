import { ImageError } from '../../errors.ts'
import { algorithmOf, type Digest, digestOf } from '../../spec/digest.ts'
import { CHUNK_BYTES } from '../../system/chunks.ts'
import { damaged } from './damage.ts'
import type { BlobReader, ContentStore } from './store.ts'

/** The most that is read into memory at once: manifests, indexes and configs (OCI distribution-spec v1.1, "Pushing manifests"). */
export const MAX_DOCUMENT_BYTES = 4 * 1024 * 1024

/**
 * A whole small blob, hashed again as it is read: disks forget.
 *
 * Errors: NOT_FOUND; LIMIT_EXCEEDED past {@link MAX_DOCUMENT_BYTES}; DIGEST_MISMATCH, and the blob stays where it is.
 */
export async function readBlob(store: ContentStore, digest: Digest): Promise<Uint8Array> {
  const reader = await store.open(digest)
  try {
    const { size } = reader
    if (size > MAX_DOCUMENT_BYTES) {
      const details = { limit: 'bytes of a document', max: MAX_DOCUMENT_BYTES, actual: size }
      throw new ImageError('LIMIT_EXCEEDED', `Cannot read ${digest} as a document: it has ${size} bytes`, details)
    }
    const bytes = await reader.read(0, size)
    const actual = digestOf(bytes, algorithmOf(digest))
    if (actual === digest) return bytes
    throw damaged(digest, actual)
  } finally {
    await reader.close()
  }
}

/**
 * The bytes of a blob from `offset` on, as they are on disk. The next piece is read while the receiver is at this one.
 *
 * Shape:  pieces of 1 MiB but for the last; each the receiver's own.
 */
export async function* piecesOf(
  blob: BlobReader,
  { offset = 0, signal }: { readonly offset?: number; readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  let next = blob.read(offset, CHUNK_BYTES)
  for (let at = offset + CHUNK_BYTES; ; at += CHUNK_BYTES) {
    signal?.throwIfAborted()
    const piece = await next
    if (piece.length === 0) return
    next = blob.read(at, CHUNK_BYTES)
    next.catch(() => {})
    yield piece
  }
}
