import { ImageError } from '../errors.ts'

/** Linux's NAME_MAX. */
export const maxComponentBytes = 255
/** Of a tree and of a path: deeper than any real one, and well within what a walk can hold. */
export const maxDepth = 1024

const slash = 0x2f
const dot = 0x2e

/**
 * Splits a path of an archive into its components, cleaned by words alone: empty ones and `.` go, `..` removes the one
 * before it and stops at the root. No components: the root itself.
 *
 * Shape:  components are views of `path`.
 * Errors: LIMIT_EXCEEDED: a component above 255 bytes, or more than 1,024 of them.
 */
export function cleanPath(path: Uint8Array): readonly Buffer[] {
  const bytes = Buffer.from(path.buffer, path.byteOffset, path.length)
  const components: Buffer[] = []
  for (let start = 0; start < bytes.length; ) {
    const next = bytes.indexOf(slash, start)
    const end = next < 0 ? bytes.length : next
    const length = end - start
    if (isDots(bytes, start, length)) {
      if (length === 2) components.pop()
    } else {
      if (length > maxComponentBytes) throw tooMuch('bytes of a name', maxComponentBytes, length)
      components.push(bytes.subarray(start, end))
    }
    start = end + 1
  }
  if (components.length > maxDepth) throw tooMuch('depth of a path', maxDepth, components.length)
  return components
}

/** Nothing, `.` or `..`. */
function isDots(bytes: Buffer, start: number, length: number): boolean {
  if (length > 2) return false
  return (length < 1 || bytes[start] === dot) && (length < 2 || bytes[start + 1] === dot)
}

function tooMuch(limit: string, max: number, actual: number): ImageError {
  return new ImageError('LIMIT_EXCEEDED', `Cannot accept a path in the layer: ${limit} ${actual} is above ${max}`, {
    limit,
    max,
    actual,
  })
}
