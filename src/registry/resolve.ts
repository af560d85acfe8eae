import { ImageError } from '../errors.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import { algorithmOf, type Digest, isDigest } from '../spec/digest.ts'
import { detectMediaType } from '../spec/document.ts'
import { maxDocumentBytes } from '../spec/json.ts'
import { mediaTypes } from '../spec/media-types.ts'
import type { Reference } from '../spec/reference.ts'
import { documentDigest } from '../spec/schema1-payload.ts'
import { readAll } from './body.ts'
import { invalidResponse, transportError } from './failures.ts'
import type { Host } from './hosts.ts'
import { type Client, type Question, request } from './request.ts'
import { type Answer, contentLength, header } from './wire.ts'

const accept = [mediaTypes.dockerManifest, mediaTypes.dockerIndex, mediaTypes.ociManifest, mediaTypes.ociIndex, '*/*']

/** Types that servers give to what they don't know: the bytes must tell. */
const vague: ReadonlySet<string> = new Set(['', 'text/plain', 'application/json', 'application/octet-stream'])

type Ask = Pick<Question, 'repository' | 'path' | 'headers' | 'purpose' | 'patience' | 'signal'>

export type ResolveOptions = Pick<Question, 'patience' | 'signal'>

/**
 * The manifest that `reference` names at `host`.
 *
 * HEAD says it all when size, type and digest come with it; else the body is fetched and judged.
 *
 * Errors: those of requests; DIGEST_MISMATCH, LIMIT_EXCEEDED (4 MiB), MALFORMED for a body that is no manifest.
 */
export async function resolveManifest(
  client: Client,
  host: Host,
  reference: Reference,
  options: ResolveOptions = {},
): Promise<Descriptor> {
  const { repository, digest } = reference
  const name = digest ?? reference.tag ?? 'latest'
  const ask: Ask = {
    repository,
    path: `manifests/${name}`,
    headers: { accept: accept.join(', ') },
    purpose: `resolve manifest ${name} of ${repository}`,
    ...options,
  }
  const head = await request(client, host, { method: 'HEAD', ...ask }, [405])
  head.body.close()
  return fromHead(head, ask.purpose, digest) ?? (await fromBody(client, host, ask, digest))
}

/** The blob that a digest names at `host`: what isn't a manifest there may still be content. */
export async function resolveBlob(
  client: Client,
  host: Host,
  reference: Reference,
  digest: Digest,
  options: ResolveOptions = {},
): Promise<Descriptor> {
  const { repository } = reference
  const ask: Ask = {
    repository,
    path: `blobs/${digest}`,
    headers: { accept: '*/*' },
    purpose: `resolve blob ${digest} of ${repository}`,
    ...options,
  }
  const head = await request(client, host, { method: 'HEAD', ...ask }, [405])
  head.body.close()
  const known = head.status !== 405 && contentLength(head) !== undefined
  const answer = known ? head : await request(client, host, { method: 'GET', ...ask })
  answer.body.close()
  const size = contentLength(answer)
  if (size === undefined) throw invalidResponse(answer, ask.purpose, 'sends no length')
  return { mediaType: typeIn(answer) || 'application/octet-stream', digest, size }
}

/** The answer of a HEAD, when it may be believed. */
function fromHead(answer: Answer, purpose: string, asked: Digest | undefined): Descriptor | undefined {
  if (answer.status === 405) return undefined
  const mediaType = typeIn(answer)
  const size = contentLength(answer)
  const digest = asked ?? header(answer, 'docker-content-digest')
  if (size === undefined || vague.has(mediaType) || !isDigest(digest)) return undefined
  if (size > maxDocumentBytes) throw tooLarge(purpose, size)
  return { mediaType, digest, size }
}

async function fromBody(client: Client, host: Host, ask: Ask, asked: Digest | undefined): Promise<Descriptor> {
  const answer = await request(client, host, { method: 'GET', ...ask })
  const bytes = await readAll(answer.body, maxDocumentBytes).catch(error => {
    ask.signal?.throwIfAborted()
    throw transportError(error, answer.url.host, ask.purpose)
  })
  if (bytes === undefined) throw tooLarge(ask.purpose)
  const told = typeIn(answer)
  const mediaType = vague.has(told) ? detectMediaType(bytes) : told
  const digest = documentDigest(bytes, mediaType, asked === undefined ? 'sha256' : algorithmOf(asked))
  if (asked !== undefined && digest !== asked) {
    const facts = { expected: asked, actual: digest }
    throw new ImageError(
      'DIGEST_MISMATCH',
      `Cannot ${ask.purpose}: ${answer.url.host} sends content that hashes to ${digest}`,
      facts,
    )
  }
  return { mediaType, digest, size: bytes.length }
}

/** `Content-Type` without parameters, lower case; '' for none. */
function typeIn(answer: Answer): string {
  return (header(answer, 'content-type') ?? '').replace(/;.*$/s, '').trim().toLowerCase()
}

function tooLarge(purpose: string, actual?: number): ImageError {
  return new ImageError('LIMIT_EXCEEDED', `Cannot ${purpose}: larger than 4 MiB`, {
    limit: 'manifest bytes',
    max: maxDocumentBytes,
    ...(actual === undefined ? {} : { actual }),
  })
}
