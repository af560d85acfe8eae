import { readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { type ErrorExtras, errnoOf, ImageError } from '../errors.ts'
import { lock } from '../system/locks.ts'
import type { Workers } from '../system/workers.ts'
import { type WriteRecordArgs, writeRecord } from './record-tasks.ts'
import { isSnapshotId, readRecord, recordPath, type SnapshotRecord, snapshotId, stagedRecordPath } from './records.ts'
import type { Snapshot } from './snapshotter.ts'
import { discard, type Held, hold } from './staging.ts'

/**
 * The snapshots of one snapshotter, by key: the names of directories and the records in them.
 *
 * Whatever changes names happens under one lock, in one synchronous breath without waiting for the disk; many
 * processes share it.
 */
export function openCatalog(
  snapshotter: string,
  { directory, workers, durable }: { readonly directory: string; readonly workers: Workers; readonly durable: boolean },
) {
  const idOf = (key: string) => snapshotId(snapshotter, key)
  const pathOf = (key: string) => join(directory, idOf(key))

  /** Waiting for one's own process costs no polling: calls queue here first. */
  let last: Promise<unknown> = Promise.resolve()
  function exclusively<T>(change: () => T, signal?: AbortSignal): Promise<T> {
    const mine = last.then(async () => {
      const held = await lock(join(directory, '.lock'), signal === undefined ? {} : { signal })
      try {
        return change()
      } finally {
        held.release()
      }
    })
    last = mine.catch(() => {})
    return mine
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

  /** As long as it is kept, nobody can remove the snapshot `key`, whatever it is called by then. */
  async function keep(key: string): Promise<Held> {
    const held = await exclusively(() => hold(pathOf(key), { shared: true }))
    if (held === undefined) throw notFound(key)
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
      if (record?.snapshotter === snapshotter) yield record
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
  }

  /**
   * Replaces the record of `key`, which is kept, by what `change` makes of it; in the same breath `before` may refuse
   * it and `after` go on. Written outside the lock, so again when another was faster.
   */
  async function replace(
    key: string,
    change: (record: SnapshotRecord) => Omit<WriteRecordArgs, 'path' | 'durable'>,
    { before, after }: { readonly before?: () => void; readonly after?: () => void } = {},
  ): Promise<SnapshotRecord> {
    for (;;) {
      const found = find(key)
      const changed = change(found)
      const path = stagedRecordPath(pathOf(key))
      try {
        await workers.run(writeRecord, { path, durable, ...changed }).result
        const isDone = await exclusively(() => {
          before?.()
          if (!isDeepStrictEqual(find(key), found)) return false
          renameSync(path, recordPath(pathOf(key)))
          after?.()
          return true
        })
        if (isDone) return changed.record
      } finally {
        rmSync(path, { force: true })
      }
    }
  }

  return { idOf, pathOf, exclusively, find, findOf, refuseTaken, keep, chainOf, records, publish, replace }
}

export function notFound(key: string): ImageError {
  return new ImageError('NOT_FOUND', `Cannot find snapshot ${key}`, { what: 'snapshot', name: key })
}

export function inUse(line: string, key: string, extras: ErrorExtras = {}): ImageError {
  return new ImageError('IN_USE', line, { what: 'snapshot', name: key }, extras)
}
