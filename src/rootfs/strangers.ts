import { existsSync, readdirSync } from 'node:fs'
import { isSnapshotId, readRecord } from './records.ts'
import { isTransient } from './staging.ts'

export interface Stranger {
  readonly name: string
  /** Whether it was a snapshot, whose record can't be read any more. */
  readonly isSnapshot: boolean
}

/** What lies among snapshots and is none, or is none any more. The names that begin with a dot are davit's own notes. */
export function findStrangers(snapshots: string): readonly Stranger[] {
  if (!existsSync(snapshots)) return []
  return readdirSync(snapshots)
    .filter(name => !name.startsWith('.') && !isTransient(name))
    .filter(name => !isSnapshotId(name) || readRecord(snapshots, name) === undefined)
    .map(name => ({ name, isSnapshot: isSnapshotId(name) }))
}
