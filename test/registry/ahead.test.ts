import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { openResolver, type ResolverOptions } from '../../src/registry/client.ts'
import type { Limits } from '../../src/registry/limits.ts'
import type { Download } from '../../src/registry/registry.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import {
  type Action,
  breakAfter,
  ignoreRange,
  reply,
  slowly,
  stallAfter,
  startRegistry,
  withHeaders,
} from '../support/registry.ts'

const MiB = 2 ** 20
const content = Buffer.alloc(12 * MiB)
for (let at = 0; at < content.length; at += 32) createHash('sha256').update(`${at}`).digest().copy(content, at)

/** Twelve seconds over one connection: whoever is done sooner has had more. */
const slow = slowly(60)
const isRange = /GET .*\/blobs\//

async function opened(t: TestContext, limits: Partial<Limits> = {}, options: ResolverOptions = {}) {
  const registry = await startRegistry()
  const storage = await startRegistry()
  const resolver = openResolver({
    plainHttp: true,
    allowHosts: [storage.host],
    ...options,
    limits: { backoffMs: [1, 1], aheadFromBytes: 2 * MiB, aheadFromIdle: 0, ...limits },
  })
  t.after(async () => {
    await resolver.close()
    await registry.close()
    await storage.close()
  })
  const blob = registry.putBlob(content, mediaTypes.ociLayerGzip)
  const small = content.subarray(0, 5 * MiB)
  const smallBlob = storage.putBlob(small, mediaTypes.ociLayerGzip)
  registry.putBlob(small)
  let atOnce = 0
  let most = 0
  /** Counts the answers under way at a time. */
  const counted =
    (action: Action): Action =>
    (request, response, serve) => {
      most = Math.max(most, ++atOnce)
      response.on('close', () => atOnce--)
      action(request, response, serve)
    }
  const fetcher = resolver.fetcher({ host: registry.host, repository: 'team/app' })
  const ranges = () => registry.received.map(({ headers }) => headers.range)
  return { registry, storage, blob, small, smallBlob, fetcher, ranges, counted, most: () => most }
}

async function read(download: Promise<Download>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of await download) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Those with an end: asked for ahead of their turn. */
function bounded(ranges: readonly (string | undefined)[]): readonly string[] {
  return ranges.filter(range => range !== undefined && /-\d+$/.test(range)).map(String)
}

test('fetch() has other connections join in with a slow one', async t => {
  const { fetcher, blob, registry, ranges, counted, most } = await opened(t)
  registry.on(isRange, counted(slow))
  const begun = performance.now()
  assert.ok((await read(fetcher.fetch(blob))).equals(content))
  assert.ok(performance.now() - begun < 9_000)
  assert.equal(most(), 8)
  const parts = bounded(ranges())
  assert.ok(parts.length >= 7)
  assert.equal(new Set(parts).size, parts.length, 'none is asked for twice')
})

test('fetch() waits a little for what was asked ahead, and asks for nothing twice', async t => {
  const { fetcher, blob, registry, ranges } = await opened(t, { aheadAnswerMs: 30_000 })
  registry.on(isRange, (request, response, serve) => {
    const isFirst = request.headers.range === undefined
    if (isFirst) slowly(20)(request, response, serve)
    else setTimeout(() => slowly(5)(request, response, serve), 60)
  })
  assert.ok((await read(fetcher.fetch(blob))).equals(content))
  assert.deepEqual(
    ranges().filter(range => range === undefined || /-$/.test(range)),
    [undefined],
  )
})

test('fetch() gives up a connection that holds up all others', async t => {
  const { fetcher, blob, registry, ranges } = await opened(t)
  registry.on(isRange, (request, response, serve) => {
    if (request.headers.range === undefined) stallAfter(MiB)(request, response, serve)
    else serve()
  })
  // Far sooner than the first connection counts as dead.
  const download = await fetcher.fetch(blob, { signal: AbortSignal.timeout(30_000) })
  assert.ok((await read(Promise.resolve(download))).equals(content))
  assert.ok(
    bounded(ranges()).some(range => Number(/bytes=(\d+)-/.exec(range)?.[1]) < 2 * MiB),
    'others fetch what it owed',
  )
})

