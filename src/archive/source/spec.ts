import { ImageError } from '../../errors.ts'

/** What a source is written as. */
export const sourceFormats = ['oci', 'oci-archive', 'docker-archive', 'tar'] as const

export type SourceFormat = (typeof sourceFormats)[number]

/** Where a source is, and which of its images is meant. */
export interface SourceSpec {
  /** Undefined: as its bytes say. */
  readonly format: SourceFormat | undefined
  /** `-` for stdin. */
  readonly path: string
  /** The whole name, the tag or the digest of an image in it. */
  readonly name: string | undefined
}

/**
 * Reads `FORMAT:PATH[:NAME]`, or a path alone. The path ends at the first colon, as it does for skopeo and podman; files
 * of a tar have no name.
 *
 * Errors: INVALID_ARGUMENT.
 */
export function parseSource(text: string): SourceSpec {
  const format = sourceFormats.find(format => text.startsWith(`${format}:`))
  if (format === undefined) return checked(text, { format, path: text, name: undefined })
  const rest = text.slice(format.length + 1)
  const colon = format === 'tar' ? -1 : rest.indexOf(':')
  if (colon === -1) return checked(text, { format, path: rest, name: undefined })
  return checked(text, { format, path: rest.slice(0, colon), name: rest.slice(colon + 1) || undefined })
}

function checked(text: string, spec: SourceSpec): SourceSpec {
  if (spec.path !== '' && !spec.path.includes('\0')) return spec
  const value = text.slice(0, 200)
  const message = `Cannot read source ${JSON.stringify(value)}: it names no file`
  throw new ImageError(
    'INVALID_ARGUMENT',
    message,
    { argument: 'source', value },
    { hint: 'FORMAT:PATH[:NAME], or PATH' },
  )
}
