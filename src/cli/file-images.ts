import { basename, resolve } from 'node:path'
import { findImage, nameOf } from '../archive/source/names.ts'
import type { ImageSource, SourceImage } from '../archive/source/source.ts'
import type { SourceSpec } from '../archive/source/spec.ts'
import { ImageError } from '../errors.ts'
import type { Quotas } from '../layer/quota.ts'
import type { Parts } from '../parts.ts'
import type { Reference } from '../spec/reference.ts'
import { repositoryPattern, tagPattern } from '../spec/reference-grammar.ts'
import type { Context } from './context.ts'
import type { Place } from './destination.ts'
import { openImages } from './open-images.ts'
import type { TypedPlatforms } from './platforms.ts'
import { takingFrom, type Wanted } from './pull-images.ts'

/** What an image is to be called here; undefined leaves it out. */
type Naming = (image: SourceImage, source: ImageSource) => Reference | undefined

interface Reading {
  readonly platforms: TypedPlatforms
  readonly quotas?: Partial<Quotas>
}

interface FileImagesOptions extends Reading {
  readonly naming: Naming
  /** Exactly one is meant, though `spec` doesn't say which. */
  readonly isOne?: boolean
}

/** Images to be pulled. */
interface OpenedImages {
  readonly wanted: readonly Wanted[]
  close(): void
}

/**
 * What several places hold, in their order; files name their images by {@link namingBy}. The caller closes it.
 *
 * Errors: those of {@link openFileImages}.
 */
export async function openPlaces(
  context: Context,
  parts: Parts,
  places: readonly Place[],
  reading: Reading,
): Promise<OpenedImages> {
  const opened: OpenedImages[] = []
  const close = () => {
    for (const images of opened) images.close()
  }
  try {
    for (const place of places) {
      if ('reference' in place) opened.push({ wanted: [{ parts, reference: place.reference }], close() {} })
      else {
        const naming = namingBy(place.file.path)
        opened.push(await openFileImages(context, parts, place.file, { ...reading, naming }))
      }
    }
    return { wanted: opened.flatMap(({ wanted }) => wanted), close }
  } catch (error) {
    close()
    throw error
  }
}

/**
 * The images of a file or directory that `spec` means, to be pulled. The caller closes it.
 *
 * Errors: those of `openSource` and `findImage`; INVALID_ARGUMENT when nobody has named one.
 */
export async function openFileImages(
  context: Context,
  parts: Parts,
  spec: SourceSpec,
  { platforms, naming, isOne = false, ...quotas }: FileImagesOptions,
): Promise<OpenedImages> {
  const [platform] = 'length' in platforms ? platforms : []
  const source = await openImages(context, parts, spec, { platform, ...quotas })
  try {
    const { resolverOf } = await import('../archive/source/resolver.ts')
    const isChosen = isOne || spec.name !== undefined || source.images.length === 0
    const images = isChosen ? [findImage(source, spec.name)] : source.images
    const wanted = images.flatMap(image => {
      const reference = naming(image, source)
      return reference === undefined ? [] : [{ parts: takingFrom(parts, resolverOf(source, image)), reference }]
    })
    if (wanted.length === 0) throw unnamed(spec, images)
    return { wanted, close: () => source.close() }
  } catch (error) {
    source.close()
    throw error
  }
}

/**
 * As the source has it, else by where it is: `localhost/DIR:TAG`, as podman calls images that are from nowhere. One without
 * a tag is `latest` when it is alone, and goes by its digest among others.
 */
function namingBy(path: string): Naming {
  const repository = repositoryFor(path)
  return ({ reference, tag, descriptor }, { images }) => {
    if (reference !== undefined) return reference
    if (tag !== undefined && tagPattern.test(tag)) return { host: 'localhost', repository, tag }
    if (images.length === 1) return { host: 'localhost', repository, tag: 'latest' }
    return { host: 'localhost', repository, digest: descriptor.digest }
  }
}

function repositoryFor(path: string): string {
  const name = path === '-' ? 'stdin' : basename(resolve(path)).toLowerCase()
  const stem = name.replace(/\.(tar|tgz|tar\.\w+)$/, '').slice(0, 200)
  return repositoryPattern.test(stem) ? stem : (stem.match(/[a-z0-9]+/g) ?? ['image']).join('-')
}

function unnamed({ path }: SourceSpec, images: readonly SourceImage[]): ImageError {
  const found = images.map(nameOf).slice(0, 3).join(', ')
  const message = `Cannot import ${path}: it has no whole name for ${found}`
  const hint = images.length === 1 ? 'name it: davit import SRC REF' : 'name one: davit import FORMAT:PATH:NAME REF'
  return new ImageError('INVALID_ARGUMENT', message, { argument: 'ref' }, { hint })
}
