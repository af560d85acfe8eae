import { ImageError } from '../errors.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import { invalidResponse } from './failures.ts'
import type { Host } from './hosts.ts'
import { checkKept, dropBody } from './kept.ts'
import { locationIn } from './redirect.ts'
import { type Client, type Question, request } from './request.ts'
import { type Answer, header } from './wire.ts'

/** An upload that the registry has begun. */
export interface UploadSession {
  readonly url: URL
  /** Bytes that it has. */
  readonly at: number
}

/** Who uploads what, and why. */
export interface UploadErrand extends Pick<Question, 'repository' | 'purpose' | 'patience' | 'signal'> {
  readonly client: Client
  readonly host: Host
  readonly scope: string
  readonly descriptor: Descriptor
}

/** Answers to a request for an upload that there isn't, or not as davit has it in mind. */
const lost = [404, 410, 416]

/**
 * Has the blob mounted from another repository. A registry that won't, for whatever reason, begins an upload instead,
 * or is asked to.
 *
 * Source: OCI distribution-spec v1.1, "Mounting a blob from another repository".
 */
export async function mountOrBegin(errand: UploadErrand, mountFrom: string): Promise<UploadSession | 'mounted'> {
  const { purpose, scope, descriptor } = errand
  const query = new URLSearchParams({ mount: descriptor.digest, from: mountFrom })
  const both = `${scope} repository:${mountFrom}:pull`
  const answer = await ask(errand, { method: 'POST', path: `blobs/uploads/?${query}`, scope: both }).catch(error => {
    if (error instanceof ImageError && isRefusal(error)) return undefined
    throw error
  })
  if (answer === undefined) return await beginUpload(errand)
  if (answer.status !== 201) return await sessionIn(answer, purpose)
  await checkKept(answer, descriptor.digest, purpose)
  return 'mounted'
}

export async function beginUpload(errand: UploadErrand): Promise<UploadSession> {
  return await sessionIn(await ask(errand, { method: 'POST', path: 'blobs/uploads/' }), errand.purpose)
}

/**
 * How far the upload has come, as the registry says; undefined when it knows nothing of it.
 *
 * Source: OCI distribution-spec v1.1, "Pushing a blob in chunks".
 */
export async function statusOf(errand: UploadErrand, { url }: UploadSession): Promise<UploadSession | undefined> {
  const answer = await ask(errand, { method: 'GET', path: url }, [400, 405, ...lost])
  await dropBody(answer)
  const at = offsetIn(answer, errand.descriptor.size)
  if (answer.status >= 300 || at === undefined) return undefined
  return { url: nextUrl(answer, url, errand.purpose), at }
}

/** A part of the blob to be sent. */
export interface Piece {
  readonly end: number
  readonly bytes: () => AsyncIterable<Uint8Array>
}

/**
 * Sends what is to follow. Nothing is tried again here: how much was taken is the registry's to say.
 *
 * Shape:  'too large' when the registry, or something before it, doesn't take so much at a time.
 * Errors: UNAVAILABLE when the upload is lost; INVALID_RESPONSE when nothing was taken.
 */
export async function sendPiece(
  errand: UploadErrand,
  { url, at }: UploadSession,
  { end, bytes }: Piece,
): Promise<UploadSession | 'too large'> {
  const { purpose } = errand
  const { size } = errand.descriptor
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': String(end - at),
    // The whole goes without: that is how everybody sends it, so registries know it best.
    ...(end - at === size ? {} : { 'content-range': `${at}-${end - 1}` }),
  }
  const patch = { method: 'PATCH', path: url, headers, body: bytes, patience: undefined } as const
  const answer = await ask(errand, patch, [413, ...lost])
  if (answer.status === 413) {
    answer.body.close()
    return 'too large'
  }
  if (lost.includes(answer.status)) throw lostUpload(answer, purpose)
  await dropBody(answer)
  const reached = offsetIn(answer, size) ?? end
  if (reached <= at || reached > end) throw invalidResponse(answer, purpose, 'has another idea of what it was sent')
  return { url: nextUrl(answer, url, purpose), at: reached }
}

/** Ends an upload: from then on the registry has the blob. Not tried again here. */
export async function completeUpload(errand: UploadErrand, session: UploadSession): Promise<void> {
  const { purpose, client } = errand
  const { digest } = errand.descriptor
  const url = new URL(session.url)
  url.searchParams.set('digest', digest)
  const put = { method: 'PUT', path: url, headersMs: client.limits.commitMs, patience: undefined } as const
  const answer = await ask(errand, put, lost)
  if (lost.includes(answer.status)) throw lostUpload(answer, purpose)
  await checkKept(answer, digest, purpose)
}

async function sessionIn(answer: Answer, purpose: string): Promise<UploadSession> {
  if (answer.status !== 202) throw invalidResponse(answer, purpose, `answers ${answer.status}, not 202`)
  await dropBody(answer)
  return { url: locationIn(answer, purpose), at: 0 }
}

function ask(
  { client, host, ...errand }: UploadErrand,
  question: Pick<Question, 'method' | 'path'> & Partial<Question>,
  expected: readonly number[] = [],
): Promise<Answer> {
  const { repository, purpose, scope, patience, signal } = errand
  const asked = { repository, purpose, scope, patience, signal, headers: {}, body: new Uint8Array() }
  return request(client, host, { ...asked, ...question }, expected)
}

/** Credentials that don't reach the other repository, a repository that isn't, a registry that can't mount. */
function isRefusal({ code }: ImageError): boolean {
  return code === 'UNAUTHORIZED' || code === 'NOT_FOUND' || code === 'INVALID_RESPONSE'
}

/** `0-9`, inclusive, is ten bytes; an upload without any says `0-0`, too. */
function offsetIn(answer: Answer, size: number): number | undefined {
  const [, last] = /^(?:bytes=)?0-(\d{1,15})$/.exec(header(answer, 'range') ?? '') ?? []
  if (last === undefined) return undefined
  return last === '0' && size > 1 ? 0 : Number(last) + 1
}

/** Each answer has a new address, in which the registry keeps what it knows; one that has none means the old one. */
function nextUrl(answer: Answer, url: URL, purpose: string): URL {
  return header(answer, 'location') === undefined ? url : locationIn(answer, purpose)
}

/** Passes: there can be another upload. */
function lostUpload(answer: Answer, purpose: string): ImageError {
  answer.body.close()
  const { host } = answer.url
  return new ImageError('UNAVAILABLE', `Cannot ${purpose}: ${host} has lost the upload (${answer.status})`, { host })
}
