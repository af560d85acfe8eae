import { existsSync, readFileSync } from 'node:fs'
import { errnoOf, ImageError } from '../errors.ts'
import { parseIndex } from '../spec/index.ts'
import { parseManifest } from '../spec/manifest.ts'
import { mediaTypes } from '../spec/media-types.ts'
import { writeFileDurably } from '../system/files.ts'
import { descriptorJson } from './descriptor-json.ts'
import type { ImageRecord } from './images.ts'
import type { Layout } from './layout.ts'

/** Where readers of OCI layouts look for a name; here it is the full one. */
export const REF_NAME = 'org.opencontainers.image.ref.name'

/**
 * Writes `oci-layout` and `index.json`, by which other tools read the store in place: each image whose blobs are all
 * here, under its full normalised reference.
 *
 * Source: OCI image-spec v1.1, "Image Layout".
 */
export function writeOciIndex(
  layout: Layout,
  records: readonly ImageRecord[],
  options: { readonly durable?: boolean } = {},
): void {
  if (!existsSync(layout.ociLayout)) writeFileDurably(layout.ociLayout, '{"imageLayoutVersion":"1.0.0"}', options)
  if (!isOciIndexCurrent(layout, records)) writeFileDurably(layout.ociIndex, formatOciIndex(layout, records), options)
}

/** Whether `index.json` says what is here; none is needed where there are no images. */
export function isOciIndexCurrent(layout: Layout, records: readonly ImageRecord[]): boolean {
  if (!existsSync(layout.ociIndex)) return records.length === 0
  return readFileSync(layout.ociIndex, 'utf8') === formatOciIndex(layout, records)
}

function formatOciIndex(layout: Layout, records: readonly ImageRecord[]): string {
  const manifests = records
    .filter(record => isComplete(layout, record))
    .toSorted((a, b) => (a.reference < b.reference ? -1 : a.reference > b.reference ? 1 : 0))
    .map(({ reference, platform, manifest: { mediaType, digest, size } }) =>
      descriptorJson({ mediaType, digest, size, platform, annotations: { [REF_NAME]: reference } }),
    )
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }
  return `${JSON.stringify(index, null, 2)}\n`
}

/** What `index.json` says of the images here; nothing when it can't be read. */
export function readOciIndex(layout: Layout): readonly Pick<ImageRecord, 'reference' | 'platform' | 'manifest'>[] {
  try {
    const { manifests } = parseIndex(readFileSync(layout.ociIndex), mediaTypes.ociIndex)
    return manifests.flatMap(({ platform, annotations, ...manifest }) => {
      const reference = annotations?.[REF_NAME]
      return reference === undefined || platform === undefined ? [] : [{ reference, platform, manifest }]
    })
  } catch (error) {
    if (error instanceof ImageError || errnoOf(error) === 'ENOENT') return []
    throw error
  }
}

function isComplete(layout: Layout, { manifest: { digest, mediaType } }: ImageRecord): boolean {
  const path = layout.blob(digest)
  if (!existsSync(path)) return false
  try {
    const { config, layers } = parseManifest(readFileSync(path), mediaType)
    return [config, ...layers].every(blob => existsSync(layout.blob(blob.digest)))
  } catch (error) {
    // Nothing that a reader of layouts could use.
    if (error instanceof ImageError) return false
    throw error
  }
}
