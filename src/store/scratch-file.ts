import { randomBytes } from 'node:crypto'
import { openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeDirectories } from '../system/files.ts'
import type { Layout } from './layout.ts'

/** An empty file without a name, open for reading and writing: it goes with its descriptor, and with the process. */
export function openScratchFile({ trash }: Layout): number {
  makeDirectories(trash)
  const path = join(trash, randomBytes(12).toString('hex'))
  const fd = openSync(path, 'wx+', 0o600)
  // A collector may have been faster.
  rmSync(path, { force: true })
  return fd
}
