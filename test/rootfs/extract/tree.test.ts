import assert from 'node:assert/strict'
import { test } from 'node:test'
import { needsRoot } from '../../conformance/scratch.ts'
import type { TreeNode } from '../../support/tree.ts'
import { file, flatTree, hardlink, overlayTree, scratch } from './stack.ts'

/** Deeper than directories are kept open: getting to one closes all that lie on the way to another. */
const depth = 70
const deep = (name: string) => Array.from({ length: depth }, () => name).join('/')
const [a, b, c] = [deep('a'), deep('b'), deep('c')]

test('fd() leaves the directory asked for before open, however deep the two lie', { skip: needsRoot }, t => {
  const layer = [file(`${a}/f`, 'one file'), file(`${b}/other`), hardlink(`${b}/h`, `${a}/f`), file(`${c}/end`)]
  for (const tree of [flatTree(scratch(t), [layer]), overlayTree(scratch(t), [layer])]) {
    assertOneFile(tree, [`${a}/f`, `${b}/h`])
  }
})

test('fd() does so while the links of a lower file are copied up', { skip: needsRoot }, t => {
  const lower = [file(`${a}/f`, 'one file'), hardlink(`${b}/g`, `${a}/f`)]
  const upper = [file(`${c}/other`), hardlink(`${c}/h`, `${a}/f`)]
  for (const tree of [flatTree(scratch(t), [lower, upper]), overlayTree(scratch(t), [lower, upper])]) {
    assertOneFile(tree, [`${a}/f`, `${b}/g`, `${c}/h`])
  }
})

function assertOneFile(tree: readonly TreeNode[], paths: readonly string[]): void {
  const nodes = new Map(tree.map(node => [node.path, node]))
  const [first, ...others] = paths
  assert.equal(nodes.get(first ?? '')?.type, 'file')
  for (const path of others) assert.equal(nodes.get(path)?.sameAs, first)
}
