import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TreeNode } from './tree.ts'

// Tests run from build/, where only compiled files are.
const script = fileURLToPath(new URL('../../../test/support/reference-tree.py', import.meta.url))

/** Places an image's layers where {@link referenceTrees} looks for them. */
export function placeLayers(directory: string, id: string, layers: Iterable<Uint8Array>): void {
  mkdirSync(join(directory, id), { recursive: true })
  for (const [i, layer] of [...layers].entries()) writeFileSync(join(directory, id, `${i}`), layer)
}

/** What an independent reader says of each image in a directory: its tree, or why it has none. */
export function referenceTrees(directory: string): Readonly<Record<string, TreeNode[] | string>> {
  return JSON.parse(execFileSync('python3', [script, directory], { encoding: 'utf8', maxBuffer: 2 ** 30 }))
}
