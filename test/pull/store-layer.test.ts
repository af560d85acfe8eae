/** Layers on their way into the store: one pass to compressed blob, tar and index, on each carrier. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { after, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { encodeIndex } from '../../src/layer/index-format.ts'
import { ingestKey } from '../../src/pull/fetch.ts'
import { type PulledImage, type PullOptions, pullImage } from '../../src/pull/pull.ts'
import { openErofs } from '../../src/rootfs/erofs/snapshotter.ts'
import type { Snapshotter } from '../../src/rootfs/snapshotter.ts'
import { chainId } from '../../src/spec/chain-id.ts'
import { type Digest, digestOf, hexOf } from '../../src/spec/digest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { parseReference } from '../../src/spec/reference.ts'
import { openFsStore } from '../../src/store/content/fs.ts'
import { memoryLabels } from '../../src/store/content/labels.ts'
import { openMemoryStore } from '../../src/store/content/memory.ts'
import type { ContentStore } from '../../src/store/content/store.ts'
import type { ImageStore } from '../../src/store/images.ts'
import type { Layout } from '../../src/store/layout.ts'
import { openMemoryBlobMapping } from '../../src/store/memory-blob-mapping.ts'
import { openMemoryImages } from '../../src/store/memory-images.ts'
import { openMemoryLeases } from '../../src/store/memory-leases.ts'
import { openRoot } from '../../src/store/root.ts'
import { inlineWorkers } from '../../src/system/inline.ts'
import { openThreads } from '../../src/system/threads.ts'
import type { Workers } from '../../src/system/workers.ts'
import { makeScratch } from '../conformance/scratch.ts'
import { file } from '../rootfs/extract/stack.ts'
import { amd64, type BuiltImage, buildImage, type ImageShape } from '../support/image.ts'
import { indexOf, tarOf } from '../support/layers.ts'
import { hashingApplier, type MemoryRegistry, memoryRegistry } from '../support/memory-parts.ts'

const scratch = makeScratch('store-layer')
const tars = ['base', 'top'].map(name => tarOf([file(name, name.repeat(50_000)), file(`${name}.2`, 'more')]))
const diffIds = tars.map(tar => digestOf(tar))
const packed = tars.map(tar => gzipSync(tar))
const blobs = packed.map(bytes => digestOf(bytes))
const image = (shape: Partial<ImageShape> = {}) => buildImage({ layers: tars, ...shape })
const reference = parseReference('example.com/team/app')

interface Bench {
  readonly layout: Layout
  readonly store: ContentStore
  readonly snapshotter: Snapshotter
  readonly images: ImageStore
  readonly registry: MemoryRegistry
  /** Names of the tasks that ran. */
  readonly tasks: string[]
  /** How many indexes there were when the image of a snapshot was begun. */
  readonly indexedFirst: number[]
  /** Tasks that a carrier was started for beforehand. */
  readonly prepared: string[]
  pull(options?: PullOptions): Promise<PulledImage>
  serve(image: BuiltImage): void
  /** The layers' blobs that are visible: compressed ones and tars. */
  visible(): Promise<Digest[]>
}

