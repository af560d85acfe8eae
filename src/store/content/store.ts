import type { Digest } from '../../spec/digest.ts'

/**
 * Blobs by digest. A blob is invisible until `commit`, the one gate, has checked its size, its digest and the end of
 * its bytes; afterwards it never changes. Any number of processes share a store.
 *
 * Lifecycle: `ingest(key)` → `write`… → `commit` (visible) | `close` (kept, resumable) | `abort` (gone).
 */
export interface ContentStore {
  /** Errors: NOT_FOUND. */
  info(digest: Digest): Promise<BlobInfo>

  /** Opens a committed blob. Errors: NOT_FOUND. The caller closes it. */
  open(digest: Digest): Promise<BlobReader>

  /**
   * Begins or resumes the ingest named `key`, waiting for another holder until `signal` ends it or `lockTimeoutMs`
   * has passed. Bytes of an earlier run are hashed again: `offset` says how many are there.
   *
   * The blob that `want` names may be there already, or become so while waiting: then the answer is its info.
   *
   * Errors: LOCKED, and whatever the disk says.
   */
  ingest(key: string, want: Want, options?: IngestOptions): Promise<Ingest | BlobInfo>

  /** Sets the labels given; an undefined value removes one; others stay. Errors: NOT_FOUND. */
  label(digest: Digest, labels: LabelChanges): Promise<BlobInfo>

  /** Every committed blob, in no order. */
  walk(): AsyncIterable<BlobInfo>

  /**
   * Takes away bytes that proved to be wrong, so that the right ones can be brought; labels stay for those. Errors:
   * NOT_FOUND.
   */
  invalidate(digest: Digest): Promise<void>

  /** Unlinks a blob and its labels. Errors: NOT_FOUND. */
  delete(digest: Digest): Promise<void>

  /**
   * Takes blobs and their labels out of sight, quickly and together; those that aren't here lose the labels that are left
   * of them. Calling what it answers frees the space; whoever dies before leaves that to `cleanup`.
   */
  discard(digests: readonly Digest[]): Promise<() => Promise<void>>

  /** Labels whose blob is not here: it is about to come, is being brought again, or somebody died in between. */
  orphans(): AsyncIterable<{ readonly digest: Digest; readonly labels: Labels }>

  /** Ingests that are begun and not committed, with their offsets: what a progress display polls. */
  ingests(): AsyncIterable<IngestStatus>

  /** Removes an ingest that nobody holds. Errors: NOT_FOUND, LOCKED. */
  abort(key: string): Promise<void>

  /**
   * Removes what a crash left beside the blobs, or what nobody can use, and not the ingests. Returns how many files went.
   */
  cleanup(): Promise<number>

  /** Closes every ingest that is still held, keeping its bytes. Parts that the store was given stay the giver's. */
  close(): Promise<void>
}

/** What an ingest is to become. A size is checked when known. */
export interface Want {
  readonly digest: Digest
  /** Bytes as stored. */
  readonly size?: number
}

/** What bytes turned out to be, all of them hashed: those of earlier runs too. */
export interface Verdict {
  /** In the algorithm of the digest that was wanted. */
  readonly digest: Digest
  readonly size: number
}

export type Labels = Readonly<Record<string, string>>
export type LabelChanges = Readonly<Record<string, string | undefined>>

export interface BlobInfo {
  readonly digest: Digest
  readonly size: number
  readonly createdAt: Date
  readonly labels: Labels
}

export interface IngestOptions {
  readonly signal?: AbortSignal
  /** How long to wait for another holder. Default: for ever. */
  readonly lockTimeoutMs?: number
  /** Called once when somebody else holds it and waiting begins. */
  readonly onWait?: () => void
  /** The blob is only to be kept: nobody reads it soon, so it need not be in memory as well. Default false. */
  readonly isCold?: boolean
}

export interface IngestStatus {
  readonly key: string
  readonly offset: number
  /** Final size in bytes, when it was known at the beginning. */
  readonly total?: number
  readonly startedAt: Date
  readonly updatedAt: Date
}

/** A blob being written; exclusively held until it ends. */
export interface Ingest {
  readonly key: string
  /** Bytes accepted so far; the next write goes there. */
  readonly offset: number

  /**
   * Takes `chunk`; it may be used again afterwards. Resolves when there is room for more, not when it is on disk: await
   * it before the next call.
   *
   * With `giveBack` the memory of `chunk`, all of it, is the ingest's until that is called with it, which saves a copy;
   * after an error it may never be.
   *
   * Errors: SIZE_MISMATCH at the first byte past `want.size`; NO_SPACE and other disk errors of earlier writes.
   */
  write(chunk: Uint8Array, giveBack?: (memory: ArrayBuffer) => void): Promise<void>

  /** Starts over from byte 0. */
  reset(): Promise<void>

  /**
   * Verifies and publishes. Afterwards the ingest is gone, whatever the outcome: bytes that failed are not kept,
   * since resuming them would fail for ever. When some of them were resumed, a fresh try may well succeed.
   *
   * Idempotent: a blob that is already there is a success, and gains the labels.
   *
   * `verdict`: of whoever wrote the bytes after `handOver`; without one the store's own.
   *
   * Errors: SIZE_MISMATCH, DIGEST_MISMATCH; NO_SPACE and other disk errors (then the partial is kept).
   */
  commit(labels?: Labels, verdict?: Verdict): Promise<BlobInfo>

  /**
   * The file behind it, for a stage in a worker that writes from `offset` on, hashes everything and gives its verdict
   * to `commit`. Instead of `write`, not after it; the ingest ends after the stage. Undefined: there is no file, so use
   * `write`.
   */
  handOver(): HandedOver | undefined

  /** Lets go of it and keeps its bytes for a later `ingest(key)`. */
  close(): Promise<void>

  /** Lets go of it and removes its bytes. */
  abort(): Promise<void>
}

export interface HandedOver {
  /** Open for reading and writing in every thread of the process, until the ingest ends. */
  readonly fd: number
  readonly offset: number
  /** For errors to name. */
  readonly path: string
}

export interface BlobReader {
  readonly size: number
  /**
   * The file behind it, when there is one: stages in workers open it themselves. Read-only.
   */
  readonly path: string | undefined
  /** Reads up to `length` bytes at `offset`; fewer only at the end. */
  read(offset: number, length: number): Promise<Uint8Array>
  close(): Promise<void>
}

export function isIngest(value: Ingest | BlobInfo): value is Ingest {
  return 'commit' in value
}
