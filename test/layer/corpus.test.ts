import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { hasCode } from '../../src/errors.ts'
import { type CorpusCase, hostile, odd } from '../support/corpus/index.ts'
import { openLayers } from '../support/corpus/open.ts'
import { erofsBytes, placeFiles, readErofs } from '../support/erofs.ts'
import { describeTree } from '../support/layers.ts'
import { placeLayers, referenceTrees } from '../support/reference-tree.ts'
import { assertSameTree, type TreeNode } from '../support/tree.ts'

const sentinel = '/tmp/davit-corpus/sentinel'
const scratch = mkdtempSync(join(tmpdir(), 'davit-corpus-'))
after(() => rmSync(scratch, { recursive: true }))

const classes = [
  ...Object.entries(hostile).map(([name, cases]) => [`hostile ${name}`, cases] as const),
  ...Object.entries(odd).map(([name, cases]) => [`odd ${name}`, cases] as const),
]
const cases = classes.flatMap(([group, rows]) => rows.map((row, i) => ({ ...row, id: `${group} ${i}`, group })))
const accepted = cases.filter(({ expect }) => typeof expect === 'string')

/** What the independent reader says of each, by `id`. */
let reference: Readonly<Record<string, TreeNode[] | string>> = {}

before(() => {
  const images = join(scratch, 'images')
  for (const { id, layers } of accepted) placeLayers(images, id, layers(sentinel))
  reference = referenceTrees(images)
})

test('the corpus has what it is to have', () => {
  const count = (tables: typeof hostile): number => Object.values(tables).flat().length
  assert.ok(count(hostile) >= 160, `${count(hostile)} attacks`)
  assert.ok(count(odd) >= 60, `${count(odd)} oddities`)
  assert.ok(
    Object.values(hostile)
      .flat()
      .filter(({ escapes }) => escapes !== undefined).length >= 80,
  )
})

for (const [group, rows] of classes) {
  test(`the index refuses what it is to refuse: ${group}`, async () => {
    for (const { name, layers, expect } of rows) {
      if (typeof expect === 'string') continue
      await assert.rejects(
        openLayers(layers(sentinel)),
        error => hasCode(error, expect.refused) && isOneLine(error.message),
        name,
      )
    }
  })

  test(`the index says what an independent reader says: ${group}`, async () => {
    for (const row of accepted.filter(row => row.group === group)) {
      const { tree, tars } = await openLayers(row.layers(sentinel))
      assertSameTree(describeTree(tree, tars), expected(row), row.name)
    }
  })
}

test('EROFS images of the corpus say the same', async () => {
  const images: string[][] = []
  for (const { layers } of accepted) {
    const { tree, tars } = await openLayers(layers(sentinel))
    images.push(placeFiles(scratch, erofsBytes(tree, tars), tars))
  }
  for (const [i, nodes] of readErofs(...images).entries()) {
    const row = accepted[i]
    assert.ok(row)
    assertSameTree(nodes, expected(row), row.name)
  }
})

function expected({ id, name }: CorpusCase & { readonly id: string }): TreeNode[] {
  const nodes = reference[id]
  assert.ok(Array.isArray(nodes), `${name}: ${nodes}`)
  return nodes
}

function isOneLine(message: string): boolean {
  return !/[\x00-\x1f\x7f]/.test(message)
}
