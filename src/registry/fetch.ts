import { ImageError } from '../errors.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import { kindOf } from '../spec/media-types.ts'
import { invalidResponse, transportError } from './failures.ts'
import type { Limits } from './limits.ts'
import type { Download, FetchOptions } from './registry.ts'
import { type Client, request } from './request.ts'
import { jittered, pause } from './retry.ts'
import type { Walk } from './walk.ts'
import { type Answer, contentLength, header } from './wire.ts'

/** Broken connections in a row that brought nothing worth the name. */
const maxFruitless = 5

/** A connection that brought this much was worth its while. */
const progressBytes = 64 * 1024

/** A body that begins at the byte that was asked for, once `skip` bytes are dropped. */
interface Opening {
  readonly answer: Answer
  readonly skip: number
  readonly host: string
}

/**
 * Opens `descriptor`'s content in `repository`; a connection that breaks is opened again where it broke.
 *
 * The length is held to the descriptor's from the first header on; the bytes are not judged.
 *
 * Errors: NOT_FOUND, UNAUTHORIZED, RATE_LIMITED, UNAVAILABLE, INVALID_RESPONSE, SIZE_MISMATCH.
 * Source: OCI distribution-spec v1.1, "Pulling blobs"; RFC 9110, "Range Requests".
 */
export async function openDownload(
  client: Client,
  walk: Walk,
  repository: string,
  descriptor: Descriptor,
  { offset = 0, signal }: FetchOptions,
): Promise<Download> {
  signal?.throwIfAborted()
  const { digest, size, mediaType } = descriptor
  if (offset > size) throw sizeMismatch(`Cannot fetch ${digest} from byte ${offset}`, size, offset)

  const kind = kindOf(mediaType)
  const isDocument = kind === 'index' || kind === 'manifest'
  const purpose = `fetch ${isDocument ? 'manifest' : 'blob'} ${digest} of ${repository}`
  const open = async (at: number): Promise<Opening> => {
    const headers = { accept: acceptFor(mediaType), ...(at === 0 ? {} : { range: `bytes=${at}-` }) }
    const path = `${isDocument ? 'manifests' : 'blobs'}/${digest}`
    const { host, value } = await walk.ask(
      isDocument ? 'document' : 'blob',
      host => request(client, host, { method: 'GET', repository, path, headers, purpose, signal }),
      signal,
    )
    return { answer: value, skip: skipIn(value, at, size, purpose), host: new URL(host.origin).host }
  }
  return resuming(await open(offset), open, { at: offset, size, purpose, limits: client.limits, signal })
}

/** The content that needs no request: what lies in the descriptor itself, and nothing at all. */
export function embedded(
  host: string,
  { data, size }: Descriptor,
  { offset = 0, signal }: FetchOptions,
): Download | undefined {
  signal?.throwIfAborted()
  const bytes = offset === size ? new Uint8Array() : data?.length === size ? data.slice(offset) : undefined
  if (bytes === undefined) return undefined
  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    if (bytes !== undefined && bytes.length > 0) yield bytes
  }
  return { host, reuse() {}, close() {}, [Symbol.asyncIterator]: chunks }
}

interface Course {
  readonly at: number
  readonly size: number
  readonly purpose: string
  readonly limits: Limits
  readonly signal: AbortSignal | undefined
}

function resuming(first: Opening, reopen: (at: number) => Promise<Opening>, course: Course): Download {
  const { size, purpose, limits, signal } = course
  let { answer, skip } = first
  let closed = false

  async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
    let { at } = course
    for (let fruitless = 0; ; ) {
      const begun = at
      let failure: unknown
      try {
        for await (const chunk of answer.body) {
          signal?.throwIfAborted()
          const bytes = chunk.subarray(skip)
          skip -= chunk.length - bytes.length
          at += bytes.length
          if (at > size) throw sizeMismatch(`Cannot ${purpose}: ${answer.url.host} sends more than announced`, size, at)
          if (bytes.length > 0) yield bytes
        }
      } catch (error) {
        signal?.throwIfAborted()
        if (error instanceof ImageError) throw error
        failure = error
      }
      if (at === size || closed) return
      fruitless = at - begun < progressBytes ? fruitless + 1 : 0
      if (fruitless === maxFruitless) throw brokenOff(failure, answer, purpose)
      if (fruitless > 0) await pause(jittered(limits.backoffMs[fruitless - 1] ?? limits.backoffMs.at(-1) ?? 0), signal)
      ;({ answer, skip } = await reopen(at))
    }
  }

  const close = () => {
    closed = true
    answer.body.close()
  }
  return { host: first.host, reuse: memory => answer.body.reuse(memory), close, [Symbol.asyncIterator]: chunks }
}

/** Bytes to drop from the body of `answer` so that it begins at `at`. */
function skipIn(answer: Answer, at: number, size: number, purpose: string): number {
  if (answer.status === 200) {
    mustBe(size, contentLength(answer), answer, purpose)
    return at
  }
  if (answer.status !== 206 || at === 0) throw invalidResponse(answer, purpose, `answers ${answer.status}`)
  const [, start, end, total] =
    /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(header(answer, 'content-range') ?? '') ?? []
  if (total !== undefined && total !== '*') mustBe(size, Number(total), answer, purpose)
  if (Number(start) !== at || Number(end) >= size)
    throw invalidResponse(answer, purpose, 'sends another range than was asked for')
  return 0
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

function brokenOff(failure: unknown, answer: Answer, purpose: string): ImageError {
  const error = failure ?? new Error(`connection broken off ${maxFruitless} times in a row`)
  return transportError(error, answer.url.host, purpose)
}

function sizeMismatch(message: string, expected: number, actual: number): ImageError {
  return new ImageError('SIZE_MISMATCH', message, { expected, actual })
}

/** A media type comes from a document that anybody can write: what can't be a header's value is left out. */
function acceptFor(mediaType: string): string {
  return /^[\w.+/-]+$/.test(mediaType) ? `${mediaType}, */*` : '*/*'
}
