import type { Descriptor } from '../spec/descriptor.ts'
import type { Digest } from '../spec/digest.ts'
import { parseManifest } from '../spec/manifest.ts'
import { isNonDistributable, isSchema1, mediaTypes } from '../spec/media-types.ts'
import { parseSchema1 } from '../spec/schema1.ts'
import { payloadOf } from '../spec/schema1-payload.ts'

/**
 * The blobs that come along with a manifest. Schema 1 doesn't say how large its layers are: `sizeOf` is asked.
 *
 * Errors: MALFORMED, LIMIT_EXCEEDED; those of `sizeOf`.
 */
export async function blobsOf(
  bytes: Uint8Array,
  mediaType: string,
  sizeOf: (digest: Digest) => Promise<number>,
): Promise<readonly Descriptor[]> {
  if (!isSchema1(mediaType)) {
    const { config, layers } = parseManifest(bytes, mediaType)
    return [config, ...layers.filter(layer => !isElsewhere(layer))]
  }
  const digests = new Set(parseSchema1(payloadOf(bytes), mediaType).layers.map(({ blob }) => blob))
  const mayBeGzip = mediaTypes.dockerLayerGzip
  return await Promise.all(
    [...digests].map(async digest => ({ mediaType: mayBeGzip, digest, size: await sizeOf(digest) })),
  )
}

/** Such layers were never to be handed on. */
function isElsewhere({ mediaType, urls }: Descriptor): boolean {
  return isNonDistributable(mediaType) && urls !== undefined && urls.length > 0
}
