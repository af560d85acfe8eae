import { createHash, type Hash } from 'node:crypto'
import { ImageError } from '../errors.ts'

declare const digestBrand: unique symbol

/** `sha256:<64 hex>` or `sha512:<128 hex>`, lower case. Only {@link parseDigest} and {@link digestOf} make one. */
export type Digest = string & { readonly [digestBrand]: true }

export type Algorithm = 'sha256' | 'sha512'

/** Registered algorithms and the length of their hex part (OCI image-spec v1.1, "Registered algorithms"). */
const hexLength: Readonly<Record<Algorithm, number>> = { sha256: 64, sha512: 128 }

const grammar = /^(sha256|sha512):([0-9a-f]+)$/

export function isDigest(text: unknown): text is Digest {
  if (typeof text !== 'string') return false
  const [, algorithm, hex] = grammar.exec(text) ?? []
  return algorithm !== undefined && hex !== undefined && hex.length === hexLength[algorithm as Algorithm]
}

/**
 * The digest that `text` names.
 *
 * Errors: INVALID_ARGUMENT.
 * Source: OCI image-spec v1.1, "Digests"; upper-case hex and unregistered algorithms are refused.
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text
  throw new ImageError(
    'INVALID_ARGUMENT',
    `Cannot read digest ${JSON.stringify(text.slice(0, 200))}: not sha256 or sha512 with lower-case hex`,
    {
      argument: 'digest',
      value: text.slice(0, 200),
    },
  )
}

export function algorithmOf(digest: Digest): Algorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256'
}

export function hexOf(digest: Digest): string {
  return digest.slice(7)
}

export function newHash(algorithm: Algorithm = 'sha256'): Hash {
  return createHash(algorithm)
}

/** Ends `hash` and names its result. */
export function digestFrom(hash: Hash, algorithm: Algorithm = 'sha256'): Digest {
  return `${algorithm}:${hash.digest('hex')}` as Digest
}

export function digestOf(bytes: Uint8Array | string, algorithm: Algorithm = 'sha256'): Digest {
  return digestFrom(newHash(algorithm).update(bytes), algorithm)
}
