import { ImageError } from '../errors.ts'
import { noMatch, platformsOf } from '../pull/choose.ts'
import { isAttestation } from '../spec/attestation.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import { limited } from '../spec/document.ts'
import { parseIndex } from '../spec/index.ts'
import { isIndex } from '../spec/media-types.ts'
import { formatPlatform, type Platform } from '../spec/platform.ts'
import { parsePlatform } from '../spec/platform-parse.ts'
import { formatReference, type Reference } from '../spec/reference.ts'
import type { Context } from './context.ts'
import { type Documents, maxIndexDepth, openDocuments, tooDeep } from './documents.ts'
import type { PullingParts } from './pull-images.ts'

/** As many as anything is built for, and then some. */
const maxPlatforms = 1_000

/** `--platform all`. */
export const everyPlatform = 'all'

/** What was typed: platforms, undefined for this machine's; or words that only the image can answer. */
export type TypedPlatforms = readonly (Platform | undefined)[] | { readonly asImage: string }

/** `--platform`, as often as it was typed. Errors: INVALID_ARGUMENT. */
export function typedPlatforms(typed: readonly string[], host: Platform): TypedPlatforms {
  const asImage = typed.find(text => text.includes('*')) ?? typed.find(text => text === everyPlatform)
  if (asImage !== undefined) return { asImage }
  return typed.length === 0 ? [undefined] : typed.map(text => parsePlatform(text, host))
}

/**
 * The platforms that are meant for one image. `all` is what it is there for; of one that is no index, whatever it is.
 *
 * Errors: INVALID_ARGUMENT for a wildcard, naming what there is; NO_MATCHING_PLATFORM for an index of no images; those of
 * the resolver and the documents.
 */
export async function platformsFor(
  context: Context,
  parts: PullingParts,
  reference: Reference,
  typed: TypedPlatforms,
): Promise<readonly (Platform | undefined)[]> {
  if (!('asImage' in typed)) return typed
  const documents = await openDocuments(context, parts, reference)
  const platforms = isIndex(documents.target.mediaType) ? await listPlatforms(documents) : [undefined]
  if (typed.asImage !== everyPlatform) throw wildcard(typed.asImage, reference, platforms)
  if (platforms.length === 0) throw noMatch(everyPlatform, [])
  return platforms
}

/** Those that an index, and the indexes in it, have images for, each once. Errors: LIMIT_EXCEEDED. */
async function listPlatforms(documents: Documents): Promise<readonly Platform[]> {
  const found = new Map<string, Platform>()
  const seen = new Set<string>()
  const visit = async (entry: Descriptor, depth: number): Promise<void> => {
    if (seen.has(entry.digest) || isAttestation(entry)) return
    seen.add(entry.digest)
    if (isIndex(entry.mediaType) && depth > maxIndexDepth) throw tooDeep(documents.target)
    if (isIndex(entry.mediaType)) {
      for (const inner of parseIndex(await documents.read(entry), entry.mediaType).manifests)
        await visit(inner, depth + 1)
      return
    }
    const platforms = entry.platform === undefined ? await platformsOf(entry, documents.read) : [entry.platform]
    for (const platform of platforms) found.set(formatPlatform(platform), platform)
    limited([...found], maxPlatforms, 'platforms')
  }
  await visit(documents.target, 1)
  return [...found.values()]
}

function wildcard(text: string, reference: Reference, platforms: readonly (Platform | undefined)[]): ImageError {
  const named = platforms.flatMap(platform => (platform === undefined ? [] : [formatPlatform(platform)]))
  const hint = named.length === 0 ? 'it is one image, for one platform' : `there are ${named.join(', ')}; or all`
  const message = `Cannot pull ${formatReference(reference)} for ${JSON.stringify(text)}: wildcards are not supported`
  return new ImageError('INVALID_ARGUMENT', message, { argument: 'platform', value: text }, { hint })
}
