import { closeSync, openSync } from 'node:fs'
import { errnoOf } from '../errors.ts'
import { loadTask } from './serve-task.ts'
import {
  AT_FDCWD,
  CLONE_FS,
  CLONE_NEWNS,
  MNT_DETACH,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  O_DIRECTORY,
  O_RDONLY,
} from './sys/constants.ts'
import { openSys } from './sys/linux.ts'
import type { Task, TaskName } from './workers.ts'

/**
 * A jail for the thread that works on what an image brings: a mount namespace of its own, whose root is an empty
 * directory that can't be written. Whatever path is followed in it, through whatever links, leads nowhere.
 *
 * What it works on it gets as descriptors, of mounts that are attached nowhere: `..` ends at their roots too. Even the
 * process's own descriptors, by whose numbers calls without descriptors are made, lie in such a mount, which is the
 * working directory and has no path. So the jail holds whatever the code in it does with the names that it is given.
 *
 * The threads that Node has started before are outside: only synchronous calls are inside.
 */
interface Jail {
  /** Mount namespaces. */
  readonly host: number
  readonly own: number
  /** `/proc/self/fd`. */
  readonly descriptors: number
}

let jail: Jail | undefined

const anywhere = '/proc'

/**
 * Puts a worker process into a jail, for good, once it has loaded `tasks`: in there is no code, or it would be an
 * image's.
 */
export const goToJail: Task<readonly TaskName[], never, never, void> = {
  module: import.meta.url,
  name: goToJailTask.name,
}

export async function goToJailTask(tasks: readonly TaskName[]): Promise<void> {
  await Promise.all(tasks.map(loadTask))
  enterJail()
}

/**
 * Errors: the kernel's; EPERM without the privilege to mount. What has been done by then isn't undone: the process is
 * good for nothing else.
 */
function enterJail(): void {
  const sys = openSys()
  const host = openSync('/proc/self/ns/mnt', 'r')
  const descriptors = sys.openTree(Buffer.from('/proc/self/fd'))
  sys.unshare(CLONE_NEWNS)
  const own = openSync('/proc/self/ns/mnt', 'r')
  sys.mount('', '/', '', MS_REC | MS_PRIVATE)
  sys.mount('tmpfs', anywhere, 'tmpfs', MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, 'size=4k,mode=555')
  const root = openSync(anywhere, O_RDONLY | O_DIRECTORY)
  sys.fchdir(root)
  closeSync(root)
  // Both on one place: the new root, and the old one over it, which then goes (pivot_root(2)).
  sys.pivotRoot('.', '.')
  sys.umount2('.', MNT_DETACH)
  sys.fchdir(descriptors)
  jail = { host, own, descriptors }
}

/**
 * Opens a directory of the host; from within a jail in a mount of its own, which `readOnly` makes read-only.
 *
 * `path` must be the caller's own, never an image's.
 */
export function openHostDirectory(path: string, { readOnly = false } = {}): number {
  const sys = openSys()
  const flags = O_RDONLY | O_DIRECTORY
  if (jail === undefined) return sys.openat(AT_FDCWD, Buffer.from(path), flags)
  return outside(jail, () => {
    const tree = sys.openTree(Buffer.from(path))
    try {
      if (readOnly) protect(tree)
      return sys.openat(tree, here, flags)
    } finally {
      sys.close(tree)
    }
  })
}

/** Opens a file of the host for reading. `path` must be the caller's own, never an image's. */
export function openHostFile(path: string): number {
  return jail === undefined ? openSync(path, 'r') : outside(jail, () => openSync(path, 'r'))
}

/** In a jail, nothing of the host can be named to be written. */
export function isJailed(): boolean {
  return jail !== undefined
}

/** A path of `name` in an open directory, for calls that take no descriptors. */
export function procPath(dirfd: number, name: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(jail === undefined ? `/proc/self/fd/${dirfd}/` : `${dirfd}/`), name])
}

const here = Buffer.from('.')

function outside<T>({ host, own, descriptors }: Jail, open: () => T): T {
  const sys = openSys()
  // A thread that was started meanwhile shares root and working directory: these must be this one's alone (setns(2)).
  sys.unshare(CLONE_FS)
  sys.setns(host, CLONE_NEWNS)
  try {
    return open()
  } finally {
    sys.setns(own, CLONE_NEWNS)
    sys.fchdir(descriptors)
  }
}

/** Kernels before 5.12 can't; nothing writes there anyway. */
function protect(tree: number): void {
  try {
    openSys().makeReadOnly(tree)
  } catch (error) {
    if (errnoOf(error) !== 'ENOSYS') throw error
  }
}
