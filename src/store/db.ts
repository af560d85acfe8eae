import { accessSync, constants } from 'node:fs'
import type { Database, DatabaseOptions, Key, RootDatabase } from 'lmdb'
import { ImageError } from '../errors.ts'
import type { Layout } from './layout.ts'

/** Named tables in one environment: labels, and the blob mapping's three. */
const MAX_TABLES = 8

/**
 * The store's database: what can be looked up, and rebuilt from the files. Opened, and LMDB loaded, when the first
 * table is asked for. Any number of processes share it.
 */
export interface Db {
  /**
   * Awaited writes and transactions have reached the disk.
   *
   * Errors: MALFORMED when the database is damaged.
   */
  table<V, K extends Key>(name: string, options?: DatabaseOptions): Promise<Database<V, K>>
  /** One transaction over all tables: everything `work` puts, or nothing. */
  transaction<T>(work: () => T): Promise<T>
  close(): Promise<void>
}

export function openDb({ db: path }: Layout): Db {
  let opening: Promise<RootDatabase> | undefined
  const tables = new Map<string, Database>()

  async function open(): Promise<RootDatabase> {
    const { open: openLmdb } = await import('lmdb')
    const options = {
      path,
      maxDbs: MAX_TABLES,
      encoding: 'json',
      overlappingSync: false,
      readOnly: !isWritable(path),
    } as const
    try {
      return openLmdb(options)
    } catch (error) {
      const hint = 'its content can be rebuilt from the files: remove the directory and try again'
      throw new ImageError(
        'MALFORMED',
        `Cannot open database ${path}: ${(error as Error).message}`,
        { what: path },
        { cause: error, hint },
      )
    }
  }

  async function root(): Promise<RootDatabase> {
    opening ??= open()
    return await opening
  }

  return {
    async table<V, K extends Key>(name: string, options: DatabaseOptions = {}) {
      const environment = await root()
      const table = tables.get(name) ?? environment.openDB({ encoding: 'json', ...options, name })
      tables.set(name, table)
      // One name always has one type: the callers' own.
      return table as Database<V, K>
    },
    async transaction(work) {
      return await (await root()).transaction(work)
    },
    async close() {
      const environment = await opening?.catch(() => undefined)
      opening = undefined
      tables.clear()
      await environment?.close()
    },
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
