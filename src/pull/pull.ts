import { ImageError } from '../errors.ts'
import type { Quotas } from '../layer/quota.ts'
import type { OnProgress } from '../progress/events.ts'
import type { Source } from '../registry/registry.ts'
import type { Applier } from '../rootfs/applier.ts'
import type { Snapshotter } from '../rootfs/snapshotter.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import type { Digest } from '../spec/digest.ts'
import { formatPlatform, type Platform } from '../spec/platform.ts'
import { hostPlatform } from '../spec/platform-host.ts'
import { only } from '../spec/platform-match.ts'
import { formatReference, type Reference } from '../spec/reference.ts'
import type { BlobMapping } from '../store/blob-mapping.ts'
import { isWrongContent } from '../store/content/damage.ts'
import type { ContentStore } from '../store/content/store.ts'
import type { ImageStore } from '../store/images.ts'
import type { Leases } from '../store/leases.ts'
import { machineFacts } from '../system/host.ts'
import { keepByLease } from './keep.ts'
import { findLocalImage } from './local.ts'
import type { FindFreeable } from './no-space.ts'
import { type Pulled, Puller } from './puller.ts'
import type { LayerPlace } from './store-layer.ts'

/** Everything a pull works with; each part can be exchanged. */
export interface PullParts {
  readonly resolver: Source
  readonly contentStore: ContentStore
  readonly images: ImageStore
  readonly leases: Leases
  readonly blobMapping: BlobMapping
  /** None: fetch and verify only. */
  readonly snapshotter?: Snapshotter
  readonly applier: Applier
  /** For a snapshotter that takes layers. */
  readonly layers?: LayerPlace
  /** Asked on a full disk, for the error to say it. Default: nobody can tell. */
  readonly findFreeable?: FindFreeable
}

export interface PullOptions {
  /** Default: the host's. */
  readonly platform?: Platform
  /** `missing`: no network when the image is here already; `never`: NOT_FOUND instead of network. Default `always`. */
  readonly policy?: 'always' | 'missing' | 'never'
  readonly signal?: AbortSignal
  readonly onProgress?: OnProgress
  /** Keep the uncompressed tars of layers alone, where the snapshotter takes them. */
  readonly discardCompressed?: boolean
  /** Without a snapshotter: store layers uncompressed too, with their indexes, for whoever reads their files next. */
  readonly keepTars?: boolean
  /** What the image may come to. Default: `defaultQuotas`, each. */
  readonly quotas?: Partial<Quotas>
  /** Whether manifests of schema 1 are converted. Default true; else they are UNSUPPORTED. */
  readonly schema1?: boolean
  /** How long to wait for other processes. Default: for ever. */
  readonly lockTimeoutMs?: number
}

/** What a pull did: the result that `davit pull --json` prints. */
export interface PulledImage {
  /** As resolved: `host/repository:tag`. */
  readonly reference: Reference
  /** What the reference names: an index, or the manifest. */
  readonly target: Descriptor
  readonly manifest: Descriptor
  readonly platform: Platform
  readonly config: Descriptor
  readonly layers: readonly PulledLayer[]
  /** Absent when there are no layers or nothing was unpacked. */
  readonly chainId?: Digest
  /** Name of the snapshotter that holds `chainId`. */
  readonly snapshotter?: string
  /** The host that answered `resolve`; absent when no network was needed. */
  readonly host?: string
  readonly bytes: { readonly fetched: number; readonly reused: number; readonly resumed: number }
  readonly durations: { readonly resolveMs: number; readonly pullMs: number }
}

export interface PulledLayer {
  readonly digest: Digest
  readonly diffId: Digest
  readonly mediaType: string
  /** Bytes as stored. */
  readonly size: number
  readonly fetched: number
  /** Bytes that an earlier, broken run had left. */
  readonly resumed: number
}

/**
 * Pulls an image: resolves it, fetches and verifies what is missing, unpacks its layers, records it. Works under a
 * lease, so that no collection takes what it needs; what lives afterwards is what the image record reaches.
 *
 * Errors: those of the resolver, the store, the applier and the snapshotter; NO_MATCHING_PLATFORM; MALFORMED when the
 * config's diff IDs don't match the layers. Nothing of a failed pull is visible; verified blobs and resumable partials
 * stay for the next one.
 */
