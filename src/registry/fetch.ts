import type { Descriptor } from '../spec/descriptor.ts'
import { kindOf } from '../spec/media-types.ts'
import type { Reference } from '../spec/reference.ts'
import { openAt, sizeMismatch } from './opening.ts'
import type { Download, FetchOptions } from './registry.ts'
import type { Client } from './request.ts'
import { Patience } from './retry.ts'
import { Transfer } from './transfer.ts'
import type { Walk } from './walk.ts'
import type { Answer } from './wire.ts'

/**
 * Opens `descriptor`'s content in the repository of `reference`; a connection that breaks is opened again where it broke.
 *
 * The length is held to the descriptor's from the first header on; the bytes are not judged.
 *
 * Errors: NOT_FOUND, UNAUTHORIZED, RATE_LIMITED, UNAVAILABLE, INVALID_RESPONSE, UNSAFE, SIZE_MISMATCH.
 * Source: OCI distribution-spec v1.1, "Pulling blobs"; RFC 9110, "Range Requests".
 */
export async function openDownload(
  client: Client,
  walk: Walk,
  { host: registry, repository }: Reference,
  { digest, size, mediaType }: Descriptor,
  { offset = 0, signal }: FetchOptions,
): Promise<Download> {
  signal?.throwIfAborted()
  if (offset > size) throw sizeMismatch(`Cannot fetch ${digest} from byte ${offset}`, size, offset)

  const kind = kindOf(mediaType)
  const isDocument = kind === 'index' || kind === 'manifest'
  const patience = new Patience(client.limits)
  const content = {
    repository,
    path: `${isDocument ? 'manifests' : 'blobs'}/${digest}`,
    headers: { accept: acceptFor(mediaType) },
    purpose: `fetch ${isDocument ? 'manifest' : 'blob'} ${digest} of ${repository}`,
    size,
    patience,
    signal,
  }
  let known: Answer | undefined
  const open = async (at: number) => {
    const { value } = await walk.ask(
      isDocument ? 'document' : 'blob',
      (host, isLast) => openAt(client, host, { ...content, patience: isLast ? patience : undefined }, at, known),
      signal,
    )
    known = value.answer
    return value
  }
  const isBulk = kind === 'layer' || kind === 'other'
  const place = isBulk ? await client.connections.take(registry, signal) : undefined
  try {
    const takePlace = () => client.connections.tryTake(registry)
    const parts = { client, content, reopen: open, onBreak: walk.demote, place, takePlace }
    return new Transfer(parts, offset, await open(offset))
  } catch (error) {
    place?.release()
    throw error
  }
}

/** The content that needs no request: what lies in the descriptor itself, and nothing at all. */
export function embedded(
  host: string | undefined,
  { data, size }: Descriptor,
  { offset = 0, signal }: FetchOptions,
): Download | undefined {
  signal?.throwIfAborted()
  const bytes = offset === size ? new Uint8Array() : data?.length === size ? data.slice(offset) : undefined
  if (bytes === undefined) return undefined
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    if (bytes !== undefined && bytes.length > 0) yield bytes
  }
  return { ...(host === undefined ? {} : { host }), reuse() {}, close() {}, [Symbol.asyncIterator]: chunks }
}

/** A media type comes from a document that anybody can write: what can't be a header's value is left out. */
function acceptFor(mediaType: string): string {
  return /^[\w.+/-]+$/.test(mediaType) ? `${mediaType}, */*` : '*/*'
}
