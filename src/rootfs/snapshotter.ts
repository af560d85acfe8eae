import type { Digest } from '../spec/digest.ts'
import type { Labels } from '../store/content/store.ts'
import type { Mount } from './mounts.ts'

/**
 * Stacks of file-system changes, each a committed snapshot on its parent.
 *
 * One key space a snapshotter. An *active* snapshot has a `key` and may be written; a *view* has a `key` and is
 * read-only; a *committed* one has a `name` (a chain ID, for layers), never changes and may be a parent.
 *
 * Lifecycle of a layer: `prepare(key, parent)` → write into its mounts → `commit(name, key)`. Mounting is the caller's
 * business: a snapshotter only says how.
 *
 * What is written appears under its key or name completely or not at all, whatever dies: half-made directories are
 * invisible and `cleanup` removes them. Any number of processes may share it: of two that commit one name, one gets
 * ALREADY_EXISTS and keeps its active snapshot to remove.
 */
export interface Snapshotter {
  readonly name: string
  /**
   * `directory`: an applier writes into the mounts of an active snapshot, layer by layer, in order.
   * `layers`: nobody writes; `commit` is told diff IDs, of any number of layers at once, and tars in the content store
   * are the data.
   */
  readonly takes: 'directory' | 'layers'

  /** Errors: NOT_FOUND. */
  stat(key: string): Promise<Snapshot>

  /** Changes labels as `ContentStore.label` does. Errors: NOT_FOUND. */
  label(key: string, labels: Readonly<Record<string, string | undefined>>): Promise<Snapshot>

  /** What the snapshot itself holds on disk, its parents not counted. Walked, so slow for large trees. */
  usage(key: string): Promise<Usage>

  /**
   * How to mount an active snapshot or a view. Errors: NOT_FOUND; IN_USE for a committed one: view it instead.
   */
  mounts(key: string): Promise<readonly Mount[]>

  /**
   * Makes a writable snapshot over `parent` (a committed name; none: empty).
   *
   * Errors: ALREADY_EXISTS (key taken), NOT_FOUND (parent), IN_USE (parent isn't committed).
   */
  prepare(key: string, parent: string | undefined, options?: PrepareOptions): Promise<readonly Mount[]>

  /** Makes a read-only snapshot of `parent`. Errors: as `prepare`. */
  view(key: string, parent: string | undefined, options?: PrepareOptions): Promise<readonly Mount[]>

  /**
   * Turns the active snapshot `key` into the committed `name`. Its bytes are durable before it is visible. `key` is
   * free again; labels are replaced by those given.
   *
   * Errors: NOT_FOUND (no such key), ALREADY_EXISTS (name taken; the active one stays), IN_USE (key isn't active),
   * UNSUPPORTED (it takes layers and was told none).
   */
  commit(name: string, key: string, options?: CommitOptions): Promise<void>

  /**
   * Waits until nobody else, in any process, has a turn at `name`: who takes one before making what will be committed
   * under a name, and then looks whether it is there, makes nothing twice. Commits need none.
   *
   * Errors: LOCKED, the signal's reason.
   */
  turn(name: string, options?: TurnOptions): Promise<{ release(): void }>

  /**
   * What is wrong with a committed snapshot, in a few words; undefined when nothing is found. What is made of tars is
   * compared with them, byte for byte; directories are looked for, and not into. Errors: NOT_FOUND.
   */
  check(key: string): Promise<string | undefined>

  /** Errors: NOT_FOUND, IN_USE (it has children, or files of its own are mounted). */
  remove(key: string): Promise<void>

  /**
   * The quick half of `remove`: takes a snapshot out of sight. Calling what it answers frees the space; whoever dies
   * before leaves that to `cleanup`. Errors: as `remove`.
   */
  discard(key: string): Promise<() => Promise<void>>

  /** Every snapshot, in no order. */
  walk(): AsyncIterable<Snapshot>

  /** Removes what a crash left half-made. Returns how many directories went. */
  cleanup(): Promise<number>
}

export interface Snapshot {
  /** Key of an active snapshot or view, name of a committed one. */
  readonly key: string
  readonly kind: 'active' | 'view' | 'committed'
  readonly parent?: string
  readonly labels: Labels
  /** Diff IDs from the base up, as far as `commit` was told them. */
  readonly diffIds: readonly Digest[]
  readonly createdAt: Date
  readonly updatedAt: Date
}

export interface Usage {
  /** Bytes on disk. */
  readonly size: number
  readonly inodes: number
}

export interface PrepareOptions {
  readonly labels?: Labels
  readonly signal?: AbortSignal
}

export interface TurnOptions {
  readonly signal?: AbortSignal
  /** How long to wait. Default: for ever. */
  readonly timeoutMs?: number
}

export interface CommitOptions {
  readonly labels?: Labels
  /** Of the layers that it adds to its parent, base first. */
  readonly diffIds?: readonly Digest[]
}