export async function pullImage(
  parts: PullParts,
  reference: Reference,
  options: PullOptions = {},
): Promise<PulledImage> {
  const {
    platform = hostPlatform(machineFacts()),
    policy = 'always',
    signal,
    onProgress,
    lockTimeoutMs,
    discardCompressed,
    keepTars,
    quotas,
    schema1,
  } = options
  const lease = await parts.leases.hold()
  try {
    const local = policy === 'always' ? undefined : await findLocal(parts, reference, platform, policy)
    if (local !== undefined) return local
    if (policy === 'never') throw notHere(reference, platform)

    const started = performance.now()
    const operation = signal === undefined ? {} : { signal }
    const puller = new Puller({
      ...parts,
      src: reference,
      platform,
      keep: keepByLease(lease),
      ...(discardCompressed === undefined ? {} : { discardCompressed }),
      ...(keepTars === undefined ? {} : { keepTars }),
      ...(quotas === undefined ? {} : { quotas }),
      ...(schema1 === undefined ? {} : { schema1 }),
      ...(lockTimeoutMs === undefined ? {} : { lockTimeoutMs }),
      ...(onProgress === undefined ? {} : { onProgress }),
    })
    const target = await puller.resolve(operation)
    const resolved = performance.now()
    const pulled = await puller.pull(operation)
    signal?.throwIfAborted() // last exit before the image becomes visible
    const result = describe(pulled, {
      reference,
      ...(parts.snapshotter === undefined ? {} : { snapshotter: parts.snapshotter.name }),
      ...(target.host === undefined ? {} : { host: target.host }),
      durations: { resolveMs: resolved - started, pullMs: performance.now() - resolved },
    })
    await parts.images.set(recordOf(result))
    return result
  } finally {
    await lease.end()
  }
}

type Circumstances = Pick<PulledImage, 'reference' | 'snapshotter' | 'host' | 'durations'>

function describe({ descriptor, image, chainId, jobs }: Pulled, circumstances: Circumstances): PulledImage {
  const byDigest = new Map(jobs.map(job => [job.descriptor.digest, job]))
  const { snapshotter, ...others } = circumstances
  return {
    ...others,
    target: descriptor,
    manifest: image.manifest,
    platform: image.platform,
    config: image.config,
    layers: image.layers.map(({ blob, diffId }) => {
      const { fetched = 0, resumed = 0 } = byDigest.get(blob.digest) ?? {}
      return { digest: blob.digest, diffId, mediaType: blob.mediaType, size: blob.size, fetched, resumed }
    }),
    ...(chainId === undefined || snapshotter === undefined ? {} : { chainId, snapshotter }),
    bytes: {
      fetched: sum(jobs, job => job.fetched),
      resumed: sum(jobs, job => job.resumed),
      reused: sum(jobs, job => (job.state === 'exists' ? job.descriptor.size : 0)),
    },
  }
}

async function findLocal(
  parts: PullParts,
  reference: Reference,
  platform: Platform,
  policy: 'missing' | 'never',
): Promise<PulledImage | undefined> {
  const started = performance.now()
  const choice = { wanted: platform, matcher: only(platform) }
  const local = await findLocalImage(parts, formatReference(reference), choice).catch((error: unknown) => {
    // What is damaged is fetched again, where the network may be used.
    if (policy === 'missing' && isWrongContent(error)) return undefined
    throw error
  })
  if (local === undefined) return undefined
  const { record, image } = local
  await parts.images.use(record)
  const chainId = parts.snapshotter === undefined ? undefined : image.layers.at(-1)?.chainId
  const pulled = { ref: record.reference, descriptor: record.target, chainId, image, jobs: [] }
  const result = describe(pulled, {
    reference,
    ...(parts.snapshotter === undefined ? {} : { snapshotter: parts.snapshotter.name }),
    durations: { resolveMs: 0, pullMs: performance.now() - started },
  })
  return { ...result, bytes: { fetched: 0, resumed: 0, reused: sum(image.blobs, blob => blob.size) } }
}

function recordOf(image: PulledImage): Parameters<ImageStore['set']>[0] {
  const { reference, platform, manifest, target, chainId, snapshotter, layers } = image
  return {
    reference: formatReference(reference),
    platform,
    manifest,
    target,
    ...(chainId === undefined ? {} : { chainId }),
    ...(snapshotter === undefined ? {} : { snapshotter }),
    size: sum(layers, layer => layer.size),
  }
}

function notHere(reference: Reference, platform: Platform): ImageError {
  const name = formatReference(reference)
  const message = `Cannot use ${name} for ${formatPlatform(platform)}: it is not here, and the network was ruled out`
  return new ImageError('NOT_FOUND', message, { what: 'image', name }, { hint: 'allow --pull missing' })
}

function sum<T>(items: readonly T[], count: (item: T) => number): number {
  return items.reduce((total, item) => total + count(item), 0)
}
