/**
 * The media types of images, by name.
 *
 * Source: OCI image-spec v1.1, "Media Types"; Docker "Image Manifest Version 2, Schema 1" and "Schema 2".
 */
export const mediaTypes = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  ociNonDistributableLayer: 'application/vnd.oci.image.layer.nondistributable.v1.tar',
  ociNonDistributableLayerGzip: 'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
  ociNonDistributableLayerZstd: 'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd',
  /** Stands where an artifact has nothing to say: the two bytes `{}`. */
  ociEmpty: 'application/vnd.oci.empty.v1+json',

  dockerIndex: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerLayerZstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
  dockerForeignLayer: 'application/vnd.docker.image.rootfs.foreign.diff.tar',
  dockerForeignLayerGzip: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',

  dockerSchema1: 'application/vnd.docker.distribution.manifest.v1+json',
  dockerSchema1Signed: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
} as const

/** Any compression counts, also one unknown here: whoever opens the layer judges it. */
const layer =
  /^application\/vnd\.(?:oci\.image\.layer\.(nondistributable\.)?v1\.tar|docker\.image\.rootfs\.(foreign\.)?diff\.tar)(?:[.+][a-z0-9]+)*$/

/** The suffix of layers encrypted as ocicrypt does. */
const encrypted = '+encrypted'

export function isIndex(mediaType: string): boolean {
  return mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerIndex
}

/** True for manifests that name a config and layers; not for schema 1, which is another document. */
export function isManifest(mediaType: string): boolean {
  return mediaType === mediaTypes.ociManifest || mediaType === mediaTypes.dockerManifest
}

export function isSchema1(mediaType: string): boolean {
  return mediaType === mediaTypes.dockerSchema1 || mediaType === mediaTypes.dockerSchema1Signed
}

export function isConfig(mediaType: string): boolean {
  return mediaType === mediaTypes.ociConfig || mediaType === mediaTypes.dockerConfig
}

/** The same, and what configs of images made by old tools say: only that they are bytes. Their content decides. */
export function mayBeConfig(mediaType: string): boolean {
  return isConfig(mediaType) || mediaType === 'application/octet-stream'
}

/** True for layers of every compression, non-distributable and encrypted ones too. */
export function isLayer(mediaType: string): boolean {
  return layer.test(mediaType)
}

/** True for layers that registries need not hold: their bytes may be at the descriptor's `urls` only. */
export function isNonDistributable(mediaType: string): boolean {
  const [, oci, docker] = layer.exec(mediaType) ?? []
  return (oci ?? docker) !== undefined
}

export function isEncrypted(mediaType: string): boolean {
  return isLayer(mediaType) && mediaType.endsWith(encrypted)
}

/** What part of an image a media type stands for; `other` for what images don't consist of. */
export function kindOf(mediaType: string): 'index' | 'manifest' | 'config' | 'layer' | 'other' {
  if (isIndex(mediaType)) return 'index'
  if (isManifest(mediaType) || isSchema1(mediaType)) return 'manifest'
  if (isConfig(mediaType)) return 'config'
  return isLayer(mediaType) ? 'layer' : 'other'
}
