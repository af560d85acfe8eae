import assert from 'node:assert/strict'
import { readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { ImageError } from '../../../src/errors.ts'
import { type Digest, digestOf } from '../../../src/spec/digest.ts'
import { mediaTypes } from '../../../src/spec/media-types.ts'
import { openFsStore } from '../../../src/store/content/fs.ts'
import { memoryLabels } from '../../../src/store/content/labels.ts'
import { openMemoryStore } from '../../../src/store/content/memory.ts'
import { type ContentStore, isIngest, type Labels } from '../../../src/store/content/store.ts'
import { openFsLeases } from '../../../src/store/fs-leases.ts'
import type { Collectable, CollectableSnapshots } from '../../../src/store/gc/graph.ts'
import { collect } from '../../../src/store/gc/sweep.ts'
import type { FreezeOptions, Leases } from '../../../src/store/leases.ts'
import { openMemoryImages } from '../../../src/store/memory-images.ts'
import { openMemoryLeases } from '../../../src/store/memory-leases.ts'
import { openRoot } from '../../../src/store/root.ts'
import { inlineWorkers } from '../../../src/system/inline.ts'
import { newRecord } from '../../conformance/image-store.ts'
import { scratchDirectory } from '../scratch.ts'
import { digests, put } from './put.ts'

const scratch = scratchDirectory()
const root = { 'containerd.io/gc.root': 'x' }

interface FakeSnapshot {
  readonly key: string
  readonly parent?: string
  readonly labels: Labels
}

/** Keeps the rules that collecting leans on: no parent goes before its children, nothing goes while mounted. */
function fakeSnapshots(all: readonly FakeSnapshot[], mounted: readonly string[] = []) {
  const left = new Map(all.map(snapshot => [snapshot.key, snapshot]))
  const snapshots: CollectableSnapshots = {
    name: 'fake',
    async *walk() {
      yield* [...left.values()]
    },
    async stat(key) {
      const found = left.get(key)
      if (found === undefined) throw new ImageError('NOT_FOUND', `No ${key}`, { what: 'snapshot', name: key })
      return found
    },
    usage: async () => ({ size: 1000 }),
    async discard(key) {
      const inUse = mounted.includes(key) || [...left.values()].some(({ parent }) => parent === key)
      if (inUse) throw new ImageError('IN_USE', `Cannot remove ${key}: in use`, { what: 'snapshot', name: key })
      left.delete(key)
      return async () => {}
    },
    cleanup: async () => 0,
  }
  return { snapshots, left: () => [...left.keys()].toSorted() }
}

function parts(more: Partial<Collectable> = {}): Collectable {
  return { store: openMemoryStore(), images: openMemoryImages(), leases: openMemoryLeases(), snapshotters: [], ...more }
}

test('collect() keeps what an image reaches by its manifest, without any label, and removes the rest', async () => {
  const all = parts()
  const layer = await put(all.store, 'layer')
  const config = await put(all.store, 'config')
  const descriptor = (digest: Digest, mediaType: string) => ({ mediaType, digest, size: 1 })
  const document = JSON.stringify({
    schemaVersion: 2,
    config: descriptor(config, mediaTypes.ociConfig),
    layers: [descriptor(layer, mediaTypes.ociLayer), descriptor(digestOf('never fetched'), mediaTypes.ociLayer)],
  })
  const manifest = await put(all.store, document)
  const index = await put(all.store, 'index')
  const stray = await put(all.store, 'stray')
  await all.images.set({
    ...newRecord('r:1', { os: 'linux', architecture: 'amd64' }),
    manifest: descriptor(manifest, mediaTypes.ociManifest),
    target: descriptor(index, mediaTypes.ociIndex),
  })
  const { blobs, bytes } = await collect(all)
  assert.deepEqual([blobs.map(blob => blob.digest), bytes], [[stray], 'stray'.length])
  assert.deepEqual(await digests(all.store), [layer, config, manifest, index].toSorted())

  await all.images.remove('r:1')
  assert.equal((await collect(all)).blobs.length, 4)
  assert.deepEqual(await digests(all.store), [])
})

test('collect() follows labels from rooted blobs, to blobs and snapshots, and snapshots to their parents', async () => {
  const { snapshots, left } = fakeSnapshots([
    { key: 'base', labels: { 'containerd.io/gc.ref.content.tar': digestOf('tar') } },
    { key: 'top', parent: 'base', labels: {} },
    { key: 'loose base', labels: {} },
    { key: 'loose middle', parent: 'loose base', labels: {} },
    { key: 'loose top', parent: 'loose middle', labels: {} },
    { key: 'rooted', labels: root },
  ])
  const all = parts({ snapshotters: [snapshots] })
  const tar = await put(all.store, 'tar')
  const leaf = await put(all.store, 'leaf')
  const middle = await put(all.store, 'middle', { 'containerd.io/gc.ref.content.l.0': leaf })
  const top = await put(all.store, 'top', {
    ...root,
    'containerd.io/gc.ref.content.m.0': middle,
    'containerd.io/gc.ref.content.m.1': digestOf('never fetched'),
    'containerd.io/gc.ref.snapshot.fake': 'top',
  })
  await put(all.store, 'loose', { 'containerd.io/gc.ref.content': await put(all.store, 'loose too') })
  const collected = await collect(all)
  assert.deepEqual(await digests(all.store), [tar, leaf, middle, top].toSorted())
  assert.deepEqual(left(), ['base', 'rooted', 'top'])
  assert.deepEqual(
    collected.snapshots.map(({ key }) => key),
    ['loose top', 'loose middle', 'loose base'],
  )
  assert.equal(collected.bytes, 3 * 1000 + 'loose'.length + 'loose too'.length)
})

test('collect() keeps what is leased, also what came after the lease', async () => {
  const { snapshots, left } = fakeSnapshots([{ key: 'a key', labels: {} }])
  const all = parts({ snapshotters: [snapshots] })
  const lease = await all.leases.hold()
  await lease.add({ kind: 'content', id: digestOf('blob') })
  await lease.add({ kind: 'snapshot', id: 'fake/a key' })
  const blob = await put(all.store, 'blob')
  await collect(all)
  assert.deepEqual([await digests(all.store), left()], [[blob], ['a key']])
  await lease.end()
  await collect(all)
  assert.deepEqual([await digests(all.store), left()], [[], []])
})

test('collect() leaves mounted snapshots, their parents and their blobs', async () => {
  const { snapshots, left } = fakeSnapshots(
    [
      { key: 'base', labels: { 'containerd.io/gc.ref.content': digestOf('tar') } },
      { key: 'view', parent: 'base', labels: {} },
      { key: 'other', parent: 'base', labels: {} },
    ],
    ['view'],
  )
  const all = parts({ snapshotters: [snapshots] })
  const tar = await put(all.store, 'tar')
  await collect(all)
  assert.deepEqual([await digests(all.store), left()], [[tar], ['base', 'view']])
})

test('collect() with dryRun tells and removes nothing', async () => {
  const { snapshots, left } = fakeSnapshots([{ key: 'loose', labels: {} }])
  const all = parts({ snapshotters: [snapshots] })
  const loose = await put(all.store, 'loose')
  const { blobs, snapshots: gone, bytes } = await collect(all, { dryRun: true })
  assert.deepEqual([blobs.length, gone.length, bytes], [1, 1, 1005])
  assert.deepEqual([await digests(all.store), left()], [[loose], ['loose']])
})

test('collect() removes partials that nobody holds: empty ones, and others a day after their last byte', async () => {
  const layout = openRoot(scratch())
  const store = openFsStore({ layout, labels: memoryLabels(), workers: inlineWorkers() })
  const [young, old, held] = [await partial(store, 'young'), await partial(store, 'old'), await partial(store, 'held')]
  await young.close()
  await old.close()
  const dayAndMore = Date.now() / 1000 - 25 * 3600
  for (const key of ['old', 'held']) utimesSync(layout.ingest(key), dayAndMore, dayAndMore)
  writeFileSync(layout.ingest('empty'), '')
  const { ingests, bytes } = await collect(parts({ store }))
  assert.deepEqual([ingests.map(ingest => ingest.key).sort(), bytes], [['empty', 'old'], 3])
  await held.close()
})

test('collect() lets others lease while it frees what it has taken away, and forgets labels without a blob', async () => {
  const layout = openRoot(scratch())
  const labels = memoryLabels()
  const store = openFsStore({ layout, labels, workers: inlineWorkers() })
  const leases = openFsLeases(layout)
  const { snapshots } = fakeSnapshots([{ key: 'loose', labels: {} }])
  const blob = await put(store, 'blob')
  const [lost, rooted] = [digestOf('lost'), digestOf('rooted')]
  await labels.change(lost, { 'containerd.io/gc.ref.content': blob })
  await labels.change(rooted, root)
  let resource: Promise<void> | undefined
  const snapshotter: CollectableSnapshots = {
    ...snapshots,
    discard: async key => {
      await snapshots.discard(key)
      return async () => {
        // The blob is out of sight by now; a pull that wants it brings it anew, and keeps it.
        assert.deepEqual(await digests(store), [])
        const lease = await leases.hold()
        resource = lease.add({ kind: 'content', id: blob })
        await resource
        await put(store, 'blob', { own: '1' })
      }
    },
  }
  await collect(parts({ store, leases, snapshotters: [snapshotter] }))
  assert.ok(resource)
  assert.deepEqual(await digests(store), [blob])
  assert.deepEqual([await labels.get(blob), await labels.get(lost)], [{ own: '1' }, {}])
  assert.deepEqual(await labels.get(rooted), root)
  assert.deepEqual(readdirSync(layout.trash), [])
})

test('collect() finishes what a collection that was killed had taken away', async () => {
  const layout = openRoot(scratch())
  const store = openFsStore({ layout, labels: memoryLabels(), workers: inlineWorkers() })
  await store.discard([await put(store, 'blob')])
  assert.equal(readdirSync(layout.trash).length, 1)
  await collect(parts({ store }))
  assert.deepEqual(readdirSync(layout.trash), [])
})

test('collect() keeps what an image came to need while everything was looked at, though its lease has ended', async () => {
  const layout = openRoot(scratch())
  const store = openFsStore({ layout, labels: memoryLabels(), workers: inlineWorkers() })
  const [leases, images] = [openFsLeases(layout), openMemoryImages()]
  const layer = await put(store, 'layer')
  const manifest = await put(store, 'manifest', { 'containerd.io/gc.ref.content.l.0': layer })
  const [rooted, stray] = [await put(store, 'rooted'), await put(store, 'stray')]
  let isPulled = false
  const pullsBefore = async (options?: FreezeOptions) => {
    if (!isPulled) {
      const lease = await leases.hold()
      await lease.add({ kind: 'content', id: manifest })
      const target = { mediaType: mediaTypes.ociManifest, digest: manifest, size: 1 }
      await images.set({ ...newRecord('r:1', { os: 'linux', architecture: 'amd64' }), manifest: target, target })
      await lease.end()
      await store.label(rooted, root)
    }
    isPulled = true
    return leases.freeze(options)
  }
  const { blobs } = await collect(parts({ store, images, leases: { ...leases, freeze: pullsBefore } }))
  assert.deepEqual(
    blobs.map(({ digest }) => digest),
    [stray],
  )
  assert.deepEqual(await digests(store), [layer, manifest, rooted].toSorted())
  assert.deepEqual(readdirSync(layout.leases), [])
})

test('collect() freezes leases for a little at a time, and lets them go in between', async () => {
  const all = parts()
  for (let at = 0; at < 50; at++) await put(all.store, `stray ${at}`)
  let [frozen, times] = [0, 0]
  const leases: Leases = {
    ...all.leases,
    async freeze(options) {
      const { release } = await all.leases.freeze(options)
      ;[frozen, times] = [frozen + 1, times + 1]
      return {
        release() {
          frozen -= 1
          release()
        },
      }
    },
  }
  const store: ContentStore = {
    ...all.store,
    async discard(gone) {
      assert.equal(frozen, 1)
      // As many as go in no time at all would be too many at first: nobody knows yet how long they take.
      if (times === 1) assert.ok(gone.length < 50)
      return all.store.discard(gone)
    },
  }
  assert.equal((await collect({ ...all, store, leases })).blobs.length, 50)
  assert.ok(times > 1)
  assert.equal(frozen, 0)
})

test('collect() is one at a time', async () => {
  const all = parts()
  const other = await all.leases.remember()
  await assert.rejects(collect(all, { lockTimeoutMs: 30 }), { code: 'LOCKED' })
  await collect(all, { lockTimeoutMs: 30, dryRun: true })
  await other.forget()
})

async function partial(store: ContentStore, key: string) {
  const ingest = await store.ingest(key, { digest: digestOf(key), size: 100 })
  assert(isIngest(ingest))
  await ingest.write(Buffer.from('abc'))
  return ingest
}