test('fetch() leaves a fast connection alone', async t => {
  const { fetcher, blob, registry, ranges } = await opened(t, { fastBytesPerSecond: 1 })
  registry.on(isRange, slowly(5))
  assert.ok((await read(fetcher.fetch(blob))).equals(content))
  assert.deepEqual(ranges(), [undefined])
})

test('fetch() leaves a slow connection alone when this thread has other things to do', async t => {
  // More than there is: no thread waits all the time.
  const { fetcher, small, smallBlob, registry, ranges } = await opened(t, { aheadFromIdle: 2 })
  registry.on(isRange, slowly(20))
  assert.ok((await read(fetcher.fetch(smallBlob))).equals(small))
  assert.deepEqual(ranges(), [undefined])
})

test('reuse() keeps some memory, for the chunks of other downloads too', async t => {
  const { fetcher, blob } = await opened(t, { spareBytes: MiB, fastBytesPerSecond: 1 })
  const download = await fetcher.fetch(blob)
  const spent: ArrayBufferLike[] = []
  for await (const { buffer } of download) if (buffer.byteLength === MiB / 2) spent.push(buffer)
  assert.ok(spent.length > 2)
  for (const buffer of spent) download.reuse(buffer as ArrayBuffer)
  let again = 0
  for await (const { buffer } of await fetcher.fetch(blob)) if (spent.includes(buffer)) again++
  assert.equal(again, 2)
})

test('fetch() leaves short rests alone', async t => {
  const { fetcher, blob, registry, ranges } = await opened(t, { aheadFromBytes: 12 * MiB })
  registry.on(isRange, slowly(5))
  assert.ok((await read(fetcher.fetch(blob))).equals(content))
  assert.deepEqual(ranges(), [undefined])
})

test('fetch() keeps to the connections that it may have', async t => {
  const { fetcher, blob, registry, counted, most } = await opened(t, {}, { maxConnections: 3 })
  registry.on(isRange, counted(slowly(20)))
  const other = registry.putBlob(content.subarray(MiB), mediaTypes.ociLayer)
  const [one, two] = await Promise.all([read(fetcher.fetch(blob)), read(fetcher.fetch(other))])
  assert.ok(one.equals(content) && two.equals(content.subarray(MiB)))
  // A connection that was broken off is seen to end a little later.
  assert.ok(most() >= 3 && most() <= 4)
})

