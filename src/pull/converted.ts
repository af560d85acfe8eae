import { hasCode } from '../errors.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import { type Digest, isDigest } from '../spec/digest.ts'
import { parseManifest } from '../spec/manifest.ts'
import { mediaTypes } from '../spec/media-types.ts'
import { isWrongContent } from '../store/content/damage.ts'
import { readBlob } from '../store/content/read.ts'
import type { ContentStore } from '../store/content/store.ts'
import { GC_REF_CONTENT } from '../store/gc/refs.ts'
import { ifHere } from './layer-bytes.ts'

/** On a manifest of schema 1, as on an index: the manifest that it leads to. */
const CONVERTED = `${GC_REF_CONTENT}.m.0`

/**
 * The manifest that the one of schema 1 with this digest was converted to; undefined unless that and its config are here
 * still, and undamaged.
 */
export async function findConverted(store: ContentStore, schema1: Digest): Promise<Descriptor | undefined> {
  const digest = (await ifHere(store, schema1))?.labels[CONVERTED]
  if (!isDigest(digest)) return undefined
  try {
    const bytes = await readBlob(store, digest)
    await readBlob(store, parseManifest(bytes, mediaTypes.ociManifest).config.digest)
    return { mediaType: mediaTypes.ociManifest, digest, size: bytes.length }
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND') || isWrongContent(error)) return undefined
    throw error
  }
}
