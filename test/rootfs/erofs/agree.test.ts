import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ImageError } from '../../../src/errors.ts'
import { mergeLayers } from '../../../src/layer/merge.ts'
import type { Tree } from '../../../src/layer/tree.ts'
import { needsRoot } from '../../conformance/scratch.ts'
import { anyLayers } from '../../support/any-layers.ts'
import { erofsBytes, placeFiles, readErofs } from '../../support/erofs.ts'
import { indexOf, tarOf } from '../../support/layers.ts'
import { placeLayers, referenceTrees } from '../../support/reference-tree.ts'
import { assertSameTree, type TreeNode } from '../../support/tree.ts'
import { flatTree, scratch } from '../extract/stack.ts'

const numRuns = Number(process.env['DAVIT_RUNS'] ?? 100)

test('any layers: EROFS image, unpacked directory and an independent reader agree', { skip: needsRoot }, t => {
  const base = scratch(t)
  const stacks = fc.sample(anyLayers, numRuns)
  const trees = new Map<number, Tree>()
  const images: string[][] = []
  for (const [id, layers] of stacks.entries()) {
    const tars = layers.map(tarOf)
    placeLayers(`${base}/reference`, `${id}`, tars)
    const tree = merged(tars)
    if (tree === undefined) continue
    trees.set(id, tree)
    images.push(placeFiles(base, erofsBytes(tree, tars), tars))
  }
  const read = readErofs(...images)
  const reference = referenceTrees(`${base}/reference`)
  let at = 0
  for (const [id, layers] of stacks.entries()) {
    const expected = reference[id] ?? 'not answered'
    if (!trees.has(id)) {
      assert.equal(typeof expected, 'string', `stack ${id} is refused by one: ${JSON.stringify(layers)}`)
      assert.throws(() => flatTree(`${base}/${id}`, layers), ImageError)
      continue
    }
    assert(typeof expected !== 'string', `stack ${id}: ${expected}: ${JSON.stringify(layers)}`)
    const found: TreeNode[] = read[at++] ?? []
    assertSameTree(found, expected, `stack ${id}, image and reference: ${JSON.stringify(layers)}:`)
    assertSameTree(flatTree(`${base}/${id}`, layers), expected, `stack ${id}, directory and reference:`)
  }
  assert.ok(trees.size > numRuns / 4, `${trees.size} of ${numRuns} stacks could be merged`)
})

/** Undefined when the layers are refused. */
function merged(tars: readonly Uint8Array[]): Tree | undefined {
  try {
    return mergeLayers(tars.map(indexOf))
  } catch (error) {
    if (error instanceof ImageError) return undefined
    throw error
  }
}
