import assert from 'node:assert/strict'
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { noErofsMount } from '../support/erofs.ts'
import { mounted, needsRoot } from './scratch.ts'
import type { Subject } from './snapshotter.ts'

/** What only the kernel can answer: snapshots written and read through their mounts. */
export function mountTests({ open, scratch, takes }: Subject): void {
  const skip = takes === 'layers' ? (noErofsMount() ?? false) : needsRoot

  for (const depth of [0, 1, 2]) {
    test(`a view of ${depth} layers can't be written`, { skip }, async () => {
      const { snapshotter, commitFile } = open()
      for (let n = 1; n <= depth; n++) await commitFile(`${n}`, n === 1 ? undefined : `${n - 1}`)
      await mounted(scratch, await snapshotter.view('view', depth === 0 ? undefined : `${depth}`), root => {
        assert.throws(() => writeFileSync(join(root, 'file'), ''), { code: 'EROFS' })
        if (depth > 0) assert.throws(() => chmodSync(join(root, '1'), 0o600), { code: 'EROFS' })
      })
    })
  }

  test('siblings do not see each other', { skip }, async () => {
    const { snapshotter, commitFile } = open()
    await commitFile('base')
    const [one, two] = [await snapshotter.prepare('one', 'base'), await snapshotter.prepare('two', 'base')]
    await mounted(scratch, one, root => {
      writeFileSync(join(root, 'base'), 'changed')
      writeFileSync(join(root, 'extra'), '')
    })
    await mounted(scratch, two, root => {
      assert.equal(readFileSync(join(root, 'base'), 'utf8'), 'content of base')
      assert(!existsSync(join(root, 'extra')))
    })
  })

  test('a mounted snapshot stays, and goes once it is unmounted', { skip }, async () => {
    const { snapshotter, commitFile } = open()
    await commitFile('one')
    await mounted(scratch, await snapshotter.prepare('key', 'one'), async root => {
      await assert.rejects(snapshotter.remove('key'), { code: 'IN_USE', message: new RegExp(root) })
      assert.equal(readFileSync(join(root, 'one'), 'utf8'), 'content of one')
    })
    await snapshotter.remove('key')
  })

  test('what a mounted view shows stays, though a view without files of its own may go', { skip }, async () => {
    const { snapshotter, commitFile } = open()
    await commitFile('one')
    await commitFile('two', 'one')
    for (const parent of ['one', 'two']) {
      await mounted(scratch, await snapshotter.view('view', parent), async root => {
        await snapshotter.remove('view').catch(error => assert.equal(error.code, 'IN_USE'))
        await assert.rejects(snapshotter.remove(parent), { code: 'IN_USE' })
        assert.equal(readFileSync(join(root, 'one'), 'utf8'), 'content of one')
      })
      await snapshotter.remove('view').catch(error => assert.equal(error.code, 'NOT_FOUND'))
    }
    await snapshotter.remove('two')
    await snapshotter.remove('one')
  })

  test('128 layers are one tree', { skip }, async () => {
    const { snapshotter, commitFile } = open()
    const depth = 128
    for (let n = 1; n <= depth; n++) await commitFile(`${n}`, n === 1 ? undefined : `${n - 1}`)
    await mounted(scratch, await snapshotter.prepare('key', `${depth}`), root => {
      assert.equal(readdirSync(root).length, depth)
      assert.equal(readFileSync(join(root, '1'), 'utf8'), 'content of 1')
      writeFileSync(join(root, 'key'), 'x')
    })
    await commitFile('top', `${depth}`)
    await mounted(scratch, await snapshotter.view('view', 'top'), root => {
      assert.equal(readdirSync(root).length, depth + 1)
    })
  })
}
