import { ImageError } from '../errors.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import { parseIndex } from '../spec/index.ts'
import { type Manifest, parseManifest } from '../spec/manifest.ts'
import { isEncrypted, isIndex, isLayer, isManifest, mayBeConfig } from '../spec/media-types.ts'
import { readBlob } from '../store/content/read.ts'
import type { ContentStore } from '../store/content/store.ts'
import { GC_REF_CONTENT } from '../store/gc/refs.ts'
import { chooseManifest, type PlatformChoice } from './choose.ts'
import type { Handler } from './dispatch.ts'

/** What a committed document leads to: a manifest to its config and layers, an index to its manifests. */
export function childrenOf(contentStore: ContentStore): Handler {
  return async descriptor => {
    const { mediaType } = descriptor
    if (isIndex(mediaType)) return parseIndex(await readBlob(contentStore, descriptor.digest), mediaType).manifests
    if (!isManifest(mediaType)) return []
    const { config, layers } = parseManifest(await readBlob(contentStore, descriptor.digest), mediaType)
    return [config, ...layers]
  }
}

/** Refuses, before its layers are fetched, what can't become a root file system. Errors: UNSUPPORTED. */
export function imagesOnly(contentStore: ContentStore, children: Handler): Handler {
  return async (descriptor, signal) => {
    const { digest, mediaType } = descriptor
    if (isManifest(mediaType)) refuseOther(parseManifest(await readBlob(contentStore, digest), mediaType), descriptor)
    return children(descriptor, signal)
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
 * Of an index's children only the best match stays. `read`: of entries that don't say what they are for.
 *
 * Errors: those of {@link chooseManifest}.
 */
export function bestMatch(
  children: Handler,
  choice: PlatformChoice,
  read: (descriptor: Descriptor, signal: AbortSignal) => Promise<Uint8Array>,
): Handler {
  return async (descriptor, signal) => {
    const found = await children(descriptor, signal)
    if (!isIndex(descriptor.mediaType)) return found
    return [await chooseManifest(found, choice, document => read(document, signal))]
  }
}

function refuseOther({ config, layers, artifactType }: Manifest, { digest }: Descriptor): void {
  if (!mayBeConfig(config.mediaType)) {
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
