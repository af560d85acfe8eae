import type { Image } from '../pull/image.ts'
import { type Digest, hexOf } from '../spec/digest.ts'
import { formatReference, type Reference } from '../spec/reference.ts'
import { type ArchiveFile, jsonFile } from './archive-file.ts'

/**
 * The files of an archive that `docker load` reads: the config as it was pulled, and the layers uncompressed, so by
 * their diff IDs. What the manifest's digest was is lost.
 *
 * Shape:  the list of what is there first; a layer that comes twice is there once.
 * Source: Docker, "Image Specification v1.2", "Combined Image JSON + Filesystem Changeset Format".
 */
export function dockerArchive({ config, layers }: Image, names: readonly Reference[]): readonly ArchiveFile[] {
  const configPath = `${hexOf(config.digest)}.json`
  const diffIds = layers.map(({ diffId }) => diffId)
  const description = {
    Config: configPath,
    RepoTags: names.filter(({ tag }) => tag !== undefined).map(({ digest: _, ...name }) => formatReference(name)),
    Layers: diffIds.map(layerPath),
  }
  return [
    jsonFile('manifest.json', [description]),
    { path: configPath, content: config.digest },
    ...[...new Set(diffIds)].map(diffId => ({ path: layerPath(diffId), content: diffId })),
  ]
}

function layerPath(diffId: Digest): string {
  return `${hexOf(diffId)}.tar`
}
