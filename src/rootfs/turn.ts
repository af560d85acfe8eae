import { closeSync, readdirSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode } from '../errors.ts'
import { holdFile, removeUnheld } from '../store/held-file.ts'
import { diskError } from '../system/disk-error.ts'
import type { LockOptions } from '../system/locks.ts'

/** Begins the names of the files that are locked, one a snapshot in the making. */
const TURN = '.turn-'

export interface Turn {
  release(): void
}

/** Waits until nobody else has a turn at `id`. It ends with its process. Errors: LOCKED; the signal's reason; the disk's. */
export async function takeTurn(snapshots: string, id: string, options: LockOptions): Promise<Turn> {
  const path = join(snapshots, `${TURN}${id}`)
  try {
    const fd = await holdFile(path, options)
    return { release: () => letGo(path, fd) }
  } catch (error) {
    throw diskError(error, path)
  }
}

function letGo(path: string, fd: number): void {
  try {
    unlinkSync(path)
  } catch {
    // A collection removes it.
  } finally {
    closeSync(fd)
  }
}

/** Removes the files of those who have died. */
export async function sweepTurns(snapshots: string): Promise<void> {
  for (const name of readdirSync(snapshots)) {
    if (!name.startsWith(TURN)) continue
    await removeUnheld(join(snapshots, name)).catch(error => {
      if (!hasCode(error, 'LOCKED')) throw error
    })
  }
}
