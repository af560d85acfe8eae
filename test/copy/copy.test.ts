import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { copyImage } from '../../src/copy/copy.ts'
import { hasCode } from '../../src/errors.ts'
import type { ProgressEvent } from '../../src/progress/events.ts'
import { openResolver } from '../../src/registry/client.ts'
import type { Registry } from '../../src/registry/registry.ts'
import type { Descriptor } from '../../src/spec/descriptor.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { parseReference } from '../../src/spec/reference.ts'
import { amd64, type BuiltImage, buildImage, buildIndex } from '../support/image.ts'
import { tarOf } from '../support/layers.ts'
import { buildSchema1 } from '../support/schema1.ts'
import { status } from '../support/wire/faults.ts'
import { startHost, type WireHost } from '../support/wire/host.ts'
import { partsOf } from '../support/wire/sample.ts'

const arm64 = { os: 'linux', architecture: 'arm64' }
const base = tarOf([{ path: 'base', content: 'shared' }])
const [image, other] = [amd64, arm64].map(platform =>
  buildImage({ layers: [base, tarOf([{ path: platform.architecture, content: 'own' }])], platform }),
) as [BuiltImage, BuiltImage]
const index = buildIndex([
  [image, amd64],
  [other, arm64],
])

let hosts: { readonly from: WireHost; readonly to: WireHost }
let registry: Registry

beforeEach(async () => {
  hosts = { from: await startHost(), to: await startHost() }
  registry = openResolver({ limits: { backoffMs: [] } })
})
afterEach(async () => {
  await registry.close()
  await hosts.from.close()
  await hosts.to.close()
})

async function copy(root: Descriptor, options: Partial<Parameters<typeof copyImage>[2]> = {}) {
  const fetcher = registry.fetcher(parseReference(`${hosts.from.authority}/team/app:1`))
  const pusher = await registry.pusher(parseReference(`${hosts.to.authority}/team/copy:2`))
  const { signal } = new AbortController()
  return await copyImage({ fetcher, pusher }, root, { tag: '2', name: 'copy', signal, ...options })
}

function serve(built: BuiltImage): void {
  hosts.from.content.putImage(built, '1')
}

