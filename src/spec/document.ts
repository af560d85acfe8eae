import { ImageError } from '../errors.ts'
import { ignoringCase, malformed, parseJson, printable } from './json.ts'
import { isIndex, isManifest, isSchema1, mediaTypes } from './media-types.ts'

/** What a document that registries serve as a manifest can be. */
type Shape = 'index' | 'manifest' | 'schema1'

/** A decoded document and the media type that its bytes, its shape and its sender agree on. */
interface Document {
  readonly value: object
  readonly mediaType: string
}

/**
 * The media type of a document that was found by its digest alone: what it says itself, else what its shape tells.
 *
 * Errors: MALFORMED when it contradicts itself or is no manifest of any kind; LIMIT_EXCEEDED.
 */
export function detectMediaType(bytes: Uint8Array): string {
  return readDocument(bytes, undefined, 'manifest').mediaType
}

/**
 * Decodes a document. Its shape, the `mediaType` in it and the one that it was sent under must agree, so that one
 * digest can't be read as two things.
 *
 * Errors: MALFORMED, LIMIT_EXCEEDED.
 * Source: OCI image-spec v1.1, "Verification" of manifests; CVE-2021-41190.
 */
export function readDocument(bytes: Uint8Array, sentAs: string | undefined, what: string): Document {
  const value = parseJson(bytes, what)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed(what, 'not a JSON object')
  const shape = shapeOf(value, what)
  const inside = 'mediaType' in value ? value.mediaType : undefined
  if (inside !== undefined && typeof inside !== 'string') throw malformed(what, 'mediaType is not a string')
  if (inside && sentAs !== undefined && inside !== sentAs) {
    throw malformed(what, `sent as ${quote(sentAs)}, but calls itself ${quote(inside)}`)
  }
  const mediaType = sentAs ?? (inside || defaultMediaType(shape, value))
  if (shapeNamed(mediaType) !== shape)
    throw malformed(what, `has the shape of ${named[shape]}, not of ${quote(mediaType)}`)
  return { value, mediaType }
}

/** `items`, unless there are more than `max`. */
export function limited<T>(items: readonly T[], max: number, limit: string): readonly T[] {
  if (items.length <= max) return items
  throw new ImageError('LIMIT_EXCEEDED', `Cannot accept ${items.length} ${limit}: at most ${max} are allowed`, {
    limit,
    max,
    actual: items.length,
  })
}

const named: Readonly<Record<Shape, string>> = {
  index: 'an index',
  manifest: 'a manifest',
  schema1: 'a schema 1 manifest',
}

/** Other readers match keys in any case, so every spelling counts as a contradiction. */
function shapeOf(value: object, what: string): Shape {
  const keys = new Set(Object.keys(value).map(ignoringCase))
  const found = ['manifests', 'layers', 'config', 'fsLayers'].filter(key => keys.has(ignoringCase(key)))
  const signs = found.join(' and ')
  if (signs === 'manifests') return 'index'
  if (signs === 'fsLayers') return 'schema1'
  if (signs === 'layers' || signs === 'layers and config') return 'manifest'
  if (found.length < 2) throw malformed(what, 'neither an index nor a manifest')
  throw malformed(what, `${signs} don't go together`)
}

function shapeNamed(mediaType: string): Shape | undefined {
  if (isIndex(mediaType)) return 'index'
  if (isManifest(mediaType)) return 'manifest'
  return isSchema1(mediaType) ? 'schema1' : undefined
}

/** Docker's documents have always named their type, but for schema 1: what doesn't is OCI. */
function defaultMediaType(shape: Shape, value: object): string {
  if (shape === 'index') return mediaTypes.ociIndex
  if (shape === 'manifest') return mediaTypes.ociManifest
  return 'signatures' in value ? mediaTypes.dockerSchema1Signed : mediaTypes.dockerSchema1
}

function quote(text: string): string {
  return `"${printable(text)}"`
}