let roots = 0
function bench(carrier: Workers, served: BuiltImage): Bench {
  const layout = openRoot(`${scratch}/${roots++}`)
  const [tasks, indexedFirst, prepared]: [string[], number[], string[]] = [[], [], []]
  const workers: Workers = {
    ...carrier,
    prepare: task => void prepared.push(task.name),
    run(task, args, options) {
      tasks.push(task.name)
      if (task.name === 'buildImageTask') indexedFirst.push(readdirSync(layout.indexes('sha256')).length)
      return carrier.run(task, args, options)
    },
  }
  const store = openFsStore({ layout, labels: memoryLabels(), workers })
  const snapshotter = openErofs({ directory: layout.snapshots, workers, tar: layout.blob, index: layout.index })
  const images = openMemoryImages()
  const registry = memoryRegistry()
  registry.serve('latest', served)
  const parts = {
    resolver: registry.resolver,
    contentStore: store,
    images,
    leases: openMemoryLeases(),
    blobMapping: openMemoryBlobMapping(),
    applier: hashingApplier(),
    snapshotter,
    layers: { workers, index: layout.index },
  }
  return {
    layout,
    store,
    snapshotter,
    images,
    registry,
    tasks,
    indexedFirst,
    prepared,
    pull: options => pullImage(parts, reference, { platform: amd64, ...options }),
    serve: other => registry.serve('latest', other),
    async visible() {
      const found: Digest[] = []
      for await (const { digest } of store.walk()) {
        // Documents begin with a brace; neither gzip nor a tar of these tests does.
        if (readFileSync(layout.blob(digest))[0] !== 0x7b) found.push(digest)
      }
      return found.sort()
    },
  }
}

async function keysOf(snapshotter: Snapshotter): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of snapshotter.walk()) keys.push(key)
  return keys
}

/** What a pull that failed, of `image()` or one like it, may leave: resumable bytes alone. */
async function assertNothingVisible({ visible, images, snapshotter, layout }: Bench, of: readonly Digest[]) {
  for (const digest of of) assert.ok(!(await visible()).includes(digest), `${digest} is visible`)
  assert.deepEqual(await images.get('example.com/team/app:latest'), [])
  assert.deepEqual(await keysOf(snapshotter), [])
  assert.deepEqual(
    readdirSync(layout.indexes('sha256')).filter(name => name.endsWith('.new')),
    [],
  )
}

const ofIngest = (digest: Digest) => ingestKey({ digest })
const countOf = (words: readonly string[], word: string) => words.filter(one => one === word).length

/** Everything a store and its snapshots consist of, by path. */
function bytesOf({ layout }: Bench): Map<string, string> {
  const under = ['blobs', 'indexes', 'snapshots'].flatMap(room =>
    readdirSync(`${layout.root}/${room}`, { recursive: true }).map(name => `${room}/${name}`),
  )
  const files = under.filter(name => statSync(`${layout.root}/${name}`).isFile() && !/record\.json|\.lock/.test(name))
  return new Map(files.sort().map(name => [name, digestOf(readFileSync(`${layout.root}/${name}`))]))
}

const threads = openThreads()
after(() => threads.close())
const carriers: Readonly<Record<string, Workers>> = { threads, 'this thread': inlineWorkers() }

