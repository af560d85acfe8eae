import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readMountTable } from '../../src/rootfs/mount-table.ts'
import type { Snapshotter } from '../../src/rootfs/snapshotter.ts'
import { chainId } from '../../src/spec/chain-id.ts'
import type { Digest } from '../../src/spec/digest.ts'
import { noErofsMount } from '../support/erofs.ts'
import { tarOf } from '../support/layers.ts'
import { dumpTree } from '../support/tree.ts'
import { mounted } from './scratch.ts'
import { keysOf, type Subject } from './snapshotter.ts'

/** Where EROFS keeps its superblock, and there its UUID (linux/fs/erofs/erofs_fs.h). */
const UUID_OFFSET = 1024 + 48

/** For snapshotters that take layers: tars are the data, and a stack of any height is one image. */
export function layerTests({ open, layer, tars, scratch }: Subject): void {
  const skip = noErofsMount() ?? false

  async function commit(snapshotter: Snapshotter, name: string, diffIds: readonly Digest[], parent?: string) {
    await snapshotter.prepare(`making ${name}`, parent)
    await snapshotter.commit(name, `making ${name}`, { diffIds })
  }

  async function see<T>(snapshotter: Snapshotter, name: string, look: (root: string) => T): Promise<T> {
    try {
      return await mounted(scratch, await snapshotter.view('seen', name), look)
    } finally {
      await snapshotter.remove('seen')
    }
  }

  /** The images of committed snapshots, by nothing but their bytes. */
  const images = (directory: string) =>
    readdirSync(directory)
      .map(id => join(directory, id, 'rootfs.erofs'))
      .filter(path => existsSync(path))
      .map(path => readFileSync(path))

  const typesOn = (target: string) =>
    readMountTable()
      .filter(({ point }) => point === target)
      .map(({ type }) => type)

  for (const count of [1, 3, 500]) {
    test(`a view of ${count} layers is one mount, an active snapshot two`, { skip }, async () => {
      const { snapshotter } = open()
      const names = Array.from({ length: count }, (_, n) => `file-${n}`)
      await commit(snapshotter, 'top', names.map(layer))
      await see(snapshotter, 'top', root => {
        assert.deepEqual(typesOn(root), ['erofs'])
        assert.deepEqual(readdirSync(root).sort(), [...names].sort())
        for (const name of names) assert.equal(readFileSync(join(root, name), 'utf8'), `content of ${name}`)
      })
      await mounted(scratch, await snapshotter.prepare('active', 'top'), root => {
        assert.deepEqual(typesOn(root), ['erofs', 'overlay'])
        assert.equal(readdirSync(root).length, count)
        writeFileSync(join(root, 'file-0'), 'changed')
      })
      await snapshotter.remove('active')
      await see(snapshotter, 'top', root => {
        assert.equal(readFileSync(join(root, 'file-0'), 'utf8'), 'content of file-0')
      })
    })
  }

  test('layers at once and layers one by one give the same image, named by its chain ID', async () => {
    const [one, two] = [open(), open()]
    const diffIds = ['a', 'b', 'c'].map(layer)
    await commit(one.snapshotter, 'top', diffIds)
    for (const [at, diffId] of diffIds.entries()) {
      await commit(two.snapshotter, `${at}`, [diffId], at === 0 ? undefined : `${at - 1}`)
    }
    const [image = Buffer.alloc(0), ...others] = images(one.directory)
    assert.equal(others.length, 0)
    assert(images(two.directory).some(other => other.equals(image)))
    assert.equal(images(two.directory).length, 3)
    const uuid = image.subarray(UUID_OFFSET, UUID_OFFSET + 16).toString('hex')
    assert.equal(uuid, chainId(diffIds)?.slice('sha256:'.length).slice(0, 32))
  })

  test('upper layers remove, replace and link to what lower ones have', { skip }, async () => {
    const { snapshotter } = open()
    const base = tars.put(tarOf(['gone', 'kept', 'changed'].map(path => ({ path, content: path }))))
    const top = tars.put(
      tarOf([
        { path: '.wh.gone' },
        { path: 'changed', content: 'other' },
        { type: 'hardlink', path: 'link', link: 'kept' },
      ]),
    )
    await commit(snapshotter, 'base', [base])
    await commit(snapshotter, 'top', [top], 'base')
    const seen = await see(snapshotter, 'top', dumpTree)
    assert.deepEqual(
      seen.map(({ path, size, sameAs }) => [path, size, sameAs]),
      [
        ['.', undefined, undefined],
        ['changed', 5, undefined],
        ['kept', 4, undefined],
        ['link', 4, 'kept'],
      ],
    )
    assert.deepEqual(await see(snapshotter, 'base', root => readdirSync(root).sort()), ['changed', 'gone', 'kept'])
  })

  test('an active snapshot and a view have one root', { skip }, async () => {
    const { snapshotter } = open()
    const looks = { mode: 0o2750, uid: 7, gid: 2 ** 31, seconds: 5, nanoseconds: 7, xattrs: { 'user.root': 'v' } }
    const rooted = tars.put(tarOf([{ type: 'directory', path: '.', ...looks }, { path: 'file' }]))
    for (const [name, diffIds] of Object.entries({ rooted: [rooted, layer('a')], rootless: [layer('a')] })) {
      await commit(snapshotter, name, diffIds)
      const seen = await see(snapshotter, name, dumpTree)
      await mounted(scratch, await snapshotter.prepare(`active ${name}`, name), root => {
        assert.deepEqual(dumpTree(root)[0], seen[0])
      })
      assert.equal(seen[0]?.mode, name === 'rooted' ? '2750' : '755')
    }
  })

  test('commit() without layers is UNSUPPORTED, and leaves the active snapshot', async () => {
    const { snapshotter } = open()
    await snapshotter.prepare('key', undefined)
    await assert.rejects(snapshotter.commit('name', 'key'), { code: 'UNSUPPORTED' })
    assert.equal((await snapshotter.stat('key')).kind, 'active')
    assert.deepEqual(await keysOf(snapshotter), ['key'])
  })

  test('commit() of a layer without its tar is NOT_FOUND, also when its index is here', async () => {
    const { snapshotter } = open()
    const [here, gone] = [layer('here'), layer('gone')]
    await commit(snapshotter, 'both', [here, gone])
    rmSync(tars.tar(gone))
    await snapshotter.prepare('key', undefined)
    await assert.rejects(snapshotter.commit('name', 'key', { diffIds: [here, gone] }), { code: 'NOT_FOUND' })
    assert.deepEqual(await keysOf(snapshotter), ['both', 'key'])
    await snapshotter.commit('name', 'key', { diffIds: [here] })
  })

  test('commit() makes an index that is missing or damaged again', async () => {
    const { snapshotter, directory } = open()
    const diffId = layer('file')
    await commit(snapshotter, 'first', [diffId])
    const good = readFileSync(tars.index(diffId))
    const flipped = Uint8Array.from(good)
    flipped[flipped.length >> 1] = (flipped[flipped.length >> 1] ?? 0) ^ 1
    for (const bad of [undefined, Buffer.alloc(0), Buffer.from('no index'), good.subarray(0, -8), flipped]) {
      if (bad === undefined) rmSync(tars.index(diffId))
      else writeFileSync(tars.index(diffId), bad)
      await commit(snapshotter, 'again', [diffId])
      assert.deepEqual(readFileSync(tars.index(diffId)), good)
      const [one, other] = images(directory)
      assert.deepEqual(one, other)
      await snapshotter.remove('again')
    }
  })

  test('a tar that is shorter than its index says is an error to its readers, not to others', { skip }, async () => {
    const { snapshotter } = open()
    const large = tars.put(tarOf([{ path: 'large', content: 'x'.repeat(1 << 20) }]))
    await commit(snapshotter, 'top', [layer('file'), large])
    truncateSync(tars.tar(large), 4096)
    try {
      await see(snapshotter, 'top', root => {
        assert.equal(readFileSync(join(root, 'file'), 'utf8'), 'content of file')
        assert.throws(() => readFileSync(join(root, 'large')), { code: 'EIO' })
      })
    } finally {
      rmSync(tars.tar(large))
    }
  })

  test('usage() counts the image, not the tars', async () => {
    const { snapshotter } = open()
    await commit(snapshotter, 'top', [tars.put(tarOf([{ path: 'large', content: 'x'.repeat(1 << 20) }]))])
    const { size, inodes } = await snapshotter.usage('top')
    assert(size >= 4096 && size < 1 << 18, `${size}`)
    assert(inodes >= 2)
  })
}
