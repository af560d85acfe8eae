/** Images of schema 1, from documents built in code to images of OCI. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { Puller, type PullerOptions } from '../../src/pull/puller.ts'
import { chainIds } from '../../src/spec/chain-id.ts'
import { digestOf, parseDigest } from '../../src/spec/digest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { parseReference } from '../../src/spec/reference.ts'
import { openMemoryStore } from '../../src/store/content/memory.ts'
import { readBlob } from '../../src/store/content/read.ts'
import { openMemoryBlobMapping } from '../../src/store/memory-blob-mapping.ts'
import { amd64, type BuiltImage } from '../support/image.ts'
import { hashingApplier, memoryRegistry, memorySnapshotter } from '../support/memory-parts.ts'
import { buildSchema1, emptyLayer, type Step, sign } from '../support/schema1.ts'

const [baseTar, topTar] = [Buffer.from('base'.repeat(200)), Buffer.from('top'.repeat(200))]
const [base, top] = [gzipSync(baseTar), gzipSync(topTar)]
const [baseId, topId] = [digestOf(baseTar), digestOf(topTar)]
const throwaway = { throwaway: true }

function bench(image: BuiltImage) {
  const registry = memoryRegistry()
  registry.serve('latest', image)
  const store = openMemoryStore()
  const snapshotter = memorySnapshotter()
  const src = parseReference('example.com/team/old')
  const parts = { src, resolver: registry.resolver, contentStore: store, applier: hashingApplier(), platform: amd64 }
  const base = { ...parts, snapshotter, blobMapping: openMemoryBlobMapping() }
  const puller = (options: Partial<PullerOptions> = {}) => new Puller({ ...base, ...options })
  return { registry, store, snapshotter, puller }
}

/** What became of an image with these steps. */
async function converted(steps: readonly Step[]) {
  const { puller, store, registry } = bench(buildSchema1(steps))
  const { image, chainId, descriptor } = await puller().pull()
  const config = JSON.parse(Buffer.from(await readBlob(store, image.config.digest)).toString())
  return { image, chainId, descriptor, config, asked: registry.asked }
}

