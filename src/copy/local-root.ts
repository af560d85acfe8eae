import { ImageError } from '../errors.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import { digestOf } from '../spec/digest.ts'
import { parseIndex } from '../spec/index.ts'
import { isIndex } from '../spec/media-types.ts'
import { formatPlatform } from '../spec/platform.ts'
import { readBlob } from '../store/content/read.ts'
import type { ContentStore } from '../store/content/store.ts'
import type { ImageRecord } from '../store/images.ts'

/** What stands for an image that is here, when it is handed on. */
export interface LocalRoot {
  readonly root: Descriptor
  /** The root, where it isn't in the store as it is. */
  readonly bytes?: Uint8Array
  /** Entries of the index that aren't here, so that it could not stay as it was. */
  readonly missing: number
}

/**
 * The image that the records of one name make up: as it was pulled, index and all, if all of that is here. Of an index
 * that is here in part: the manifest of the one platform, or a new index of those that are.
 *
 * Errors: INVALID_ARGUMENT when the platforms were pulled from different indexes, or from one inside another.
 */
export async function localRoot(store: ContentStore, records: readonly ImageRecord[]): Promise<LocalRoot> {
  const [first, ...others] = records
  if (first === undefined) throw new TypeError('There is no record')
  const { target, manifest } = first
  const entries = isIndex(target.mediaType) ? await entriesOf(store, target) : []
  const isHere = new Set(records.map(record => record.manifest.digest))
  const missing = entries.filter(({ digest }) => !isHere.has(digest)).length
  const isOne = others.every(record => record.manifest.digest === manifest.digest)
  const isSame = others.every(record => record.target.digest === target.digest)
  if (entries.length > 0 && missing === 0 && isSame) return { root: target, missing }
  if (isOne) return { root: manifest, missing }
  if (!isSame || missing + isHere.size !== entries.length) throw several(records)
  return { ...(await shortened(store, target, isHere)), missing }
}

async function entriesOf(store: ContentStore, { digest, mediaType }: Descriptor): Promise<readonly Descriptor[]> {
  return parseIndex(await readBlob(store, digest), mediaType).manifests
}

/** The index as it was written, without the entries that aren't here: what davit doesn't know stays. */
async function shortened(store: ContentStore, { digest, mediaType }: Descriptor, isHere: ReadonlySet<string>) {
  const document = JSON.parse(Buffer.from(await readBlob(store, digest)).toString()) as Record<string, unknown>
  // `parseIndex` has seen them all.
  const manifests = document['manifests'] as readonly { readonly digest: string }[]
  const kept = manifests.filter(entry => isHere.has(entry.digest))
  const bytes = Buffer.from(JSON.stringify({ ...document, manifests: kept }))
  return { root: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes }
}

function several(records: readonly ImageRecord[]): ImageError {
  const platforms = records.map(({ platform }) => formatPlatform(platform)).join(', ')
  const message = `Cannot hand on ${platforms} as one image: they are of different indexes`
  return new ImageError('INVALID_ARGUMENT', message, { argument: 'platform' }, { hint: 'choose one by --platform' })
}
