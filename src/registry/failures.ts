import { ImageError } from '../errors.ts'
import { readAll } from './body.ts'
import { outOfBoundsCode } from './bounds.ts'
import { maxReplyBytes } from './limits.ts'
import { tooSlowCode } from './meter.ts'
import { type Answer, header } from './wire.ts'

/** What a request is for, as messages name it: `fetch manifest 3.20 of library/alpine`. */
export type Purpose = string

/** Longest part of a registry's own words that goes into a message, in characters. */
const maxQuote = 300

/** A name that doesn't exist, or a TLS identity that can't be trusted: asking again changes nothing. */
const permanent = /^(ENOTFOUND|EPROTO$|ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/

/** A failure of the connection, in the terms of {@link ImageError}. */
export function transportError(error: unknown, host: string, purpose: Purpose): ImageError {
  const code = codeOf(error)
  if (isNoHttp(error)) {
    return new ImageError(
      'INVALID_RESPONSE',
      `Cannot ${purpose}: ${host} doesn't speak HTTP (${inWords(code, error)})`,
      { host },
      { cause: error },
    )
  }
  if (code === outOfBoundsCode) {
    const hint = `--allow-host ${host} permits it`
    const what = 'address out of bounds'
    return new ImageError(
      'UNSAFE',
      `Cannot ${purpose}: ${host}: ${inWords(code, error)}`,
      { what },
      { hint, cause: error },
    )
  }
  return new ImageError(
    'UNAVAILABLE',
    `Cannot ${purpose}: ${host}: ${inWords(code, error)}`,
    { host },
    {
      cause: error,
      ...(isTls(code) ? { hint: 'check the certificate; --plain-http is for registries without TLS' } : {}),
    },
  )
}

/** True when the same request may succeed a little later. */
export function isTransient(error: unknown): error is ImageError<'UNAVAILABLE' | 'RATE_LIMITED'> {
  if (!(error instanceof ImageError)) return false
  if (error.code === 'RATE_LIMITED') return true
  if (error.code !== 'UNAVAILABLE' || permanent.test(codeOf(error.cause))) return false
  const { status } = error.details as ImageError<'UNAVAILABLE'>['details']
  return status === undefined || [408, 500, 502, 503, 504].includes(status)
}

/** True when bytes came, or might have, and too few of them. */
export function isTooSlow(error: unknown): boolean {
  return error instanceof ImageError && codeOf(error.cause) === tooSlowCode
}

/**
 * What an answer above 399 means. Its body is read, for the registry's own words.
 *
 * `access`: with which credentials it was asked, as a clause: `asked anonymously`.
 */
export async function statusError(answer: Answer, purpose: Purpose, access: string): Promise<ImageError> {
  const { status } = answer
  const host = answer.url.host
  const words = await wordsOf(answer)
  const said = words === '' ? String(status) : `${status}, ${words}`
  const retryAfterMs = retryAfter(header(answer, 'retry-after'), Date.now())
  const later = retryAfterMs === undefined ? {} : { retryAfterMs }
  if (status === 401 || status === 403) {
    const hint = 'log in with davit login, or give --username and --password-stdin'
    return new ImageError(
      'UNAUTHORIZED',
      `Cannot ${purpose}: ${host}, ${access}, refuses (${said})`,
      { host, status },
      { hint },
    )
  }
  if (status === 404 || status === 410) {
    const [, what = 'content', name = purpose] = /^\w+ (\w+) (.+)$/.exec(purpose) ?? []
    return new ImageError('NOT_FOUND', `Cannot ${purpose}: ${host} doesn't have it (${said})`, { what, name })
  }
  if (status === 429) {
    return new ImageError('RATE_LIMITED', `Cannot ${purpose}: ${host} asks to slow down (${said})`, { host, ...later })
  }
  if (status >= 500 || status === 408) {
    return new ImageError('UNAVAILABLE', `Cannot ${purpose}: ${host} fails (${said})`, { host, status, ...later })
  }
  return new ImageError('INVALID_RESPONSE', `Cannot ${purpose}: ${host} answers ${said}`, { host, status })
}

/** An answer that breaks the specification. */
export function invalidResponse(answer: Answer, purpose: Purpose, found: string): ImageError {
  answer.body.close()
  const { host } = answer.url
  return new ImageError('INVALID_RESPONSE', `Cannot ${purpose}: ${host} ${found}`, { host, status: answer.status })
}

/** `text` as a message may hold it: one line, no control characters, not too long. */
export function printable(text: string): string {
  const line = text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return line.length > maxQuote ? `${line.slice(0, maxQuote)}…` : line
}

/** `url` without what may be secret: signatures live in queries. */
export function redacted({ origin, pathname, search }: URL): string {
  return printable(`${origin}${pathname}${search === '' ? '' : '?…'}`)
}

/** The three forms of a date in HTTP; V8 would take "-5" for one, too. */
const httpDate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /

/**
 * Milliseconds that a `Retry-After` asks for; undefined for none and for nonsense.
 *
 * Source: RFC 9110, "Retry-After", "Date/Time Formats": seconds or a date.
 */
export function retryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  if (/^\d+$/.test(value)) return Number(value) * 1000
  const date = httpDate.test(value) ? Date.parse(value.replace(/( GMT)?$/, ' GMT')) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

/** Codes and messages of an error body (OCI distribution-spec v1.1, "Error Codes"); '' for any other body. */
async function wordsOf({ body }: Answer): Promise<string> {
  try {
    const bytes = await readAll(body, maxReplyBytes)
    const { errors } = JSON.parse(Buffer.from(bytes ?? []).toString()) as { errors?: unknown }
    if (!Array.isArray(errors)) return ''
    return printable(
      errors
        .slice(0, 3)
        .map(inOneLine)
        .filter(line => line !== '')
        .join('; '),
    )
  } catch {
    return '' // whatever is wrong with the body: the status says enough
  }
}

function inOneLine(error: unknown): string {
  if (typeof error !== 'object' || error === null) return ''
  const { code, message } = error as { code?: unknown; message?: unknown }
  return [code, message].filter(part => typeof part === 'string' && part !== '').join(': ')
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

/** The HTTP client names its parser's errors, but gives them no code. */
function isNoHttp(error: unknown): boolean {
  return (error instanceof Error && error.name === 'HTTPParserError') || codeOf(error) === 'UND_ERR_HEADERS_OVERFLOW'
}

function isTls(code: string): boolean {
  return permanent.test(code) && code !== 'ENOTFOUND'
}

function inWords(code: string, error: unknown): string {
  if (isTls(code)) return `TLS error (${code})`
  const words = byCode[code]
  if (words !== undefined) return words
  return printable(error instanceof Error && error.message !== '' ? error.message : code)
}

const byCode: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  UND_ERR_SOCKET: 'connection broken off',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'connection broken off',
  ENOTFOUND: 'name not found',
  EAI_AGAIN: 'name service does not answer',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'timed out',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  UND_ERR_BODY_TIMEOUT: 'no data in time',
  ERR_TOO_SLOW: 'too slow',
}
