import { setMaxListeners } from 'node:events'
import { hasCode, ImageError } from '../errors.ts'
import type { OnProgress } from '../progress/events.ts'
import { fetchDocument } from '../pull/fetch-document.ts'
import { type Job, Jobs, quietly } from '../pull/jobs.ts'
import { MAX_LAYERS_IN_FLIGHT, Turns } from '../pull/schedule.ts'
import { watch } from '../pull/watch.ts'
import type { Fetcher, ManifestOptions, Pusher } from '../registry/registry.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import type { Digest } from '../spec/digest.ts'
import { parseIndex } from '../spec/index.ts'
import { printable } from '../spec/json.ts'
import { isIndex, isManifest, isSchema1, kindOf } from '../spec/media-types.ts'
import { Group } from '../system/group.ts'
import { blobsOf } from './blobs.ts'

/** Where an image is, and where it is to be. */
export interface CopyParts {
  readonly fetcher: Fetcher
  readonly pusher: Pusher
}

export interface CopyOptions {
  /** Of the image at its destination; without one it is there by its digest alone. */
  readonly tag?: string | undefined
  /** What progress is about. */
  readonly name: string
  /** A repository of the destination's registry that may have the blob. */
  readonly mountFrom?: (blob: Descriptor) => Promise<string | undefined>
  readonly signal: AbortSignal
  readonly onProgress?: OnProgress
}

/** Bytes, by how they came to be there. */
export interface Copied {
  readonly copied: number
  readonly mounted: number
  readonly existing: number
}

/** Indexes in each other, manifests at the bottom: as deep as a pull goes. */
const maxDepth = 3
/** Fifty platforms with an attestation each come to a hundred and one, of some 500 KiB. */
const maxDocuments = 10_000
const maxDocumentsBytes = 64 * 1024 * 1024

/** Documents on their way at a time, so that JSON never waits behind layers. */
const maxDocumentsInFlight = 8

/**
 * Copies an image, an index with all that it names, or an artifact, byte for byte, so that digests hold. Blobs go
 * straight from one end to the other, some at a time; each document follows what it names, and the tag comes last.
 *
 * What the destination has isn't copied again: so a copy that broke off is resumed. A manifest that it has counts as
 * whole. Layers that registries need not hold stay where their URLs say.
 *
 * Errors: those of both ends; UNSUPPORTED for schema 1 unless both ends are registries, and for an entry of an index that is no manifest; LIMIT_EXCEEDED
 *         for more than 10,000 documents, or 64 MiB of them. What was copied stays, and no tag names it.
 */
