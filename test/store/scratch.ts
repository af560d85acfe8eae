import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

/** A directory of this test file, removed after it; gives names in it that were not used before. */
export function scratchDirectory(): (name?: string) => string {
  const directory = mkdtempSync(join(tmpdir(), 'davit-store-'))
  let used = 0
  after(() => rmSync(directory, { recursive: true, force: true }))
  return name => join(directory, `${name ?? 'root'}${used++}`)
}
