import { type ErrorCode, type ErrorDetails, ImageError } from '../errors.ts'

/** An error in a form that survives structured cloning, which drops classes and extra members. */
export interface TaskError {
  readonly message: string
  readonly stack: string | undefined
  readonly image?: {
    readonly code: ErrorCode
    readonly details: ErrorDetails[ErrorCode]
    readonly hint: string | undefined
  }
  /** Of a system error. */
  readonly system?: { readonly code: string; readonly errno: number; readonly syscall: string }
}

export function packError(error: unknown): TaskError {
  if (!(error instanceof Error)) return { message: String(error), stack: undefined }
  const plain = { message: error.message, stack: error.stack }
  if (error instanceof ImageError) {
    return { ...plain, image: { code: error.code, details: error.details, hint: error.hint } }
  }
  const { code, errno, syscall } = error as NodeJS.ErrnoException
  if (code === undefined) return plain
  return { ...plain, system: { code, errno: errno ?? 0, syscall: syscall ?? '' } }
}

export function unpackError({ message, stack, image, system }: TaskError): Error {
  const hint = image?.hint === undefined ? {} : { hint: image.hint }
  const error = image === undefined ? new Error(message) : new ImageError(image.code, message, image.details, hint)
  if (system !== undefined) Object.assign(error, system)
  if (stack !== undefined) error.stack = stack
  return error
}
