import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { ImageError } from '../../src/errors.ts'
import { mergeLayers } from '../../src/layer/merge.ts'
import { nameAt, type Tree } from '../../src/layer/tree.ts'
import { directory, file, flatTree, hardlink, type Item, symlink } from '../rootfs/extract/stack.ts'
import { anyLayers } from '../support/any-layers.ts'
import { describeTree, indexOf, tarOf } from '../support/layers.ts'
import { assertSameTree, type TreeNode } from '../support/tree.ts'
import { listModel, modelOf } from './merge-model.ts'

const numRuns = Number(process.env['DAVIT_RUNS'] ?? 300)
const asRoot = process.getuid?.() === 0

test('mergeLayers() agrees with a plain model on any layers', () => {
  fc.assert(
    fc.property(anyLayers, layers => {
      const model = modelOf(layers)
      const merged = merge(layers)
      assert.equal(merged === undefined, model === undefined)
      if (model === undefined || merged === undefined) return
      assert.deepEqual(inShort(merged), expected(listModel(model)))
    }),
    { numRuns: numRuns * 5 },
  )
})

test('mergeLayers() gives the tree that extracting makes, of any layers', {
  skip: !asRoot && 'owners need root',
}, () => {
  fc.assert(
    fc.property(anyLayers, layers => {
      const base = mkdtempSync(join(tmpdir(), 'davit-merge-'))
      try {
        const merged = merge(layers)
        if (merged === undefined) assert.throws(() => flatTree(base, layers), ImageError)
        else assertSameTree(merged, flatTree(base, layers), 'merged and extracted')
      } finally {
        rmSync(base, { recursive: true, force: true })
      }
    }),
    { numRuns },
  )
})

test('mergeLayers() takes attributes from no entry that a mark hides', () => {
  const lower = [directory('d', { mode: 0o750 }), directory('d/sub', { mode: 0o700 }), file('d/sub/old')]
  const upper = [file('d/sub/new'), file('.wh.d', '')]
  for (const layer of [upper, upper.toReversed()]) {
    const nodes = merge([lower, layer])?.map(({ path, mode }) => `${path} ${mode}`)
    assert.deepEqual(nodes, ['. 755', 'd 755', 'd/sub 755', 'd/sub/new 644'])
  }
  assert.deepEqual(
    merge([lower, [file('d/sub/new'), file('d/.wh..wh..opq', '')]])?.map(({ mode }) => mode),
    ['755', '750', '755', '644'],
  )
})

test('mergeLayers() hides the attributes of an opaque directory with its parent', () => {
  const marks = [file('d/sub/.wh..wh..opq', ''), file('.wh.d', '')]
  for (const order of [marks, marks.toReversed()]) {
    const nodes = merge([[directory('d/sub', { mode: 0o700 })], [file('d/sub/new'), ...order]])
    assert.deepEqual(
      nodes?.map(({ mode }) => mode),
      ['755', '755', '755', '644'],
    )
  }
})

test("mergeLayers() spares its own layer's directories, those that nobody described too", () => {
  const nodes = merge([[file('a/b')], [file('a/b/c/d'), file('.wh.a', '')]])
  assert.deepEqual(
    nodes?.map(({ path }) => path),
    ['.', 'a', 'a/b', 'a/b/c', 'a/b/c/d'],
  )
})

test('mergeLayers() refuses hardlinks to nothing, to directories, and to what they would replace', () => {
  for (const layer of [
    [hardlink('a', 'b')],
    [directory('b'), hardlink('a', 'b')],
    [file('b/c'), hardlink('b', 'b/c')],
  ]) {
    assert.throws(() => mergeLayers([indexOf(tarOf(layer))]), { code: 'MALFORMED' })
  }
})

test('mergeLayers() counts links as Linux does', () => {
  const tree = mergeLayers([
    indexOf(tarOf([directory('d'), directory('d/e'), file('d/f'), hardlink('g', 'd/f'), hardlink('d/h', 'g')])),
    indexOf(tarOf([file('.wh.g'), directory('i')])),
  ])
  assert.deepEqual(linksOf(tree), { '.': 4, d: 3, 'd/e': 2, 'd/f': 2, 'd/h': 2, i: 2 })
})

