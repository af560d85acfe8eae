import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { LabelChanges } from '../store/content/store.ts'
import type { Workers } from '../system/workers.ts'
import { inUse, openCatalog } from './catalog.ts'
import { mountPointsIn, mountsOf } from './mount-table.ts'
import { type Mount, unmount } from './mounts.ts'
import { syncNames, writeRecord } from './record-tasks.ts'
import { dropUnfinished, isSnapshotId, readRecord, recordPath, type SnapshotRecord, snapshotOf } from './records.ts'
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
 * Names change in the catalog; copying, measuring, syncing and deleting happen in workers.
 */
export function openSnapshots(driver: Driver, { directory, workers }: SnapshotterOptions): Snapshotter {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const catalog = openCatalog(driver.name, { directory, workers })
  const { idOf, pathOf, exclusively, find, findOf, refuseTaken, keep } = catalog

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
    const parents = catalog.chainOf(parent)
    const keptParent = parent === undefined ? undefined : await keep(parent)
    const staging = openStaging(directory)
    try {
      await driver.make(staging.path, kind, parents, signal)
      const diffIds = parent === undefined ? [] : find(parent).diffIds
      const origin = parent === undefined ? {} : { parent }
      const record = { snapshotter: driver.name, key, kind, ...origin, labels, diffIds, ...timesNow() }
      await workers.run(writeRecord, { path: recordPath(staging.path), record }).result
      await exclusively(() => {
        signal?.throwIfAborted()
        refuseTaken(key)
        catalog.publish(staging.path, key)
        staging.release()
      }, signal)
    } catch (error) {
      // A failure to clear away must not hide why: cleanup will try again.
      await removeHeld(staging).catch(() => {})
      throw error
    } finally {
      keptParent?.release()
    }
    await workers.run(syncNames, [directory]).result
    return driver.mounts(pathOf(key), kind, parents)
  }

  async function commit(name: string, key: string, { labels = {}, diffId }: CommitOptions = {}): Promise<void> {
    findOf('active', key)
    refuseTaken(name)
    const kept = await keep(key)
    try {
      const usage = await measure(key, { sync: true })
      const committed = (active: SnapshotRecord): SnapshotRecord => {
        const diffIds = diffId === undefined ? active.diffIds : [...active.diffIds, diffId]
        return { ...active, key: name, kind: 'committed', labels, diffIds, usage, ...timesNow() }
      }
      await catalog.replace(key, active => ({ record: committed(active), was: active }), {
        before: () => refuseTaken(name),
        after: () => catalog.publish(pathOf(key), name),
      })
      await workers.run(syncNames, [pathOf(name), directory]).result
    } finally {
      kept.release()
    }
  }

  async function label(key: string, changes: LabelChanges): Promise<Snapshot> {
    const kept = await keep(key)
    try {
      const record = await catalog.replace(key, before => {
        const merged = Object.entries({ ...before.labels, ...changes })
        const labels = Object.fromEntries(merged.filter((entry): entry is [string, string] => entry[1] !== undefined))
        return { record: { ...before, labels, updatedAt: timesNow().updatedAt } }
      })
      await workers.run(syncNames, [pathOf(key)]).result
      return snapshotOf(record)
    } finally {
      kept.release()
    }
  }

  async function measure(key: string, { sync }: { readonly sync: boolean }): Promise<Usage> {
    return await workers.run(measureTree, { directory: join(pathOf(key), 'fs'), sync }).result
  }

  async function remove(key: string): Promise<void> {
    const held = await exclusively(() => {
      find(key)
      refuseRemoval(key)
      const discarded = discard(directory, idOf(key))
      if (discarded === undefined) throw inUse(`Cannot remove snapshot ${key}: somebody is at work on it`, key)
      return discarded
    })
    try {
      // Before anything is deleted: after a power cut, half a snapshot must not be back under its name.
      await workers.run(syncNames, [directory]).result
      await workers.run(removeTree, held.path).result
    } finally {
      held.release()
    }
  }

  function refuseRemoval(key: string): void {
    for (const record of catalog.records()) {
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
    label,
    usage: async key => {
      const { kind, usage = { size: 0, inodes: 0 } } = find(key)
      return kind === 'active' ? measure(key, { sync: false }) : usage
    },
    mounts: async key => {
      const { kind, parent } = find(key)
      if (kind !== 'committed') return driver.mounts(pathOf(key), kind, catalog.chainOf(parent))
      throw inUse(`Cannot mount snapshot ${key}: it is committed`, key, { hint: 'view it' })
    },
    prepare: (key, parent, options) => make('active', key, parent, options),
    view: (key, parent, options) => make('view', key, parent, options),
    commit,
    remove,
    walk: async function* () {
      for (const record of catalog.records()) yield snapshotOf(record)
    },
    cleanup: async () => {
      let removed = 0
      for (const name of readdirSync(directory)) {
        const isSnapshot = isSnapshotId(name) && readRecord(directory, name) !== undefined
        if (isSnapshot) await exclusively(() => tidy(join(directory, name)))
        else if (isSnapshotId(name) || isTransient(name)) removed += await sweep(name)
      }
      return removed
    },
  }
}

/** Unless somebody is at work on it. */
function tidy(snapshot: string): void {
  const held = hold(snapshot)
  if (held === undefined) return
  dropUnfinished(snapshot)
  held.release()
}

function timesNow(): Pick<SnapshotRecord, 'createdAt' | 'updatedAt'> {
  const now = new Date().toISOString()
  return { createdAt: now, updatedAt: now }
}
