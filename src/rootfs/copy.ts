import { closeSync, constants, copyFileSync, openSync } from 'node:fs'
import { errnoOf } from '../errors.ts'
import { procPath } from '../system/jail.ts'
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../system/sys/constants.ts'
import { openSys } from '../system/sys/linux.ts'
import type { Stat } from '../system/sys/sys.ts'
import type { Channel, Task } from '../system/workers.ts'
import { copyAttributes, type Loss, withoutPrivilege } from './copy-attributes.ts'
import { namesIn, openDirectory, takeTurns } from './tree.ts'

export interface CopyArgs {
  readonly source: string
  /** A directory that exists and is empty. */
  readonly target: string
}

/**
 * Copies a tree, durably: types, bytes, modes, owners, nanosecond times, hardlinks, extended attributes, devices and
 * links. File data is shared where the file system can.
 *
 * What an ordinary user can't make is left out; a message says what, once a kind.
 */
export const copyTree: Task<CopyArgs, never, Loss, void> = { module: import.meta.url, name: copyTreeTask.name }

export async function copyTreeTask({ source, target }: CopyArgs, channel: Channel<never, Loss>): Promise<void> {
  const sys = openSys()
  const turn = takeTurns(channel.signal)
  const lost = new Set<Loss>()
  const onLoss = (loss: Loss) => {
    if (!lost.has(loss)) channel.send(loss)
    lost.add(loss)
  }
  /** Where the first name of a file of several was copied to, in the target. */
  const copied = new Map<string, Buffer>()
  const [sourceRoot, targetRoot] = [openRoot(source), openRoot(target)]

  async function copyDirectory(from: number, to: number, path: Buffer): Promise<void> {
    for (const name of namesIn(from)) {
      await turn()
      const stat = sys.stat(from, name)
      const type = stat.mode & S_IFMT
      const itsPath = path.length === 0 ? name : Buffer.concat([path, Buffer.from('/'), name])
      if (type !== S_IFDIR && stat.nlink > 1) {
        const inode = `${stat.dev}:${stat.ino}`
        const first = copied.get(inode)
        if (first !== undefined) {
          sys.linkat(targetRoot, first, to, name)
          continue
        }
        copied.set(inode, itsPath)
      }
      if (type === S_IFDIR) {
        await copyChild(from, to, name, itsPath)
      } else if (!copyLeaf(from, to, name, stat)) {
        copied.delete(`${stat.dev}:${stat.ino}`)
        onLoss('devices')
        continue
      }
      copyAttributes(procPath(from, name), procPath(to, name), stat, onLoss)
    }
  }

  async function copyChild(from: number, to: number, name: Buffer, path: Buffer): Promise<void> {
    sys.mkdirat(to, name, 0o700)
    const children = [openDirectory(from, name)]
    try {
      children.push(openDirectory(to, name))
      const [fromChild = -1, toChild = -1] = children
      await copyDirectory(fromChild, toChild, path)
    } finally {
      for (const fd of children) sys.close(fd)
    }
  }

  try {
    await copyDirectory(sourceRoot, targetRoot, Buffer.alloc(0))
    copyAttributes(Buffer.from(source), Buffer.from(target), sys.stat(sourceRoot, Buffer.alloc(0)), onLoss)
    sys.syncfs(targetRoot)
  } finally {
    closeSync(sourceRoot)
    closeSync(targetRoot)
  }
}

/** Anything but a directory; false when it takes a privilege that this process lacks. */
function copyLeaf(from: number, to: number, name: Buffer, { mode, major, minor }: Stat): boolean {
  const sys = openSys()
  switch (mode & S_IFMT) {
    case S_IFREG:
      copyFileSync(procPath(from, name), procPath(to, name), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
      return true
    case S_IFLNK:
      sys.symlinkat(sys.readlinkat(from, name), to, name)
      return true
    default:
      return withoutPrivilege(() => sys.mknodat(to, name, mode, major, minor))
  }
}

function openRoot(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW)
  } catch (error) {
    if (errnoOf(error) === 'ELOOP') throw new Error(`${path} is a link`, { cause: error })
    throw error
  }
}
