import type { Image } from '../pull/image.ts'
import type { Descriptor } from '../spec/descriptor.ts'
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

/** What a layout is made of: an image, or an index of several. */
export interface LayoutContent {
  readonly root: Descriptor
  /** The root, where it isn't in the store as it is. */
  readonly bytes?: Uint8Array
  /** All that is in the store of it, small ones first. */
  readonly blobs: readonly Descriptor[]
}

export function contentOf({ manifest, platform, blobs }: Image): LayoutContent {
  return { root: { ...manifest, platform }, blobs }
}

/**
 * The files of an OCI image layout that holds one image, or an index, under some names. Every blob is as it was pulled.
 *
 * Shape:  small files first, then the root, and what it leads to: of each image the manifest, the config, and the layers,
 *         base first; no path twice.
 * Source: OCI image-spec v1.1, "Image Layout".
 */
export function ociLayout(
  { root: { mediaType, digest, size, platform }, bytes, blobs }: LayoutContent,
  names: readonly Reference[],
): readonly ArchiveFile[] {
  const named = names.length === 0 ? [undefined] : names
  const manifests = named.map(name =>
    descriptorJson({
      ...{ mediaType, digest, size },
      ...(platform === undefined ? {} : { platform }),
      ...(name === undefined ? {} : annotated(name)),
    }),
  )
  const digests = new Set([digest, ...blobs.map(blob => blob.digest)])
  return [
    jsonFile('oci-layout', { imageLayoutVersion: '1.0.0' }),
    jsonFile('index.json', { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }),
    ...[...digests].map(blob => ({ path: blobPath(blob), content: blob === digest ? (bytes ?? blob) : blob })),
  ]
}

function annotated(name: Reference): { readonly annotations: Readonly<Record<string, string>> } {
  return { annotations: { [IMAGE_NAME]: formatReference(name), ...(name.tag ? { [REF_NAME]: name.tag } : {}) } }
}
