import { mkdirSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { type ErrorExtras, errnoOf, ImageError } from '../errors.ts'
import { syncDirectory } from '../system/files.ts'
import { lock } from '../system/locks.ts'
import type { Workers } from '../system/workers.ts'
import { mountPointsIn, mountsOf } from './mount-table.ts'
import { type Mount, unmount } from './mounts.ts'
import {
  dropUnfinished,
  isSnapshotId,
  readRecord,
  type SnapshotRecord,
  snapshotId,
  snapshotOf,
  writeRecord,
} from './records.ts'
import { removeTree } from './removal.ts'
import type { CommitOptions, PrepareOptions, Snapshot, Snapshotter, Usage } from './snapshotter.ts'
import { discard, type Held, hold, isTransient, openStaging } from './staging.ts'
import { measureTree } from './usage.ts'

export interface SnapshotterOptions {
  /** Where snapshots live, made when absent; several snapshotters may share it. */
  readonly directory: string
  readonly workers: Workers
  /** Said once each: what is lost here, and why. */
  readonly onWarning?: (message: string) => void
}

/** What differs between snapshotters. Directories of parents come nearest first. */
export interface Driver extends Pick<Snapshotter, 'name' | 'takes'> {
  /** Fills the directory of a snapshot in the making. */
  make(directory: string, kind: SnapshotKind, parents: readonly string[], signal?: AbortSignal): Promise<void>
  mounts(directory: string, kind: SnapshotKind, parents: readonly string[]): readonly Mount[]
}

export type SnapshotKind = 'active' | 'view'

/**
 * A snapshotter that keeps each snapshot in a directory of its own.
 *
 * Whatever changes names in `directory` happens under one lock, in one synchronous breath of milliseconds; copying,
 * measuring, syncing and deleting happen outside it, in workers.
 */
export function openSnapshots(driver: Driver, { directory, workers }: SnapshotterOptions): Snapshotter {
  const idOf = (key: string) => snapshotId(driver.name, key)
  const pathOf = (key: string) => join(directory, idOf(key))
  mkdirSync(directory, { recursive: true, mode: 0o700 })

  async function exclusively<T>(change: () => T, signal?: AbortSignal): Promise<T> {
    const held = await lock(join(directory, '.lock'), signal === undefined ? {} : { signal })
    try {
      return change()
    } finally {
      held.release()
    }
  }

  function find(key: string): SnapshotRecord {
    const record = readRecord(directory, idOf(key))
    if (record !== undefined) return record
    throw notFound(key)
  }

  function findOf(kind: Snapshot['kind'], key: string): SnapshotRecord {
    const record = find(key)
    if (record.kind === kind) return record
    throw inUse(`Cannot use snapshot ${key} as ${kind}: it is ${record.kind}`, key)
  }

  function refuseTaken(key: string): void {
    if (readRecord(directory, idOf(key)) === undefined) return
    const details = { what: 'snapshot', name: key }
    throw new ImageError('ALREADY_EXISTS', `Cannot make snapshot ${key}: there is one of that name`, details)
  }

  /** As long as it is held, nobody can remove the snapshot `parent`. */
  function holdParent(parent: string): Held {
    const held = hold(pathOf(parent), { shared: true })
    if (held === undefined) throw notFound(parent)
    return held
  }

  /** The directories below `parent`, its own included. */
  function chainOf(parent: string | undefined): readonly string[] {
    const chain: string[] = []
    for (let name = parent; name !== undefined; name = findOf('committed', name).parent) chain.push(pathOf(name))
    return chain
  }

  function* records(): Iterable<SnapshotRecord> {
    for (const name of readdirSync(directory)) {
      const record = isSnapshotId(name) ? readRecord(directory, name) : undefined
      if (record?.snapshotter === driver.name) yield record
    }
  }

  /** Gives a finished directory the name of `key`, which is not taken. */
  function publish(from: string, key: string): void {
    try {
      renameSync(from, pathOf(key))
    } catch (error) {
      if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'EEXIST') throw error
      // No record vouches for what is there: it goes, and cleanup will find it.
      discard(directory, idOf(key))?.release()
      renameSync(from, pathOf(key))
    }
    syncDirectory(directory)
  }

  async function removeHeld(held: Held): Promise<void> {
    try {
      await workers.run(removeTree, held.path).result
    } finally {
      held.release()
    }
  }

  async function make(
    kind: SnapshotKind,
    key: string,
    parent: string | undefined,
    { labels = {}, signal }: PrepareOptions = {},
  ): Promise<readonly Mount[]> {
    signal?.throwIfAborted()
    refuseTaken(key)
    const parents = chainOf(parent)
    const heldParent = parent === undefined ? undefined : holdParent(parent)
    const staging = openStaging(directory)
    try {
      await driver.make(staging.path, kind, parents, signal)
      const diffIds = parent === undefined ? [] : find(parent).diffIds
      const origin = parent === undefined ? {} : { parent }
      writeRecord(staging.path, { snapshotter: driver.name, key, kind, ...origin, labels, diffIds, ...timesNow() })
      await exclusively(() => {
        signal?.throwIfAborted()
        refuseTaken(key)
        publish(staging.path, key)
        staging.release()
      }, signal)
    } catch (error) {
      // A failure to clear away must not hide why: cleanup will try again.
      await removeHeld(staging).catch(() => {})
      throw error
    } finally {
      heldParent?.release()
    }
    return driver.mounts(pathOf(key), kind, parents)
  }

  async function commit(name: string, key: string, { labels = {}, diffId }: CommitOptions = {}): Promise<void> {
    findOf('active', key)
    refuseTaken(name)
    const usage = await measure(key, { sync: true })
    await exclusively(() => {
      const active = findOf('active', key)
      refuseTaken(name)
      const diffIds = diffId === undefined ? active.diffIds : [...active.diffIds, diffId]
      const committed = { ...active, key: name, kind: 'committed' as const, labels, diffIds, usage, ...timesNow() }
      writeRecord(pathOf(key), committed, active)
      publish(pathOf(key), name)
    })
  }

  async function measure(key: string, { sync }: { readonly sync: boolean }): Promise<Usage> {
    return await workers.run(measureTree, { directory: join(pathOf(key), 'fs'), sync }).result
  }

  async function remove(key: string): Promise<void> {
    const held = await exclusively(() => {
      find(key)
      refuseRemoval(key)
      const discarded = discard(directory, idOf(key))
      if (discarded === undefined) throw inUse(`Cannot remove snapshot ${key}: a child of it is in the making`, key)
      syncDirectory(directory)
      return discarded
    })
    await removeHeld(held)
  }

  function refuseRemoval(key: string): void {
    for (const record of records()) {
      if (record.parent === key) throw inUse(`Cannot remove snapshot ${key}: ${record.key} is made of it`, key)
    }
    const [mount] = mountsOf(pathOf(key))
    if (mount !== undefined) throw inUse(`Cannot remove snapshot ${key}: it is mounted on ${mount.point}`, key)
  }

  async function sweep(name: string): Promise<number> {
    const path = join(directory, name)
    const held = isTransient(name)
      ? hold(path)
      : await exclusively(() => (readRecord(directory, name) === undefined ? discard(directory, name) : undefined))
    if (held === undefined) return 0
    // Of a test mount that died.
    for (const point of mountPointsIn(held.path)) unmount(point)
    await removeHeld(held)
    return 1
  }

  return {
    name: driver.name,
    takes: driver.takes,
    stat: async key => snapshotOf(find(key)),
    label: (key, changes) =>
      exclusively(() => {
        const record = find(key)
        const merged = Object.entries({ ...record.labels, ...changes })
        const labels = Object.fromEntries(merged.filter((entry): entry is [string, string] => entry[1] !== undefined))
        const labelled = { ...record, labels, updatedAt: timesNow().updatedAt }
        writeRecord(pathOf(key), labelled)
        return snapshotOf(labelled)
      }),
    usage: async key => {
      const { kind, usage = { size: 0, inodes: 0 } } = find(key)
      return kind === 'active' ? measure(key, { sync: false }) : usage
    },
    mounts: async key => {
      const { kind, parent } = find(key)
      if (kind !== 'committed') return driver.mounts(pathOf(key), kind, chainOf(parent))
      throw inUse(`Cannot mount snapshot ${key}: it is committed`, key, { hint: 'view it' })
    },
    prepare: (key, parent, options) => make('active', key, parent, options),
    view: (key, parent, options) => make('view', key, parent, options),
    commit,
    remove,
    walk: async function* () {
      for (const record of records()) yield snapshotOf(record)
    },
    cleanup: async () => {
      let removed = 0
      for (const name of readdirSync(directory)) {
        const isSnapshot = isSnapshotId(name) && readRecord(directory, name) !== undefined
        if (isSnapshot) await exclusively(() => dropUnfinished(join(directory, name)))
        else if (isSnapshotId(name) || isTransient(name)) removed += await sweep(name)
      }
      return removed
    },
  }
}

function notFound(key: string): ImageError {
  return new ImageError('NOT_FOUND', `Cannot find snapshot ${key}`, { what: 'snapshot', name: key })
}

function inUse(line: string, key: string, extras: ErrorExtras = {}): ImageError {
  return new ImageError('IN_USE', line, { what: 'snapshot', name: key }, extras)
}

function timesNow(): Pick<SnapshotRecord, 'createdAt' | 'updatedAt'> {
  const now = new Date().toISOString()
  return { createdAt: now, updatedAt: now }
}
