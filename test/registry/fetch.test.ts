import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { openResolver } from '../../src/registry/client.ts'
import type { Limits } from '../../src/registry/limits.ts'
import type { Download } from '../../src/registry/registry.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import {
  breakAfter,
  hangUp,
  ignoreRange,
  reply,
  slowly,
  stallAfter,
  startRegistry,
  withHeaders,
} from '../support/registry.ts'

const content = Buffer.from(Uint8Array.from({ length: 3_000_000 }, (_, index) => (index * 7 + (index >> 8)) % 256))

async function opened(t: TestContext, limits: Partial<Limits> = {}) {
  const registry = await startRegistry()
  const resolver = openResolver({ plainHttp: true, limits: { backoffMs: [1], ...limits } })
  t.after(async () => {
    await resolver.close()
    await registry.close()
  })
  const blob = registry.putBlob(content, mediaTypes.ociLayerGzip)
  const reference = { host: registry.host, repository: 'team/app' }
  const ranges = () => registry.received.map(({ headers }) => headers.range)
  return { registry, blob, reference, fetcher: resolver.fetcher(reference), ranges }
}

async function read(download: Promise<Download>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of await download) chunks.push(chunk)
  return Buffer.concat(chunks)
}

test('fetch() gets a blob, and says from where', async t => {
  const { fetcher, blob, registry } = await opened(t)
  const download = await fetcher.fetch(blob)
  assert.equal(download.host, registry.host)
  assert.ok((await read(Promise.resolve(download))).equals(content))
  const [only, ...more] = registry.received
  assert.equal(only?.url, `/v2/team/app/blobs/${blob.digest}`)
  assert.equal(only?.headers.accept, `${mediaTypes.ociLayerGzip}, */*`)
  assert.equal(only?.headers.range, undefined)
  assert.deepEqual(more, [])
})

test('fetch() gets manifests and indexes where manifests are', async t => {
  const { fetcher, registry } = await opened(t)
  for (const mediaType of [
    mediaTypes.ociManifest,
    mediaTypes.ociIndex,
    mediaTypes.dockerManifest,
    mediaTypes.dockerIndex,
  ]) {
    const manifest = registry.putManifest({ mediaType, layers: [] }, { mediaType })
    await read(fetcher.fetch(manifest))
    assert.equal(registry.received.at(-1)?.url, `/v2/team/app/manifests/${manifest.digest}`)
  }
})

test('fetch() begins at an offset', async t => {
  const { fetcher, blob, ranges } = await opened(t)
  assert.ok((await read(fetcher.fetch(blob, { offset: 1_234_567 }))).equals(content.subarray(1_234_567)))
  assert.deepEqual(ranges(), ['bytes=1234567-'])
})

test('fetch() drops what a host sends before the offset when it ignores ranges', async t => {
  const { fetcher, blob, registry } = await opened(t)
  registry.on('GET', ignoreRange)
  assert.ok((await read(fetcher.fetch(blob, { offset: 1_234_567 }))).equals(content.subarray(1_234_567)))
})

const badRanges = [
  undefined,
  'bytes 0-2999999/3000000',
  'bytes 101-2999999/3000000',
  'bytes 100-3000000/3000000',
  'bytes 100-',
  'lines 100-2999999/3000000',
]
for (const range of badRanges) {
  test(`fetch() asks for the whole after a 206 with the range ${range}`, async t => {
    const { fetcher, blob, registry, ranges } = await opened(t)
    registry.on('GET', withHeaders({ 'content-range': range }), 1)
    assert.ok((await read(fetcher.fetch(blob, { offset: 100 }))).equals(content.subarray(100)))
    assert.deepEqual(ranges(), ['bytes=100-', undefined])
  })
}

test('fetch() asks for the whole after a 416', async t => {
  const { fetcher, blob, registry, ranges } = await opened(t)
  registry.on('GET', reply(416, { 'content-range': 'bytes */3000000' }), 1)
  assert.ok((await read(fetcher.fetch(blob, { offset: 100 }))).equals(content.subarray(100)))
  assert.deepEqual(ranges(), ['bytes=100-', undefined])
})

test('fetch() refuses a 206 that nobody asked for, and other successes', async t => {
  const { fetcher, blob, registry } = await opened(t)
  registry.on('GET', reply(206, { 'content-range': 'bytes 0-2999999/3000000' }), 1)
  await assert.rejects(fetcher.fetch(blob), { code: 'INVALID_RESPONSE' })
  registry.on('GET', reply(204), 1)
  await assert.rejects(fetcher.fetch(blob), { code: 'INVALID_RESPONSE' })
})

