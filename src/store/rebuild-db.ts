import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { diskError } from '../system/disk-error.ts'
import { syncDirectory } from '../system/files.ts'
import { type LockOptions, lock } from '../system/locks.ts'
import { type Db, openDb } from './db.ts'
import type { Layout } from './layout.ts'

/**
 * Makes the database anew: `fill` writes into one beside it, which then takes its place in one rename. Until then the
 * old one, whatever is left of it, stays. Nobody else may have it open.
 *
 * Errors: LOCKED while others work in the store; `fill`'s; the disk's.
 */
export async function rebuildDb<T>(
  layout: Layout,
  fill: (db: Db) => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const alone = await lock(layout.lock('users'), options)
  // LMDB takes a name with a dot for that of a file.
  const staging = `${layout.db}-new`
  try {
    rmSync(staging, { recursive: true, force: true })
    mkdirSync(staging, { mode: 0o700 })
    const db = openDb({ ...layout, db: staging }, { alone: true })
    const result = await fill(db).finally(() => db.close())
    syncDirectory(staging)
    mkdirSync(layout.db, { recursive: true, mode: 0o700 })
    renameSync(join(staging, 'data.mdb'), join(layout.db, 'data.mdb'))
    syncDirectory(layout.db)
    return result
  } catch (error) {
    throw diskError(error, staging)
  } finally {
    rmSync(staging, { recursive: true, force: true })
    alone.release()
  }
}
