import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import type { ErofsOptions } from '../../src/rootfs/erofs/snapshotter.ts'
import type { Mount } from '../../src/rootfs/mounts.ts'
import { parseOverlay } from '../../src/rootfs/overlay-mount.ts'
import type { Snapshotter } from '../../src/rootfs/snapshotter.ts'
import { type Digest, digestOf, hexOf } from '../../src/spec/digest.ts'
import { openThreads } from '../../src/system/threads.ts'
import { tarOf } from '../support/layers.ts'
import { makeScratch } from './scratch.ts'
import { crashTests } from './snapshotter-crash.ts'
import { layerTests } from './snapshotter-layers.ts'
import { mountTests } from './snapshotter-mount.ts'
import { writeTests } from './snapshotter-write.ts'

/** A snapshotter over an empty directory. */
export interface Opened {
  readonly snapshotter: Snapshotter
  readonly directory: string
  /** Commits one file of that name as the layer `name`: written, or in a tar. */
  commitFile(name: string, parent?: string): Promise<void>
}

/** What a suite gets. */
export interface Subject {
  readonly name: string
  readonly takes: Snapshotter['takes']
  readonly scratch: string
  /** A fresh one each call. */
  open(): Opened
  /** The diff ID of a layer with one file of that name, to be told to `commit`; its tar is there. */
  layer(name: string): Digest
  readonly tars: Tars
}

/** Where uncompressed layers lie, as in a content store. */
export interface Tars {
  readonly directory: string
  tar(diffId: Digest): string
  index(diffId: Digest): string
  put(tar: Uint8Array): Digest
}

/**
 * The contract of `Snapshotter`, for both kinds of them. `name` is the one in the table of snapshotters: other
 * processes open it by that.
 */
export function snapshotterSuite(
  name: string,
  open: (options: ErofsOptions) => Snapshotter,
  takes: Snapshotter['takes'] = 'directory',
): void {
  describe(`snapshotter: ${name}`, () => {
    const scratch = makeScratch(name)
    const workers = openThreads({ size: 2 })
    after(() => workers.close())
    const tars = makeTars(join(scratch, 'layers'))
    const layer = (file: string) => tars.put(tarOf([{ path: file, content: `content of ${file}` }]))
    let opened = 0
    const subject: Subject = {
      name,
      takes,
      scratch,
      layer,
      tars,
      open: () => {
        opened += 1
        const directory = join(scratch, `snapshots-${opened}`)
        const snapshotter = open({ directory, workers, tar: tars.tar, index: tars.index })
        assert.equal(snapshotter.takes, takes)
        return { snapshotter, directory, commitFile: (file, parent) => commitFile(snapshotter, layer, file, parent) }
      },
    }
    lifecycleTests(subject)
    ruleTests(subject)
    mountTests(subject)
    crashTests(subject)
    if (takes === 'directory') writeTests(subject)
    else layerTests(subject)
  })
}

/** The directory that an applier writes to. */
export function writable([mount, ...others]: readonly Mount[]): string {
  assert(mount !== undefined && others.length === 0)
  return mount.type === 'overlay' ? (parseOverlay(mount.options).upper ?? '') : mount.source
}

async function commitFile(
  snapshotter: Snapshotter,
  layer: Subject['layer'],
  name: string,
  parent: string | undefined,
): Promise<void> {
  const key = `making ${name}`
  const mounts = await snapshotter.prepare(key, parent)
  if (snapshotter.takes === 'directory') writeFileSync(join(writable(mounts), name), `content of ${name}`)
  await snapshotter.commit(name, key, { diffIds: [layer(name)] })
}

function makeTars(directory: string): Tars {
  for (const name of ['tars', 'indexes']) mkdirSync(join(directory, name), { recursive: true })
  const tar = (diffId: Digest) => join(directory, 'tars', hexOf(diffId))
  const index = (diffId: Digest) => join(directory, 'indexes', hexOf(diffId))
  const put = (bytes: Uint8Array) => {
    const diffId = digestOf(bytes)
    writeFileSync(tar(diffId), bytes)
    return diffId
  }
  return { directory, tar, index, put }
}