test('fetch() holds announced lengths to the descriptor', async t => {
  const { fetcher, blob, registry } = await opened(t)
  await assert.rejects(fetcher.fetch({ ...blob, size: blob.size + 1 }), {
    code: 'SIZE_MISMATCH',
    details: { expected: 3_000_001, actual: 3_000_000 },
  })
  await assert.rejects(fetcher.fetch({ ...blob, size: blob.size - 1 }), { code: 'SIZE_MISMATCH' })
  registry.on('GET', withHeaders({ 'content-range': 'bytes 100-2999999/4000000' }))
  await assert.rejects(fetcher.fetch(blob, { offset: 100 }), { code: 'SIZE_MISMATCH' })
})

test('fetch() refuses surplus bytes and offsets past the end', async t => {
  const { fetcher, blob, registry } = await opened(t)
  registry.on('GET', withHeaders({ 'content-length': undefined }))
  await assert.rejects(read(fetcher.fetch({ ...blob, size: 1_000_000 })), {
    code: 'SIZE_MISMATCH',
    message: /more than announced/,
  })
  await assert.rejects(fetcher.fetch(blob, { offset: blob.size + 1 }), { code: 'SIZE_MISMATCH' })
})

test('fetch() goes on where a connection broke', async t => {
  const { fetcher, blob, registry, ranges } = await opened(t)
  registry.on('GET', breakAfter(1_000_000), 1)
  registry.on('GET', hangUp, 1)
  registry.on('GET', breakAfter(1_500_000), 1)
  assert.ok((await read(fetcher.fetch(blob))).equals(content))
  assert.deepEqual(ranges(), [undefined, 'bytes=1000000-', 'bytes=1000000-', 'bytes=2500000-'])
})

test('fetch() goes on where a body without length ended early', async t => {
  const { fetcher, blob, registry, ranges } = await opened(t)
  registry.on('GET', reply(200, {}, content.subarray(0, 90_000).toString('latin1')), 1)
  const bytes = await read(fetcher.fetch(blob))
  assert.equal(bytes.length, content.length)
  assert.equal(ranges().length, 2)
})

test('fetch() goes on with a host that ignores ranges, without a byte twice', async t => {
  const { fetcher, blob, registry } = await opened(t)
  registry.on('GET', breakAfter(1_000_000), 1)
  registry.on('GET', ignoreRange)
  assert.ok((await read(fetcher.fetch(blob))).equals(content))
})

test('fetch() goes on when a host falls silent', async t => {
  const { fetcher, blob, registry, ranges } = await opened(t, { idleMs: 200 })
  registry.on('GET', stallAfter(1_000_000), 1)
  assert.ok((await read(fetcher.fetch(blob))).equals(content))
  assert.deepEqual(ranges(), [undefined, 'bytes=1000000-'])
})

test('fetch() leaves a connection that is alive and of no use', async t => {
  const { fetcher, blob, registry, ranges } = await opened(t, { slowMs: 200, slowBytesPerSecond: 10e6 })
  registry.on('GET', slowly(50), 1)
  assert.ok((await read(fetcher.fetch(blob))).equals(content))
  assert.match(ranges()[1] ?? '', /^bytes=\d+-$/)
})

test('fetch() says that a host is too slow', async t => {
  const { fetcher, blob, registry } = await opened(t, { slowMs: 100, slowBytesPerSecond: 10e6 })
  registry.on('GET', stallAfter(1_000))
  await assert.rejects(read(fetcher.fetch(blob)), { code: 'UNAVAILABLE', message: /: too slow$/ })
})

test('fetch() does not blame the host for a slow reader', async t => {
  const { fetcher, blob, ranges } = await opened(t, { slowMs: 150, slowBytesPerSecond: 100e6, fastBytesPerSecond: 1 })
  let length = 0
  for await (const chunk of await fetcher.fetch(blob)) {
    length += chunk.length
    await setTimeout(300)
  }
  assert.equal(length, content.length)
  assert.deepEqual(ranges(), [undefined])
})

for (const [etag, expected] of [
  ['"1"', '"1"'],
  ['W/"1"', undefined],
  ['1', undefined],
  [undefined, undefined],
] as const) {
  test(`fetch() goes on only with the version that it began with: ETag ${etag}`, async t => {
    const { fetcher, blob, registry } = await opened(t)
    registry.on(
      'GET',
      (request, response, serve) =>
        breakAfter(1_000_000)(request, response, () => {
          if (etag !== undefined) response.setHeader('etag', etag)
          serve()
        }),
      1,
    )
    assert.ok((await read(fetcher.fetch(blob))).equals(content))
    assert.deepEqual(
      registry.received.map(({ headers }) => headers['if-range']),
      [undefined, expected],
    )
  })
}

test('a version is of one place', async t => {
  const { fetcher, blob, registry } = await opened(t)
  registry.on('GET /v2/team', reply(307, { location: `/v2/first/blobs/${blob.digest}` }), 1)
  registry.on('GET /v2/first', (request, response, serve) => {
    response.setHeader('etag', '"1"')
    breakAfter(1_000_000)(request, response, serve)
  })
  registry.on('GET /v2/team', reply(307, { location: `/v2/second/blobs/${blob.digest}` }), 1)
  assert.ok((await read(fetcher.fetch(blob))).equals(content))
  assert.equal(registry.received.length, 4)
  assert.ok(registry.received.every(({ headers }) => headers['if-range'] === undefined))
})

