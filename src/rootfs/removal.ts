import { closeSync, constants, openSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { errnoOf, ImageError } from '../errors.ts'
import { AT_REMOVEDIR } from '../system/sys/constants.ts'
import { openSys } from '../system/sys/linux.ts'
import type { Channel, Task } from '../system/workers.ts'
import { mountPointsIn } from './mount-table.ts'
import { namesIn, openDirectory, takeTurns } from './tree.ts'

/**
 * Removes what is at a path, a directory with all that is in it, whatever its names, modes and depth; nothing there is no
 * error.
 *
 * Errors: IN_USE when something is mounted in it: that isn't ours to delete.
 */
export const removeTree: Task<string, never, never, void> = { module: import.meta.url, name: removeTreeTask.name }

export async function removeTreeTask(path: string, { signal }: Channel<never, never>): Promise<void> {
  const [point] = mountPointsIn(path)
  if (point !== undefined) {
    throw new ImageError('IN_USE', `Cannot remove ${path}: something is mounted on ${point}`, {
      what: 'directory',
      name: path,
    })
  }
  const parent = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    const name = Buffer.from(basename(path))
    if (attempt(() => openSys().unlinkat(parent, name)) === 'EISDIR') {
      await removeDirectory(parent, name, takeTurns(signal))
    }
  } finally {
    closeSync(parent)
  }
}

async function removeDirectory(parent: number, name: Uint8Array, turn: () => Promise<void> | undefined): Promise<void> {
  const sys = openSys()
  const directory = openForRemoval(parent, name)
  if (directory === undefined) return
  try {
    for (const child of namesIn(directory)) {
      await turn()
      // Asking for each entry's type first would double the calls; directories are few.
      const failure = attempt(() => sys.unlinkat(directory, child))
      if (failure === 'EISDIR') await removeDirectory(directory, child, turn)
    }
  } finally {
    sys.close(directory)
  }
  attempt(() => sys.unlinkat(parent, name, AT_REMOVEDIR))
}

/** Makes a directory passable first: an ordinary user can't empty one that its own mode closes. */
function openForRemoval(parent: number, name: Uint8Array): number | undefined {
  const sys = openSys()
  try {
    if (process.geteuid?.() !== 0) sys.fchmodat(parent, name, 0o700)
    return openDirectory(parent, name)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function attempt(call: () => void): 'EISDIR' | undefined {
  try {
    call()
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'EISDIR') return code
    if (code !== 'ENOENT') throw error
  }
  return undefined
}
