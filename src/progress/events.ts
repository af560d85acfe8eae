import type { Digest } from '../spec/digest.ts'

/**
 * What a pull, or a copy, says while it runs. Each event is the whole present state of its subject, so a receiver that missed some
 * loses nothing. Statuses come at most every 150 ms a subject; the last of each is always sent before the pull returns.
 */
export type ProgressEvent = ResolveEvent | BlobEvent | UnpackEvent | TotalEvent | WarningEvent

export interface ResolveEvent {
  readonly type: 'resolve'
  readonly reference: string
  readonly state: 'started' | 'done' | 'failed'
  readonly digest?: Digest
}

export interface BlobEvent {
  readonly type: 'blob'
  readonly reference: string
  readonly digest: Digest
  readonly kind: BlobKind
  /** `locked`: another process is at it. `copying`: from one place to another. `exists`: it was there already. */
  readonly state: 'waiting' | 'locked' | 'downloading' | 'copying' | 'done' | 'exists'
  /** Bytes there, of `total`. */
  readonly offset: number
  readonly total: number
  readonly startedAt?: Date
  readonly completedAt?: Date
}

export type BlobKind = 'index' | 'manifest' | 'config' | 'layer' | 'other'

export interface UnpackEvent {
  readonly type: 'unpack'
  readonly reference: string
  readonly digest: Digest
  readonly chainId: Digest
  readonly state: 'waiting' | 'unpacking' | 'done' | 'exists'
  /** Compressed bytes consumed, of `total`. */
  readonly offset: number
  readonly total: number
  readonly startedAt?: Date
  readonly completedAt?: Date
}

/** Sums over all blobs and layers of one reference. */
export interface TotalEvent {
  readonly type: 'total'
  readonly reference: string
  readonly state: 'running' | 'done' | 'failed'
  /** Without it, a pull. */
  readonly task?: 'copy'
  /** Bytes there, of `toDownload`; what an earlier run had left of them counts as `resumed`, too. */
  readonly downloaded: number
  readonly toDownload: number
  readonly resumed: number
  readonly unpacked: number
  readonly toUnpack: number
  /** Bytes that did not have to be fetched. */
  readonly reused: number
}

export interface WarningEvent {
  readonly type: 'warning'
  readonly reference: string
  readonly message: string
}

/** Never awaited; what it throws is dropped: watching can't change the outcome. */
export type OnProgress = (event: ProgressEvent) => void
