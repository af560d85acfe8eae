import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { ImageError } from '../../src/errors.ts'
import type { ProgressEvent } from '../../src/progress/events.ts'
import { Puller, type PullerOptions } from '../../src/pull/puller.ts'
import type { Applier } from '../../src/rootfs/applier.ts'
import { chainIds } from '../../src/spec/chain-id.ts'
import { type Digest, digestOf, isDigest } from '../../src/spec/digest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import type { Platform } from '../../src/spec/platform.ts'
import { parseReference } from '../../src/spec/reference.ts'
import { openMemoryStore } from '../../src/store/content/memory.ts'
import type { ContentStore, Labels } from '../../src/store/content/store.ts'
import { openMemoryBlobMapping } from '../../src/store/memory-blob-mapping.ts'
import { amd64, type BuiltImage, buildImage, buildIndex, type ImageShape } from '../support/image.ts'
import { hashingApplier, memoryRegistry, memorySnapshotter } from '../support/memory-parts.ts'

const root = 'containerd.io/gc.root'
const layers = ['base', 'middle', 'top'].map(text => Buffer.from(text.repeat(100)))
const diffIds = layers.map(layer => digestOf(layer))

interface Bench {
  readonly registry: ReturnType<typeof memoryRegistry>
  readonly store: ContentStore
  readonly snapshotter: ReturnType<typeof memorySnapshotter>
  readonly applier: ReturnType<typeof hashingApplier>
  puller(options?: Partial<PullerOptions>): Puller
}

function bench(image: BuiltImage): Bench {
  const registry = memoryRegistry()
  registry.serve('latest', image)
  const store = openMemoryStore()
  const snapshotter = memorySnapshotter()
  const applier = hashingApplier()
  const blobMapping = openMemoryBlobMapping()
  const src = parseReference('example.com/team/app')
  const base = {
    src,
    resolver: registry.resolver,
    contentStore: store,
    snapshotter,
    applier,
    blobMapping,
    platform: amd64,
  }
  return { registry, store, snapshotter, applier, puller: options => new Puller({ ...base, ...options }) }
}

const image = (shape: Partial<ImageShape> = {}) => buildImage({ layers, ...shape })

async function labelsOf(store: ContentStore, digest: Digest): Promise<Labels> {
  return (await store.info(digest)).labels
}

async function digestsIn(store: ContentStore): Promise<Digest[]> {
  const found: Digest[] = []
  for await (const { digest } of store.walk()) found.push(digest)
  return found
}

test('pull() answers reference, descriptor and chain ID', async () => {
  const built = image()
  const { puller } = bench(built)
  const { ref, descriptor, chainId } = await puller().pull()
  assert.equal(ref, 'example.com/team/app:latest')
  assert.deepEqual(descriptor, built.target)
  assert.equal(chainId, chainIds(diffIds).at(-1))
})

test('pull() brings every blob of the image and only those', async () => {
  const built = image()
  const { puller, store } = bench(built)
  await puller().pull()
  assert.deepEqual((await digestsIn(store)).sort(), [...built.blobs.keys()].sort())
})

test('pull() commits one snapshot a layer, base first, named by chain IDs', async () => {
  const { puller, snapshotter } = bench(image())
  await puller().pull()
  const commits = snapshotter.log.filter(line => line.startsWith('commit'))
  assert.deepEqual(
    commits,
    chainIds(diffIds).map(id => `commit ${id}`),
  )
  const [base, middle] = chainIds(diffIds)
  assert.equal(snapshotter.snapshots.get(middle ?? '')?.parent, base)
})

test('pull() leaves roots on layers and snapshots, and links the rest to the layers', async () => {
  const built = image()
  const { puller, store, snapshotter } = bench(built)
  const { image: pulled } = await puller().pull()
  for (const { blob, chainId } of pulled.layers) {
    const labels = await labelsOf(store, blob.digest)
    assert(root in labels)
    const linked = Object.entries(labels)
      .filter(([key]) => key.startsWith('containerd.io/gc.ref.content.'))
      .map(([, value]) => value)
    assert.deepEqual(linked.sort(), [pulled.config.digest, pulled.manifest.digest].sort())
    assert(root in (snapshotter.snapshots.get(chainId)?.labels ?? {}))
  }
  for (const { digest } of [pulled.config, pulled.manifest]) assert(!(root in (await labelsOf(store, digest))))
})

test('pull() of an image without layers keeps its documents as roots, and has no chain ID', async () => {
  const { puller, store } = bench(image({ layers: [] }))
  const { chainId, image: pulled } = await puller().pull()
  assert.equal(chainId, undefined)
  for (const { digest } of [pulled.config, pulled.manifest]) assert(root in (await labelsOf(store, digest)))
})