/** What the destination was asked for, below its repository. */
function asked(method: string): readonly string[] {
  const requests = hosts.to.requests.filter(request => request.method === method)
  return requests.map(({ target }) => target.replace(/^\/v2\/team\/copy\//, ''))
}

function assertThere({ blobs, target }: BuiltImage, name: string = '2'): void {
  const { content } = hosts.to
  for (const [digest, bytes] of blobs) {
    const kept = content.get('blobs', digest) ?? content.get('manifests', digest)
    assert.deepEqual(Buffer.from(kept ?? []), Buffer.from(bytes), digest)
  }
  assert.deepEqual(content.get('manifests', name), content.get('manifests', target.digest))
}

const sizeOf = ({ blobs }: BuiltImage) => [...blobs.values()].reduce((total, { length }) => total + length, 0)

test('copyImage() copies an index with all its images byte for byte, shared layers once', async () => {
  serve(index)
  const copied = await copy(index.target)
  assertThere(index)
  assert.deepEqual(copied, { copied: sizeOf(index), mounted: 0, existing: 0 })
  assert.equal(asked('PATCH').length, 5, 'two configs, two layers, and one of both')
})

test('copyImage() puts a document after what it names, and the tag last', async () => {
  serve(index)
  await copy(index.target)
  const puts = asked('PUT').map(target => decodeURIComponent(target))
  assert.equal(puts.at(-1), 'manifests/2')
  for (const built of [image, other]) {
    const place = puts.indexOf(`manifests/${built.target.digest}`)
    const { config, layers } = partsOf(built)
    for (const { digest } of [config, ...layers]) {
      const before = puts.findIndex(target => target.endsWith(`digest=${digest}`))
      assert.ok(before >= 0 && before < place, `${digest} before its manifest`)
    }
  }
})

test('copyImage() of what is there is one question', async () => {
  serve(index)
  await copy(index.target)
  const before = hosts.to.requests.length
  const copied = await copy(index.target)
  assert.equal(hosts.to.requests.length - before, 1)
  assert.deepEqual(copied, { copied: 0, mounted: 0, existing: index.target.size })
})

test('copyImage() under another tag sends the index alone', async () => {
  serve(index)
  await copy(index.target)
  const [puts, heads] = [asked('PUT').length, asked('HEAD').length]
  await copy(index.target, { tag: '3' })
  assert.deepEqual(asked('PUT').slice(puts), ['manifests/3'])
  assert.deepEqual(asked('HEAD').slice(heads), ['manifests/3', `manifests/${index.target.digest}`])
})

test('copyImage() goes on where an earlier one has failed', async () => {
  serve(image)
  const [, top] = partsOf(image).layers
  hosts.from.on(new RegExp(`^GET \\S+${top.digest}`), status(500))
  await assert.rejects(copy(image.target), error => hasCode(error, 'UNAVAILABLE'))
  assert.equal(hosts.to.content.get('manifests', '2'), undefined)
  const there = [partsOf(image).config, ...partsOf(image).layers].filter(
    ({ digest }) => hosts.to.content.get('blobs', digest) !== undefined,
  )
  hosts.from.mend()
  const before = asked('PATCH').length
  await copy(image.target)
  assertThere(image)
  assert.equal(asked('PATCH').length - before, 3 - there.length)
})

test('copyImage() without a tag puts the root by its digest', async () => {
  serve(image)
  await copy(image.target, { tag: undefined })
  assertThere(image, image.target.digest)
  assert.equal(hosts.to.content.get('manifests', '2'), undefined)
  assert.deepEqual(asked('PUT').slice(-1), [`manifests/${image.target.digest}`])
})

test('copyImage() refuses a layer of wrong bytes, and names nothing', async () => {
  serve(image)
  const [layer] = partsOf(image).layers
  hosts.from.content.put('blobs', layer.digest, Buffer.alloc(layer.size))
  await assert.rejects(copy(image.target), error => hasCode(error, 'DIGEST_MISMATCH'))
  assert.equal(hosts.to.content.get('manifests', '2'), undefined)
  assert.equal(hosts.to.content.get('blobs', layer.digest), undefined)
})

test('copyImage() refuses a manifest of wrong bytes', async () => {
  serve(image)
  const { digest, size } = image.target
  hosts.from.content.put('manifests', digest, Buffer.alloc(size, 0x20), mediaTypes.ociManifest)
  await assert.rejects(copy(image.target), error => hasCode(error, 'DIGEST_MISMATCH'))
})

test('copyImage() leaves layers where their URLs say', async () => {
  const foreign = buildImage({
    layers: [base],
    layerType: mediaTypes.ociNonDistributableLayerGzip,
    manifest: manifest => {
      const layers = manifest['layers'] as readonly object[]
      return { ...manifest, layers: layers.map(layer => ({ ...layer, urls: ['http://127.0.0.9:9/layer'] })) }
    },
  })
  serve(foreign)
  await copy(foreign.target)
  assert.equal(asked('PATCH').length, 1, 'the config')
  assert.ok(hosts.to.content.get('manifests', '2') !== undefined)
})

test('copyImage() copies an artifact', async () => {
  const artifact = buildImage({
    layers: [Buffer.from('all well')],
    layerType: 'text/plain',
    configType: mediaTypes.ociEmpty,
    compress: layer => layer,
  })
  serve(artifact)
  await copy(artifact.target)
  assertThere(artifact)
})

test('copyImage() refuses an entry that is no manifest', async () => {
  const mediaType = 'application/vnd.example\u001b'
  const strange = buildIndex([[{ ...image, target: { ...image.target, mediaType } }, amd64]])
  serve(strange)
  await assert.rejects(copy(strange.target), error => {
    assert.ok(hasCode(error, 'UNSUPPORTED'))
    assert.doesNotMatch(error.message, /\p{Cc}/u)
    return true
  })
})

for (const signed of [true, false]) {
  test(`copyImage() copies schema 1 from registry to registry as it is: ${signed ? 'signed' : 'unsigned'}`, async () => {
    const old = buildSchema1([{ blob: gzipSync(base) }, {}, { blob: gzipSync(base) }], { signed })
    serve(old)
    const copied = await copy(old.target)
    assertThere(old)
    assert.deepEqual(copied, { copied: sizeOf(old), mounted: 0, existing: 0 })
  })
}

test('copyImage() refuses schema 1 where only newer manifests have a place, before it asks for layers', async () => {
  const old = buildSchema1([{}])
  serve(old)
  const { takesSchema1: _, ...pusher } = await registry.pusher(parseReference(`${hosts.to.authority}/team/copy:2`))
  const parts = { fetcher: registry.fetcher(parseReference(`${hosts.from.authority}/team/app:1`)), pusher }
  const { signal } = new AbortController()
  await assert.rejects(copyImage(parts, old.target, { name: 'copy', signal }), error => {
    assert.ok(hasCode(error, 'UNSUPPORTED'))
    assert.match(error.hint ?? '', /davit pull converts it/)
    return true
  })
  assert.deepEqual(hosts.from.requests, [])
})

test('copyImage() follows indexes in each other, and not too deep', async () => {
  const deep = buildIndex([[index, undefined]])
  serve(deep)
  await copy(deep.target)
  assertThere(deep)
  const deeper = buildIndex([[buildIndex([[deep, undefined]]), undefined]])
  serve(deeper)
  hosts.to.content.forget()
  await assert.rejects(copy(deeper.target), error => hasCode(error, 'LIMIT_EXCEEDED'))
})

test('copyImage() tells what it does', async () => {
  serve(image)
  const events: ProgressEvent[] = []
  await copy(image.target, { onProgress: event => events.push(event) })
  const total = events.at(-1)
  assert.ok(total?.type === 'total')
  const { task, state, downloaded, toDownload } = total
  assert.deepEqual([task, state, downloaded, toDownload], ['copy', 'done', sizeOf(image), sizeOf(image)])
})

test('copyImage() ends with the signal’s reason, and leaves no tag', async () => {
  serve(image)
  const abort = new AbortController()
  const [layer] = partsOf(image).layers
  hosts.from.on(new RegExp(`^GET \\S+${layer.digest}`), async exchange => {
    exchange.fire()
    abort.abort(new Error('enough'))
    await exchange.fallSilent()
  })
  await assert.rejects(copy(image.target, { signal: abort.signal }), /enough/)
  assert.equal(hosts.to.content.get('manifests', '2'), undefined)
})
