import assert from 'node:assert/strict'
import { test } from 'node:test'
import { localRoot } from '../../src/copy/local-root.ts'
import { fetcherOf } from '../../src/copy/store-fetcher.ts'
import { hasCode } from '../../src/errors.ts'
import { digestOf } from '../../src/spec/digest.ts'
import { parseIndex } from '../../src/spec/index.ts'
import type { Platform } from '../../src/spec/platform.ts'
import { openMemoryStore } from '../../src/store/content/memory.ts'
import { type ContentStore, isIngest } from '../../src/store/content/store.ts'
import type { ImageRecord } from '../../src/store/images.ts'
import { amd64, type BuiltImage, buildImage, buildIndex } from '../support/image.ts'

const arm64: Platform = { os: 'linux', architecture: 'arm64' }
const riscv: Platform = { os: 'linux', architecture: 'riscv64' }
const platforms = [amd64, arm64, riscv]
const images = platforms.map(platform => buildImage({ layers: [], platform }))
const index = buildIndex(images.map((image, at) => [image, platforms[at]]))

async function put(store: ContentStore, bytes: Uint8Array): Promise<void> {
  const want = { digest: digestOf(bytes), size: bytes.length }
  const ingest = await store.ingest(want.digest, want)
  assert.ok(isIngest(ingest))
  await ingest.write(bytes)
  await ingest.commit()
}

async function storeOf({ target, blobs }: BuiltImage): Promise<ContentStore> {
  const store = openMemoryStore()
  await put(store, blobs.get(target.digest) ?? new Uint8Array())
  return store
}

function record(at: number, target = index.target): ImageRecord {
  const [platform = amd64, image] = [platforms[at], images[at]]
  const manifest = image?.target ?? target
  return { reference: 'a/b:1', platform, manifest, target, size: 0, createdAt: '', updatedAt: '' }
}

test('localRoot() is the index when all of it is here', async () => {
  const root = await localRoot(await storeOf(index), [record(0), record(1), record(2)])
  assert.deepEqual(root, { root: index.target, missing: 0 })
})

test('localRoot() is the manifest when one of an index is here', async () => {
  const root = await localRoot(await storeOf(index), [record(1)])
  assert.deepEqual(root, { root: images[1]?.target, missing: 2 })
})

test('localRoot() is the manifest where there is no index', async () => {
  const [image] = images
  assert.ok(image !== undefined)
  const root = await localRoot(await storeOf(image), [record(0, image.target)])
  assert.deepEqual(root, { root: image.target, missing: 0 })
})

test('localRoot() makes an index of those that are here, their entries as they were', async () => {
  const { root, bytes, missing } = await localRoot(await storeOf(index), [record(2), record(0)])
  assert.ok(bytes !== undefined)
  assert.deepEqual([root.digest, root.size, missing], [digestOf(bytes), bytes.length, 1])
  const { manifests } = parseIndex(bytes, root.mediaType)
  assert.deepEqual(
    manifests.map(({ digest, platform }) => [digest, platform]),
    [
      [images[0]?.target.digest, amd64],
      [images[2]?.target.digest, riscv],
    ],
  )
})

test('localRoot() refuses images of different indexes', async () => {
  const other = buildIndex([[images[1] ?? index, arm64]])
  const store = await storeOf(index)
  await put(store, other.blobs.get(other.target.digest) ?? new Uint8Array())
  await assert.rejects(localRoot(store, [record(0), record(1, other.target)]), error =>
    hasCode(error, 'INVALID_ARGUMENT'),
  )
})

test('fetcherOf() reads from an offset on, and has documents that the store has not', async () => {
  const [bytes, made] = [Buffer.alloc(3 * 2 ** 20, 'abc'), Buffer.from('made')]
  const store = openMemoryStore()
  await put(store, bytes)
  const fetcher = fetcherOf(store, new Map([[digestOf(made), made]]))
  const read = async (digest = digestOf(bytes), size = bytes.length, offset = 0) => {
    const pieces: Uint8Array[] = []
    for await (const piece of await fetcher.fetch({ mediaType: '', digest, size }, { offset })) pieces.push(piece)
    return Buffer.concat(pieces)
  }
  assert.ok((await read()).equals(bytes))
  assert.ok((await read(undefined, undefined, 2 ** 20 + 1)).equals(bytes.subarray(2 ** 20 + 1)))
  assert.equal((await read(digestOf(made), 4, 1)).toString(), 'ade')
  await assert.rejects(read(digestOf('no'), 2), error => hasCode(error, 'NOT_FOUND'))
})
