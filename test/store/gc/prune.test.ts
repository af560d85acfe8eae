import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../../src/spec/digest.ts'
import { mediaTypes } from '../../../src/spec/media-types.ts'
import { openMemoryStore } from '../../../src/store/content/memory.ts'
import type { Collectable } from '../../../src/store/gc/graph.ts'
import { type PruneOptions, prune } from '../../../src/store/gc/prune.ts'
import type { ImageStore } from '../../../src/store/images.ts'
import { openMemoryImages } from '../../../src/store/memory-images.ts'
import { openMemoryLeases } from '../../../src/store/memory-leases.ts'
import { newRecord } from '../../conformance/image-store.ts'
import { digests, put } from './put.ts'

const amd64 = { os: 'linux', architecture: 'amd64' }
const layerBytes = 100_000

/** A store with these images of one layer each, used in this order, a second apart, the first an hour ago. */
async function storeOf(...names: string[]): Promise<Collectable & { readonly blobs: ReadonlyMap<string, string[]> }> {
  const store = openMemoryStore()
  const images = openMemoryImages()
  const blobs = new Map<string, string[]>()
  const uses = new Map<string, Date>()
  for (const [at, name] of names.entries()) {
    const layer = await put(store, name.padEnd(layerBytes))
    const config = await put(store, `config of ${name}`)
    const descriptor = (digest: string, mediaType: string) => ({ mediaType, digest, size: 1 })
    const manifest = await put(
      store,
      JSON.stringify({
        schemaVersion: 2,
        config: descriptor(config, mediaTypes.ociConfig),
        layers: [descriptor(layer, mediaTypes.ociLayer)],
      }),
    )
    const target = { mediaType: mediaTypes.ociManifest, digest: manifest, size: 1 }
    await images.set({ ...newRecord(name, amd64), manifest: target, target })
    blobs.set(name, [layer, config, manifest])
    uses.set(name, new Date(Date.now() - 3_600_000 + 1000 * at))
  }
  const aged: ImageStore = {
    ...images,
    usedAt: async ({ reference }) => uses.get(reference) ?? new Date(0),
    async removeUnused(unused) {
      for (const { image } of unused) await images.remove(image.reference)
      return unused.map(({ image }) => image)
    },
  }
  return { store, images: aged, leases: openMemoryLeases(), snapshotters: [], blobs }
}

async function pruned(parts: Collectable, options?: PruneOptions): Promise<readonly string[]> {
  return (await prune(parts, options)).images.map(({ reference }) => reference)
}

async function left({ images }: Collectable): Promise<readonly string[]> {
  const names: string[] = []
  for await (const { reference } of images.walk()) names.push(reference)
  return names
}

test('prune() removes images and what only they needed', async () => {
  const parts = await storeOf('a', 'b')
  const stray = await put(parts.store, 'stray')
  const { images, blobs, bytes } = await prune(parts)
  assert.deepEqual(
    images.map(({ reference }) => reference),
    ['a', 'b'],
  )
  assert.equal(blobs.length, 7)
  assert.ok(blobs.some(({ digest }) => digest === stray))
  assert.ok(bytes > 2 * layerBytes)
  assert.deepEqual([await left(parts), await digests(parts.store)], [[], []])
})

test('prune() with keepBytes removes no more than it must, the least recently used first', async () => {
  const parts = await storeOf('old', 'middle', 'new')
  assert.deepEqual(await pruned(parts, { keepBytes: 4 * layerBytes }), [])
  const { images, kept = 0 } = await prune(parts, { keepBytes: 2.5 * layerBytes })
  assert.deepEqual(
    images.map(({ reference }) => reference),
    ['old'],
  )
  assert.deepEqual(await left(parts), ['middle', 'new'])
  const there = (await digests(parts.store)).toSorted()
  assert.deepEqual(there, ['middle', 'new'].flatMap(name => parts.blobs.get(name) ?? []).toSorted())
  assert.ok(kept > 2 * layerBytes && kept <= 2.5 * layerBytes)
  assert.deepEqual(await pruned(parts, { keepBytes: 0 }), ['middle', 'new'])
})

test('prune() counts what a collection frees anyway as free', async () => {
  const parts = await storeOf('a')
  await put(parts.store, 'stray'.padEnd(layerBytes))
  assert.deepEqual(await pruned(parts, { keepBytes: 1.5 * layerBytes }), [])
  assert.equal((await digests(parts.store)).length, 3)
})

test('prune() leaves what a lease holds, and says what the store still takes', async () => {
  const parts = await storeOf('leased', 'loose')
  const lease = await parts.leases.hold()
  await lease.add({ kind: 'content', id: parts.blobs.get('leased')?.[2] ?? '' })
  const { images, kept = 0 } = await prune(parts, { keepBytes: 10 })
  assert.deepEqual(
    images.map(({ reference }) => reference),
    ['loose'],
  )
  assert.ok(kept > layerBytes)
  assert.deepEqual(await left(parts), ['leased'])
})

test('prune() leaves an image whose snapshot a rooted one stands on, as a mount does', async () => {
  const parts = await storeOf('mounted', 'loose')
  const chainId = digestOf('chain')
  for (const name of ['mounted', 'loose']) {
    const [record] = await parts.images.get(name)
    if (record !== undefined)
      await parts.images.set({ ...record, chainId: name === 'mounted' ? chainId : digestOf('x') })
  }
  const snapshots = [
    { key: chainId, labels: {} },
    { key: 'mount', parent: chainId, labels: { 'containerd.io/gc.root': 'now' } },
  ]
  const snapshotter = {
    name: 'native',
    async *walk() {
      yield* snapshots
    },
    stat: () => Promise.reject(new Error('nothing is to go')),
    usage: async () => ({ size: 7 }),
    discard: () => Promise.reject(new Error('nothing is to go')),
    cleanup: async () => 0,
  }
  assert.deepEqual(await pruned({ ...parts, snapshotters: [snapshotter] }), ['loose'])
})

test('prune() with usedBefore leaves what was used since', async () => {
  const parts = await storeOf('a', 'b')
  const [first] = await parts.images.get('a')
  assert(first)
  const usedBefore = new Date((await parts.images.usedAt(first)).getTime() + 1)
  assert.deepEqual(await pruned(parts, { usedBefore }), ['a'])
})

test('prune() with dryRun tells the same and removes nothing', async () => {
  const parts = await storeOf('old', 'new')
  const { images, blobs, bytes, kept } = await prune(parts, { dryRun: true, keepBytes: 1.5 * layerBytes })
  assert.deepEqual([images.length, blobs.length, (await left(parts)).length], [1, 3, 2])
  assert.equal((await digests(parts.store)).length, 6)
  const real = await prune(parts, { keepBytes: 1.5 * layerBytes })
  assert.deepEqual([real.images.length, real.blobs.length, real.bytes, real.kept], [1, 3, bytes, kept])
})
