import { ImageError } from '../errors.ts'
import { isAttestation } from '../spec/attestation.ts'
import { parseConfig } from '../spec/config.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import { limited } from '../spec/document.ts'
import { parseIndex } from '../spec/index.ts'
import { parseManifest } from '../spec/manifest.ts'
import { isConfig, isIndex, isManifest } from '../spec/media-types.ts'
import { formatPlatform, type Platform, type PlatformMatcher } from '../spec/platform.ts'

/** The platform that was asked for, and what will do for it. */
export interface PlatformChoice {
  readonly wanted: Platform
  readonly matcher: PlatformMatcher
}

/** The bytes of a manifest, an index or a config, verified. */
export type ReadDocument = (descriptor: Descriptor) => Promise<Uint8Array>

/** As many entries without a platform as are looked into: tools that leave it out write one or two. */
const maxUnnamed = 32

/**
 * The manifest of an index that serves the wanted platform best. Attestations never do. Of equals that say so, the first
 * wins. Where none says so, configs tell what the entries are for that name no platform; an image that is alone in its
 * index is taken as it is, as a manifest without an index would be.
 *
 * Errors: NO_MATCHING_PLATFORM; INVALID_ARGUMENT when several entries that don't name it are for it; LIMIT_EXCEEDED for
 *         more than 32 such; those of `read`.
 * Source: OCI image-spec v1.1, "Image Index", `platform`; containerd, `images.Manifest`, which reads configs too.
 */
export async function chooseManifest(
  manifests: readonly Descriptor[],
  { wanted, matcher }: PlatformChoice,
  read: ReadDocument,
): Promise<Descriptor> {
  const images = manifests.filter(entry => !isAttestation(entry))
  const named = images.flatMap(entry => (entry.platform === undefined ? [] : [{ entry, platform: entry.platform }]))
  const [best] = bestOf(named, matcher)
  if (best !== undefined) return best.entry

  const [first, ...others] = images
  if (first !== undefined && first.platform === undefined && others.length === 0) return first
  const unnamed = images.filter(({ platform }) => platform === undefined)
  const found: Candidate[] = []
  for (const entry of limited(unnamed, maxUnnamed, 'entries without a platform')) {
    for (const platform of await platformsOf(entry, read)) found.push({ entry, platform })
  }
  const [only, ...equals] = bestOf(found, matcher)
  if (only === undefined) {
    throw noMatch(
      formatPlatform(wanted),
      [...named, ...found].map(({ platform }) => formatPlatform(platform)),
    )
  }
  const isOne = equals.every(({ entry }) => entry.digest === only.entry.digest)
  if (isOne) return only.entry
  throw ambiguous(wanted, equals.length + 1)
}

interface Candidate {
  readonly entry: Descriptor
  readonly platform: Platform
}

/** Those that match, and that no other one is better than. */
function bestOf(candidates: readonly Candidate[], { match, compare }: PlatformMatcher): readonly Candidate[] {
  const matching = candidates.filter(({ platform }) => match(platform)).sort((a, b) => compare(a.platform, b.platform))
  return matching.filter(({ platform }) => compare(platform, matching[0]?.platform ?? platform) === 0)
}

/** What an entry that doesn't say it is for: its config's platform, or those of an index. None for what is no image. */
export async function platformsOf(entry: Descriptor, read: ReadDocument): Promise<readonly Platform[]> {
  const { mediaType } = entry
  if (isIndex(mediaType)) {
    const { manifests } = parseIndex(await read(entry), mediaType)
    return manifests.flatMap(inner => (inner.platform === undefined || isAttestation(inner) ? [] : [inner.platform]))
  }
  if (!isManifest(mediaType)) return []
  const { config } = parseManifest(await read(entry), mediaType)
  return isConfig(config.mediaType) ? [parseConfig(await read(config)).platform] : []
}

export function noMatch(wanted: string, available: readonly string[]): ImageError {
  const hint = available.length === 0 ? 'the index lists no platform' : `available: ${available.join(', ')}`
  return new ImageError(
    'NO_MATCHING_PLATFORM',
    `Cannot pull for ${wanted}: the image has no such platform`,
    { wanted, available },
    { hint },
  )
}

function ambiguous(wanted: Platform, count: number): ImageError {
  const value = formatPlatform(wanted)
  const message = `Cannot choose an image for ${value}: ${count} are for it, and the index doesn't say which is meant`
  const hint = 'name one by its digest; davit manifest REF lists them'
  return new ImageError('INVALID_ARGUMENT', message, { argument: 'platform', value }, { hint })
}