test('a storage that finds an address too old makes the registry give another one, once', async t => {
  const { blob, registry } = await opened(t)
  const storage = await startRegistry()
  t.after(() => storage.close())
  storage.putBlob(content)
  const resolver = openResolver({ plainHttp: true, allowHosts: [storage.host] })
  t.after(() => resolver.close())
  const elsewhere = resolver.fetcher({ host: registry.host, repository: 'team/app' })
  registry.on('GET', reply(307, { location: `${storage.origin}/v2/x/blobs/${blob.digest}` }))
  storage.on('GET', reply(403), 1)
  assert.ok((await read(elsewhere.fetch(blob))).equals(content))
  storage.on('GET', reply(403))
  await assert.rejects(elsewhere.fetch(blob), { code: 'UNAUTHORIZED' })
  assert.equal(storage.received.length, 4)
})

test('fetch() gives up after five connections without progress', async t => {
  const { fetcher, blob, registry } = await opened(t, { backoffMs: [1, 1, 1, 1] })
  registry.on('GET', breakAfter(1_000))
  await assert.rejects(read(fetcher.fetch(blob)), { code: 'UNAVAILABLE' })
  assert.equal(registry.received.length, 5)
})

test('a resumed fetch() that finds the blob gone says so', async t => {
  const { fetcher, blob, registry } = await opened(t)
  registry.on('GET', breakAfter(1_000_000), 1)
  registry.on('GET', reply(404))
  await assert.rejects(read(fetcher.fetch(blob)), { code: 'NOT_FOUND', message: /fetch blob sha256:/ })
})

test('fetch() takes embedded data of the right length instead of asking', async t => {
  const { fetcher, blob, registry } = await opened(t)
  const data = Buffer.from('content')
  const embedded = { ...blob, data, size: data.length }
  assert.equal((await read(fetcher.fetch(embedded))).toString(), 'content')
  assert.equal((await read(fetcher.fetch(embedded, { offset: 3 }))).toString(), 'tent')
  assert.equal(registry.received.length, 0)
  assert.ok((await read(fetcher.fetch({ ...blob, data }))).equals(content))
})

test('fetch() asks for nothing when nothing is missing', async t => {
  const { fetcher, blob, registry } = await opened(t)
  assert.equal((await read(fetcher.fetch(blob, { offset: blob.size }))).length, 0)
  assert.equal(registry.received.length, 0)
})

test('fetch() does not follow foreign addresses', async t => {
  const { fetcher, blob, registry } = await opened(t)
  const foreign = await startRegistry()
  t.after(() => foreign.close())
  registry.on('GET', reply(404))
  await assert.rejects(fetcher.fetch({ ...blob, urls: [`${foreign.origin}/blob`] }), { code: 'NOT_FOUND' })
  assert.equal(foreign.received.length, 0)
})

test('fetch() keeps a media type that would break a header out of it', async t => {
  const { fetcher, blob, registry } = await opened(t)
  await read(fetcher.fetch({ ...blob, mediaType: 'a/b\r\nx-evil: 1' }))
  assert.equal(registry.received[0]?.headers.accept, '*/*')
})

test('a download that is cancelled rejects with the reason', async t => {
  const { fetcher, blob, registry } = await opened(t)
  registry.on('GET', stallAfter(1_000_000))
  const reason = new Error('enough')
  const abort = new AbortController()
  const download = fetcher.fetch(blob, { signal: abort.signal })
  void setTimeout(200).then(() => abort.abort(reason))
  await assert.rejects(read(download), reason)
})

test('a download whose bytes are all here rejects when it is cancelled', async t => {
  const { fetcher, registry } = await opened(t)
  const reason = new Error('enough')
  const abort = new AbortController()
  const download = await fetcher.fetch(registry.putBlob(content.subarray(0, 600_000)), { signal: abort.signal })
  await setTimeout(200)
  await assert.rejects(async () => {
    for await (const _ of download) abort.abort(reason)
  }, reason)
})

test('leaving the loop breaks the connection off', async t => {
  const { fetcher, blob, registry } = await opened(t)
  let broken: Promise<unknown> | undefined
  registry.on('GET', (request, response, serve) => {
    broken = new Promise(resolve => response.on('close', resolve))
    stallAfter(1_000_000)(request, response, serve)
  })
  for await (const _ of await fetcher.fetch(blob)) break
  await broken
  assert.equal(registry.received.length, 1)
})

test('close() ends a download that nobody reads', async t => {
  const { fetcher, blob, registry } = await opened(t)
  registry.on('GET', stallAfter(1_000_000))
  const download = await fetcher.fetch(blob)
  download.close()
  assert.equal((await read(Promise.resolve(download))).length, 0)
  assert.equal(registry.received.length, 1)
})
