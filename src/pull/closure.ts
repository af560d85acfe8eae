import { hasCode, ImageError } from '../errors.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import type { Digest } from '../spec/digest.ts'
import { onlyStrict } from '../spec/platform-match.ts'
import type { ContentStore } from '../store/content/store.ts'
import type { ImageRecord } from '../store/images.ts'
import type { Finding } from './findings.ts'
import { type Image, readImage } from './image.ts'
import { isInstead } from './layer-bytes.ts'

/** What a recorded image needs, as far as its documents can be read. */
export interface Closure {
  readonly record: ImageRecord
  /** Undefined when a document is missing or damaged. */
  readonly image: Image | undefined
  /** Blobs; of a layer whatever is here, its compressed blob, its tar or both. */
  readonly digests: readonly Digest[]
  /** `<snapshotter>/<chain ID>`. */
  readonly snapshot: string | undefined
  readonly findings: readonly Finding[]
}

/** Follows an image record down to its layers. `isHere`: whether a blob is there, right or wrong. */
export async function readClosure(
  store: ContentStore,
  record: ImageRecord,
  isHere: (digest: Digest) => boolean,
): Promise<Closure> {
  const { target, manifest, chainId, snapshotter } = record
  const snapshot = chainId === undefined || snapshotter === undefined ? undefined : `${snapshotter}/${chainId}`
  const documents = [...new Set([target.digest, manifest.digest])]
  const findings = documents.filter(digest => !isHere(digest)).map(digest => missing(record, digest))
  try {
    const own = { wanted: record.platform, matcher: onlyStrict(record.platform) }
    const image = await readImage(store, manifest, own)
    const layers: Digest[] = []
    for (const { blob, diffId } of image.layers) {
      layers.push(...[blob.digest, diffId].filter(isHere))
      const isThere = isHere(blob.digest) || (isHere(diffId) && (await isInPlace(store, blob, diffId)))
      if (!isThere) findings.push(missing(record, blob.digest))
    }
    return { record, image, digests: [...documents, image.config.digest, ...layers], snapshot, findings }
  } catch (error) {
    if (!(error instanceof ImageError)) throw error
    findings.push(documentFinding(record, error))
    return { record, image: undefined, digests: documents, snapshot, findings }
  }
}

/** Whether the tar is here in place of the compressed blob, which was let go. */
async function isInPlace(store: ContentStore, blob: Descriptor, diffId: Digest): Promise<boolean> {
  try {
    return isInstead(await store.info(diffId), blob)
  } catch (error) {
    // Without a database nobody knows; that is a finding of its own.
    if (hasCode(error, 'MALFORMED')) return true
    throw error
  }
}

function documentFinding(record: ImageRecord, error: ImageError): Finding {
  if (hasCode(error, 'NOT_FOUND')) return missing(record, error.details.name)
  if (hasCode(error, 'DIGEST_MISMATCH')) {
    return { kind: 'blob', name: error.details.expected, problem: 'damaged', detail: error.message }
  }
  return { kind: 'image', name: record.reference, problem: 'damaged', detail: error.message }
}

function missing({ reference }: ImageRecord, name: string): Finding {
  return { kind: 'blob', name, problem: 'missing', detail: `${reference} needs it` }
}
