import { ImageError } from '../../errors.ts'
import { algorithmOf, digestFrom, newHash } from '../../spec/digest.ts'
import type { Verdict, Want } from './store.ts'

/** Counts and hashes the bytes of one blob. */
export interface Verifier {
  /** Errors: SIZE_MISMATCH at the first surplus byte. */
  update(bytes: Uint8Array): void
  /** What the bytes are; ends the verifier. */
  verdict(): Verdict
}

export function openVerifier({ digest, size: max = Number.POSITIVE_INFINITY }: Want): Verifier {
  const algorithm = algorithmOf(digest)
  const hash = newHash(algorithm)
  let size = 0
  return {
    update(bytes) {
      refuseSurplus(max, size + bytes.length)
      size += bytes.length
      hash.update(bytes)
    },
    verdict: () => ({ digest: digestFrom(hash, algorithm), size }),
  }
}

/** Errors: SIZE_MISMATCH when `actual` bytes are more than were promised. */
export function refuseSurplus(expected: number | undefined, actual: number): void {
  if (expected === undefined || actual <= expected) return
  const message = `Cannot accept content: more than the ${expected} bytes that its descriptor promises`
  throw new ImageError('SIZE_MISMATCH', message, { expected, actual })
}

/**
 * The gate: nothing is published that this refuses.
 *
 * Errors: SIZE_MISMATCH, DIGEST_MISMATCH.
 */
export function judge(want: Want, { digest, size }: Verdict): void {
  if (want.size !== undefined && size !== want.size) {
    const message = `Cannot accept ${want.digest}: ${size} bytes instead of ${want.size}`
    throw new ImageError('SIZE_MISMATCH', message, { expected: want.size, actual: size })
  }
  if (digest === want.digest) return
  const message = `Cannot accept ${want.digest}: content hashes to ${digest}`
  throw new ImageError('DIGEST_MISMATCH', message, { expected: want.digest, actual: digest })
}
