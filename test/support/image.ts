import { gzipSync } from 'node:zlib'
import type { Descriptor } from '../../src/spec/descriptor.ts'
import { type Digest, digestOf } from '../../src/spec/digest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import type { Platform } from '../../src/spec/platform.ts'

/** An image or an index built in code: what it consists of, and the descriptor of its top document. */
export interface BuiltImage {
  readonly target: Descriptor
  readonly blobs: ReadonlyMap<Digest, Uint8Array>
}

export interface ImageShape {
  /** Uncompressed layers, base first. */
  readonly layers: readonly Uint8Array[]
  readonly platform?: Platform
  /** Default: gzip. */
  readonly compress?: (layer: Uint8Array) => Uint8Array
  readonly layerType?: string
  readonly configType?: string
  /** Changes the config before it is written. */
  readonly config?: (config: Record<string, unknown>) => Record<string, unknown>
  /** Changes the manifest before it is written. */
  readonly manifest?: (manifest: Record<string, unknown>) => Record<string, unknown>
}

export const amd64: Platform = { os: 'linux', architecture: 'amd64' }

export function buildImage({
  layers,
  platform = amd64,
  compress = layer => gzipSync(layer),
  layerType = mediaTypes.ociLayerGzip,
  configType = mediaTypes.ociConfig,
  config: changeConfig = config => config,
  manifest: changeManifest = manifest => manifest,
}: ImageShape): BuiltImage {
  const blobs = new Map<Digest, Uint8Array>()
  const config = changeConfig({
    os: platform.os,
    architecture: platform.architecture,
    ...(platform.variant === undefined ? {} : { variant: platform.variant }),
    config: {},
    rootfs: { type: 'layers', diff_ids: layers.map(layer => digestOf(layer)) },
  })
  const manifest = changeManifest({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: addJson(blobs, configType, config),
    layers: layers.map(layer => add(blobs, layerType, compress(layer))),
  })
  return { target: addJson(blobs, String(manifest['mediaType']), manifest), blobs }
}

export function buildIndex(entries: readonly (readonly [BuiltImage, Platform | undefined])[]): BuiltImage {
  const blobs = new Map(entries.flatMap(([image]) => [...image.blobs]))
  const manifests = entries.map(([{ target }, platform]) => {
    if (platform === undefined) return target
    const { os, architecture, variant } = platform
    return { ...target, platform: { os, architecture, ...(variant === undefined ? {} : { variant }) } }
  })
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }
  return { target: addJson(blobs, mediaTypes.ociIndex, index), blobs }
}

export function add(blobs: Map<Digest, Uint8Array>, mediaType: string, bytes: Uint8Array): Descriptor {
  const digest = digestOf(bytes)
  blobs.set(digest, bytes)
  return { mediaType, digest, size: bytes.byteLength }
}

function addJson(blobs: Map<Digest, Uint8Array>, mediaType: string, value: unknown): Descriptor {
  return add(blobs, mediaType, Buffer.from(JSON.stringify(value)))
}
