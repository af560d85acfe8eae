import { chmodSync, chownSync, utimesSync } from 'node:fs'
import { implicitAttributes } from './extract/attributes.ts'

/**
 * Makes the empty directory at `path` what the root of an image is until a layer has an entry for it: a directory that
 * nobody described. An ordinary user's stays its own.
 */
export function resetBaseDirectory(path: string): void {
  const { uid, gid, mode, seconds } = implicitAttributes
  if (process.geteuid?.() === 0) chownSync(path, uid, gid)
  chmodSync(path, mode)
  utimesSync(path, seconds, seconds)
}
