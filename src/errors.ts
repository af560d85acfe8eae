/**
 * The one error class: a closed code that callers match, a line that people read, and typed facts.
 *
 * Abort reasons are never wrapped: whoever aborted gets its own reason back. Operating-system errors pass through
 * unless davit knows something that the caller does not.
 */
export interface ErrorDetails {
  /** Text that a person typed: reference, platform, flag. */
  INVALID_ARGUMENT: { readonly argument: string; readonly value?: string }
  NOT_FOUND: { readonly what: string; readonly name: string }
  ALREADY_EXISTS: { readonly what: string; readonly name: string }
  /** Something still depends on it: a snapshot with children, a mounted view. */
  IN_USE: { readonly what: string; readonly name: string }
  /** Credentials missing or refused. */
  UNAUTHORIZED: { readonly host: string; readonly status?: number }
  RATE_LIMITED: { readonly host: string; readonly retryAfterMs?: number }
  /** Network, time limit, or a server's own failure (5xx). */
  UNAVAILABLE: { readonly host: string; readonly status?: number; readonly retryAfterMs?: number }
  /** The registry broke its specification. */
  INVALID_RESPONSE: { readonly host: string; readonly status?: number }
  DIGEST_MISMATCH: { readonly expected: string; readonly actual: string }
  SIZE_MISMATCH: { readonly expected: number; readonly actual: number }
  /** A document, archive or compressed stream that can't be read as what it claims to be. */
  MALFORMED: { readonly what: string }
  /** Understood, and dangerous. */
  UNSAFE: { readonly what: string }
  LIMIT_EXCEEDED: { readonly limit: string; readonly max: number; readonly actual?: number }
  UNSUPPORTED: { readonly what: string }
  NO_MATCHING_PLATFORM: { readonly wanted: string; readonly available: readonly string[] }
  /** `neededBytes`: still to be fetched; `freeableBytes`: that a collection would free. */
  NO_SPACE: { readonly path: string; readonly neededBytes?: number; readonly freeableBytes?: number }
  LOCKED: { readonly path: string }
  /** Permission or privilege is lacking. */
  DENIED: { readonly what: string }
}

export type ErrorCode = keyof ErrorDetails

export interface ErrorExtras {
  readonly cause?: unknown
  /** What to do next, in a few words; the command line prints it after the message. */
  readonly hint?: string
}

export class ImageError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'ImageError'
  readonly code: C
  readonly details: ErrorDetails[C]
  readonly hint: string | undefined

  /** `message`: capital, active, no final stop: what could not be done, colon, what was found. */
  constructor(code: C, message: string, details: ErrorDetails[C], { cause, hint }: ErrorExtras = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.details = details
    this.hint = hint
  }
}

/** True when `error` is an {@link ImageError} with this code; narrows its details. */
export function hasCode<C extends ErrorCode>(error: unknown, code: C): error is ImageError<C> {
  return error instanceof ImageError && error.code === code
}

/** libuv has no name for it, and calls it unknown, by this number. */
const UNNAMED_EDQUOT = -122

/** The errno name (`ENOSPC`) of an operating-system error, of Node's or of `system/sys`. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || error instanceof ImageError) return undefined
  if ('errno' in error && error.errno === UNNAMED_EDQUOT) return 'EDQUOT'
  return typeof error.code === 'string' && /^E[A-Z0-9]+$/.test(error.code) ? error.code : undefined
}
