import { chmodSync, statSync } from 'node:fs'
import { errnoOf } from '../errors.ts'
import { openSys } from '../system/sys/linux.ts'

/** Extended attribute of a directory that is being filled: its device and inode, so that no copy is taken for it. */
export const UNFINISHED = 'user.davit.unfinished'
const attribute = Buffer.from(UNFINISHED)

/** Does nothing where the file system has no such attributes. */
export function markUnfinished(directory: string): void {
  attempt(() => openSys().lsetxattr(Buffer.from(directory), attribute, Buffer.from(identityOf(directory))))
}

export function markFinished(directory: string): void {
  const remove = () => openSys().lremovexattr(Buffer.from(directory), attribute)
  if (attempt(remove) !== 'EACCES') return
  // An ordinary user’s, closed by what the image says of it.
  const { mode } = statSync(directory)
  chmodSync(directory, 0o700)
  attempt(remove)
  chmodSync(directory, mode)
}

/** Whether a run that was killed has left it, or one that still goes on. */
export function isUnfinished(directory: string): boolean {
  try {
    const mark = openSys().lgetxattrs(Buffer.from(directory)).get(UNFINISHED)
    return mark?.toString() === identityOf(directory)
  } catch {
    return false
  }
}

function identityOf(directory: string): string {
  const { dev, ino } = statSync(directory)
  return `${dev}:${ino}`
}

/** What it failed with, when that is no reason to fail. */
function attempt(work: () => void): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    const reason = errnoOf(error)
    if (reason === 'EOPNOTSUPP' || reason === 'ENOTSUP' || reason === 'ENODATA' || reason === 'EACCES') return reason
    throw error
  }
}