test('a layer waits for a connection, a document does not', async t => {
  const { fetcher, blob, registry } = await opened(t, {}, { maxConnections: 1 })
  const manifest = registry.putManifest({ schemaVersion: 2, layers: [] })
  const layer = registry.putBlob('a layer', mediaTypes.ociLayer)
  const first = await fetcher.fetch(blob)
  const second = fetcher.fetch(layer)
  await read(fetcher.fetch(manifest))
  assert.deepEqual(
    registry.received.map(({ url }) => url.replace(/.*\//, '')),
    [blob.digest, manifest.digest],
  )
  first.close()
  assert.equal((await read(second)).toString(), 'a layer')
})

test('a layer that waits for a connection can be cancelled', async t => {
  const { fetcher, blob } = await opened(t, {}, { maxConnections: 1 })
  const first = await fetcher.fetch(blob)
  const reason = new Error('enough')
  const abort = new AbortController()
  const second = fetcher.fetch(blob, { signal: abort.signal })
  abort.abort(reason)
  await assert.rejects(second, reason)
  first.close()
  await read(fetcher.fetch(blob))
})

test('fetch() hands out memory that may go to another thread, while the connections go on', async t => {
  const { fetcher, blob, registry } = await opened(t)
  registry.on(isRange, slowly(10))
  for (const _ of [1, 2]) {
    const chunks: ArrayBuffer[] = []
    for await (const { buffer, byteOffset, length } of await fetcher.fetch(blob)) {
      const moved = structuredClone(buffer as ArrayBuffer, { transfer: [buffer as ArrayBuffer] })
      chunks.push(moved.slice(byteOffset, byteOffset + length))
    }
    assert.ok(Buffer.concat(chunks.map(chunk => new Uint8Array(chunk))).equals(content))
  }
})

const unwilling: readonly (readonly [string, Action])[] = [
  ['answers 200', ignoreRange],
  ['answers 416', reply(416)],
  ['answers 403', reply(403)],
  ['sends other ranges', withHeaders({ 'content-range': `bytes 1-2/${content.length}` })],
  [
    'sends more than was asked for',
    withHeaders({ 'content-range': `bytes 0-${content.length - 1}/${content.length}` }),
  ],
  ['has another version', withHeaders({ etag: '"2"' })],
]
for (const [what, action] of unwilling) {
  test(`fetch() stays with one connection when the host ${what}`, async t => {
    const { fetcher, small, smallBlob, registry } = await opened(t)
    const ranges: (string | undefined)[] = []
    registry.on(isRange, (request, response, serve) => {
      ranges.push(request.headers.range)
      if (request.headers.range !== undefined) return action(request, response, serve)
      slowly(10)(request, response, () => {
        response.setHeader('etag', '"1"')
        serve()
      })
    })
    assert.ok((await read(fetcher.fetch(smallBlob))).equals(small))
    assert.ok(ranges.length > 1)
    assert.equal(bounded(ranges).length, ranges.length - 1, 'the first connection goes on')
    ranges.length = 0
    assert.ok((await read(fetcher.fetch(smallBlob))).equals(small))
    assert.deepEqual(ranges, [undefined], 'and no other is tried again')
  })
}

test('fetch() makes up for ranges that break off', async t => {
  const { fetcher, blob, registry, ranges } = await opened(t)
  let broken = 0
  registry.on(isRange, (request, response, serve) => {
    if (/-\d+$/.test(request.headers.range ?? '') && broken++ < 3) breakAfter(300_000)(request, response, serve)
    else slowly(10)(request, response, serve)
  })
  assert.ok((await read(fetcher.fetch(blob))).equals(content))
  assert.ok(broken >= 3)
  assert.ok(
    ranges().some(range => /^bytes=\d+-$/.test(range ?? '')),
    'the reader fills the hole itself',
  )
})

test('fetch() takes 429 for the number of connections that a host bears', async t => {
  const { fetcher, blob, registry, counted, most } = await opened(t)
  let atOnce = 0
  registry.on(isRange, (request, response, serve) => {
    if (atOnce === 3) return reply(429)(request, response, serve)
    atOnce++
    response.on('close', () => atOnce--)
    counted(slowly(15))(request, response, serve)
  })
  assert.ok((await read(fetcher.fetch(blob))).equals(content))
  assert.ok(most() > 1)
  assert.ok(registry.received.filter(({ status }) => status === 429).length <= 6)
})

test('ranges go straight to where the registry has led, until that refuses', async t => {
  const { fetcher, small, smallBlob, registry, storage } = await opened(t)
  let signature = 1
  registry.on(isRange, (request, response, serve) =>
    reply(307, { location: `${storage.origin}/v2/signed-${signature}/blobs/${smallBlob.digest}` })(
      request,
      response,
      serve,
    ),
  )
  storage.on(isRange, (request, response, serve) => {
    if (!request.url?.includes(`signed-${signature}`)) return reply(403)(request, response, serve)
    if (storage.received.length === 3) signature = 2
    slowly(15)(request, response, serve)
  })
  assert.ok((await read(fetcher.fetch(smallBlob))).equals(small))
  assert.ok(storage.received.some(({ status }) => status === 403))
  assert.ok(registry.received.length < storage.received.length)
})

test('a download over several connections rejects with the reason when it is cancelled', async t => {
  const { fetcher, blob, registry, counted, most } = await opened(t)
  registry.on(isRange, counted(slow))
  const reason = new Error('enough')
  const abort = new AbortController()
  await assert.rejects(async () => {
    for await (const _ of await fetcher.fetch(blob, { signal: abort.signal })) if (most() === 8) abort.abort(reason)
  }, reason)
})

test('leaving the loop breaks all connections off, and gives their places back', async t => {
  const { fetcher, blob, registry, counted, most } = await opened(t)
  const closed: Promise<unknown>[] = []
  registry.on(
    isRange,
    counted((request, response, serve) => {
      closed.push(new Promise(resolve => response.on('close', resolve)))
      slow(request, response, serve)
    }),
  )
  for (const _ of [1, 2]) {
    for await (const _ of await fetcher.fetch(blob)) if (most() === 8) break
    await Promise.all(closed)
  }
})
