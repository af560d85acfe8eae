import { ImageError } from '../errors.ts'
import type { OnProgress } from '../progress/events.ts'
import type { Resolver } from '../registry/registry.ts'
import { type ArtifactFile, artifactFiles } from '../spec/artifact-files.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import { parseManifest } from '../spec/manifest.ts'
import { isManifest } from '../spec/media-types.ts'
import { formatReference, type Reference } from '../spec/reference.ts'
import { dropIfDamaged } from '../store/content/damage.ts'
import { readBlob } from '../store/content/read.ts'
import type { ContentStore } from '../store/content/store.ts'
import type { Leases } from '../store/leases.ts'
import { Group } from '../system/group.ts'
import type { Workers } from '../system/workers.ts'
import { type Fetching, fetchBlob } from './fetch.ts'
import { Jobs, quietly } from './jobs.ts'
import { keepByLease } from './keep.ts'
import { resolveTarget } from './resolve.ts'
import { MAX_LAYERS_IN_FLIGHT, Turns } from './schedule.ts'
import { watch } from './watch.ts'

export interface ArtifactParts {
  readonly resolver: Resolver
  readonly contentStore: ContentStore
  readonly leases: Leases
  readonly workers: Workers
}

/** What isn't an image: files, and a manifest that says what they are. */
export interface Artifact {
  readonly manifest: Descriptor
  /** `artifactType`, else the type of its config. */
  readonly type: string
  readonly files: readonly ArtifactFile[]
}

export interface ArtifactOptions {
  readonly signal: AbortSignal
  readonly onProgress?: OnProgress
  readonly lockTimeoutMs?: number
}

/**
 * Brings an artifact's files into the content store, verified, and lets `use` have them; afterwards nothing holds them
 * any more, and the collector may take them.
 *
 * Errors: the resolver's, the fetcher's and the store's; UNSUPPORTED for an index, and for what has no files;
 *         those of `artifactFiles`, before a file is fetched.
 */
export async function withArtifact<T>(
  { resolver, contentStore, leases, workers }: ArtifactParts,
  source: Reference,
  { signal, onProgress, ...locks }: ArtifactOptions,
  use: (artifact: Artifact) => Promise<T>,
): Promise<T> {
  const lease = await leases.hold()
  const jobs = new Jobs()
  const fetching = { contentStore, fetcher: resolver.fetcher(source), source, keep: keepByLease(lease), ...locks }
  const progress = watch({ reference: formatReference(source), jobs, unpacking: new Map() }, quietly(onProgress))
  const bring = (blob: Descriptor, within: AbortSignal) => bringBlob({ ...fetching, workers }, jobs, blob, within)
  try {
    const { descriptor } = await resolveTarget({ resolver, contentStore }, source, signal)
    if (!isManifest(descriptor.mediaType)) throw noFiles(descriptor, `it is of type ${descriptor.mediaType}`)
    await bring(descriptor, signal)
    const manifest = parseManifest(await readBlob(contentStore, descriptor.digest), descriptor.mediaType)
    const files = artifactFiles(manifest)
    if (files.length === 0)
      throw noFiles(descriptor, 'none of its layers has the title of a file', 'davit pull, if it is an image')
    const group = new Group(signal)
    const turns = new Turns(MAX_LAYERS_IN_FLIGHT, group.signal)
    for (const { blob } of files) group.run(() => turns.take(() => bring(blob, group.signal)))
    await group.wait()
    const made = await use({ manifest: descriptor, type: manifest.artifactType ?? manifest.config.mediaType, files })
    progress.end('done')
    return made
  } catch (error) {
    progress.end('failed')
    throw error
  } finally {
    await lease.end()
  }
}

async function bringBlob(
  { workers, ...fetching }: Fetching & { readonly workers: Workers },
  jobs: Jobs,
  blob: Descriptor,
  signal: AbortSignal,
): Promise<void> {
  const job = jobs.add(blob)
  await fetchBlob(fetching, job, signal)
  // It is about to be handed out, and disks forget.
  if (job.state === 'exists' && (await dropIfDamaged(fetching.contentStore, workers, blob, { signal })))
    await fetchBlob(fetching, job, signal)
}

function noFiles({ digest, mediaType }: Descriptor, why: string, hint?: string): ImageError {
  const message = `Cannot pull ${digest} as an artifact: ${why}`
  return new ImageError('UNSUPPORTED', message, { what: mediaType }, hint === undefined ? {} : { hint })
}
