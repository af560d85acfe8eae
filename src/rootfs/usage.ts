import { closeSync, constants, lstatSync, openSync } from 'node:fs'
import { procPath } from '../system/jail.ts'
import { openSys } from '../system/sys/linux.ts'
import type { Channel, Task } from '../system/workers.ts'
import type { Usage } from './snapshotter.ts'
import { namesIn, openDirectory, takeTurns } from './tree.ts'

/** Units of `st_blocks`, whatever the file system's own block is (stat(2)). */
const BLOCK_BYTES = 512

/** What the tree of `directory` takes on disk, itself included; a file of several names counts once. */
export const measureTree: Task<string, never, never, Usage> = { module: import.meta.url, name: measureTreeTask.name }

export async function measureTreeTask(directory: string, { signal }: Channel<never, never>): Promise<Usage> {
  const sys = openSys()
  const turn = takeTurns(signal)
  const linked = new Set<string>()
  let size = 0
  let inodes = 0

  /** Whether it is a directory. */
  function count(path: Buffer | string): boolean {
    const { blocks, nlink, dev, ino, mode } = lstatSync(path)
    const isDirectory = (mode & constants.S_IFMT) === constants.S_IFDIR
    if (nlink > 1 && !isDirectory) {
      const inode = `${dev}:${ino}`
      if (linked.has(inode)) return false
      linked.add(inode)
    }
    size += blocks * BLOCK_BYTES
    inodes += 1
    return isDirectory
  }

  async function walk(fd: number): Promise<void> {
    for (const name of namesIn(fd)) {
      await turn()
      if (!count(procPath(fd, name))) continue
      const child = openDirectory(fd, name)
      try {
        await walk(child)
      } finally {
        sys.close(child)
      }
    }
  }

  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    count(directory)
    await walk(fd)
  } finally {
    closeSync(fd)
  }
  return { size, inodes }
}