test('pull() labels documents with what they lead to, and blobs with where they came from', async () => {
  const { puller, store } = bench(image())
  const { image: pulled } = await puller().pull()
  const labels = await labelsOf(store, pulled.manifest.digest)
  assert.equal(labels['containerd.io/gc.ref.content.config'], pulled.config.digest)
  for (const [at, { blob }] of pulled.layers.entries())
    assert.equal(labels[`containerd.io/gc.ref.content.l.${at}`], blob.digest)
  for (const digest of await digestsIn(store)) {
    assert.equal((await labelsOf(store, digest))['containerd.io/distribution.source.example.com'], 'team/app')
  }
})

test('pull() records the blob of each chain ID, both ways', async () => {
  const blobMapping = openMemoryBlobMapping()
  const { puller } = bench(image())
  const { image: pulled } = await puller({ blobMapping }).pull()
  for (const { chainId, diffId, blob } of pulled.layers) {
    assert.deepEqual(await blobMapping.byChainId(chainId), { diffId, blob: blob.digest })
    assert.deepEqual(await blobMapping.byBlob(blob.digest), [chainId])
    assert.deepEqual(await blobMapping.byDiffId(diffId), [blob.digest])
  }
})

test('pull() again fetches nothing and unpacks nothing', async () => {
  const { puller, registry, applier } = bench(image())
  await puller().pull()
  registry.asked.splice(0)
  applier.applied.splice(0)
  const { jobs } = await puller().pull()
  assert.deepEqual(registry.asked, ['resolve example.com/team/app:latest'])
  assert.deepEqual(applier.applied, [])
  assert(jobs.every(job => job.state === 'exists'))
})

test('pull() applies a layer while later ones are still on their way', async () => {
  const built = image()
  const { puller, registry, applier } = bench(built)
  const [base, , top] = [...built.blobs.keys()].slice(1)
  registry.beforeChunk = async digest => {
    for (let turns = 0; digest === top && !applier.applied.includes(base as Digest); turns++) {
      assert(turns < 10_000, 'the base was not applied before the top had arrived')
      await new Promise(setImmediate)
    }
  }
  await puller().pull()
})

test('pull() opens the applier before an unknown image comes, and for a known one not at all', async () => {
  const built = image()
  const { puller, registry } = bench(built)
  const applier = hashingApplier(registry.asked)
  await puller({ applier }).pull()
  assert.deepEqual(registry.asked.slice(0, 3), [
    'resolve example.com/team/app:latest',
    'open applier',
    `fetch ${built.target.digest}`,
  ])
  assert.equal(registry.asked.at(-1), 'close applier')
  registry.asked.splice(0)
  await puller({ applier }).pull()
  assert.deepEqual(registry.asked, ['resolve example.com/team/app:latest'])
})

test('pull() closes the applier when it fails', async () => {
  const built = image()
  const { puller, registry } = bench(built)
  registry.beforeChunk = () => {
    throw new Error('gone')
  }
  await assert.rejects(puller({ applier: hashingApplier(registry.asked) }).pull(), /gone/)
  assert.equal(registry.asked.at(-1), 'close applier')
})

test('pull() tells the applier what the layers below have left out, also those that an earlier pull brought', async () => {
  const { puller, registry, snapshotter } = bench(image({ layers: layers.slice(0, 2) }))
  const told: (readonly string[] | undefined)[] = []
  const hashing = hashingApplier().open()
  const applier: Applier = {
    open: () => ({
      ...hashing,
      async apply(store, layer, mounts, options) {
        told.push(options?.leftOut)
        const leftOut = [...(options?.leftOut ?? []), `dev/${told.length}`]
        return { ...(await hashing.apply(store, layer, mounts, options)), leftOut }
      },
    }),
  }
  await puller({ applier }).pull()
  assert.deepEqual(told, [[], ['dev/1']])
  registry.serve('latest', image())
  const { chainId } = await puller({ applier }).pull()
  assert.deepEqual(told[2], ['dev/1', 'dev/2'])
  assert.equal(snapshotter.snapshots.get(chainId ?? '')?.labels['davit.snapshot/left-out'], 'dev/1\0dev/2\0dev/3')
})

test('pull() handles a layer that occurs twice', async () => {
  const twice = [layers[0], layers[1], layers[0]].flatMap(layer => layer ?? [])
  const { puller, registry, snapshotter } = bench(image({ layers: twice }))
  const { chainId } = await puller().pull()
  assert.equal(chainId, chainIds(twice.map(layer => digestOf(layer))).at(-1))
  assert.equal(registry.asked.filter(line => line.startsWith('fetch')).length, 4)
  assert.equal(snapshotter.snapshots.size, 3)
})

