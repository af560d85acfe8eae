import assert from 'node:assert/strict'
import { linkSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { SnapshotterOptions } from '../../src/rootfs/lifecycle.ts'
import type { Mount } from '../../src/rootfs/mounts.ts'
import { parseOverlay } from '../../src/rootfs/overlay-mount.ts'
import type { Snapshotter } from '../../src/rootfs/snapshotter.ts'
import { digestOf } from '../../src/spec/digest.ts'
import { openThreads } from '../../src/system/threads.ts'
import { makeScratch } from './scratch.ts'
import { crashTests } from './snapshotter-crash.ts'
import { mountTests } from './snapshotter-mount.ts'

/** What a suite gets: a snapshotter over an empty directory, a fresh one each call. */
export interface Subject {
  readonly name: string
  readonly scratch: string
  open(): { readonly snapshotter: Snapshotter; readonly directory: string }
}

/**
 * The contract of `Snapshotter`, for those that take directories. `name` is the one in the table of snapshotters:
 * other processes open it by that.
 */
export function snapshotterSuite(name: string, open: (options: SnapshotterOptions) => Snapshotter): void {
  describe(`snapshotter: ${name}`, () => {
    const scratch = makeScratch(name)
    const workers = openThreads({ size: 2 })
    after(() => workers.close())
    let opened = 0
    const subject: Subject = {
      name,
      scratch,
      open: () => {
        opened += 1
        const directory = join(scratch, `snapshots-${opened}`)
        return { snapshotter: open({ directory, workers }), directory }
      },
    }
    lifecycleTests(subject)
    ruleTests(subject)
    mountTests(subject)
    crashTests(subject)
  })
}

/** The directory that an applier writes to. */
export function writable([mount, ...others]: readonly Mount[]): string {
  assert(mount !== undefined && others.length === 0)
  return mount.type === 'overlay' ? (parseOverlay(mount.options).upper ?? '') : mount.source
}

/** Commits one file of that name as the layer `name`. */
export async function commitFile(snapshotter: Snapshotter, name: string, parent?: string): Promise<void> {
  const key = `making ${name}`
  const mounts = await snapshotter.prepare(key, parent)
  writeFileSync(join(writable(mounts), name), `content of ${name}`)
  await snapshotter.commit(name, key)
}

export async function keysOf(snapshotter: Snapshotter): Promise<readonly string[]> {
  const keys: string[] = []
  for await (const { key } of snapshotter.walk()) keys.push(key)
  return keys.sort()
}

function lifecycleTests({ open }: Subject): void {
  test('prepare() makes an empty, writable, active snapshot', async () => {
    const { snapshotter } = open()
    const mounts = await snapshotter.prepare('key', undefined, { labels: { a: '1' } })
    assert.deepEqual(readdirSync(writable(mounts)), [])
    assert.deepEqual(await snapshotter.mounts('key'), mounts)
    const { createdAt, updatedAt, ...rest } = await snapshotter.stat('key')
    assert.deepEqual(rest, { key: 'key', kind: 'active', labels: { a: '1' }, diffIds: [] })
    assert.equal(createdAt.getTime(), updatedAt.getTime())
    assert(Math.abs(createdAt.getTime() - Date.now()) < 60_000)
  })

  test('commit() frees the key, replaces labels and lists diff IDs from the base up', async () => {
    const { snapshotter } = open()
    const [one, two] = [digestOf('one'), digestOf('two')]
    await snapshotter.prepare('key', undefined, { labels: { a: '1' } })
    await snapshotter.commit('base', 'key', { labels: { b: '2' }, diffIds: [one] })
    await assert.rejects(snapshotter.stat('key'), { code: 'NOT_FOUND' })
    const base = await snapshotter.stat('base')
    assert.deepEqual([base.kind, base.labels, base.diffIds, base.parent], ['committed', { b: '2' }, [one], undefined])

    await snapshotter.prepare('key', 'base')
    await snapshotter.commit('top', 'key', { diffIds: [two] })
    const top = await snapshotter.stat('top')
    assert.deepEqual([top.labels, top.diffIds, top.parent], [{}, [one, two], 'base'])
    assert.deepEqual(await keysOf(snapshotter), ['base', 'top'])
  })

  test('label() sets, keeps and removes, and leaves the rest', async () => {
    const { snapshotter } = open()
    await snapshotter.prepare('key', undefined, { labels: { kept: '1', changed: '1', removed: '1' } })
    const before = await snapshotter.stat('key')
    const after = await snapshotter.label('key', { changed: '2', removed: undefined, added: '3' })
    assert.deepEqual(after.labels, { kept: '1', changed: '2', added: '3' })
    assert.deepEqual(await snapshotter.stat('key'), after)
    assert.deepEqual(after.createdAt, before.createdAt)
    await assert.rejects(snapshotter.label('absent', {}), { code: 'NOT_FOUND' })
  })

  test('label() loses none of several at once', async () => {
    const { snapshotter } = open()
    await snapshotter.prepare('key', undefined)
    const names = ['a', 'b', 'c', 'd']
    await Promise.all(names.map(name => snapshotter.label('key', { [name]: name })))
    assert.deepEqual(Object.keys((await snapshotter.stat('key')).labels).sort(), names)
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

  test('remove() takes a snapshot of each kind away, with its directory', async () => {
    const { snapshotter, directory } = open()
    await commitFile(snapshotter, 'base')
    await snapshotter.prepare('active', 'base')
    await snapshotter.view('view', 'base')
    for (const key of ['active', 'view', 'base']) {
      await snapshotter.remove(key)
      await assert.rejects(snapshotter.stat(key), { code: 'NOT_FOUND' })
    }
    assert.deepEqual(readdirSync(directory), ['.lock'])
    await assert.rejects(snapshotter.remove('base'), { code: 'NOT_FOUND' })
  })

  test('prepare() that is aborted leaves nothing', async () => {
    const { snapshotter, directory } = open()
    const signal = AbortSignal.abort(new Error('enough'))
    await assert.rejects(snapshotter.prepare('key', undefined, { signal }), { message: 'enough' })
    assert.deepEqual(readdirSync(directory), [])
  })
}

function ruleTests({ open }: Subject): void {
  test('a key or name is taken once', async () => {
    const { snapshotter } = open()
    await commitFile(snapshotter, 'name')
    await snapshotter.prepare('key', undefined)
    const taken = { code: 'ALREADY_EXISTS' }
    await assert.rejects(snapshotter.prepare('key', undefined), taken)
    await assert.rejects(snapshotter.view('key', 'name'), taken)
    await assert.rejects(snapshotter.prepare('name', undefined), taken)
    await assert.rejects(snapshotter.commit('name', 'key'), taken)
    assert.equal((await snapshotter.stat('key')).kind, 'active')
    await snapshotter.commit('other', 'key')
  })

  test('of two that prepare one key, one gets it', async () => {
    const { snapshotter } = open()
    const both = await Promise.allSettled([1, 2].map(() => snapshotter.prepare('key', undefined)))
    assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    assert.equal(await snapshotter.cleanup(), 0)
  })

  test('parents are committed ones', async () => {
    const { snapshotter } = open()
    await snapshotter.prepare('key', undefined)
    for (const make of [snapshotter.prepare, snapshotter.view]) {
      await assert.rejects(make('child', 'absent'), { code: 'NOT_FOUND' })
      await assert.rejects(make('child', 'key'), { code: 'IN_USE' })
    }
    assert.deepEqual(await keysOf(snapshotter), ['key'])
  })

  test('only active ones are committed, committed ones are not mounted', async () => {
    const { snapshotter } = open()
    await commitFile(snapshotter, 'name')
    await snapshotter.view('view', 'name')
    await assert.rejects(snapshotter.commit('other', 'view'), { code: 'IN_USE' })
    await assert.rejects(snapshotter.commit('other', 'name'), { code: 'IN_USE' })
    await assert.rejects(snapshotter.commit('other', 'absent'), { code: 'NOT_FOUND' })
    await assert.rejects(snapshotter.mounts('name'), { code: 'IN_USE' })
    await assert.rejects(snapshotter.mounts('absent'), { code: 'NOT_FOUND' })
    await assert.rejects(snapshotter.usage('absent'), { code: 'NOT_FOUND' })
  })

  test('a snapshot with children stays', async () => {
    const { snapshotter } = open()
    await commitFile(snapshotter, 'base')
    await commitFile(snapshotter, 'middle', 'base')
    await snapshotter.view('view', 'middle')
    await assert.rejects(snapshotter.remove('base'), { code: 'IN_USE' })
    await assert.rejects(snapshotter.remove('middle'), { code: 'IN_USE' })
    assert.deepEqual(await keysOf(snapshotter), ['base', 'middle', 'view'])
    for (const key of ['view', 'middle', 'base']) await snapshotter.remove(key)
  })

  test('a snapshot stays while a child of it is in the making', async () => {
    const { snapshotter } = open()
    await commitFile(snapshotter, 'base')
    const preparing = snapshotter.prepare('child', 'base')
    await assert.rejects(snapshotter.remove('base'), { code: 'IN_USE' })
    await preparing
    await snapshotter.remove('child')
    await snapshotter.remove('base')
  })

  test('keys may hold any character', async () => {
    const { snapshotter } = open()
    for (const key of ['sha256:abc', '../../escape', 'a/b', 'with\nnewline', 'ключ', '']) {
      await snapshotter.prepare(key, undefined)
      assert.equal((await snapshotter.stat(key)).key, key)
    }
  })

  test('cleanup() finds nothing to do in a sound store', async () => {
    const { snapshotter } = open()
    await commitFile(snapshotter, 'base')
    await snapshotter.prepare('key', 'base')
    assert.equal(await snapshotter.cleanup(), 0)
    assert.deepEqual(await keysOf(snapshotter), ['base', 'key'])
  })
}
