import * as v from 'valibot'
import type { Descriptor } from '../../spec/descriptor.ts'
import { parseIndex } from '../../spec/index.ts'
import { malformed, parseJson } from '../../spec/json.ts'
import { mediaTypes } from '../../spec/media-types.ts'
import { formatPlatform } from '../../spec/platform.ts'
import { formatReference, type Reference } from '../../spec/reference.ts'
import { validate } from '../../spec/validate.ts'
import { descriptorJson } from '../../store/descriptor-json.ts'
import { REF_NAME } from '../../store/oci-index.ts'
import { blobPath, IMAGE_NAME } from '../oci-layout.ts'
import { fetchFrom, MadeDocuments } from './blobs.ts'
import { type Files, readDocument } from './files.ts'
import { wholeName } from './names.ts'
import type { Images, SourceImage } from './source.ts'

const layoutSchema = v.object({ imageLayoutVersion: v.string() })

export const INDEX = 'index.json'
export const LAYOUT = 'oci-layout'

/**
 * The images of an OCI layout.
 *
 * Errors: NOT_FOUND, MALFORMED, LIMIT_EXCEEDED for what is no layout.
 * Source: OCI image-spec v1.1, "Image Layout".
 */
export async function readLayout(files: Files): Promise<Images> {
  const { imageLayoutVersion } = validate(layoutSchema, parse(await readDocument(files, LAYOUT)), LAYOUT)
  if (!/^1\./.test(imageLayoutVersion)) throw malformed(files.path, 'it is a layout of another version than 1')
  const { manifests } = parseIndex(await readDocument(files, INDEX))
  const made = new MadeDocuments()
  return {
    images: grouped(manifests.map(named), made),
    fetcher: fetchFrom(files.path, made, digest => files.open(blobPath(digest))),
  }
}

function parse(bytes: Uint8Array): unknown {
  return parseJson(bytes, LAYOUT)
}

function named(descriptor: Descriptor): SourceImage {
  const { [IMAGE_NAME]: whole, [REF_NAME]: short } = descriptor.annotations ?? {}
  const reference: Reference | undefined = wholeName(whole) ?? wholeName(short)
  return { descriptor: plain(descriptor), reference, tag: short }
}

/** Names belong to the layout, not to what they name. */
function plain({ mediaType, digest, size, platform, data }: Descriptor): Descriptor {
  return {
    ...{ mediaType, digest, size },
    ...(platform === undefined ? {} : { platform }),
    ...(data === undefined ? {} : { data }),
  }
}

/**
 * One image a name. Several under one, each for a platform of its own, are what an index would list: one is made, so
 * that a platform can be chosen from it.
 */
function grouped(entries: readonly SourceImage[], made: MadeDocuments): readonly SourceImage[] {
  const groups = new Map<string, SourceImage[]>()
  for (const entry of entries) {
    const key = entry.reference === undefined ? `tag ${entry.tag ?? ''}` : formatReference(entry.reference)
    const group = groups.get(key) ?? []
    groups.set(key, group)
    if (!group.some(({ descriptor }) => descriptor.digest === entry.descriptor.digest)) group.push(entry)
  }
  return [...groups.values()].flatMap(group => {
    const [first] = group
    if (first === undefined || group.length === 1 || !areOfOnePlatformEach(group)) return group
    const manifests = group.map(({ descriptor }) => descriptorJson(descriptor))
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }
    return [{ ...first, descriptor: made.add(mediaTypes.ociIndex, index) }]
  })
}

function areOfOnePlatformEach(group: readonly SourceImage[]): boolean {
  const platforms = group.flatMap(({ descriptor: { platform } }) => (platform ? [formatPlatform(platform)] : []))
  return new Set(platforms).size === group.length
}
