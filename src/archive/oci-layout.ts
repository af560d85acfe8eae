import type { Image } from '../pull/image.ts'
import { algorithmOf, type Digest, hexOf } from '../spec/digest.ts'
import { mediaTypes } from '../spec/media-types.ts'
import { formatReference, type Reference } from '../spec/reference.ts'
import { descriptorJson } from '../store/descriptor-json.ts'
import { REF_NAME } from '../store/oci-index.ts'
import { type ArchiveFile, jsonFile } from './archive-file.ts'

/** The whole name, as containerd, podman and buildx read and write it; `REF_NAME` is then the tag alone. */
export const IMAGE_NAME = 'io.containerd.image.name'

export function blobPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`
}

/**
 * The files of an OCI image layout that holds one image under some names. Every blob is as it was pulled.
 *
 * Shape:  small files first, then the manifest, the config, and the layers, base first; no path twice.
 * Source: OCI image-spec v1.1, "Image Layout".
 */
export function ociLayout(
  { manifest: { mediaType, digest, size }, config, layers, platform }: Image,
  names: readonly Reference[],
): readonly ArchiveFile[] {
  const named = names.length === 0 ? [undefined] : names
  const manifests = named.map(name =>
    descriptorJson({ mediaType, digest, size, platform, ...(name === undefined ? {} : annotated(name)) }),
  )
  const blobs = new Set([digest, config.digest, ...layers.map(({ blob }) => blob.digest)])
  return [
    jsonFile('oci-layout', { imageLayoutVersion: '1.0.0' }),
    jsonFile('index.json', { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }),
    ...[...blobs].map(blob => ({ path: blobPath(blob), content: blob })),
  ]
}

function annotated(name: Reference): { readonly annotations: Readonly<Record<string, string>> } {
  return { annotations: { [IMAGE_NAME]: formatReference(name), ...(name.tag ? { [REF_NAME]: name.tag } : {}) } }
}
