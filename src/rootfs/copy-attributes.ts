import { errnoOf } from '../errors.ts'
import { keepXattr } from '../layer/xattrs.ts'
import { AT_FDCWD, S_IFLNK, S_IFMT } from '../system/sys/constants.ts'
import { openSys } from '../system/sys/linux.ts'
import type { Stat } from '../system/sys/sys.ts'
import { inUserNamespace } from './user-namespace.ts'

/** What could not be kept for want of privilege. */
export type Loss = 'owners' | 'devices' | 'extended attributes'

/**
 * Gives `target` the owner, extended attributes, mode and times of `source`, whose stat is given; neither is followed.
 * Attributes that no image may bring are the system's, or an overlay's state: each directory has its own.
 *
 * In this order: a new owner clears setuid bits and capabilities, and each of them changes times.
 */
export function copyAttributes(source: Uint8Array, target: Uint8Array, stat: Stat, onLoss: (loss: Loss) => void): void {
  const sys = openSys()
  const type = stat.mode & S_IFMT
  const now = sys.stat(AT_FDCWD, target)
  if (now.uid !== stat.uid || now.gid !== stat.gid) {
    if (!withoutPrivilege(() => sys.fchownat(AT_FDCWD, target, stat.uid, stat.gid))) onLoss('owners')
  }
  const attributes = [...sys.lgetxattrs(source)].filter(([name]) => keepXattr(name))
  // `user.*` can be set only on what may be written.
  if (attributes.length > 0 && type !== S_IFLNK) sys.fchmodat(AT_FDCWD, target, 0o700)
  for (const [name, value] of attributes) {
    const set = () => sys.lsetxattr(target, Buffer.from(name, 'latin1'), value)
    if (!withoutPrivilege(set)) onLoss('extended attributes')
  }
  if (type !== S_IFLNK) sys.fchmodat(AT_FDCWD, target, stat.mode & 0o7777)
  sys.utimensat(AT_FDCWD, target, stat.seconds, stat.nanoseconds)
}

/** Runs `call`; false when it takes a privilege that this process lacks, or that the file system doesn't know. */
export function withoutPrivilege(call: () => void): boolean {
  try {
    call()
    return true
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'ENOTSUP' || code === 'EOPNOTSUPP') return false
    // In a user namespace, ids without a mapping are EINVAL.
    if ((code === 'EPERM' || code === 'EINVAL') && !isInitialRoot()) return false
    throw error
  }
}

function isInitialRoot(): boolean {
  return process.geteuid?.() === 0 && !inUserNamespace()
}