export async function copyImage(
  { fetcher, pusher }: CopyParts,
  root: Descriptor,
  { tag, name, mountFrom, onProgress, signal: outer }: CopyOptions,
): Promise<Copied> {
  const jobs = new Jobs()
  const group = new Group(outer)
  const { signal } = group
  // Both ends of all that is on its way listen to it, and Node takes eleven for a leak.
  setMaxListeners(4 * (maxDocumentsInFlight + MAX_LAYERS_IN_FLIGHT), signal)
  const copied = { copied: 0, mounted: 0, existing: 0 }
  const documents = new Map<Digest, Promise<void>>()
  const blobs = new Map<Digest, Promise<void>>()
  const turns = { documents: new Turns(maxDocumentsInFlight, signal), layers: new Turns(MAX_LAYERS_IN_FLIGHT, signal) }
  let documentsBytes = 0

  /** Copies what `descriptor` names, and that first which it leads to. */
  async function copyDocument(descriptor: Descriptor, depth: number, tag?: string): Promise<void> {
    if (!isCopied(descriptor, fetcher, pusher)) throw notCopied(descriptor)
    const job = begun(jobs, descriptor)
    const has = (under: ManifestOptions) => turns.documents.take(() => pusher.hasManifest(descriptor, under))
    if (await has({ tag, signal })) return finish(job, 'existing')
    const isWhole = tag !== undefined && (await has({ signal }))
    const bytes = await turns.documents.take(() => fetchDocument(fetcher, descriptor, signal))
    documentsBytes += bytes.length
    limit('bytes of documents', maxDocumentsBytes, documentsBytes)
    if (!isWhole) await copyChildren(descriptor, bytes, depth)
    await turns.documents.take(() => pusher.pushManifest(descriptor, bytes, { tag, signal }))
    finish(job, 'copied')
  }

  async function copyChildren({ mediaType }: Descriptor, bytes: Uint8Array, depth: number): Promise<void> {
    if (isIndex(mediaType)) {
      limit('depth of the image graph', maxDepth, depth + 1)
      const { manifests } = parseIndex(bytes, mediaType)
      limit('documents of an image', maxDocuments, documents.size + manifests.length)
      const visit = (child: Descriptor) => copyDocument(child, depth + 1)
      await Promise.all(manifests.map(child => once(documents, child, visit)))
      return
    }
    const sizeOf = (digest: Digest) =>
      turns.documents.take(async () => (await fetcher.sizeOf?.(digest, { signal })) ?? 0)
    const all = await blobsOf(bytes, mediaType, sizeOf)
    await Promise.all(all.map(blob => once(blobs, blob, copyBlob)))
  }

  async function copyBlob(descriptor: Descriptor): Promise<void> {
    const job = begun(jobs, descriptor)
    const kind = kindOf(descriptor.mediaType)
    const isBulk = kind === 'layer' || kind === 'other'
    await turns[isBulk ? 'layers' : 'documents'].take(async () => {
      const onOffset = (offset: number) => Object.assign(job, { state: 'copying', offset })
      const options = { mountFrom: await mountFrom?.(descriptor), onOffset, signal }
      const pushed = await pusher.pushBlob(descriptor, fetcher, options).catch(error => {
        // Somebody else may have the right bytes.
        const isWrong = hasCode(error, 'DIGEST_MISMATCH') || hasCode(error, 'SIZE_MISMATCH')
        if (!isWrong || fetcher.distrust?.(descriptor) !== true) throw error
        return pusher.pushBlob(descriptor, fetcher, options)
      })
      finish(job, waysOf[pushed])
    })
  }

  function once(seen: Map<Digest, Promise<void>>, child: Descriptor, copy: (child: Descriptor) => Promise<void>) {
    const known = seen.get(child.digest) ?? group.run(() => copy(child))
    seen.set(child.digest, known)
    return known
  }

  function finish(job: Job, way: keyof Copied): void {
    const { size } = job.descriptor
    copied[way] += size
    job.state = way === 'copied' ? 'done' : 'exists'
    job.offset = size
    job.completedAt = new Date()
  }

  const progress = watch({ reference: name, jobs, unpacking: new Map(), task: 'copy' }, quietly(onProgress))
  try {
    await group.run(() => copyDocument(root, 1, tag))
    await group.wait()
    progress.end('done')
    return copied
  } catch (error) {
    await group.wait().catch(() => {})
    progress.end('failed')
    throw error
  }
}

/** Of two copies together. */
export function added(one: Copied, other: Copied): Copied {
  return {
    copied: one.copied + other.copied,
    mounted: one.mounted + other.mounted,
    existing: one.existing + other.existing,
  }
}

const waysOf = { exists: 'existing', mounted: 'mounted', uploaded: 'copied' } as const

function begun(jobs: Jobs, descriptor: Descriptor): Job {
  const job = jobs.add(descriptor)
  job.startedAt ??= new Date()
  return job
}

/** Schema 1 is for registries: its layers' sizes are asked of one, and layouts and archives know no such manifest. */
function isCopied({ mediaType }: Descriptor, { sizeOf }: Fetcher, { takesSchema1 }: Pusher): boolean {
  if (isSchema1(mediaType)) return sizeOf !== undefined && takesSchema1 === true
  return isIndex(mediaType) || isManifest(mediaType)
}

function notCopied({ digest, mediaType }: Descriptor): ImageError {
  const [found, hint] = isSchema1(mediaType)
    ? [
        'it is of schema version 1, which only registries take',
        'davit pull converts it; davit push and davit export take that',
      ]
    : [`its type is ${printable(mediaType)}`, undefined]
  const extras = hint === undefined ? {} : { hint }
  return new ImageError('UNSUPPORTED', `Cannot copy ${digest}: ${found}`, { what: mediaType }, extras)
}

function limit(name: string, max: number, actual: number): void {
  if (actual <= max) return
  throw new ImageError('LIMIT_EXCEEDED', `Cannot copy this image: the ${name} pass ${max}`, {
    limit: name,
    max,
    actual,
  })
}
