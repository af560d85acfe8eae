import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isRoot, refs } from '../../../src/store/gc/refs.ts'

const rows: readonly [key: string, node: string | undefined][] = [
  ['containerd.io/gc.ref.content', 'content:V'],
  ['containerd.io/gc.ref.content.0', 'content:V'],
  ['containerd.io/gc.ref.content.m.12', 'content:V'],
  ['containerd.io/gc.ref.content/config', 'content:V'],
  ['containerd.io/gc.ref.contents', undefined],
  ['x.containerd.io/gc.ref.content', undefined],
  ['containerd.io/gc.ref.snapshot.overlayfs', 'snapshot:overlayfs/V'],
  ['containerd.io/gc.ref.snapshot.overlayfs/1', 'snapshot:overlayfs/V'],
  ['containerd.io/gc.ref.snapshot.', undefined],
  ['containerd.io/gc.ref.snapshot', undefined],
  ['containerd.io/gc.root', undefined],
]

for (const [key, node] of rows) {
  test(`refs() of ${key}: ${node ?? 'none'}`, () => {
    assert.deepEqual(refs({ [key]: 'V' }), node === undefined ? [] : [node])
  })
}

test('isRoot() asks for the label, not for its value', () => {
  assert(isRoot({ 'containerd.io/gc.root': '' }))
  assert(!isRoot({ 'containerd.io/gc.roots': 'x' }))
})
