import type { Image } from '../pull/image.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import { type Digest, hexOf } from '../spec/digest.ts'
import { mediaTypes } from '../spec/media-types.ts'
import { formatReference, type Reference } from '../spec/reference.ts'
import { type ArchiveFile, jsonFile } from './archive-file.ts'

/** The list of what is in an archive for Docker. */
export const MANIFEST = 'manifest.json'

/** As an archive for Docker names what is in it. */
export const savedPath = {
  config: (digest: Digest) => `${hexOf(digest)}.json`,
  layer: (diffId: Digest) => `${hexOf(diffId)}.tar`,
} as const

/**
 * The files of an archive that `docker load` reads: the config as it was pulled, and the layers uncompressed, so by
 * their diff IDs. What the manifest's digest was is lost.
 *
 * Shape:  the list of what is there first; a layer that comes twice is there once.
 * Source: Docker, "Image Specification v1.2", "Combined Image JSON + Filesystem Changeset Format".
 */
export function dockerArchive({ config, layers }: Image, names: readonly Reference[]): readonly ArchiveFile[] {
  const diffIds = layers.map(({ diffId }) => diffId)
  return [
    jsonFile(MANIFEST, savedList(config.digest, diffIds, names)),
    { path: savedPath.config(config.digest), content: config.digest },
    ...[...new Set(diffIds)].map(diffId => ({ path: savedPath.layer(diffId), content: diffId })),
  ]
}

/** {@link MANIFEST} of one image. */
export function savedList(config: Digest, diffIds: readonly Digest[], names: readonly Reference[]): object {
  const RepoTags = names.filter(({ tag }) => tag !== undefined).map(({ digest: _, ...name }) => formatReference(name))
  return [{ Config: savedPath.config(config), RepoTags, Layers: diffIds.map(savedPath.layer) }]
}

/** The manifest of a saved image, which is made whenever it is read: the bytes that containerd makes, too. */
export function savedManifest({ digest, size }: Pick<Descriptor, 'digest' | 'size'>, layers: readonly Descriptor[]) {
  const config = { mediaType: mediaTypes.dockerConfig, digest, size }
  return { schemaVersion: 2, mediaType: mediaTypes.dockerManifest, config, layers }
}