describe('pull() of schema 1', () => {
  for (const signed of [true, false]) {
    test(`gives an OCI image, ${signed ? 'signed' : 'unsigned'}, and answers with the registry's own digest`, async () => {
      const built = buildSchema1([{ blob: base }, { blob: top }], { signed })
      const { puller } = bench(built)
      const pulling = puller()
      const { image, chainId, descriptor } = await pulling.pull()
      assert.deepEqual(descriptor, built.target)
      assert.deepEqual((await pulling.resolve()).descriptor, built.target)
      assert.equal(image.manifest.mediaType, mediaTypes.ociManifest)
      assert.equal(chainId, chainIds([baseId, topId]).at(-1))
      assert.deepEqual(
        image.layers.map(({ blob, diffId }) => [blob, diffId]),
        [base, top].map((blob, at) => [
          { mediaType: mediaTypes.ociLayerGzip, digest: digestOf(blob), size: blob.length },
          [baseId, topId][at],
        ]),
      )
    })
  }

  test('puts the payload into the store, which leads to the manifest, its config and its layers', async () => {
    const built = buildSchema1([{ blob: base }])
    const { puller, store } = bench(built)
    const { image } = await puller().pull()
    const payload = await readBlob(store, built.target.digest)
    assert.equal(digestOf(payload), built.target.digest)
    assert.equal(Buffer.from(payload).includes('signatures'), false)
    const labels = async (digest: string) => Object.entries((await store.info(parseDigest(digest))).labels)
    const leads = async (digest: string) =>
      (await labels(digest)).flatMap(([key, value]) => (key.includes('gc.ref.content.') ? [value] : []))
    assert.deepEqual(await leads(built.target.digest), [image.manifest.digest])
    assert.deepEqual(await leads(image.manifest.digest), [image.config.digest, digestOf(base)])
  })

  test('takes the newest config, without what was of its layer, and the history of all', async () => {
    const run = { Cmd: ['sh'], Env: ['A=1'] }
    const config = { config: run, docker_version: '1.6', Size: 7, parent_id: 'x', layer_id: 'y', author: 'ada' }
    const { config: found } = await converted([{ blob: base }, { config: throwaway }, { blob: top, config }])
    assert.deepEqual(found, {
      architecture: 'amd64',
      os: 'linux',
      author: 'ada',
      created: '2015-01-01T00:00:02Z',
      container_config: { Cmd: ['/bin/sh', '-c', 'step 2'] },
      config: run,
      docker_version: '1.6',
      rootfs: { type: 'layers', diff_ids: [baseId, topId] },
      history: [
        { created: '2015-01-01T00:00:00Z', created_by: '/bin/sh -c step 0' },
        { created: '2015-01-01T00:00:01Z', created_by: '/bin/sh -c step 1', empty_layer: true },
        { created: '2015-01-01T00:00:02Z', created_by: '/bin/sh -c step 2', author: 'ada' },
      ],
    })
  })

  test('takes the architecture from the manifest and Linux for granted where the config says neither', async () => {
    const { image } = await converted([{ blob: base, config: { architecture: undefined, os: undefined } }])
    assert.deepEqual(image.platform, { os: 'linux', architecture: 'amd64' })
  })

  test('neither fetches nor applies a throwaway layer, though its blob be the registry’s largest', async () => {
    const { image, asked } = await converted([{ blob: base }, { blob: top, config: throwaway }])
    assert.deepEqual(
      image.layers.map(({ diffId }) => diffId),
      [baseId],
    )
    assert.equal(asked.includes(`fetch ${digestOf(top)}`), false)
  })

  test('fetches a blob once, and applies it as often as layers have it', async () => {
    const { image, asked } = await converted([{ blob: base }, { blob: top }, { blob: base }])
    assert.deepEqual(
      image.layers.map(({ diffId }) => diffId),
      [baseId, topId, baseId],
    )
    assert.equal(asked.filter(line => line === `fetch ${digestOf(base)}`).length, 1)
  })

  test('leaves out a layer that has nothing but zeros, though nobody says so', async () => {
    const { image, config } = await converted([{ blob: base }, {}, { blob: gzipSync(Buffer.alloc(10_240)) }])
    assert.equal(image.layers.length, 1)
    assert.deepEqual(
      config.history.map(({ empty_layer }: { empty_layer?: true }) => empty_layer),
      [undefined, true, true],
    )
  })

  test('applies a layer of size 0 that has bytes: it may do nothing but delete', async () => {
    const { image } = await converted([{ blob: base }, { blob: top, config: { Size: 0 } }])
    assert.equal(image.layers.length, 2)
  })

  test('an image of nothing has a config and no layers', async () => {
    const { image, chainId } = await converted([{ config: throwaway }])
    assert.deepEqual([image.layers.length, chainId], [0, undefined])
  })

  test('tells layers that are not packed by their bytes', async () => {
    const plain = Buffer.from('a plain tar '.repeat(50))
    const { image } = await converted([{ blob: plain }])
    assert.deepEqual(
      image.layers.map(({ blob, diffId }) => [blob.mediaType, diffId]),
      [[mediaTypes.ociLayer, digestOf(plain)]],
    )
  })

  test('gives the same manifest again, whatever the store knew of the layers', async () => {
    const steps = [{ blob: base }, { blob: emptyLayer }]
    const fresh = await converted(steps)
    const { puller, store, registry } = bench(buildSchema1(steps))
    await puller().pull()
    await store.delete(fresh.image.manifest.digest)
    await store.label(digestOf(emptyLayer), { 'davit.layer/empty': undefined })
    assert.deepEqual((await puller().pull()).image.manifest, fresh.image.manifest)
    assert.equal(registry.asked.filter(line => line.startsWith('fetch')).length, 3)
  })

  test('again asks once and fetches nothing', async () => {
    const built = buildSchema1([{ blob: base }, { blob: top }])
    const { puller, registry } = bench(built)
    const first = await puller().pull()
    registry.asked.splice(0)
    const again = await puller().pull()
    assert.deepEqual(again.image, first.image)
    assert.deepEqual(registry.asked, ['resolve example.com/team/old:latest'])
  })

  test('again takes what was converted, without asking how large a layer is that went', async () => {
    const { puller, store, registry } = bench(buildSchema1([{ blob: base }, { blob: top }]))
    await puller().pull()
    await store.delete(digestOf(base))
    registry.asked.splice(0)
    await puller().pull()
    assert.deepEqual(registry.asked, ['resolve example.com/team/old:latest', `fetch ${digestOf(base)}`])
  })

  test('asks somebody else for a document that came wrong, once', async () => {
    const built = buildSchema1([{ blob: base }])
    const { puller, registry } = bench(built)
    const right = built.blobs.get(built.target.digest) ?? new Uint8Array()
    registry.replace(built.target.digest, Buffer.from(Buffer.from(right).toString().replace('team/old', 'team/new')))
    const { fetcher } = registry.resolver
    const distrust = () => {
      registry.replace(built.target.digest, right)
      return true
    }
    const resolver = {
      ...registry.resolver,
      fetcher: (...of: Parameters<typeof fetcher>) => ({ ...fetcher(...of), distrust }),
    }
    assert.deepEqual((await puller({ resolver }).pull()).descriptor, built.target)
  })

  test('converts once more when the config went', async () => {
    const { puller, store } = bench(buildSchema1([{ blob: base }]))
    const { image } = await puller().pull()
    await store.delete(image.config.digest)
    assert.deepEqual((await puller().pull()).image.config, image.config)
  })

  test('refuses other bytes than the digest names', async () => {
    const built = buildSchema1([{ blob: base }])
    const other = Buffer.from(built.blobs.get(built.target.digest) ?? []).toString()
    const { puller, registry, store } = bench(built)
    registry.replace(built.target.digest, Buffer.from(other.replace('team/old', 'team/new')))
    await assert.rejects(puller().pull(), { code: 'DIGEST_MISMATCH' })
    await assert.rejects(store.info(built.target.digest), { code: 'NOT_FOUND' })
  })

  test('refuses a layer of other bytes', async () => {
    const { puller, registry } = bench(buildSchema1([{ blob: base }]))
    registry.replace(digestOf(base), Buffer.from(base).fill(7, 20))
    await assert.rejects(puller().pull(), { code: 'DIGEST_MISMATCH' })
  })

  test('refuses a layer over a quota before it is applied', async () => {
    const { puller, snapshotter } = bench(buildSchema1([{ blob: gzipSync(Buffer.alloc(100_000, 'x')) }]))
    await assert.rejects(puller({ quotas: { layerBytes: 99_999 } }).pull(), { code: 'LIMIT_EXCEEDED' })
    assert.deepEqual(snapshotter.log, [])
  })

  test('refuses a document that is no image before a layer is asked for', async () => {
    const change = (document: Record<string, unknown>) => ({ ...document, history: [] })
    const { puller, registry } = bench(buildSchema1([{ blob: base }], { change }))
    await assert.rejects(puller().pull(), { code: 'MALFORMED' })
    assert.equal(registry.asked.includes(`size ${digestOf(base)}`), false)
  })

  test('refuses a bad signature block', async () => {
    const built = buildSchema1([{ blob: base }], { signed: false })
    const payload = built.blobs.get(built.target.digest) ?? new Uint8Array()
    const bytes = sign(payload, header => ({ ...header, formatLength: 1e9 }))
    const target = { ...built.target, mediaType: mediaTypes.dockerSchema1Signed, size: bytes.length }
    const { puller } = bench({ target, blobs: new Map([...built.blobs, [target.digest, bytes]]) })
    await assert.rejects(puller().pull(), { code: 'MALFORMED' })
  })

  test('is refused by name where it isn’t wanted, before anything is fetched', async () => {
    const { puller, registry } = bench(buildSchema1([{ blob: base }]))
    await assert.rejects(puller({ schema1: false }).pull(), { code: 'UNSUPPORTED', message: /schema version 1/ })
    assert.deepEqual(registry.asked, ['resolve example.com/team/old:latest'])
  })

  test('asks nothing of the network for a digest that is here', async () => {
    const { puller, registry } = bench(buildSchema1([{ blob: base }]))
    const { descriptor, image } = await puller().pull()
    registry.asked.splice(0)
    const src = parseReference(`example.com/team/old@${descriptor.digest}`)
    assert.deepEqual((await puller({ src }).pull()).image.manifest, image.manifest)
    assert.deepEqual(registry.asked, [])
  })
})
