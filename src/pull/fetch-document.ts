import { ImageError } from '../errors.ts'
import type { Fetcher } from '../registry/registry.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import { algorithmOf, type Digest } from '../spec/digest.ts'
import { maxDocumentBytes } from '../spec/json.ts'
import { documentDigest } from '../spec/schema1-payload.ts'

/**
 * The bytes of a document, verified, for whoever has no use for it in the store.
 *
 * Errors: those of the fetcher; DIGEST_MISMATCH, SIZE_MISMATCH; LIMIT_EXCEEDED past 4 MiB, before anything is fetched.
 */
export async function fetchDocument(
  fetcher: Pick<Fetcher, 'fetch'>,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<Uint8Array> {
  if (descriptor.size > maxDocumentBytes) throw tooLarge(descriptor)
  const download = await fetcher.fetch(descriptor, { signal })
  return verified(await collect(download, descriptor), descriptor)
}

async function collect(source: AsyncIterable<Uint8Array>, { digest, size }: Descriptor): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of source) {
    length += chunk.length
    if (length > size) throw sizeMismatch(digest, size, length)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function verified(
  bytes: Uint8Array,
  { mediaType = '', digest, size }: Pick<Descriptor, 'digest' | 'size'> & { readonly mediaType?: string },
): Uint8Array {
  if (bytes.length !== size) throw sizeMismatch(digest, size, bytes.length)
  const actual = documentDigest(bytes, mediaType, algorithmOf(digest))
  if (actual === digest) return bytes
  throw new ImageError('DIGEST_MISMATCH', `Cannot accept ${digest}: content hashes to ${actual}`, {
    expected: digest,
    actual,
  })
}

function sizeMismatch(digest: Digest, expected: number, actual: number): ImageError {
  const found = actual > expected ? `more than ${expected} bytes` : `${actual} bytes of ${expected}`
  return new ImageError('SIZE_MISMATCH', `Cannot accept ${digest}: ${found}`, { expected, actual })
}

function tooLarge({ digest, size }: Pick<Descriptor, 'digest' | 'size'>): ImageError {
  return new ImageError('LIMIT_EXCEEDED', `Cannot read ${digest} as a document: ${size} bytes are more than 4 MiB`, {
    limit: 'document bytes',
    max: maxDocumentBytes,
    actual: size,
  })
}
