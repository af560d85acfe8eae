import { hasCode } from '../errors.ts'
import type { Fetcher } from '../registry/registry.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import { algorithmOf, hexOf } from '../spec/digest.ts'
import type { Reference } from '../spec/reference.ts'
import { addSource } from '../store/content/sources.ts'
import { type BlobInfo, type ContentStore, type Ingest, type IngestOptions, isIngest } from '../store/content/store.ts'
import type { Job } from './jobs.ts'
import type { Keep } from './keep.ts'

/** Parts and settings of fetching, the same for every blob of a pull. */
export interface Fetching {
  readonly contentStore: ContentStore
  readonly fetcher: Fetcher
  /**
   * The repository that the blobs come from: noted on each, so that another's blob isn't taken for this one's. Undefined
   * when they come from none.
   */
  readonly source: Reference | undefined
  readonly keep: Keep
  readonly lockTimeoutMs?: number
  /** Blobs are only kept, and not read after they have come. Default false. */
  readonly isCold?: boolean
}

/**
 * Brings one blob into the content store, resuming what an earlier run left, and keeps `job` up to date.
 *
 * A blob that is there already costs no request. When another process is at it, this one waits and then finds it.
 *
 * Errors: the fetcher's and the store's. After an error or an abort the bytes stay as a resumable ingest, unless they
 * proved wrong.
 */
export async function fetchBlob(fetching: Fetching, job: Job, signal: AbortSignal): Promise<void> {
  const { contentStore, keep, source } = fetching
  const { descriptor } = job
  job.startedAt = new Date()
  await keep.hold({ kind: 'content', id: descriptor.digest })
  const found = await ingestWhole(contentStore, descriptor, waitingFor(fetching, job, signal))
  if (isIngest(found)) {
    await fill(fetching, found, job, signal)
    job.state = 'done'
  } else {
    await contentStore.label(descriptor.digest, { ...keep.labels, ...addSource(found.labels, source) })
    job.state = 'exists'
    job.offset = descriptor.size
  }
  job.completedAt = new Date()
}

/** As `ContentStore.ingest`; a blob that has been cut short, or grown, is brought again. */
export async function ingestWhole(
  store: ContentStore,
  descriptor: Descriptor,
  options: IngestOptions,
): Promise<Ingest | BlobInfo> {
  const found = await store.ingest(ingestKey(descriptor), descriptor, options)
  if (isIngest(found) || found.size === descriptor.size) return found
  await store.invalidate(descriptor.digest)
  return store.ingest(ingestKey(descriptor), descriptor, options)
}

async function fill(fetching: Fetching, ingest: Ingest, job: Job, signal: AbortSignal): Promise<void> {
  job.resumed = ingest.offset
  try {
    await transfer(fetching, ingest, job, signal)
  } catch (error) {
    // Gone now are the wrong bytes of an earlier run, or of a host that another one can stand in for: one clean try.
    const isWrong = hasCode(error, 'DIGEST_MISMATCH') || hasCode(error, 'SIZE_MISMATCH')
    if (!isWrong || !(job.resumed > 0 || fetching.fetcher.distrust?.(job.descriptor))) throw error
    job.resumed = 0
    const fresh = await fetching.contentStore.ingest(ingest.key, job.descriptor, { signal })
    if (isIngest(fresh)) await transfer(fetching, fresh, job, signal)
  }
}

async function transfer(fetching: Fetching, ingest: Ingest, job: Job, signal: AbortSignal): Promise<void> {
  const { fetcher, keep, source } = fetching
  job.state = 'downloading'
  job.offset = ingest.offset
  try {
    if (ingest.offset < job.descriptor.size || job.descriptor.size === 0) {
      const download = await fetcher.fetch(job.descriptor, { offset: ingest.offset, signal })
      for await (const chunk of download) {
        const { byteLength } = chunk
        await ingest.write(chunk, memory => download.reuse(memory))
        job.fetched += byteLength
        job.offset = ingest.offset
      }
    }
    signal.throwIfAborted()
    await ingest.commit({ ...keep.labels, ...addSource({}, source) })
  } catch (error) {
    await ingest.close()
    throw error
  }
}

/** How a job waits for another process that is at its blob. */
export function waitingFor({ lockTimeoutMs, isCold }: Fetching, job: Job, signal: AbortSignal): IngestOptions {
  const onWait = () => {
    job.state = 'locked'
  }
  const given = { ...(lockTimeoutMs !== undefined && { lockTimeoutMs }), ...(isCold !== undefined && { isCold }) }
  return { signal, onWait, ...given }
}

/** One ingest a digest, whatever the reference: two images that share a layer share its download. */
export function ingestKey({ digest }: Pick<Descriptor, 'digest'>): string {
  return `${algorithmOf(digest)}-${hexOf(digest)}`
}
