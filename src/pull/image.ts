import { ImageError } from '../errors.ts'
import { chainIds } from '../spec/chain-id.ts'
import { type ImageConfig, parseConfig } from '../spec/config.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import type { Digest } from '../spec/digest.ts'
import { parseIndex } from '../spec/index.ts'
import { parseManifest } from '../spec/manifest.ts'
import { isIndex, isSchema1 } from '../spec/media-types.ts'
import { normalizePlatform, type Platform } from '../spec/platform.ts'
import { readBlob } from '../store/content/read.ts'
import type { ContentStore } from '../store/content/store.ts'
import { chooseManifest, type PlatformChoice } from './choose.ts'
import { findConverted } from './converted.ts'

/** One image out of the store, its documents read and agreeing with each other. */
export interface Image {
  readonly manifest: Descriptor
  readonly config: Descriptor
  readonly platform: Platform
  readonly runtime: ImageConfig
  /** Base first. */
  readonly layers: readonly Layer[]
  /** Every blob that the image consists of, from `target` down. */
  readonly blobs: readonly Descriptor[]
}

export interface Layer {
  readonly blob: Descriptor
  readonly diffId: Digest
  readonly chainId: Digest
}

/**
 * The image that `target` (an index or a manifest) is for the chosen platform. Chooses as the fetching did, from the
 * same bytes.
 *
 * Errors: NOT_FOUND (a document isn't in the store), those of `chooseManifest`, MALFORMED (the config names another number
 * of layers than the manifest).
 */
export async function readImage(store: ContentStore, target: Descriptor, choice: PlatformChoice): Promise<Image> {
  const path = await readPath(store, target, choice)
  const descriptor = path.at(-1) ?? target
  const { config, layers } = parseManifest(await readBlob(store, descriptor.digest), descriptor.mediaType)
  const runtime = parseConfig(await readBlob(store, config.digest))
  const { diffIds } = runtime
  if (diffIds.length !== layers.length) {
    const found = `its config names ${diffIds.length} layers, its manifest ${layers.length}`
    throw new ImageError('MALFORMED', `Cannot use image ${descriptor.digest}: ${found}`, { what: 'config' })
  }
  const chain = chainIds(diffIds)
  return {
    manifest: descriptor,
    config,
    platform: normalizePlatform({ ...runtime.platform, ...descriptor.platform }),
    runtime,
    blobs: [...path, config, ...layers],
    layers: layers.flatMap((blob, at) => {
      const [diffId, chainId] = [diffIds[at], chain[at]]
      return diffId === undefined || chainId === undefined ? [] : [{ blob, diffId, chainId }]
    }),
  }
}

/** From `target` through indexes to the manifest, the one that schema 1 was converted to. */
async function readPath(store: ContentStore, target: Descriptor, choice: PlatformChoice): Promise<Descriptor[]> {
  const path = [target]
  for (let at = target; isIndex(at.mediaType); path.push(at)) {
    const { manifests } = parseIndex(await readBlob(store, at.digest), at.mediaType)
    at = await chooseManifest(manifests, choice, ({ digest }) => readBlob(store, digest))
  }
  const last = path.at(-1) ?? target
  if (!isSchema1(last.mediaType)) return path
  const converted = await findConverted(store, last.digest)
  if (converted === undefined) throw notConverted(last)
  return [...path, converted]
}

function notConverted({ digest }: Descriptor): ImageError {
  const message = `Cannot use image ${digest}: it is of schema 1, and was not converted`
  return new ImageError('NOT_FOUND', message, { what: 'manifest', name: digest })
}