const accepted: readonly (readonly [what: string, layerType: string, compress: (layer: Uint8Array) => Uint8Array])[] = [
  ['Docker gzip', mediaTypes.dockerLayerGzip, gzipSync],
  ['OCI plain', mediaTypes.ociLayer, layer => layer],
  ['OCI non-distributable', mediaTypes.ociNonDistributableLayerGzip, gzipSync],
  ['zstd', mediaTypes.ociLayerZstd, gzipSync],
]
for (const [what, layerType, compress] of accepted) {
  test(`pull() counts ${what} layers as layers`, async () => {
    const { puller, store } = bench(image({ layerType, compress }))
    const { image: pulled } = await puller().pull()
    for (const { blob } of pulled.layers) assert(root in (await labelsOf(store, blob.digest)))
  })
}

const refused: readonly (readonly [what: string, shape: Partial<ImageShape>, code: string])[] = [
  [
    'a config that names fewer layers',
    { config: config => ({ ...config, rootfs: { type: 'layers', diff_ids: diffIds.slice(1) } }) },
    'MALFORMED',
  ],
  [
    'a diff ID that the layer does not have',
    { config: config => ({ ...config, rootfs: { type: 'layers', diff_ids: diffIds.toReversed() } }) },
    'DIGEST_MISMATCH',
  ],
  ['an unknown layer type', { layerType: 'application/x-layer' }, 'UNSUPPORTED'],
  ['an encrypted layer', { layerType: `${mediaTypes.ociLayerGzip}+encrypted` }, 'UNSUPPORTED'],
  ['an artifact', { configType: 'application/vnd.example.chart+json' }, 'UNSUPPORTED'],
]
for (const [what, shape, code] of refused) {
  test(`pull() refuses ${what}, and leaves no snapshot of it`, async () => {
    const { puller, snapshotter } = bench(image(shape))
    await assert.rejects(puller().pull(), { code })
    assert.deepEqual(
      [...snapshotter.snapshots.values()].filter(({ kind }) => kind === 'active'),
      [],
    )
    assert(!snapshotter.snapshots.has(chainIds(diffIds).at(-1) ?? ''))
  })
}

test('pull() refuses unknown layers before it fetches any', async () => {
  const { puller, registry } = bench(image({ layerType: 'application/x-layer' }))
  await assert.rejects(puller().pull(), { code: 'UNSUPPORTED' })
  assert.equal(registry.asked.filter(line => line.startsWith('fetch')).length, 1)
})

test('pull() refuses a blob with other bytes than its digest says, and keeps none of them', async () => {
  const built = image()
  const { puller, registry, store } = bench(built)
  const bad = [...built.blobs.keys()][1]
  assert(isDigest(bad))
  registry.replace(bad, Buffer.alloc(built.blobs.get(bad)?.byteLength ?? 0, 1))
  await assert.rejects(puller().pull(), { code: 'DIGEST_MISMATCH' })
  assert(!(await digestsIn(store)).includes(bad))
  for await (const { offset } of store.ingests()) assert.notEqual(offset, built.blobs.get(bad)?.byteLength)
})

test('pull() resumes what a broken run left, and says so', async () => {
  const built = image()
  const { puller, registry } = bench(built)
  const broken = [...built.blobs.keys()][1]
  let chunks = 0
  registry.beforeChunk = digest => {
    if (digest === broken && ++chunks === 2) throw new Error('cut')
  }
  await assert.rejects(puller().pull(), { message: 'cut' })
  const { jobs } = await puller().pull()
  const job = jobs.find(({ descriptor }) => descriptor.digest === broken)
  assert.equal((job?.resumed ?? 0) > 0, true)
  assert.equal((job?.resumed ?? 0) + (job?.fetched ?? 0), job?.descriptor.size)
})

test('pull() fetches a blob anew when the bytes of an earlier run prove wrong', async () => {
  const built = image()
  const { puller, store } = bench(built)
  const digest = [...built.blobs.keys()][1]
  assert(isDigest(digest))
  const ingest = await store.ingest(`sha256-${digest.slice(7)}`, { digest })
  assert('write' in ingest)
  await ingest.write(Buffer.from('poison'))
  await ingest.close()
  const { jobs } = await puller().pull()
  assert.equal(jobs.find(job => job.descriptor.digest === digest)?.resumed, 0)
})