export async function keysOf(snapshotter: Snapshotter): Promise<readonly string[]> {
  const keys: string[] = []
  for await (const { key } of snapshotter.walk()) keys.push(key)
  return keys.sort()
}

function lifecycleTests({ open, layer, takes }: Subject): void {
  /** By these a snapshot of tars holds them. */
  const held = (...diffIds: readonly Digest[]) =>
    takes === 'directory'
      ? {}
      : Object.fromEntries(diffIds.map((diffId, at) => [`containerd.io/gc.ref.content.l.${at}`, diffId]))

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
    const [one, two] = [layer('one'), layer('two')]
    await snapshotter.prepare('key', undefined, { labels: { a: '1' } })
    await snapshotter.commit('base', 'key', { labels: { b: '2' }, diffIds: [one] })
    await assert.rejects(snapshotter.stat('key'), { code: 'NOT_FOUND' })
    const base = await snapshotter.stat('base')
    assert.deepEqual(
      [base.kind, base.labels, base.diffIds, base.parent],
      ['committed', { b: '2', ...held(one) }, [one], undefined],
    )

    await snapshotter.prepare('key', 'base')
    await snapshotter.commit('top', 'key', { diffIds: [two] })
    const top = await snapshotter.stat('top')
    assert.deepEqual([top.labels, top.diffIds, top.parent], [held(one, two), [one, two], 'base'])
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

  test('remove() takes a snapshot of each kind away, with its directory', async () => {
    const { snapshotter, directory, commitFile } = open()
    await commitFile('base')
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

function ruleTests({ open, layer }: Subject): void {
  test('a key or name is taken once', async () => {
    const { snapshotter, commitFile } = open()
    await commitFile('name')
    await snapshotter.prepare('key', undefined)
    const taken = { code: 'ALREADY_EXISTS' }
    await assert.rejects(snapshotter.prepare('key', undefined), taken)
    await assert.rejects(snapshotter.view('key', 'name'), taken)
    await assert.rejects(snapshotter.prepare('name', undefined), taken)
    await assert.rejects(snapshotter.commit('name', 'key'), taken)
    assert.equal((await snapshotter.stat('key')).kind, 'active')
    await snapshotter.commit('other', 'key', { diffIds: [layer('other')] })
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
    const { snapshotter, commitFile } = open()
    await commitFile('name')
    await snapshotter.view('view', 'name')
    await assert.rejects(snapshotter.commit('other', 'view'), { code: 'IN_USE' })
    await assert.rejects(snapshotter.commit('other', 'name'), { code: 'IN_USE' })
    await assert.rejects(snapshotter.commit('other', 'absent'), { code: 'NOT_FOUND' })
    await assert.rejects(snapshotter.mounts('name'), { code: 'IN_USE' })
    await assert.rejects(snapshotter.mounts('absent'), { code: 'NOT_FOUND' })
    await assert.rejects(snapshotter.usage('absent'), { code: 'NOT_FOUND' })
  })

  test('a snapshot with children stays', async () => {
    const { snapshotter, commitFile } = open()
    await commitFile('base')
    await commitFile('middle', 'base')
    await snapshotter.view('view', 'middle')
    await assert.rejects(snapshotter.remove('base'), { code: 'IN_USE' })
    await assert.rejects(snapshotter.remove('middle'), { code: 'IN_USE' })
    assert.deepEqual(await keysOf(snapshotter), ['base', 'middle', 'view'])
    for (const key of ['view', 'middle', 'base']) await snapshotter.remove(key)
  })

  test('a snapshot stays while a child of it is in the making', async () => {
    const { snapshotter, commitFile } = open()
    await commitFile('base')
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
    const { snapshotter, commitFile } = open()
    await commitFile('base')
    await snapshotter.prepare('key', 'base')
    assert.equal(await snapshotter.cleanup(), 0)
    assert.deepEqual(await keysOf(snapshotter), ['base', 'key'])
  })
}
