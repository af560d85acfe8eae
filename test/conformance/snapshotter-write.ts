import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { mounted, needsRoot } from './scratch.ts'
import { type Subject, writable } from './snapshotter.ts'

/** For snapshotters that take directories: what was written into mounts is what children show. */
export function writeTests({ open, scratch }: Subject): void {
  const skip = needsRoot

  test('prepare() makes a base whose root is that of any image without an entry for it', async () => {
    const umask = process.umask(0o077)
    try {
      const { snapshotter } = open()
      const { mode, uid, mtimeNs } = statSync(writable(await snapshotter.prepare('key', undefined)), { bigint: true })
      assert.deepEqual([mode & 0o7777n, uid, mtimeNs], [0o755n, BigInt(process.geteuid?.() ?? 0), 0n])
    } finally {
      process.umask(umask)
    }
  })

  test('usage() grows with what is written, and is kept by commit()', async () => {
    const { snapshotter } = open()
    const mounts = await snapshotter.prepare('key', undefined)
    const empty = await snapshotter.usage('key')
    assert.equal(empty.inodes, 1)
    mkdirSync(join(writable(mounts), 'directory'))
    writeFileSync(join(writable(mounts), 'directory/file'), Buffer.alloc(1 << 20, 1))
    linkSync(join(writable(mounts), 'directory/file'), join(writable(mounts), 'directory/same'))
    await snapshotter.commit('name', 'key')
    const { size, inodes } = await snapshotter.usage('name')
    assert.equal(inodes, 3)
    assert(size >= 1 << 20 && size < 2 << 20, `${size}`)
    await snapshotter.view('view', 'name')
    assert.deepEqual(await snapshotter.usage('view'), { size: 0, inodes: 0 })
  })

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
}