for (const [carrier, workers] of Object.entries(carriers)) {
  describe(`layers through ${carrier}`, () => {
    test('a carrier is started while documents come, and none for an image that is here', async () => {
      const on = bench(workers, image())
      await on.pull()
      assert.deepEqual(on.prepared, ['storeLayerTask'])
      await on.pull()
      assert.equal(on.prepared.length, 1)
    })

    test('one pass makes the compressed blob, the tar and its index', async () => {
      const on = bench(workers, image())
      const { chainId: top, bytes } = await on.pull()
      assert.equal(top, chainId(diffIds))
      assert.deepEqual(await on.visible(), [...blobs, ...diffIds].sort())
      for (const [at, tar] of tars.entries()) {
        const diffId = diffIds[at] ?? digestOf('')
        assert.deepEqual(readFileSync(on.layout.blob(diffId)), tar)
        assert.deepEqual(readFileSync(on.layout.index(diffId)), Buffer.concat([...encodeIndex(indexOf(tar))]))
        assert.deepEqual(readFileSync(on.layout.blob(blobs[at] ?? diffId)), packed[at])
      }
      assert.equal(countOf(on.tasks, 'storeLayerTask'), tars.length)
      assert.deepEqual(on.indexedFirst, [tars.length])
      assert.deepEqual(readdirSync(on.layout.ingests), [])
      assert.deepEqual(await keysOf(on.snapshotter), [top])
      assert.equal(
        bytes.fetched,
        [...image().blobs.values()].reduce((sum, { length }) => sum + length, 0),
      )
    })

    test('nothing of a layer is visible before its last byte was judged', async () => {
      const on = bench(workers, image())
      const seen: Digest[][] = []
      on.registry.beforeChunk = async digest => {
        if (!blobs.includes(digest)) return
        seen.push((await on.visible()).filter(one => one === digest || one === diffIds[blobs.indexOf(digest)]))
      }
      await on.pull()
      assert.deepEqual(seen, [[], [], [], []])
    })

    const wrongHeader = Uint8Array.from(packed[1] ?? [])
    // The operating system in gzip's header: the same tar comes out.
    wrongHeader[9] = 0xfe
    test('a wrong compressed digest is DIGEST_MISMATCH, though the tar is right', async () => {
      const on = bench(workers, image())
      on.registry.replace(blobs[1] ?? digestOf(''), wrongHeader)
      await assert.rejects(on.pull(), {
        code: 'DIGEST_MISMATCH',
        details: { expected: blobs[1], actual: digestOf(wrongHeader) },
      })
      await assertNothingVisible(
        on,
        [blobs[1], diffIds[1]].filter(one => one !== undefined),
      )
      assert.deepEqual(readdirSync(on.layout.ingests), [])
      on.registry.replace(blobs[1] ?? digestOf(''), packed[1] ?? new Uint8Array())
      await on.pull()
    })

    test('a wrong diff ID is DIGEST_MISMATCH, though the compressed blob is right', async () => {
      const other = digestOf('another tar')
      const rootfs = { type: 'layers', diff_ids: [diffIds[0], other] }
      const on = bench(workers, image({ config: config => ({ ...config, rootfs }) }))
      await assert.rejects(on.pull(), { code: 'DIGEST_MISMATCH', details: { expected: other, actual: diffIds[1] } })
      await assertNothingVisible(
        on,
        [blobs[1], diffIds[1], other].filter(one => one !== undefined),
      )
      assert.deepEqual(readdirSync(on.layout.ingests), [])
      assert.deepEqual(
        readdirSync(on.layout.indexes('sha256')).filter(name => name === hexOf(other)),
        [],
      )
    })

    const damages: Readonly<Record<string, (tar: Uint8Array) => Uint8Array>> = {
      'truncated gzip': tar => gzipSync(tar).subarray(0, -9),
      'gzip cut in its header': tar => gzipSync(tar).subarray(0, 5),
      'junk after gzip': tar => Buffer.concat([gzipSync(tar), Buffer.from('junk')]),
      'a wrong checksum in gzip': tar => {
        const bytes = gzipSync(tar)
        bytes[bytes.length - 5] = (bytes[bytes.length - 5] ?? 0) ^ 1
        return bytes
      },
    }
    for (const [what, compress] of Object.entries(damages)) {
      test(`${what} is MALFORMED, though digests are right`, async () => {
        const broken = image({ compress })
        const on = bench(workers, broken)
        await assert.rejects(on.pull(), { code: 'MALFORMED' })
        await assertNothingVisible(on, [...diffIds, ...tars.map(tar => digestOf(compress(tar)))])
        assert.deepEqual(readdirSync(on.layout.ingests), [])
      })
    }

    test('a pull that is cancelled in the middle goes on there', async () => {
      const on = bench(workers, image())
      const stop = new AbortController()
      const chunks = new Map<Digest, number>()
      on.registry.beforeChunk = digest => {
        const count = (chunks.get(digest) ?? 0) + 1
        chunks.set(digest, count)
        if (digest === blobs[1] && count === 2) stop.abort(new Error('enough'))
      }
      await assert.rejects(on.pull({ signal: stop.signal }), /enough/)
      await assertNothingVisible(
        on,
        [blobs[1], diffIds[1]].filter(one => one !== undefined),
      )
      const left = readdirSync(on.layout.ingests)
      assert.ok(!left.includes(ofIngest(diffIds[1] ?? digestOf(''))), 'no tar is half done')
      assert.ok(left.includes(ofIngest(blobs[1] ?? digestOf(''))), 'its compressed bytes are kept')
      on.registry.beforeChunk = () => {}
      const { layers } = await on.pull()
      assert.equal(layers[1]?.resumed, Math.ceil((packed[1]?.length ?? 0) / 2))
      assert.equal(layers[1]?.fetched, Math.floor((packed[1]?.length ?? 0) / 2))
      const whole = bench(workers, image())
      await whole.pull()
      assert.deepEqual(bytesOf(on), bytesOf(whole))
    })

    test('partials of a process that was killed are resumed: compressed bytes go on, a tar starts over', async () => {
      const on = bench(workers, image())
      const [blob, tar] = [packed[0] ?? Buffer.alloc(0), tars[0] ?? Buffer.alloc(0)]
      writeFileSync(on.layout.ingest(ofIngest(digestOf(blob))), blob.subarray(0, 100))
      writeFileSync(on.layout.ingest(ofIngest(digestOf(tar))), Buffer.alloc(tar.length + 512, 'x'))
      const { layers } = await on.pull()
      assert.equal(layers[0]?.resumed, 100)
      assert.deepEqual(readFileSync(on.layout.blob(digestOf(tar))), tar)
      assert.deepEqual(readdirSync(on.layout.ingests), [])
    })

    for (const [what, damage] of Object.entries({
      'of other bytes': (blob: Buffer) => Buffer.alloc(blob.length >> 1, 'x'),
      'with one bit flipped': (blob: Buffer) => {
        const bytes = Buffer.from(blob.subarray(0, blob.length - 20))
        bytes[9] = (bytes[9] ?? 0) ^ 1
        return bytes
      },
    })) {
      test(`a partial ${what} costs one clean try`, async () => {
        const on = bench(workers, image())
        const blob = packed[0] ?? Buffer.alloc(0)
        writeFileSync(on.layout.ingest(ofIngest(digestOf(blob))), damage(blob))
        const { layers } = await on.pull()
        assert.equal(layers[0]?.resumed, 0)
        assert.ok((layers[0]?.fetched ?? 0) >= blob.length)
        assert.deepEqual(await on.visible(), [...blobs, ...diffIds].sort())
      })
    }

    test('a tar that another image has brought is not inflated again', async () => {
      const on = bench(workers, image())
      await on.pull()
      const inodes = () =>
        diffIds.flatMap(id => [on.layout.blob(id), on.layout.index(id)]).map(path => statSync(path).ino)
      const before = inodes()
      on.tasks.length = 0
      const other = image({ compress: tar => gzipSync(tar, { level: 1 }) })
      on.serve(other)
      const { layers, chainId: top } = await on.pull()
      assert.deepEqual([countOf(on.tasks, 'storeLayerTask'), countOf(on.tasks, 'buildImageTask')], [0, 0])
      assert.deepEqual(inodes(), before)
      assert.equal(top, chainId(diffIds))
      for (const { digest, size, fetched } of layers) {
        assert.equal(fetched, size)
        await on.store.info(digest)
      }
    })

    for (const [limit, quota, max] of [
      ['layer-bytes', 'layerBytes', 2 ** 16],
      // One layer, but not both.
      ['image-bytes', 'imageBytes', 300_000],
    ] as const) {
      test(`what proves a tar that is here is held to ${limit}`, async () => {
        const on = bench(workers, image())
        await on.pull()
        on.serve(image({ compress: tar => gzipSync(tar, { level: 1 }) }))
        const message = new RegExp(`: ${limit} \\d+ is over its quota, ${max}$`)
        await assert.rejects(on.pull({ quotas: { [quota]: max } }), { code: 'LIMIT_EXCEEDED', message })
      })
    }

    test('a compressed blob that is here without its tar is inflated, not fetched', async () => {
      const on = bench(workers, image())
      await on.pull()
      for (const diffId of diffIds) await on.store.delete(diffId)
      for (const key of await keysOf(on.snapshotter)) await on.snapshotter.remove(key)
      on.registry.asked.length = 0
      await on.pull()
      assert.deepEqual(
        on.registry.asked.filter(line => line.startsWith('fetch')),
        [],
      )
      assert.deepEqual(await on.visible(), [...blobs, ...diffIds].sort())
    })

    test('two layers of one digest are fetched once and stacked twice', async () => {
      const [tar = Buffer.alloc(0)] = tars
      const on = bench(workers, image({ layers: [tar, tar] }))
      const { chainId: top } = await on.pull()
      const twice = [digestOf(tar), digestOf(tar)]
      assert.equal(top, chainId(twice))
      assert.deepEqual((await on.snapshotter.stat(top ?? '')).diffIds, twice)
      assert.equal(countOf(on.registry.asked, `fetch ${blobs[0]}`), 1)
      assert.equal(countOf(on.tasks, 'storeLayerTask'), 1)
    })

    test('two layers of one tar, compressed in two ways, are both fetched and one is inflated', async () => {
      const [tar = Buffer.alloc(0)] = tars
      let level = 0
      const on = bench(workers, image({ layers: [tar, tar], compress: one => gzipSync(one, { level: ++level }) }))
      await on.pull()
      assert.equal(countOf(on.tasks, 'storeLayerTask'), 1)
      const found = await on.visible()
      for (const way of [1, 2]) assert.ok(found.includes(digestOf(gzipSync(tar, { level: way }))), `level ${way}`)
    })

    for (const [what, empty] of Object.entries({
      'of no bytes': Buffer.alloc(0),
      'of an end mark': Buffer.alloc(1024),
    })) {
      test(`empty layers ${what} are layers`, async () => {
        const layers = [empty, ...tars, empty]
        const on = bench(workers, image({ layers }))
        const { chainId: top } = await on.pull()
        assert.equal(top, chainId(layers.map(layer => digestOf(layer))))
        assert.equal(statSync(on.layout.blob(digestOf(empty))).size, empty.length)
      })
    }

    test('an uncompressed layer is its own tar', async () => {
      const on = bench(workers, image({ compress: tar => tar, layerType: mediaTypes.ociLayer }))
      await on.pull()
      assert.deepEqual(await on.visible(), [...diffIds].sort())
      assert.deepEqual(readdirSync(on.layout.indexes('sha256')).sort(), diffIds.map(hexOf).sort())
    })

    test('an image without layers has no snapshot', async () => {
      const on = bench(workers, image({ layers: [] }))
      assert.equal((await on.pull()).chainId, undefined)
      assert.deepEqual(await keysOf(on.snapshotter), [])
    })
  })
}

test('each carrier gives the same files', async () => {
  const [one, other] = Object.values(carriers).map(workers => bench(workers, image()))
  assert(one !== undefined && other !== undefined)
  await Promise.all([one.pull(), other.pull()])
  const bytes = bytesOf(one)
  assert.ok(bytes.size >= 2 + 3 * tars.length, [...bytes.keys()].join('\n'))
  assert.deepEqual(bytes, bytesOf(other))
})

test('a store without files is refused: tars are mounted from files', async () => {
  const { snapshotter, registry, layout } = bench(inlineWorkers(), image())
  const parts = {
    resolver: registry.resolver,
    contentStore: openMemoryStore(),
    images: openMemoryImages(),
    leases: openMemoryLeases(),
    blobMapping: openMemoryBlobMapping(),
    applier: hashingApplier(),
    snapshotter,
    layers: { workers: inlineWorkers(), index: layout.index },
  }
  await assert.rejects(pullImage(parts, reference, { platform: amd64 }), /from a store of files alone/)
})
