import { ImageError } from '../../errors.ts'

/** The archive breaks its format, or says what readers of it disagree about. */
export function malformed(found: string): ImageError<'MALFORMED'> {
  return new ImageError('MALFORMED', `Cannot read the layer's tar: ${found}`, { what: 'tar' })
}

/** The archive is well-formed, and would do harm. */
export function unsafe(found: string): ImageError<'UNSAFE'> {
  return new ImageError('UNSAFE', `Cannot accept the layer's tar: ${found}`, { what: 'tar entry' })
}

/** The archive asks for more than davit gives. */
export function tooMuch(limit: string, max: number, actual: number): ImageError<'LIMIT_EXCEEDED'> {
  return new ImageError('LIMIT_EXCEEDED', `Cannot accept the layer's tar: ${limit} ${actual} is above ${max}`, {
    limit,
    max,
    actual,
  })
}
