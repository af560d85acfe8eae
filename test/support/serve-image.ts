import type { BuiltImage } from './image.ts'
import type { TestRegistry } from './registry.ts'

/** Puts an image built in code, or an index with all its images, into the registry under `tag`. */
export function serveImage(registry: TestRegistry, { target, blobs }: BuiltImage, tag: string): void {
  for (const [digest, bytes] of blobs) {
    const { mediaType } = digest === target.digest ? target : { mediaType: mediaTypeIn(bytes) }
    if (mediaType === undefined) registry.putBlob(bytes)
    else registry.putManifest(bytes, { mediaType, digest, ...(digest === target.digest ? { tags: [tag] } : {}) })
  }
}

/** Of a document that names its own; layers and configs don't. */
function mediaTypeIn(bytes: Uint8Array): string | undefined {
  if (bytes[0] !== 0x7b) return undefined
  const { mediaType } = JSON.parse(Buffer.from(bytes).toString()) as { mediaType?: string }
  return mediaType
}
