import { ImageError } from '../errors.ts'

/** A mark instead of a file: what of the lower layers it hides, in the directory where it stands. */
export type Whiteout = { readonly kind: 'whiteout'; readonly name: Buffer } | { readonly kind: 'opaque' }

const prefix = Buffer.from('.wh.')
const opaque = Buffer.from('.wh..wh..opq')

/**
 * The mark that an entry's last component `name` is, if it is one.
 *
 * aufs's own bookkeeping (`.wh..wh.plnk`) is a whiteout of a name that no layer can have, so it hides nothing.
 *
 * Errors: MALFORMED: a whiteout of nothing, of `.` or of `..`.
 * Source: OCI image-spec v1.1, "Whiteouts".
 */
export function whiteoutOf(name: Buffer): Whiteout | undefined {
  if (!name.subarray(0, prefix.length).equals(prefix)) return undefined
  if (name.equals(opaque)) return { kind: 'opaque' }
  const hidden = name.subarray(prefix.length)
  if (hidden.length === 0 || hidden.equals(Buffer.from('.')) || hidden.equals(Buffer.from('..'))) {
    throw new ImageError('MALFORMED', `Cannot apply the whiteout ${name.toString()}: it names no file`, {
      what: 'whiteout',
    })
  }
  return { kind: 'whiteout', name: hidden }
}
