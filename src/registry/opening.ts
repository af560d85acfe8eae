import { ImageError } from '../errors.ts'
import { invalidResponse } from './failures.ts'
import type { Host } from './hosts.ts'
import { type Client, type Question, request } from './request.ts'
import { type Answer, contentLength, header } from './wire.ts'

/** Content as one answer has it. */
export interface Opening {
  readonly host: Host
  readonly answer: Answer
  /** The first bytes of the body, which weren't asked for. */
  readonly skip: number
}

export type Content = Pick<Question, 'repository' | 'path' | 'headers' | 'purpose' | 'patience' | 'signal'> & {
  readonly size: number
}

/**
 * Opens `content` at `host` from byte `at` on, as a range where the host has ranges.
 *
 * `known`: an earlier answer. Where the same place is asked again, and has named its version strongly, another version
 * must not come as a range.
 *
 * Errors: those of requests; SIZE_MISMATCH.
 * Source: RFC 9110, "Range", "If-Range".
 */
export async function openAt(
  client: Client,
  host: Host,
  content: Content,
  at: number,
  known: Answer | undefined,
): Promise<Opening> {
  const question = { method: 'GET', ...content } as const
  if (at > 0) {
    const headers = { ...content.headers, range: `bytes=${at}-` }
    const headersAt = (url: URL) => conditionAt(url, known)
    const answer = await request(client, host, { ...question, headers, headersAt }, [416])
    if (answer.status === 200) return whole(host, answer, content, at)
    if (isRange(answer, at, undefined, content)) return { host, answer, skip: 0 }
    answer.body.close() // its idea of ranges is no use
  }
  return whole(host, await request(client, host, question), content, at)
}

/**
 * Opens the bytes of `content` from `start` up to `end` and nothing else, at the place and in the version of `known`.
 *
 * Errors: those of requests; INVALID_RESPONSE when the host won't.
 */
export async function openRange(
  client: Client,
  { host, answer: known }: Opening,
  content: Content,
  [start, end]: readonly [start: number, end: number],
): Promise<Answer> {
  const { purpose } = content
  const headers = { ...content.headers, range: `bytes=${start}-${end - 1}` }
  const headersAt = (url: URL) => conditionAt(url, known)
  const shortcut = known.url.origin === host.origin ? undefined : known.url
  const question = { method: 'GET', ...content, headers, headersAt, shortcut } as const
  const answer = await request(client, host, question, [416])
  if (!isRange(answer, start, end, content)) throw invalidResponse(answer, purpose, "doesn't serve ranges as it should")
  if (isOtherVersion(answer, known)) throw invalidResponse(answer, purpose, 'has changed the content under that name')
  return answer
}

/** Whether a 206 holds what was asked for: from `start` on, up to `end` or the end of it all. */
function isRange(answer: Answer, start: number, end: number | undefined, { size, purpose }: Content): boolean {
  if (answer.status !== 206) return false
  const [, first, last, total = '*'] =
    /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(header(answer, 'content-range') ?? '') ?? []
  if (total !== '*') mustBe(size, Number(total), answer, purpose)
  const length = contentLength(answer)
  if (Number(first) !== start || Number(last) >= size || Number(last) < start) return false
  if (length !== undefined && length !== Number(last) + 1 - start) return false
  return end === undefined || Number(last) === end - 1
}

function whole(host: Host, answer: Answer, { size, purpose }: Content, at: number): Opening {
  if (answer.status !== 200) throw invalidResponse(answer, purpose, `answers ${answer.status}`)
  mustBe(size, contentLength(answer), answer, purpose)
  return { host, answer, skip: at }
}

function mustBe(size: number, announced: number | undefined, answer: Answer, purpose: string): void {
  if (announced === undefined || announced === size) return
  answer.body.close()
  throw sizeMismatch(
    `Cannot ${purpose}: ${answer.url.host} has ${announced} bytes under that name, not ${size}`,
    size,
    announced,
  )
}

export function sizeMismatch(message: string, expected: number, actual: number): ImageError {
  return new ImageError('SIZE_MISMATCH', message, { expected, actual })
}

function conditionAt(url: URL, known: Answer | undefined): Readonly<Record<string, string>> {
  const version = known === undefined || !isSamePlace(url, known.url) ? undefined : versionOf(known)
  return version === undefined ? {} : { 'if-range': version }
}

function isOtherVersion(answer: Answer, known: Answer): boolean {
  const [version, before] = [versionOf(answer), versionOf(known)]
  return isSamePlace(answer.url, known.url) && version !== undefined && before !== undefined && version !== before
}

/** The strong entity tag; weak ones don't tell bytes apart. */
function versionOf(answer: Answer): string | undefined {
  const tag = header(answer, 'etag')
  return tag !== undefined && /^"[\x21\x23-\x7e]*"$/.test(tag) ? tag : undefined
}

/** But for the query, where signatures are. */
function isSamePlace(one: URL, other: URL): boolean {
  return one.origin === other.origin && one.pathname === other.pathname
}
