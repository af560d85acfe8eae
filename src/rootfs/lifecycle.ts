import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode } from '../errors.ts'
import type { Digest } from '../spec/digest.ts'
import type { LabelChanges } from '../store/content/store.ts'
import type { Workers } from '../system/workers.ts'
import { inUse, openCatalog } from './catalog.ts'
import { mountPointsIn, mountsOf } from './mount-table.ts'
import { type Mount, unmount } from './mounts.ts'
import { syncNames, writeRecord } from './record-tasks.ts'
import { dropUnfinished, isSnapshotId, readRecord, recordPath, type SnapshotRecord, snapshotOf } from './records.ts'
import { removeTree } from './removal.ts'
import type { CommitOptions, PrepareOptions, Snapshot, Snapshotter } from './snapshotter.ts'
import { discard, type Held, hold, isTransient, openStaging } from './staging.ts'
import { sweepTurns, takeTurn } from './turn.ts'
import { measureTree } from './usage.ts'

export interface SnapshotterOptions {
  /** Where snapshots live, made when absent; several snapshotters may share it. */
  readonly directory: string
  readonly workers: Workers
  /** Whether what is there survives a power cut. Default true. */
  readonly durable?: boolean
  /** Said once each: what is lost here, and why. */
  readonly onWarning?: (message: string) => void
}

/** What differs between snapshotters. */
export interface Driver extends Pick<Snapshotter, 'name' | 'takes'> {
  /** What `usage` counts, below a snapshot's directory. */
  readonly contents: 'fs' | '.'
  /** Fills the directory of a snapshot in the making. */
  make(directory: string, kind: SnapshotKind, base: Base, signal?: AbortSignal): Promise<void>
  /** Completes what is about to be committed as a stack of these layers, and puts it on disk if it is to be durable. */
  seal(directory: string, diffIds: readonly Digest[], options: { readonly durable: boolean }): Promise<void>
  mounts(directory: string, kind: SnapshotKind, base: Base): readonly Mount[]
  /** What is wrong with a committed one of these layers. */
  check?(directory: string, diffIds: readonly Digest[]): Promise<string | undefined>
}

export type SnapshotKind = 'active' | 'view'

/** What a snapshot stands on. */
export interface Base {
  /** Directories of the parents, nearest first. */
  readonly parents: readonly string[]
  /** The layers in them, base first, as far as commits were told. */
  readonly diffIds: readonly Digest[]
}

/**
 * A snapshotter that keeps each snapshot in a directory of its own.
 *
 * Names change in the catalog; copying, measuring, syncing and deleting happen in workers.
 */
export function openSnapshots(driver: Driver, { directory, workers, durable = true }: SnapshotterOptions): Snapshotter {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const catalog = openCatalog(driver.name, { directory, workers, durable })
  const { idOf, pathOf, exclusively, find, findOf, refuseTaken, keep } = catalog

  /** Makes names in directories durable. */
  async function sync(...directories: readonly string[]): Promise<void> {
    if (durable) await workers.run(syncNames, directories).result
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
    const base = baseOf(parent)
    const keptParent = parent === undefined ? undefined : await keep(parent)
    const staging = openStaging(directory)
    try {
      await driver.make(staging.path, kind, base, signal)
      const diffIds = [...base.diffIds]
      const origin = parent === undefined ? {} : { parent }
      const record = { snapshotter: driver.name, key, kind, ...origin, labels, diffIds, ...timesNow() }
      await workers.run(writeRecord, { path: recordPath(staging.path), record, durable }).result
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
    await sync(directory)
    return driver.mounts(pathOf(key), kind, base)
  }

  async function commit(
    name: string,
    key: string,
    { labels = {}, diffIds: added = [] }: CommitOptions = {},
  ): Promise<void> {
    const diffIds = [...findOf('active', key).diffIds, ...added]
    refuseTaken(name)
    const kept = await keep(key)
    try {
      await driver.seal(pathOf(key), diffIds, { durable })
      const committed = (active: SnapshotRecord): SnapshotRecord => {
        return { ...active, key: name, kind: 'committed', labels, diffIds, ...timesNow() }
      }
      await catalog.replace(key, active => ({ record: committed(active), was: active }), {
        before: () => refuseTaken(name),
        after: () => catalog.publish(pathOf(key), name),
      })
      await sync(pathOf(name), directory)
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
      await sync(pathOf(key))
      return snapshotOf(record)
    } finally {
      kept.release()
    }
  }

  function baseOf(parent: string | undefined): Base {
    return { parents: catalog.chainOf(parent), diffIds: parent === undefined ? [] : find(parent).diffIds }
  }

  async function discardKey(key: string): Promise<() => Promise<void>> {
    const held = await exclusively(() => {
      find(key)
      refuseRemoval(key)
      const discarded = discard(directory, idOf(key))
      if (discarded === undefined) throw inUse(`Cannot remove snapshot ${key}: somebody is at work on it`, key)
      return discarded
    })
    return async () => {
      try {
        // Before anything is deleted: after a power cut, half a snapshot must not be back under its name.
        await sync(directory)
        await workers.run(removeTree, held.path).result
      } finally {
        held.release()
      }
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

  async function check(key: string): Promise<string | undefined> {
    const { kind, parent, diffIds } = find(key)
    if (kind !== 'committed') return undefined
    const lost = parent === undefined ? undefined : lostParent(parent)
    if (lost !== undefined) return `its parent ${lost} is missing`
    if (!existsSync(join(pathOf(key), driver.contents))) return 'its directory is missing'
    return driver.check?.(pathOf(key), diffIds)
  }

  function lostParent(parent: string): string | undefined {
    try {
      catalog.chainOf(parent)
      return undefined
    } catch (error) {
      if (hasCode(error, 'NOT_FOUND')) return error.details.name
      throw error
    }
  }

  return {
    name: driver.name,
    takes: driver.takes,
    check,
    stat: async key => snapshotOf(find(key)),
    label,
    usage: async key => {
      find(key)
      const contents = join(pathOf(key), driver.contents)
      return existsSync(contents) ? await workers.run(measureTree, contents).result : { size: 0, inodes: 0 }
    },
    mounts: async key => {
      const { kind, parent } = find(key)
      if (kind !== 'committed') return driver.mounts(pathOf(key), kind, baseOf(parent))
      throw inUse(`Cannot mount snapshot ${key}: it is committed`, key, { hint: 'view it' })
    },
    prepare: (key, parent, options) => make('active', key, parent, options),
    view: (key, parent, options) => make('view', key, parent, options),
    commit,
    turn: (name, options = {}) => takeTurn(directory, idOf(name), options),
    remove: async key => (await discardKey(key))(),
    discard: discardKey,
    walk: async function* () {
      for (const record of catalog.records()) yield snapshotOf(record)
    },
    cleanup: async () => {
      let removed = 0
      await sweepTurns(directory)
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
