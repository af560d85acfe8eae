import { ImageError } from '../errors.ts'
import type { Digest } from '../spec/digest.ts'
import { readAll } from './body.ts'
import { invalidResponse, printable } from './failures.ts'
import { maxReplyBytes } from './limits.ts'
import { type Answer, header } from './wire.ts'

/**
 * Sees from the answer that the registry has kept what it was sent.
 *
 * Errors: INVALID_RESPONSE for another status than 201; DIGEST_MISMATCH when it names something else.
 */
export async function checkKept(answer: Answer, digest: Digest, purpose: string): Promise<void> {
  if (answer.status !== 201) throw invalidResponse(answer, purpose, `answers ${answer.status}, not 201`)
  await dropBody(answer)
  const actual = printable(header(answer, 'docker-content-digest') ?? digest)
  if (actual === digest) return
  const message = `Cannot ${purpose}: ${answer.url.host} says that it has kept ${actual}`
  throw new ImageError('DIGEST_MISMATCH', message, { expected: digest, actual })
}

/** Reads what nobody wants, so that the connection serves again; a broken one shows on the next request. */
export async function dropBody({ body }: Answer): Promise<void> {
  await readAll(body, maxReplyBytes).catch(() => {})
}
