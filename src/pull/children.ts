import { ImageError } from '../errors.ts'
import { isAttestation } from '../spec/attestation.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import { parseIndex } from '../spec/index.ts'
import { type Manifest, parseManifest } from '../spec/manifest.ts'
import { isConfig, isEncrypted, isIndex, isLayer, isManifest } from '../spec/media-types.ts'
import { formatPlatform, type Platform, type PlatformMatcher } from '../spec/platform.ts'
import { readBlob } from '../store/content/read.ts'
import type { ContentStore } from '../store/content/store.ts'
import { GC_REF_CONTENT } from '../store/gc/refs.ts'
import type { Handler } from './dispatch.ts'

/** Configs of images made by old tools say only that they are bytes; their content decides. */
const UNTYPED_CONFIG = 'application/octet-stream'

/** The platform that was asked for, and what will do for it. */
export interface PlatformChoice {
  readonly wanted: Platform
  readonly matcher: PlatformMatcher
}

/** What a committed document leads to: a manifest to its config and layers, an index to its manifests. */
export function childrenOf(contentStore: ContentStore): Handler {
  return async descriptor => {
    const { mediaType } = descriptor
    if (isIndex(mediaType)) return parseIndex(await readBlob(contentStore, descriptor.digest), mediaType).manifests
    if (!isManifest(mediaType)) return []
    const manifest = parseManifest(await readBlob(contentStore, descriptor.digest), mediaType)
    refuseOther(manifest, descriptor)
    return [manifest.config, ...manifest.layers]
  }
}

/**
 * Labels each document with what it leads to, so that the collector can follow. All children count, those of other
 * platforms too: an edge to something that was never fetched leads nowhere and harms nothing.
 */
export function labelChildren(contentStore: ContentStore, children: Handler): Handler {
  return async (descriptor, signal) => {
    const found = await children(descriptor, signal)
    if (found.length === 0) return found
    const prefix = isManifest(descriptor.mediaType) ? 'l' : 'm'
    const labels: Record<string, string> = {}
    for (const [at, child] of found.entries()) {
      const isConfigOfManifest = prefix === 'l' && at === 0
      const name = isConfigOfManifest ? 'config' : `${prefix}.${prefix === 'l' ? at - 1 : at}`
      labels[`${GC_REF_CONTENT}.${name}`] = child.digest
    }
    await contentStore.label(descriptor.digest, labels)
    return found
  }
}

/**
 * Of an index's children only the best match stays.
 *
 * Errors: NO_MATCHING_PLATFORM.
 */
export function bestMatch(children: Handler, choice: PlatformChoice): Handler {
  return async (descriptor, signal) => {
    const found = await children(descriptor, signal)
    return isIndex(descriptor.mediaType) ? [chooseManifest(found, choice)] : found
  }
}

/**
 * The manifest of an index that serves `platform` best. Entries without a platform match anything, last; attestations
 * never do; of equals the first wins.
 *
 * Errors: NO_MATCHING_PLATFORM.
 */
export function chooseManifest(manifests: readonly Descriptor[], { wanted, matcher }: PlatformChoice): Descriptor {
  const images = manifests.filter(entry => !isAttestation(entry))
  const [best] = images
    .filter(entry => entry.platform === undefined || matcher.match(entry.platform))
    .sort((a, b) => {
      if (a.platform === undefined || b.platform === undefined) return Number(!a.platform) - Number(!b.platform)
      return matcher.compare(a.platform, b.platform)
    })
  if (best !== undefined) return best
  const available = images.flatMap(entry => (entry.platform === undefined ? [] : [formatPlatform(entry.platform)]))
  throw noMatch(formatPlatform(wanted), available)
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

/** Refuses, before its layers are fetched, what can't become a root file system. */
function refuseOther({ config, layers, artifactType }: Manifest, { digest }: Descriptor): void {
  if (!isConfig(config.mediaType) && config.mediaType !== UNTYPED_CONFIG) {
    const kind = artifactType ?? config.mediaType
    const message = `Cannot pull ${digest} as an image: it is an artifact of type ${kind}`
    throw new ImageError('UNSUPPORTED', message, { what: kind }, { hint: 'davit artifact pull REF DIR' })
  }
  for (const { mediaType } of layers) {
    if (isLayer(mediaType) && !isEncrypted(mediaType)) continue
    const why = isEncrypted(mediaType) ? 'is encrypted' : 'has a type that davit does not know'
    throw new ImageError('UNSUPPORTED', `Cannot pull ${digest}: a layer ${why} (${mediaType})`, { what: mediaType })
  }
}
