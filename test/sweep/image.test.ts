/** Every file of a large image through the mount. `DAVIT_SWEEP_IMAGE`: a reference. Needs root, and memory for its files. */
import assert from 'node:assert/strict'
import { linkSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Digest } from '../../src/spec/digest.ts'
import { layoutOf } from '../../src/store/layout.ts'
import { makeScratch } from '../conformance/scratch.ts'
import { davitOn } from '../support/davit.ts'
import { referenceTrees } from '../support/reference-tree.ts'
import { assertSameTree, dumpTree } from '../support/tree.ts'
import { checkImages } from './fsck.ts'
import { mountedFrom } from './mounted.ts'

const reference = process.env['DAVIT_SWEEP_IMAGE']
const skip = reference === undefined ? 'DAVIT_SWEEP_IMAGE names no image' : false

test('the mounted tree is what an independent reader finds in the tars', { skip }, t => {
  const scratch = makeScratch('sweep-image')
  const root = join(scratch, 'root')
  const pulled = davitOn(root).json<{ layers: { diffId: Digest }[] }>(
    ...['pull', '--json', '--progress', 'quiet', '--snapshotter', 'erofs', reference ?? ''],
  )
  const layers = join(scratch, 'layers/it')
  mkdirSync(layers, { recursive: true })
  for (const [at, { diffId }] of pulled.layers.entries()) linkSync(layoutOf(root).blob(diffId), join(layers, `${at}`))
  const expected = referenceTrees(join(scratch, 'layers'))['it'] ?? 'not answered'
  assert(typeof expected !== 'string', `${expected}`)
  const found = mountedFrom(root, reference ?? '', dumpTree)
  assertSameTree(found, expected)
  t.diagnostic(`${found.length} nodes, ${found.filter(({ sha256 }) => sha256 !== undefined).length} files hashed`)
  checkImages(root, message => t.diagnostic(message))
})
