import { accessSync, constants, statfsSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import type { Database, DatabaseOptions, Key, RootDatabase } from 'lmdb'
import { diskError } from '../system/disk-error.ts'
import { type Lock, lock } from '../system/locks.ts'
import { checkDbFile, checkLockFile, malformedDb } from './db-file.ts'
import type { Layout } from './layout.ts'

/** Named tables in one environment: labels, and the blob mapping's three. */
const MAX_TABLES = 8

/** Some commits' worth of pages: a label's takes six. */
const MIN_FREE_BYTES = 256 * 1024

/**
 * The store's database: what can be looked up, and rebuilt from the files. Opened, and LMDB loaded, when the first
 * table is asked for. Any number of processes share it.
 */
export interface Db {
  /**
   * To be read, and written within a transaction.
   *
   * Errors: MALFORMED when the database is damaged; NO_SPACE where there is none to make it.
   */
  table<V, K extends Key>(name: string, options?: DatabaseOptions): Promise<Database<V, K>>
  /**
   * One transaction over all tables: everything `work` puts, or nothing. Awaited, it has reached the disk. What removes
   * is tried on a full disk too, for it may make room.
   *
   * Errors: NO_SPACE; MALFORMED.
   */
  transaction<T>(work: () => T, options?: { readonly removes?: boolean }): Promise<T>
  close(): Promise<void>
}

export interface DbOptions {
  /** Nobody else can know of it. */
  readonly alone?: boolean
  /** Whether what was awaited survives a power cut. Default true; else the whole database may not. */
  readonly durable?: boolean
}

export function openDb(layout: Layout, options: DbOptions = {}): Db {
  let opening: Promise<Opened> | undefined
  const tables = new Map<string, Database>()
  let failure: unknown

  async function root(): Promise<RootDatabase> {
    opening ??= openEnvironment(layout, options)
    return (await opening).environment
  }

  async function attempt<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await named(layout.db, work)
    } catch (error) {
      // Once a commit has failed badly enough, LMDB says no more than that of all later ones.
      if (failure !== undefined && isPanic(error)) throw failure
      failure = error
      throw error
    }
  }

  return {
    async table<V, K extends Key>(name: string, options: DatabaseOptions = {}) {
      const environment = await root()
      const make = () => environment.openDB({ encoding: 'json', ...options, name })
      const table = tables.get(name) ?? (await attempt(make))
      tables.set(name, table)
      // One name always has one type: the callers' own.
      return table as Database<V, K>
    },
    async transaction(work, { removes = false } = {}) {
      const environment = await root()
      if (!removes) refuseFull(layout.db)
      return attempt(() => environment.transaction(work))
    },
    async close() {
      const opened = await opening?.catch(() => undefined)
      opening = undefined
      tables.clear()
      await opened?.environment.close()
      opened?.use?.release()
    },
  }
}

interface Opened {
  readonly environment: RootDatabase
  /** As long as somebody uses it, nobody puts another in its place. */
  readonly use?: Lock
}

async function openEnvironment(layout: Layout, { alone = false, durable = true }: DbOptions): Promise<Opened> {
  const { open } = await import('lmdb')
  // With batches by event turns, a commit that fails would also reject a promise that nobody has.
  const options = {
    path: layout.db,
    maxDbs: MAX_TABLES,
    encoding: 'json',
    overlappingSync: false,
    eventTurnBatching: false,
    noSync: !durable,
  } as const
  if (!isWritable(layout.db)) {
    if (checkDbFile(layout.db).isAbsent) throw malformedDb(layout.db, 'there is none')
    return { environment: open({ ...options, readOnly: true }) }
  }
  if (alone) return { environment: open(options) }
  const use = await lock(layout.lock('users'), { shared: true })
  // One process at a time: nobody mistakes a file that is being made for a damaged one.
  const held = await lock(layout.lock('db'))
  try {
    // Whom it can't be made for, LMDB takes down.
    if (checkDbFile(layout.db).isAbsent) refuseFull(layout.db)
    checkLockFile(layout.db)
    return { environment: await named(layout.db, () => open(options)), use }
  } catch (error) {
    use.release()
    throw error
  } finally {
    held.release()
  }
}

/** Errors: NO_SPACE and other disk errors, by their names. */
async function named<T>(path: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw diskError(await reasonOf(error), path)
  }
}

/** LMDB says on stderr what fails in a commit, before it rejects: better not to begin. */
function refuseFull(path: string): void {
  const { bavail, bfree, bsize } = statfsSync(path)
  // Some blocks are kept for root.
  const blocks = process.geteuid?.() === 0 ? bfree : bavail
  if (blocks * bsize >= MIN_FREE_BYTES) return
  throw diskError(Object.assign(new Error('too little space'), { code: 'ENOSPC' }), path)
}

/** Why a commit failed. LMDB may have it behind a promise, and has numbers for system errors. */
async function reasonOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error)) return error
  const reason =
    'commitError' in error ? await Promise.resolve(error.commitError).catch((cause: unknown) => cause) : error
  if (!(reason instanceof Error) || !('code' in reason) || typeof reason.code !== 'number') return error
  if (reason.code <= 0) return reason
  // All transactions of a commit have one reason, which stays as it is.
  const errno = -reason.code
  return Object.assign(new Error(reason.message, { cause: reason }), { code: getSystemErrorName(errno), errno })
}

function isPanic(error: unknown): boolean {
  return error instanceof Error && error.message.includes('MDB_PANIC')
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
