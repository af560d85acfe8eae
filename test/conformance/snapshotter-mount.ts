import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { mounted, needsRoot } from './scratch.ts'
import { commitFile, type Subject } from './snapshotter.ts'

/** What only the kernel can answer: snapshots written and read through their mounts. */
export function mountTests({ open, scratch }: Subject): void {
  const skip = needsRoot

  /** Commits what `change` does to a mounted child of `parent`. */
  async function layer(
    { snapshotter }: ReturnType<Subject['open']>,
    name: string,
    parent: string | undefined,
    change: (root: string) => void,
  ): Promise<void> {
    await mounted(scratch, await snapshotter.prepare('making', parent), change)
    await snapshotter.commit(name, 'making')
  }

  /** Gives what `look` finds in a mounted view. */
  async function see<T>(
    { snapshotter }: ReturnType<Subject['open']>,
    name: string,
    look: (root: string) => T,
  ): Promise<T> {
    try {
      return await mounted(scratch, await snapshotter.view('seen', name), look)
    } finally {
      await snapshotter.remove('seen')
    }
  }

  test('a child shows its parents, with what it changed itself', { skip }, async () => {
    const opened = open()
    await layer(opened, 'one', undefined, root => {
      for (const name of ['same', 'changed', 'removed']) writeFileSync(join(root, name), 'one')
    })
    await layer(opened, 'two', 'one', root => {
      assert.deepEqual(readdirSync(root).sort(), ['changed', 'removed', 'same'])
      writeFileSync(join(root, 'changed'), 'two')
      rmSync(join(root, 'removed'))
    })
    await layer(opened, 'three', 'two', root => writeFileSync(join(root, 'added'), 'three'))
    const content = (root: string) =>
      readdirSync(root)
        .sort()
        .map(name => `${name}: ${readFileSync(join(root, name), 'utf8')}`)
    assert.deepEqual(await see(opened, 'three', content), ['added: three', 'changed: two', 'same: one'])
    assert.deepEqual(await see(opened, 'one', content), ['changed: one', 'removed: one', 'same: one'])
  })

  for (const depth of [0, 1, 2]) {
    test(`a view of ${depth} layers can't be written`, { skip }, async () => {
      const { snapshotter } = open()
      for (let n = 1; n <= depth; n++) await commitFile(snapshotter, `${n}`, n === 1 ? undefined : `${n - 1}`)
      await mounted(scratch, await snapshotter.view('view', depth === 0 ? undefined : `${depth}`), root => {
        assert.throws(() => writeFileSync(join(root, 'file'), ''), { code: 'EROFS' })
        if (depth > 0) assert.throws(() => chmodSync(join(root, '1'), 0o600), { code: 'EROFS' })
      })
    })
  }

  test('modes, setuid bits, owners, times and links pass through layers', { skip }, async () => {
    const opened = open()
    const attributes = (root: string) =>
      ['.', 'directory', 'setuid', 'sticky', 'link', 'name', 'another'].map(name => {
        const { mode, uid, gid, mtimeMs, nlink } = lstatSync(join(root, name))
        return { name, mode: mode.toString(8), uid, gid, mtimeMs, nlink: name === 'name' ? nlink : 0 }
      })
    let before: unknown
    await layer(opened, 'one', undefined, root => {
      mkdirSync(join(root, 'directory'))
      mkdirSync(join(root, 'sticky'))
      writeFileSync(join(root, 'setuid'), 'x')
      writeFileSync(join(root, 'name'), 'x')
      linkSync(join(root, 'name'), join(root, 'another'))
      symlinkSync('setuid', join(root, 'link'))
      chownSync(join(root, 'setuid'), 1234, 70_000)
      chmodSync(join(root, 'setuid'), 0o6751)
      chmodSync(join(root, 'directory'), 0o2710)
      chmodSync(join(root, 'sticky'), 0o1777)
      chmodSync(root, 0o711)
      chownSync(root, 5, 6)
      for (const name of ['setuid', 'directory', '.']) utimesSync(join(root, name), 1_000_000_000, 1_234_567_890.125)
      before = attributes(root)
    })
    await layer(opened, 'two', 'one', root => assert.deepEqual(attributes(root), before))
    await layer(opened, 'three', 'two', () => {})
    assert.deepEqual(await see(opened, 'three', attributes), before)
  })

  test('renames of files and directories of lower layers stay', { skip }, async () => {
    const opened = open()
    await layer(opened, 'one', undefined, root => {
      mkdirSync(join(root, 'old/deep'), { recursive: true })
      writeFileSync(join(root, 'old/deep/file'), 'x')
      writeFileSync(join(root, 'file'), 'y')
    })
    await layer(opened, 'two', 'one', root => {
      renameSync(join(root, 'file'), join(root, 'moved'))
      // An overlay may refuse this one (EXDEV), and then mv(1) copies.
      mkdirSync(join(root, 'new'))
      renameSync(join(root, 'old/deep/file'), join(root, 'new/file'))
      rmSync(join(root, 'old'), { recursive: true })
    })
    const seen = await see(opened, 'two', root => [
      readdirSync(root).sort(),
      readFileSync(join(root, 'new/file'), 'utf8'),
    ])
    assert.deepEqual(seen, [['moved', 'new'], 'x'])
  })

  test('a directory that replaces one hides what that held', { skip }, async () => {
    const opened = open()
    await layer(opened, 'one', undefined, root => {
      mkdirSync(join(root, 'directory'))
      writeFileSync(join(root, 'directory/old'), '')
      writeFileSync(join(root, 'file'), '')
    })
    await layer(opened, 'two', 'one', root => {
      rmSync(join(root, 'directory'), { recursive: true })
      mkdirSync(join(root, 'directory'))
      writeFileSync(join(root, 'directory/new'), '')
      rmSync(join(root, 'file'))
      mkdirSync(join(root, 'file'))
    })
    await layer(opened, 'three', 'two', root => writeFileSync(join(root, 'directory/newer'), ''))
    const seen = await see(opened, 'three', root => [
      readdirSync(join(root, 'directory')).sort(),
      lstatSync(join(root, 'file')).isDirectory(),
    ])
    assert.deepEqual(seen, [['new', 'newer'], true])
  })

  test('siblings do not see each other', { skip }, async () => {
    const { snapshotter } = open()
    await commitFile(snapshotter, 'base')
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
    const { snapshotter } = open()
    await commitFile(snapshotter, 'one')
    await mounted(scratch, await snapshotter.prepare('key', 'one'), async root => {
      await assert.rejects(snapshotter.remove('key'), { code: 'IN_USE', message: new RegExp(root) })
      assert.equal(readFileSync(join(root, 'one'), 'utf8'), 'content of one')
    })
    await snapshotter.remove('key')
  })

  test('what a mounted view shows stays, though a view without files of its own may go', { skip }, async () => {
    const { snapshotter } = open()
    await commitFile(snapshotter, 'one')
    await commitFile(snapshotter, 'two', 'one')
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
    const { snapshotter } = open()
    const depth = 128
    for (let n = 1; n <= depth; n++) await commitFile(snapshotter, `${n}`, n === 1 ? undefined : `${n - 1}`)
    await mounted(scratch, await snapshotter.prepare('key', `${depth}`), root => {
      assert.equal(readdirSync(root).length, depth)
      assert.equal(readFileSync(join(root, '1'), 'utf8'), 'content of 1')
      writeFileSync(join(root, 'key'), 'x')
    })
    await snapshotter.commit('top', 'key')
    await mounted(scratch, await snapshotter.view('view', 'top'), root => {
      assert.equal(readdirSync(root).length, depth + 1)
    })
  })
}
