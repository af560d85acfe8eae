import type { Quotas } from '../layer/quota.ts'
import type { OnProgress, UnpackEvent } from '../progress/events.ts'
import type { Source } from '../registry/registry.ts'
import type { Applier } from '../rootfs/applier.ts'
import type { Snapshotter } from '../rootfs/snapshotter.ts'
import type { Digest } from '../spec/digest.ts'
import { formatPlatform, type Platform } from '../spec/platform.ts'
import { hostPlatform } from '../spec/platform-host.ts'
import { only } from '../spec/platform-match.ts'
import { formatReference, type Reference } from '../spec/reference.ts'
import type { BlobMapping } from '../store/blob-mapping.ts'
import type { ContentStore } from '../store/content/store.ts'
import type { Leases } from '../store/leases.ts'
import { Group } from '../system/group.ts'
import { machineFacts } from '../system/host.ts'
import { fetchDocuments } from './graph.ts'
import { type Image, readImage } from './image.ts'
import { type Job, Jobs, quietly, warningsTo } from './jobs.ts'
import { type Keep, keepByRoots } from './keep.ts'
import { ifHere } from './layer-bytes.ts'
import { storeLayer } from './layer-task.ts'
import { bringLayers } from './layers.ts'
import { linkToLayers } from './link.ts'
import { explainNoSpace, type FindFreeable } from './no-space.ts'
import { resolveTarget, type Target } from './resolve.ts'
import { shareApplier } from './shared-applier.ts'
import type { LayerPlace } from './store-layer.ts'
import { watch } from './watch.ts'

/** What a Puller is made of. Each part can be exchanged for another that keeps the contract of its interface. */
export interface PullerOptions {
  readonly src: Reference
  readonly resolver: Source
  readonly contentStore: ContentStore
  readonly blobMapping: BlobMapping
  readonly applier: Applier
  /** None: blobs are fetched and verified, and nothing is unpacked. */
  readonly snapshotter?: Snapshotter
  /** Default: the host's. */
  readonly platform?: Platform
  /** Default: root labels, which stay: whoever uses a bare Puller decides when they go. */
  readonly keep?: Keep
  /** Without `keep`: collections may run meanwhile. */
  readonly leases?: Leases
  /** For a snapshotter that takes layers: where their indexes belong, and who makes them. */
  readonly layers?: LayerPlace
  /** Keep the uncompressed tars of layers alone. */
  readonly discardCompressed?: boolean
  /** Without a snapshotter: store layers uncompressed too, with their indexes. */
  readonly keepTars?: boolean
  /** What the image may come to. Default: `defaultQuotas`, each. */
  readonly quotas?: Partial<Quotas>
  /** Whether manifests of schema 1 are converted. Default true; else they are UNSUPPORTED. */
  readonly schema1?: boolean
  readonly lockTimeoutMs?: number
  readonly onProgress?: OnProgress
  /** Asked on a full disk, for the error to say it. Default: nobody can tell. */
  readonly findFreeable?: FindFreeable
}

export interface Pulled {
  /** What was asked for, in full: `host/repository:tag`. */
  readonly ref: string
  /** As the registry names it: an index, or the manifest. */
  readonly descriptor: Target['descriptor']
  /** Names the unpacked layers; undefined when there are none, or nothing was unpacked. */
  readonly chainId: Digest | undefined
  readonly image: Image
  readonly jobs: readonly Job[]
}

interface Operation {
  readonly signal?: AbortSignal
}

/**
 * Pulls one reference: resolve, fetch the graph, unpack its layers while they arrive.
 *
 * What it brought stays, also after `pull` has returned, by the means of its `keep`: layers and snapshots as roots, the
 * other blobs through labels on the layers. After a failure verified blobs and resumable ingests stay.
 */
export class Puller {
  readonly #options: PullerOptions
  readonly #ref: string
  readonly #send: OnProgress
  #target: Promise<Target> | undefined

  constructor(options: PullerOptions) {
    this.#options = options
    this.#ref = formatReference(options.src)
    this.#send = quietly(options.onProgress)
  }

  /** What the reference names. Asked once and remembered; a failure or an abort is forgotten. Errors: the resolver's. */
  resolve(operation: Operation = {}): Promise<Target> {
    this.#target ??= this.#resolve(operation).catch((error: unknown) => {
      this.#target = undefined
      throw error
    })
    return this.#target
  }

  /**
   * Fetches, verifies and unpacks what {@link resolve} found.
   *
   * Errors: of every part; NO_MATCHING_PLATFORM, MALFORMED, UNSUPPORTED, DIGEST_MISMATCH for images that aren't right.
   */
  async pull(operation: Operation = {}): Promise<Pulled> {
    const { descriptor } = await this.resolve(operation)
    const { src, resolver, contentStore, snapshotter } = this.#options
    const lease = this.#options.keep === undefined ? await this.#options.leases?.hold() : undefined
    const keep = this.#options.keep ?? keepByRoots(new Date(), lease)
    const choice = choosePlatform(this.#options.platform)
    const jobs = new Jobs()
    const states = new Map<number, UnpackEvent>()
    const from = { source: resolver.isLocal ? undefined : src, fetcher: resolver.fetcher(src) }
    const applier = shareApplier(this.#options.applier)
    const parts = { ...this.#options, applier, reference: this.#ref, ...from, keep, jobs }
    const onWarning = warningsTo(this.#send, this.#ref)
    const progress = watch({ reference: this.#ref, jobs, unpacking: states }, this.#send)
    const group = new Group(operation.signal)
    try {
      const work = group.run(async signal => {
        // Processes and threads take their time to start: meanwhile, documents and layers come.
        if (snapshotter !== undefined && (await ifHere(contentStore, descriptor.digest)) === undefined) {
          if (snapshotter.takes === 'directory') applier.open()
          else this.#options.layers?.workers.prepare?.(storeLayer)
        }
        await fetchDocuments({ ...parts, choice }, descriptor, signal)
        const image = await readImage(contentStore, descriptor, choice)
        // A manifest that stands alone is all that there is to choose from.
        if (!choice.matcher.match(image.platform)) onWarning(otherPlatform(image.platform, choice.wanted))
        const chainId = await bringLayers({ ...parts, states, onWarning }, image, group)
        return { ref: this.#ref, descriptor, chainId, image, jobs: jobs.all() }
      })
      await group.wait()
      const pulled = await work
      if (this.#options.keep === undefined) await linkToLayers(contentStore, pulled.image, pulled.jobs)
      progress.end('done')
      return pulled
    } catch (error) {
      progress.end('failed')
      // While everything is still held that the pull needs: that can't be freed.
      throw await explainNoSpace(error, jobs.all(), this.#options.findFreeable)
    } finally {
      await applier.close()
      await lease?.end()
    }
  }

  async #resolve({ signal }: Operation): Promise<Target> {
    const about = { type: 'resolve', reference: this.#ref } as const
    this.#send({ ...about, state: 'started' })
    try {
      const target = await resolveTarget(this.#options, this.#options.src, signal)
      this.#send({ ...about, state: 'done', digest: target.descriptor.digest })
      return target
    } catch (error) {
      this.#send({ ...about, state: 'failed' })
      throw error
    }
  }
}

function choosePlatform(wanted: Platform = hostPlatform(machineFacts())) {
  return { wanted, matcher: only(wanted) }
}

function otherPlatform(found: Platform, wanted: Platform): string {
  return `the image is for ${formatPlatform(found)}, not for ${formatPlatform(wanted)}`
}
