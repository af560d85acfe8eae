import { digestOf } from '../../src/spec/digest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'

/** Documents as honest registries serve them, for tests to change one thing in. */

export type Json = Record<string, unknown>

export const encode = (document: unknown): Uint8Array => Buffer.from(JSON.stringify(document))

export const layer: Json = { mediaType: mediaTypes.ociLayerGzip, digest: digestOf('layer'), size: 5 }

export const config: Json = { mediaType: mediaTypes.ociConfig, digest: digestOf('config'), size: 6 }

export const ociManifest: Json = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer] }

export const dockerManifest: Json = {
  schemaVersion: 2,
  mediaType: mediaTypes.dockerManifest,
  config: { ...config, mediaType: mediaTypes.dockerConfig },
  layers: [{ ...layer, mediaType: mediaTypes.dockerLayerGzip }],
}

export const entry: Json = {
  mediaType: mediaTypes.ociManifest,
  digest: digestOf('manifest'),
  size: 8,
  platform: { architecture: 'arm', os: 'linux', variant: 'v7' },
}

export const ociIndex: Json = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [entry] }

export const dockerIndex: Json = {
  schemaVersion: 2,
  mediaType: mediaTypes.dockerIndex,
  manifests: [{ ...entry, mediaType: mediaTypes.dockerManifest }],
}

export const schema1: Json = {
  schemaVersion: 1,
  name: 'library/old',
  tag: 'latest',
  architecture: 'amd64',
  fsLayers: [{ blobSum: digestOf('layer') }],
  history: [{ v1Compatibility: '{}' }],
}

export const imageConfig: Json = {
  architecture: 'amd64',
  os: 'linux',
  created: '2026-01-02T03:04:05Z',
  config: { Env: ['PATH=/bin'], Cmd: ['sh'] },
  rootfs: { type: 'layers', diff_ids: [digestOf('diff')] },
}

/** `document` without `key`. */
export function without(document: Json, key: string): Json {
  const { [key]: _, ...rest } = document
  return rest
}
