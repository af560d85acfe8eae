/** The public API. What isn't named here may change at any time. */
export { pull } from './davit.ts'
export { defaults, type Settings } from './defaults.ts'
export { type ErrorCode, type ErrorDetails, hasCode, ImageError } from './errors.ts'
export type { Allowance, Amount, Quotas } from './layer/quota.ts'
export { openParts, type Parts } from './parts.ts'
export type {
  BlobEvent,
  OnProgress,
  ProgressEvent,
  ResolveEvent,
  TotalEvent,
  UnpackEvent,
  WarningEvent,
} from './progress/events.ts'
export { type PulledImage, type PulledLayer, type PullOptions, type PullParts, pullImage } from './pull/pull.ts'
export { type Pulled, Puller, type PullerOptions } from './pull/puller.ts'
export type { Download, Fetcher, FetchOptions, Resolved, Resolver, Source } from './registry/registry.ts'
export type { Applied, Applier, ApplyOptions, ImageApplier } from './rootfs/applier.ts'
export { type Mount, mountAll, unmount } from './rootfs/mounts.ts'
export type { CommitOptions, PrepareOptions, Snapshot, Snapshotter, Usage } from './rootfs/snapshotter.ts'
export type { Descriptor } from './spec/descriptor.ts'
export { type Digest, parseDigest } from './spec/digest.ts'
export { formatPlatform, type Platform } from './spec/platform.ts'
export { parsePlatform } from './spec/platform-parse.ts'
export { formatReference, parseReference, type Reference } from './spec/reference.ts'
export type { BlobMapping, MappedLayer } from './store/blob-mapping.ts'
export { openMemoryStore } from './store/content/memory.ts'
export type {
  BlobInfo,
  BlobReader,
  ContentStore,
  Ingest,
  IngestOptions,
  IngestStatus,
  Labels,
  Want,
} from './store/content/store.ts'
export type { ImageRecord, ImageStore } from './store/images.ts'
export type { Lease, Leases, Resource } from './store/leases.ts'
