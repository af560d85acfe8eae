import { formatChecked } from '../store/checksum.ts'
import { syncDirectory, writeFileDurably } from '../system/files.ts'
import type { Task } from '../system/workers.ts'
import type { SnapshotRecord } from './records.ts'

export interface WriteRecordArgs {
  readonly path: string
  readonly record: SnapshotRecord
  /** What it is until its directory is renamed: see {@link SnapshotRecord}. */
  readonly was?: SnapshotRecord
  readonly durable: boolean
}

// Syncing a small file may wait for all that others write to the disk: not on the main thread.

/** Writes a record. */
export const writeRecord: Task<WriteRecordArgs, never, never, void> = {
  module: import.meta.url,
  name: writeRecordTask.name,
}

export async function writeRecordTask({ path, record, was, durable }: WriteRecordArgs): Promise<void> {
  writeFileDurably(path, formatChecked({ ...record, was }), { durable })
}

/** Makes the names in directories durable. */
export const syncNames: Task<readonly string[], never, never, void> = {
  module: import.meta.url,
  name: syncNamesTask.name,
}

export async function syncNamesTask(directories: readonly string[]): Promise<void> {
  for (const directory of directories) syncDirectory(directory)
}
