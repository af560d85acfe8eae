import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import * as v from 'valibot'
import { errnoOf } from '../errors.ts'
import { type Digest, isDigest } from '../spec/digest.ts'
import { isChecked } from '../store/checksum.ts'
import type { Snapshot } from './snapshotter.ts'

const RECORD = 'record.json'

/** Hex digits of a directory's name: 128 bits, too many to collide, and short enough for long overlay options. */
const ID_DIGITS = 32

const fields = {
  snapshotter: v.string(),
  key: v.string(),
  kind: v.picklist(['active', 'view', 'committed']),
  parent: v.optional(v.string()),
  labels: v.record(v.string(), v.string()),
  diffIds: v.array(v.custom<Digest>(isDigest)),
  createdAt: v.pipe(v.string(), v.isoTimestamp()),
  updatedAt: v.pipe(v.string(), v.isoTimestamp()),
  /** What a committed snapshot itself holds. */
}

const schema = v.object({ ...fields, was: v.optional(v.object(fields)) })

/**
 * A snapshot as its directory tells it: the authority, there is no other index.
 *
 * A directory is named by its record's key ({@link snapshotId}), and a record whose key doesn't hash to the name is
 * none. So a rename makes, commits and removes snapshots: a commit first writes the committed record with the active
 * one as `was`, and until the directory bears the new name, `was` is what counts.
 */
export type SnapshotRecord = v.InferOutput<v.ObjectSchema<typeof fields, undefined>>

/** The name of the directory of `key`. */
export function snapshotId(snapshotter: string, key: string): string {
  return createHash('sha256').update(`${snapshotter}\0${key}`).digest('hex').slice(0, ID_DIGITS)
}

export function isSnapshotId(name: string): boolean {
  return name.length === ID_DIGITS && /^[0-9a-f]+$/.test(name)
}

/** The record of the directory `id` in `snapshots`; undefined when there is none, or none that can be believed. */
export function readRecord(snapshots: string, id: string): SnapshotRecord | undefined {
  let text: string
  try {
    text = readFileSync(recordPath(join(snapshots, id)), 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
    throw error
  }
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), v.check(isChecked), schema), text)
  if (!parsed.success) return undefined
  const { was, ...record } = parsed.output
  return [record, was].find(one => one !== undefined && snapshotId(one.snapshotter, one.key) === id)
}

/** Where the record of `directory` is. */
export function recordPath(directory: string): string {
  return join(directory, RECORD)
}

/** Where a new record is written before it takes the place of the one that counts. */
export function stagedRecordPath(directory: string): string {
  return join(directory, `${RECORD}.${randomBytes(8).toString('hex')}`)
}

/** Removes what a writer that died left beside the record of `directory`. Not while somebody may be writing it. */
export function dropUnfinished(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (name.startsWith(`${RECORD}.`)) rmSync(join(directory, name), { force: true })
  }
}

export function snapshotOf({ key, kind, parent, labels, diffIds, createdAt, updatedAt }: SnapshotRecord): Snapshot {
  return {
    key,
    kind,
    ...(parent === undefined ? {} : { parent }),
    labels,
    diffIds,
    createdAt: new Date(createdAt),
    updatedAt: new Date(updatedAt),
  }
}
