import { chmodSync, chownSync, utimesSync } from 'node:fs'
import { openSys } from '../system/sys/linux.ts'
import { implicitAttributes } from './extract/attributes.ts'

/**
 * Makes the empty directory at `path` what the root of an image is until a layer has an entry for it: a directory that
 * nobody described. An ordinary user's stays its own.
 */
export function resetBaseDirectory(path: string): void {
  const { uid, gid, mode, seconds } = implicitAttributes
  if (process.geteuid?.() === 0) chownSync(path, uid, gid)
  // What the directory that it was made in hands down would go on to all that is made in this one.
  const [bytes, sys] = [Buffer.from(path), openSys()]
  for (const name of sys.lgetxattrs(bytes).keys()) {
    if (name.startsWith('system.posix_acl_')) sys.lremovexattr(bytes, Buffer.from(name))
  }
  chmodSync(path, mode)
  utimesSync(path, seconds, seconds)
}
