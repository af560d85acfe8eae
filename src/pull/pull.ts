import type { OnProgress } from '../progress/events.ts'
import type { Resolver } from '../registry/registry.ts'
import type { Applier } from '../rootfs/applier.ts'
import type { Snapshotter } from '../rootfs/snapshotter.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import type { Digest } from '../spec/digest.ts'
import type { Platform } from '../spec/platform.ts'
import type { Reference } from '../spec/reference.ts'
import type { BlobMapping } from '../store/blob-mapping.ts'
import type { ContentStore } from '../store/content/store.ts'
import type { ImageStore } from '../store/images.ts'
import type { Leases } from '../store/leases.ts'

/** Everything a pull works with; each part can be exchanged. */
export interface PullParts {
  readonly resolver: Resolver
  readonly contentStore: ContentStore
  readonly images: ImageStore
  readonly leases: Leases
  readonly blobMapping: BlobMapping
  /** None: fetch and verify only. */
  readonly snapshotter?: Snapshotter
  readonly applier: Applier
}

export interface PullOptions {
  /** Default: the host's. */
  readonly platform?: Platform
  /** `missing`: no network when the image is here already; `never`: NOT_FOUND instead of network. Default `always`. */
  readonly policy?: 'always' | 'missing' | 'never'
  readonly signal?: AbortSignal
  readonly onProgress?: OnProgress
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
export declare function pullImage(parts: PullParts, reference: Reference, options?: PullOptions): Promise<PulledImage>
