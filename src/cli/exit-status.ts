import { type ErrorCode, errnoOf, ImageError } from '../errors.ts'

/** What the command line exits with: scripts match these, so a number never changes its meaning. */
export const exitStatus = {
  ok: 0,
  internal: 1,
  usage: 2,
  notFound: 3,
  auth: 4,
  network: 5,
  rateLimited: 6,
  verification: 7,
  unsupported: 8,
  noSpace: 9,
  locked: 10,
  denied: 11,
  interrupted: 130,
  terminated: 143,
} as const

type ExitStatus = (typeof exitStatus)[keyof typeof exitStatus]

export const exitMeanings: Readonly<Record<keyof typeof exitStatus, string>> = {
  ok: 'done',
  internal: 'internal error, or one that has no status of its own',
  usage: 'the command line can’t be understood',
  notFound: 'no such image, blob or snapshot, here or at the registry',
  auth: 'credentials missing or refused',
  network: 'network, time limit, or the registry’s own failure',
  rateLimited: 'the registry asks to come back later',
  verification: 'content that is not what it claims to be, malformed or unsafe',
  unsupported: 'unsupported content, or no matching platform',
  noSpace: 'no space left, or over quota',
  locked: 'something else holds what is needed',
  denied: 'permission or privilege is lacking',
  interrupted: 'interrupted (SIGINT)',
  terminated: 'terminated (SIGTERM)',
}

export const statusOfCode: Readonly<Record<ErrorCode, ExitStatus>> = {
  INVALID_ARGUMENT: exitStatus.usage,
  NOT_FOUND: exitStatus.notFound,
  ALREADY_EXISTS: exitStatus.usage,
  IN_USE: exitStatus.locked,
  UNAUTHORIZED: exitStatus.auth,
  RATE_LIMITED: exitStatus.rateLimited,
  UNAVAILABLE: exitStatus.network,
  INVALID_RESPONSE: exitStatus.network,
  DIGEST_MISMATCH: exitStatus.verification,
  SIZE_MISMATCH: exitStatus.verification,
  MALFORMED: exitStatus.verification,
  UNSAFE: exitStatus.verification,
  LIMIT_EXCEEDED: exitStatus.verification,
  UNSUPPORTED: exitStatus.unsupported,
  NO_MATCHING_PLATFORM: exitStatus.unsupported,
  NO_SPACE: exitStatus.noSpace,
  LOCKED: exitStatus.locked,
  DENIED: exitStatus.denied,
}

/** Errors of the operating system that reach the surface as they were. */
const statusOfErrno: Readonly<Record<string, ExitStatus>> = {
  ENOSPC: exitStatus.noSpace,
  EDQUOT: exitStatus.noSpace,
  EACCES: exitStatus.denied,
  EPERM: exitStatus.denied,
  EROFS: exitStatus.denied,
}

export function statusOf(error: unknown): ExitStatus {
  if (error instanceof ImageError) return statusOfCode[error.code as ErrorCode]
  if (error instanceof Interruption) return error.status
  return statusOfErrno[errnoOf(error) ?? ''] ?? exitStatus.internal
}

/** Why the command's signal was aborted. */
export class Interruption extends Error {
  override readonly name = 'Interruption'
  readonly signal: 'SIGINT' | 'SIGTERM'

  constructor(signal: 'SIGINT' | 'SIGTERM', advice?: string) {
    super(`${signal === 'SIGINT' ? 'interrupted' : 'terminated'}${advice === undefined ? '' : `: ${advice}`}`)
    this.signal = signal
  }

  get status(): ExitStatus {
    return this.signal === 'SIGINT' ? exitStatus.interrupted : exitStatus.terminated
  }
}