const arm = (variant?: string): Platform => ({
  os: 'linux',
  architecture: 'arm',
  ...(variant === undefined ? {} : { variant }),
})
const indexed = (...platforms: (Platform | undefined)[]) =>
  buildIndex(
    platforms.map(platform => [
      image({ platform: platform ?? amd64, layers: [Buffer.from(JSON.stringify(platform ?? null))] }),
      platform,
    ]),
  )

test('pull() keeps the one best manifest of an index', async () => {
  const { puller, registry } = bench(indexed(arm('v6'), amd64, arm('v7')))
  const { image: pulled, descriptor } = await puller({ platform: arm('v7') }).pull()
  assert.equal(pulled.platform.variant, 'v7')
  assert.equal(descriptor.mediaType, mediaTypes.ociIndex)
  assert.equal(registry.asked.filter(line => line.startsWith('fetch')).length, 4)
})

test('pull() says why a snapshot could not be committed, not that it can’t be removed either', async () => {
  const { puller, snapshotter } = bench(image())
  const full = new ImageError('NO_SPACE', 'Cannot write: the disk is full', { path: '/' })
  const gone = new ImageError('NOT_FOUND', 'Cannot find snapshot', { what: 'snapshot', name: 'x' })
  const broken = { ...snapshotter, commit: () => Promise.reject(full), remove: () => Promise.reject(gone) }
  await assert.rejects(puller({ snapshotter: broken }).pull(), { code: 'NO_SPACE', cause: full })
})

test('pull() says so when a manifest that stands alone is for another platform', async () => {
  for (const [platform, expected] of [
    [arm('v7'), ['the image is for linux/amd64, not for linux/arm/v7']],
    [amd64, []],
  ] as const) {
    const warnings: string[] = []
    const onProgress = (event: ProgressEvent) => {
      if (event.type === 'warning') warnings.push(event.message)
    }
    await bench(image()).puller({ platform, onProgress }).pull()
    assert.deepEqual(warnings, expected)
  }
})

test('pull() takes the nearest lower ARM variant', async () => {
  const { puller } = bench(indexed(arm('v5'), arm('v6')))
  assert.equal((await puller({ platform: arm('v7') }).pull()).image.platform.variant, 'v6')
})

test('pull() says which platforms there are when none matches', async () => {
  const { puller } = bench(indexed(arm('v7'), { os: 'linux', architecture: 's390x' }))
  await assert.rejects(puller().pull(), {
    code: 'NO_MATCHING_PLATFORM',
    details: { wanted: 'linux/amd64', available: ['linux/arm/v7', 'linux/s390x'] },
  })
})

test('pull() never takes an attestation for an image', async () => {
  const { puller } = bench(indexed({ os: 'unknown', architecture: 'unknown' }))
  await assert.rejects(puller().pull(), { code: 'NO_MATCHING_PLATFORM' })
})

test('pull() labels an index with all its manifests, fetched or not', async () => {
  const { puller, store } = bench(indexed(amd64, arm('v7')))
  const { descriptor } = await puller().pull()
  const labels = await labelsOf(store, descriptor.digest)
  assert.equal(Object.keys(labels).filter(key => key.startsWith('containerd.io/gc.ref.content.m.')).length, 2)
})

test('resolve() asks once', async () => {
  const { puller, registry } = bench(image())
  const one = puller()
  const [first, second] = await Promise.all([one.resolve(), one.resolve()])
  assert.deepEqual(first, second)
  await one.pull()
  assert.equal(registry.asked.filter(line => line.startsWith('resolve')).length, 1)
})

test('resolve() forgets a failure and an abort', async () => {
  const built = image()
  const { puller, registry } = bench(built)
  const one = puller({ src: parseReference('example.com/team/app:later') })
  await assert.rejects(one.resolve({ signal: AbortSignal.abort(new Error('enough')) }), { message: 'enough' })
  await assert.rejects(one.resolve(), { code: 'NOT_FOUND' })
  registry.serve('later', built)
  assert.deepEqual((await one.resolve()).descriptor, built.target)
})

test('resolve() of a digest that the store has from this repository needs no network', async () => {
  const built = image()
  const { puller, registry } = bench(built)
  await puller().pull()
  registry.asked.splice(0)
  const src = { host: 'example.com', repository: 'team/app', digest: built.target.digest }
  assert.deepEqual((await puller({ src }).resolve()).descriptor, built.target)
  await puller({ src }).pull()
  assert.deepEqual(registry.asked, [])
})

test('resolve() asks the registry for a digest that came from another repository', async () => {
  const built = image()
  const { puller, registry } = bench(built)
  await puller().pull()
  registry.asked.splice(0)
  const src = { host: 'example.com', repository: 'other/app', digest: built.target.digest }
  await puller({ src }).resolve()
  assert.deepEqual(registry.asked, [`resolve example.com/other/app@${built.target.digest}`])
})

