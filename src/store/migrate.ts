import { closeSync, constants, openSync } from 'node:fs'
import { ImageError } from '../errors.ts'
import { writeFileDurably } from '../system/files.ts'
import { LOCK_EX, LOCK_NB } from '../system/sys/constants.ts'
import { openSys } from '../system/sys/linux.ts'
import { LAYOUT_VERSION, type Layout } from './layout.ts'

/**
 * Brings what lies under a root from one format to the next, durably. It may be run again, from wherever it broke off, and
 * until it has ended the old format must be readable still.
 */
export type Migration = (layout: Layout) => void
export type Migrations = ReadonlyMap<number, Migration>

/**
 * Runs one migration after the other; each counts when the version file says so, in one rename. `versionNow`: another
 * process may have been faster.
 *
 * Errors: LOCKED while somebody uses the store; those of the migration.
 */
export function migrate(layout: Layout, migrations: Migrations, versionNow: () => number | undefined): void {
  const path = layout.lock('users')
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
  try {
    if (!openSys().flock(fd, LOCK_EX | LOCK_NB)) throw inUse(layout.root, path)
    for (let at = versionNow() ?? LAYOUT_VERSION; at < LAYOUT_VERSION; at++) {
      migrations.get(at)?.(layout)
      writeFileDurably(layout.version, `${at + 1}\n`)
    }
  } finally {
    closeSync(fd)
  }
}

function inUse(root: string, path: string): ImageError {
  const message = `Cannot bring store ${root} to format ${LAYOUT_VERSION}: another davit is at work in it`
  return new ImageError('LOCKED', message, { path }, { hint: 'wait until it has ended' })
}
