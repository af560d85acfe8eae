import { readdirSync } from 'node:fs'
import { errnoOf } from '../../errors.ts'
import { procPath } from '../../system/jail.ts'
import { AT_REMOVEDIR, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from '../../system/sys/constants.ts'
import type { Sys } from '../../system/sys/sys.ts'

/** Removes `name` from an open directory, with all that is in it; no link is followed. Nothing there: nothing done. */
export function removeTree(sys: Sys, dirfd: number, name: Buffer): void {
  try {
    sys.unlinkat(dirfd, name)
    return
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === 'ENOENT') return
    // Linux says EISDIR; POSIX, and some file systems, EPERM.
    if (errno !== 'EISDIR' && errno !== 'EPERM') throw error
  }
  const fd = openDirectory(sys, dirfd, name)
  try {
    for (const child of namesIn(fd)) removeTree(sys, fd, child)
  } finally {
    sys.close(fd)
  }
  sys.unlinkat(dirfd, name, AT_REMOVEDIR)
}

export function namesIn(fd: number): Buffer[] {
  return readdirSync(procPath(fd, Buffer.from('.')), { encoding: 'buffer' })
}

/**
 * Opens the directory `name` itself, never through a link. One that is closed even to its owner, an ordinary user, is
 * opened by force: its mode is put right at the end.
 */
export function openDirectory(sys: Sys, dirfd: number, name: Buffer): number {
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
  try {
    return sys.openInRoot(dirfd, name, flags)
  } catch (error) {
    if (errnoOf(error) !== 'EACCES') throw error
  }
  sys.fchmodat(dirfd, name, 0o700)
  return sys.openInRoot(dirfd, name, flags)
}
