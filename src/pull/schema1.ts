import { ImageError } from '../errors.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import { algorithmOf, digestOf } from '../spec/digest.ts'
import { maxDocumentBytes } from '../spec/json.ts'
import { isSchema1, mediaTypes } from '../spec/media-types.ts'
import { parseSchema1 } from '../spec/schema1.ts'
import { configFromSchema1, manifestFromSchema1 } from '../spec/schema1-image.ts'
import { payloadOf } from '../spec/schema1-payload.ts'
import { dropIfDamaged, isWrongContent } from '../store/content/damage.ts'
import { readBlob } from '../store/content/read.ts'
import { addSource } from '../store/content/sources.ts'
import { isIngest } from '../store/content/store.ts'
import { judge } from '../store/content/verify.ts'
import { inlineWorkers } from '../system/inline.ts'
import { findConverted } from './converted.ts'
import type { Handler } from './dispatch.ts'
import { type Fetching, ingestKey } from './fetch.ts'
import type { Job } from './jobs.ts'
import { ifHere } from './layer-bytes.ts'
import { type LearningLayers, learnLayers } from './schema1-layers.ts'

/** Parts and settings of conversion. */
export interface Converting extends LearningLayers {
  /** Default true. */
  readonly schema1?: boolean
}

/**
 * Brings a manifest of schema 1 into the content store: the payload, which is what its digest is of.
 *
 * Errors: UNSUPPORTED when it isn't wanted; the fetcher's and the store's; DIGEST_MISMATCH, MALFORMED.
 */
export async function fetchSchema1(converting: Converting, job: Job, signal: AbortSignal): Promise<void> {
  const { contentStore, keep, source, schema1 = true } = converting
  const { descriptor } = job
  const { digest } = descriptor
  if (!schema1) throw unwanted(descriptor)
  job.startedAt = new Date()
  await keep.hold({ kind: 'content', id: digest })
  const known = await ifHere(contentStore, digest)
  if (known === undefined) {
    job.state = 'downloading'
    await putDocument(converting, descriptor, await fetchPayload(converting, descriptor, signal), signal)
    job.fetched = descriptor.size
  } else await contentStore.label(digest, { ...keep.labels, ...addSource(known.labels, source) })
  job.offset = descriptor.size
  job.state = known === undefined ? 'done' : 'exists'
  job.completedAt = new Date()
}

/**
 * `children`, and for a manifest of schema 1 the one of OCI that it is converted to: its layers are fetched for it, since
 * only their bytes tell what an OCI config says of them.
 *
 * Errors: those of `children`; MALFORMED; those of the layers.
 */
export function convertedBy(converting: Converting, children: Handler): Handler {
  return async (descriptor, signal) =>
    isSchema1(descriptor.mediaType) ? [await convert(converting, descriptor, signal)] : children(descriptor, signal)
}

async function convert(converting: Converting, { digest }: Descriptor, signal: AbortSignal): Promise<Descriptor> {
  const { contentStore } = converting
  const known = await findConverted(contentStore, digest)
  if (known !== undefined) return known
  const image = parseSchema1(await readBlob(contentStore, digest))
  const blobs = image.layers.filter(layer => !layer.isThrowaway).map(layer => layer.blob)
  const facts = await learnLayers(converting, new Set(blobs), signal)
  const configBytes = configFromSchema1(image, facts)
  const config = describe(mediaTypes.ociConfig, configBytes)
  const manifestBytes = manifestFromSchema1(image, facts, config)
  const manifest = describe(mediaTypes.ociManifest, manifestBytes)
  await putDocument(converting, config, configBytes, signal)
  await putDocument(converting, manifest, manifestBytes, signal)
  return manifest
}

function describe(mediaType: string, bytes: Uint8Array): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length }
}

async function putDocument(
  { contentStore, keep, source }: Fetching,
  { digest }: Descriptor,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  await keep.hold({ kind: 'content', id: digest })
  await dropIfDamaged(contentStore, inlineWorkers(), { digest }, { signal })
  const ingest = await contentStore.ingest(ingestKey({ digest }), { digest, size: bytes.length }, { signal })
  if (!isIngest(ingest))
    return void (await contentStore.label(digest, { ...keep.labels, ...addSource(ingest.labels, source) }))
  try {
    if (ingest.offset > 0) await ingest.reset()
    await ingest.write(bytes)
    await ingest.commit({ ...keep.labels, ...addSource({}, source) })
  } catch (error) {
    await ingest.close()
    throw error
  }
}

/** The payload, verified; wrong bytes are asked of somebody else, once, if there is somebody. */
async function fetchPayload(fetching: Fetching, descriptor: Descriptor, signal: AbortSignal): Promise<Uint8Array> {
  try {
    return await fetchOnce(fetching, descriptor, signal)
  } catch (error) {
    if (!isWrongContent(error) || !fetching.fetcher.distrust?.(descriptor)) throw error
    return fetchOnce(fetching, descriptor, signal)
  }
}

async function fetchOnce({ fetcher }: Fetching, descriptor: Descriptor, signal: AbortSignal): Promise<Uint8Array> {
  if (descriptor.size > maxDocumentBytes) throw tooLarge(descriptor)
  const chunks: Uint8Array[] = []
  for await (const chunk of await fetcher.fetch(descriptor, { signal })) chunks.push(chunk)
  const payload = payloadOf(Buffer.concat(chunks))
  const { digest } = descriptor
  judge({ digest }, { digest: digestOf(payload, algorithmOf(digest)), size: payload.length })
  return payload
}

function unwanted({ digest, mediaType }: Descriptor): ImageError {
  const message = `Cannot pull ${digest}: it is a manifest of schema version 1, and --no-schema1 refuses those`
  const hint = 'push the image again with a current tool'
  return new ImageError('UNSUPPORTED', message, { what: mediaType }, { hint })
}

function tooLarge({ digest, size }: Descriptor): ImageError {
  const details = { limit: 'manifest bytes', max: maxDocumentBytes, actual: size }
  return new ImageError('LIMIT_EXCEEDED', `Cannot fetch manifest ${digest}: larger than 4 MiB`, details)
}
