import { ImageError } from '../../errors.ts'
import { formatReference, parseReference, type Reference } from '../../spec/reference.ts'
import type { Images, SourceImage } from './source.ts'

/** The reference that a source writes down; undefined for a tag alone, and for what is none. */
export function wholeName(text: string | undefined): Reference | undefined {
  return text === undefined || !/[/:]/.test(text) ? undefined : referenceIn(text)
}

/**
 * The one image of a source that `name` means: a whole name, a tag, or a digest; without a name the only one.
 *
 * Errors: NOT_FOUND; INVALID_ARGUMENT when several would do. The hint lists what there is.
 */
export function findImage({ images }: Pick<Images, 'images'>, name: string | undefined): SourceImage {
  const found = name === undefined ? images : images.filter(image => isNamed(image, name))
  const [first] = found
  if (first === undefined) {
    const message =
      name === undefined ? 'Cannot find an image: there is none' : `Cannot find image ${quote(name)} there`
    throw new ImageError('NOT_FOUND', message, { what: 'image', name: name ?? '' }, hintOf(images))
  }
  if (new Set(found.map(({ descriptor }) => descriptor.digest)).size === 1) return first
  const message =
    name === undefined ? 'Cannot choose an image: there are several' : `Cannot choose: several are ${quote(name)}`
  throw new ImageError('INVALID_ARGUMENT', message, { argument: 'source', value: name ?? '' }, hintOf(images))
}

/** What to ask for to get this image. */
export function nameOf({ reference, tag, descriptor }: SourceImage): string {
  return reference === undefined ? (tag ?? descriptor.digest) : formatReference(reference)
}

function isNamed({ reference, tag, descriptor }: SourceImage, name: string): boolean {
  if (name === tag || name === descriptor.digest) return true
  const wanted = referenceIn(name)
  return reference !== undefined && wanted !== undefined && formatReference(reference) === formatReference(wanted)
}

function referenceIn(text: string): Reference | undefined {
  try {
    return parseReference(text)
  } catch (error) {
    if (error instanceof ImageError) return undefined
    throw error
  }
}

/** More don't fit in anybody's eye. */
const maxListed = 10

function hintOf(images: readonly SourceImage[]): { readonly hint?: string } {
  if (images.length === 0) return {}
  const names = images.slice(0, maxListed).map(nameOf)
  return { hint: `there are ${names.join(', ')}${images.length > maxListed ? ', …' : ''}` }
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 200))
}