test('pull() passes the reason of an abort on, keeps what was fetched, and leaves no active snapshot', async () => {
  const built = image()
  const { puller, registry, store, snapshotter } = bench(built)
  const reason = new Error('enough')
  const abort = new AbortController()
  const layer = [...built.blobs.keys()][2]
  registry.beforeChunk = digest => {
    if (digest === layer) abort.abort(reason)
  }
  await assert.rejects(puller().pull({ signal: abort.signal }), reason)
  assert((await digestsIn(store)).length > 0)
  assert.deepEqual(
    [...snapshotter.snapshots.values()].filter(({ kind }) => kind === 'active'),
    [],
  )
})

test('pull() gives way when another process commits the same chain ID first', async () => {
  const { puller, snapshotter } = bench(image())
  const { commit } = snapshotter
  snapshotter.commit = async (name, key, options) => {
    if (!snapshotter.snapshots.has(name)) {
      const other = `other ${name}`
      await snapshotter.prepare(other, snapshotter.snapshots.get(key)?.parent)
      await commit(name, other, options)
    }
    await commit(name, key, options)
  }
  const { chainId } = await puller().pull()
  assert.equal(snapshotter.snapshots.get(chainId ?? '')?.kind, 'committed')
  assert(!snapshotter.log.some(line => line.startsWith('remove other')))
  assert.deepEqual(
    [...snapshotter.snapshots.values()].filter(({ kind }) => kind === 'active'),
    [],
  )
})

test('pull() without a snapshotter fetches and unpacks nothing', async () => {
  const built = image()
  const { registry, store, applier } = bench(built)
  const src = parseReference('example.com/team/app')
  const parts = {
    src,
    resolver: registry.resolver,
    contentStore: store,
    applier,
    blobMapping: openMemoryBlobMapping(),
    platform: amd64,
  }
  const { chainId } = await new Puller(parts).pull()
  assert.equal(chainId, undefined)
  assert.deepEqual(applier.applied, [])
  assert.equal((await digestsIn(store)).length, built.blobs.size)
})

test('progress: every blob ends done or existing, with times, before pull() returns', async () => {
  const built = image()
  const { puller } = bench(built)
  for (const last of ['done', 'exists']) {
    const events: ProgressEvent[] = []
    await puller({ onProgress: event => events.push(event) }).pull()
    assert.deepEqual(
      events.flatMap(event => (event.type === 'resolve' ? [event.state] : [])),
      ['started', 'done'],
    )
    const ends = new Map(events.flatMap(event => (event.type === 'blob' ? [[event.digest, event]] : [])))
    assert.deepEqual([...ends.keys()].sort(), [...built.blobs.keys()].sort())
    for (const { state, offset, total, startedAt, completedAt } of ends.values()) {
      assert.deepEqual([state, offset], [last, total])
      assert(startedAt !== undefined && completedAt !== undefined)
    }
    const unpacked = new Map(events.flatMap(event => (event.type === 'unpack' ? [[event.chainId, event.state]] : [])))
    assert.deepEqual(
      [...unpacked],
      chainIds(diffIds).map(id => [id, last]),
    )
    const total = events.at(-1)
    assert(total?.type === 'total' && total.state === 'done')
    assert.equal(total.downloaded, total.toDownload)
    assert.equal(total.unpacked, total.toUnpack)
  }
})

test('progress: a listener that throws changes nothing', async () => {
  const { puller } = bench(image())
  const throwing = puller({
    onProgress: () => {
      throw new Error('from the listener')
    },
  })
  assert.notEqual((await throwing.pull()).chainId, undefined)
})

test('pull() takes from an index that names no platforms what the configs say, and only its layers', async () => {
  const arm = buildImage({ layers: [Buffer.from('other')], platform: { os: 'linux', architecture: 'arm64' } })
  const built = image()
  const index = buildIndex([
    [arm, undefined],
    [built, undefined],
  ])
  const { puller, store, registry } = bench(index)
  const { image: pulled } = await puller().pull()
  assert.equal(pulled.manifest.digest, built.target.digest)
  const here = await digestsIn(store)
  assert.deepEqual(
    [...index.blobs.keys()].filter(digest => !here.includes(digest)),
    [...arm.blobs].filter(([, bytes]) => bytes[0] === 0x1f).map(([digest]) => digest),
  )
  const asked = registry.asked.length
  await puller().pull()
  assert.deepEqual(registry.asked.slice(asked), ['resolve example.com/team/app:latest'])
})
