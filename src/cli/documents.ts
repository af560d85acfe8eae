import { hasCode, ImageError } from '../errors.ts'
import { chooseManifest } from '../pull/choose.ts'
import { fetchDocument } from '../pull/fetch-document.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import type { Digest } from '../spec/digest.ts'
import { detectMediaType } from '../spec/document.ts'
import { parseIndex } from '../spec/index.ts'
import { isIndex, isSchema1 } from '../spec/media-types.ts'
import type { Platform } from '../spec/platform.ts'
import { only } from '../spec/platform-match.ts'
import type { Reference } from '../spec/reference.ts'
import { readBlob } from '../store/content/read.ts'
import type { Context } from './context.ts'
import type { PullingParts } from './pull-images.ts'

/** Indexes in each other; with a manifest and its layers below, it is what a pull follows. */
export const maxIndexDepth = 2

/** What a reference names, and a reader of its documents: those that are here aren't fetched again. */
export interface Documents {
  readonly target: Descriptor
  /**
   * The bytes that `descriptor` names, verified.
   *
   * Errors: those of the fetcher; DIGEST_MISMATCH, SIZE_MISMATCH, LIMIT_EXCEEDED.
   */
  read(descriptor: Descriptor): Promise<Uint8Array>
}

export async function openDocuments(context: Context, parts: PullingParts, reference: Reference): Promise<Documents> {
  const { signal } = context
  async function read(descriptor: Descriptor): Promise<Uint8Array> {
    const known = await readHere(parts, descriptor.digest)
    if (known !== undefined) return known
    return await fetchDocument((await parts.resolver()).fetcher(reference), descriptor, signal)
  }

  if (reference.digest !== undefined) {
    const bytes = await readHere(parts, reference.digest)
    if (bytes !== undefined) {
      const target = { mediaType: detectMediaType(bytes), digest: reference.digest, size: bytes.length }
      return { target, read: async descriptor => (descriptor.digest === target.digest ? bytes : read(descriptor)) }
    }
  }
  const { descriptor } = await (await parts.resolver()).resolve(reference, { signal })
  return { target: descriptor, read }
}

/**
 * The manifest for `platform`: the target itself unless it is an index.
 *
 * Errors: those of `chooseManifest`; LIMIT_EXCEEDED for indexes nested too deep.
 */
export async function findManifest({ target, read }: Documents, platform: Platform): Promise<Descriptor> {
  const choice = { wanted: platform, matcher: only(platform) }
  let found = target
  for (let depth = 1; isIndex(found.mediaType); depth++) {
    if (depth > maxIndexDepth) throw tooDeep(target)
    found = await chooseManifest(parseIndex(await read(found), found.mediaType).manifests, choice, read)
  }
  return found
}

/**
 * The same for whoever reads what is in it. Schema 1 has no config, but what it was converted to here has one.
 *
 * Errors: those of {@link findManifest}; UNSUPPORTED for schema 1 that was not converted.
 */
export async function findModernManifest(
  parts: PullingParts,
  documents: Documents,
  platform: Platform,
): Promise<Descriptor> {
  const found = await findManifest(documents, platform)
  if (!isSchema1(found.mediaType)) return found
  const { findConverted } = await import('../pull/converted.ts')
  const converted = await findConverted(await parts.contentStore(), found.digest)
  if (converted !== undefined) return converted
  const message = `Cannot show the config of ${found.digest}: it is a manifest of schema version 1, which has none`
  const hint = 'davit pull makes one of what its layers hold'
  throw new ImageError('UNSUPPORTED', message, { what: found.mediaType }, { hint })
}

/** A document of the store; undefined without one. */
async function readHere(parts: PullingParts, digest: Digest): Promise<Uint8Array | undefined> {
  try {
    return await readBlob(await parts.contentStore(), digest)
  } catch (error) {
    // A damaged one is asked for as a missing one is: nobody is served what it isn't.
    if (hasCode(error, 'NOT_FOUND') || hasCode(error, 'DIGEST_MISMATCH')) return undefined
    throw error
  }
}

export function tooDeep({ digest }: Descriptor): ImageError {
  const message = `Cannot follow ${digest}: indexes are nested more than ${maxIndexDepth} deep`
  return new ImageError('LIMIT_EXCEEDED', message, { limit: 'depth of the image graph', max: maxIndexDepth })
}