test('mergeLayers() refuses symlinks that lead round in circles', () => {
  assert.throws(() => mergeLayers([indexOf(tarOf([symlink('a', 'b'), symlink('b', 'a'), file('a/f')]))]), {
    code: 'MALFORMED',
  })
})

test('mergeLayers() refuses a tree that symlinks make deeper than a path may be', () => {
  const deep = Array.from({ length: 1023 }, () => 'd').join('/')
  const layer = [directory(deep), symlink('l', deep.slice(0, 1500)), file(`l/${deep}`)]
  assert.throws(() => mergeLayers([indexOf(tarOf(layer))]), { code: 'LIMIT_EXCEEDED' })
})

test('mergeLayers() refuses more layers than EROFS numbers', () => {
  const empty = indexOf(tarOf([]))
  assert.equal(mergeLayers(Array.from({ length: 3 }, () => empty)).nodes.length, 1)
  assert.throws(() => mergeLayers(Array.from({ length: 2 ** 16 }, () => empty)), { code: 'LIMIT_EXCEEDED' })
})

test('mergeLayers() bounds the steps that symlinks cost', () => {
  const long = '/d'
    .repeat(1000)
    .slice(1)
    .split('/')
    .map(() => '.')
    .join('/')
  const links = Array.from({ length: 39 }, (_, i) => symlink(`l${i}`, `${long}/l${i + 1}`))
  // Each replaced directory makes the way through the links unknown again.
  const again = Array.from({ length: 2000 }, (): Item[] => [directory('x'), symlink('x', 'y'), file('l0/f')]).flat()
  assert.throws(() => mergeLayers([indexOf(tarOf([directory('l39'), ...links, ...again]))]), { code: 'LIMIT_EXCEEDED' })
})

test('mergeLayers() gives equal columns for equal layers', () => {
  fc.assert(
    fc.property(anyLayers, layers => {
      const indexes = layers.map(items => indexOf(tarOf(items)))
      const once = attempt(() => mergeLayers(indexes))
      assert.deepEqual(
        attempt(() => mergeLayers(layers.map(items => indexOf(tarOf(items))))),
        once,
      )
    }),
    { numRuns: 100 },
  )
})

function merge(layers: readonly (readonly Item[])[]): TreeNode[] | undefined {
  const tars = layers.map(tarOf)
  const tree = attempt(() => mergeLayers(tars.map(indexOf)))
  return tree === undefined ? undefined : describeTree(tree, tars)
}

/** Undefined when it is refused as malformed or unsafe. */
function attempt<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch (error) {
    assert(error instanceof ImageError, String(error))
    return undefined
  }
}

/** Path, type, mode and the first name of the file. */
function inShort(nodes: readonly TreeNode[]): string[] {
  return nodes.map(({ path, type, mode, time, sameAs }) => [path, type, mode, time, sameAs ?? ''].join(' '))
}

function expected(nodes: readonly (readonly [string, Item | undefined])[]): string[] {
  const first = new Map<Item, string>()
  const sorted = [...nodes].sort(([a], [b]) => (a < b ? -1 : 1))
  return sorted.map(([path, item]) => {
    if (item === undefined) return `${path} directory 755 0.000000000 `
    const { type = 'file', seconds = 1_500_000_000, nanoseconds = 123_456_789 } = item
    const mode = type === 'symlink' ? 0o777 : (item.mode ?? 0o644)
    const sameAs = first.get(item) ?? ''
    first.set(item, sameAs === '' ? path : sameAs)
    return [path, type, mode.toString(8), `${seconds}.${String(nanoseconds).padStart(9, '0')}`, sameAs].join(' ')
  })
}

function linksOf(tree: Tree): Record<string, number> {
  const paths = describeTree(tree, []).map(({ path }) => path)
  const byPath: Record<string, number> = {}
  const names: string[] = []
  for (const [node, inode] of tree.inodes.entries()) {
    const name = Buffer.from(nameAt(tree, node)).toString()
    const parent = names[tree.parents[node] ?? 0] ?? ''
    names.push(node === 0 ? '' : parent === '' ? name : `${parent}/${name}`)
    byPath[names[node] || '.'] = tree.links[inode] ?? 0
  }
  assert.deepEqual(Object.keys(byPath).sort(), paths.sort())
  return byPath
}
