import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { hasCode } from '../../src/errors.ts'
import { openResolver, type ResolverOptions } from '../../src/registry/client.ts'
import { retryAfter } from '../../src/registry/failures.ts'
import { type Action, hangUp, ignore, reply, startRegistry } from '../support/registry.ts'

const limits = { backoffMs: [1, 1] }

async function opened(t: TestContext, options: ResolverOptions = {}) {
  const registry = await startRegistry()
  const other = await startRegistry()
  const resolver = openResolver({ plainHttp: true, limits, allowHosts: [other.host], ...options })
  t.after(async () => {
    await resolver.close()
    await registry.close()
    await other.close()
  })
  const manifest = registry.putManifest({ schemaVersion: 2, layers: [] }, { tags: ['latest'] })
  other.putManifest({ schemaVersion: 2, layers: [] }, { tags: ['latest'] })
  const reference = { host: registry.host, repository: 'team/app', tag: 'latest' }
  return { registry, other, resolver, manifest, reference }
}

test('requests name their sender and take no content coding', async t => {
  const { resolver, reference, registry } = await opened(t, { version: '1.2.3' })
  await resolver.resolve(reference)
  assert.equal(registry.received[0]?.headers['user-agent'], 'davit/1.2.3')
  assert.equal(registry.received[0]?.headers['accept-encoding'], 'identity')
})

test('credentials reach no other origin', async t => {
  const users = { me: 'secret' }
  const credentials = { username: 'me', password: 'secret' }
  const registry = await startRegistry({ auth: { scheme: 'basic', users } })
  const other = await startRegistry()
  const resolver = openResolver({ plainHttp: true, limits, credentials, allowHosts: [other.host] })
  t.after(async () => {
    await resolver.close()
    await registry.close()
    await other.close()
  })
  const manifest = other.putManifest({ schemaVersion: 2, layers: [] }, { tags: ['latest'] })
  registry.on('HEAD /v2/a/', (request, response, serve) => {
    if (request.headers.authorization === undefined) serve()
    else reply(307, { location: `${other.origin}/v2/b/manifests/latest` })(request, response, serve)
  })
  const { descriptor } = await resolver.resolve({ host: registry.host, repository: 'a', tag: 'latest' })
  assert.deepEqual(descriptor, manifest)
  assert.ok(registry.received.some(({ headers }) => headers.authorization !== undefined))
  assert.equal(other.received.length, 1)
  assert.equal(other.received[0]?.headers.authorization, undefined)
})

test('a redirect target that asks for credentials gets none', async t => {
  const { resolver, reference, registry, other } = await opened(t, {
    credentials: { username: 'me', password: 'secret' },
  })
  registry.on('/manifests/', reply(307, { location: `${other.origin}/x` }))
  other.on('/x', reply(401, { 'www-authenticate': `Bearer realm="${other.origin}/token"` }))
  await assert.rejects(resolver.resolve(reference), { code: 'UNAUTHORIZED', message: /after a redirect/ })
  assert.deepEqual(
    other.received.map(({ url }) => url),
    ['/x'],
  )
  assert.ok(other.received.every(({ headers }) => headers.authorization === undefined))
})

test('five redirects are followed, six are not', async t => {
  const { resolver, reference, registry } = await opened(t)
  let hops = 0
  registry.on('HEAD', (request, response, serve) => {
    if (hops-- > 0) reply(302, { location: request.url ?? '' })(request, response, serve)
    else serve()
  })
  hops = 5
  await resolver.resolve(reference)
  hops = 6
  await assert.rejects(resolver.resolve(reference), { code: 'INVALID_RESPONSE', message: /more than 5 times/ })
})

for (const [what, location] of [
  ['nowhere', undefined],
  ['a file', 'file:///etc/passwd'],
  ['no address', 'http://'],
] as const) {
  test(`a redirect to ${what} is refused`, async t => {
    const { resolver, reference, registry } = await opened(t)
    registry.on('HEAD', reply(302, location === undefined ? {} : { location }))
    await assert.rejects(resolver.resolve(reference), { code: 'INVALID_RESPONSE' })
  })
}

test('messages hide the query of an address', async t => {
  const { resolver, reference, registry } = await opened(t)
  registry.on('HEAD', reply(302, { location: 'ftp://127.0.0.1/x?X-Signature=hunter2' }))
  await assert.rejects(
    resolver.resolve(reference),
    error => error instanceof Error && !error.message.includes('hunter2'),
  )
})

const errorBody = JSON.stringify({ errors: [{ code: 'DENIED', message: 'no\u001b[31m entry\r\nhere' }] })
const statuses: readonly (readonly [number, string, string, number])[] = [
  [400, '', 'INVALID_RESPONSE', 1],
  [401, '', 'UNAUTHORIZED', 1],
  [403, errorBody, 'UNAUTHORIZED', 1],
  [404, '', 'NOT_FOUND', 1],
  [408, '', 'UNAVAILABLE', 3],
  [429, '', 'RATE_LIMITED', 3],
  [500, '', 'UNAVAILABLE', 3],
  [501, '', 'UNAVAILABLE', 1],
  [503, '', 'UNAVAILABLE', 3],
  [204, '', 'INVALID_RESPONSE', 1],
  [304, '', 'INVALID_RESPONSE', 1],
]
for (const [status, body, code, tries] of statuses) {
  test(`fetch() takes status ${status} as ${code} after ${tries} tries`, async t => {
    const { resolver, reference, registry, manifest } = await opened(t)
    registry.on('GET', reply(status, {}, body))
    await assert.rejects(resolver.fetcher(reference).fetch(manifest), { code })
    assert.equal(registry.received.length, tries)
  })
}

test("a registry's own words are quoted in one clean line", async t => {
  const { resolver, reference, registry, manifest } = await opened(t)
  registry.on('GET', reply(403, {}, errorBody))
  await assert.rejects(resolver.fetcher(reference).fetch(manifest), {
    message: /\(403, DENIED: no \[31m entry here\)$/,
  })
})

test('an error body without end is not waited for', async t => {
  const { resolver, reference, registry, manifest } = await opened(t)
  registry.on('GET', (_, response) => {
    response.writeHead(403)
    const write = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, 'a'))) {}
      response.once('drain', write)
    }
    write()
  })
  await assert.rejects(resolver.fetcher(reference).fetch(manifest), { code: 'UNAUTHORIZED' })
})

for (const [what, action] of [
  ['500', reply(500)],
  ['429', reply(429)],
  ['a broken connection', hangUp],
] as readonly (readonly [string, Action])[]) {
  test(`${what} is tried again`, async t => {
    const { resolver, reference, registry, manifest } = await opened(t)
    registry.on('HEAD', action, 2)
    assert.deepEqual((await resolver.resolve(reference)).descriptor, manifest)
    assert.equal(registry.received.length, 3)
  })
}

test('Retry-After is honoured', async t => {
  const { resolver, reference, registry } = await opened(t)
  registry.on('HEAD', reply(429, { 'retry-after': '1' }), 1)
  const begun = performance.now()
  await resolver.resolve(reference)
  assert.ok(performance.now() - begun > 950)
})

test('Retry-After that is too far off is a refusal at once', async t => {
  const { resolver, reference, registry } = await opened(t)
  registry.on('HEAD', reply(429, { 'retry-after': '3600' }))
  await assert.rejects(resolver.resolve(reference), error => {
    assert.ok(hasCode(error, 'RATE_LIMITED'))
    assert.equal(error.details.retryAfterMs, 3_600_000)
    return true
  })
  assert.equal(registry.received.length, 1)
})

test('retryAfter() reads seconds and dates, and no nonsense', () => {
  const now = Date.parse('Wed, 21 Oct 2015 07:28:00 GMT')
  assert.equal(retryAfter('5', now), 5_000)
  assert.equal(retryAfter('Wed, 21 Oct 2015 07:28:07 GMT', now), 7_000)
  assert.equal(retryAfter('Wed, 21 Oct 2015 07:27:00 GMT', now), 0)
  assert.equal(retryAfter('soon', now), undefined)
  assert.equal(retryAfter('-5e', now), undefined)
  assert.equal(retryAfter('-5', now), undefined)
  assert.equal(retryAfter('1.5', now), undefined)
  assert.equal(retryAfter('Wednesday, 21-Oct-15 07:28:07 GMT', now), 7_000)
  assert.equal(retryAfter('Wed Oct 21 07:28:07 2015', now), 7_000)
  assert.equal(retryAfter(undefined, now), undefined)
})

test('a host that does not answer in time is UNAVAILABLE', async t => {
  const { resolver, reference, registry } = await opened(t, { limits: { headersMs: 100, backoffMs: [] } })
  registry.on('HEAD', ignore)
  await assert.rejects(resolver.resolve(reference), { code: 'UNAVAILABLE', message: /no answer in time/ })
})

test('a closed port and an unknown name are UNAVAILABLE, in words', async t => {
  const { resolver, reference, registry } = await opened(t)
  await registry.close()
  await assert.rejects(resolver.resolve(reference), { code: 'UNAVAILABLE', message: /connection refused/ })
  const unknown = { ...reference, host: 'registry.invalid' }
  await assert.rejects(resolver.resolve(unknown), {
    code: 'UNAVAILABLE',
    message: /registry\.invalid: name (not found|service)/,
  })
})

/** A server on loopback that answers HTTP with 400 and a TLS greeting with silence or a 400 too. */
async function withoutTls(t: TestContext, silent: boolean) {
  const greetings: string[] = []
  const sockets: Socket[] = []
  const server = createServer(socket => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.once('data', data => {
      const greeting = data[0] === 0x16 ? 'TLS' : 'HTTP'
      greetings.push(greeting)
      if (!silent || greeting === 'HTTP') socket.end('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const resolver = openResolver({ limits })
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
    await resolver.close()
  })
  const reference = { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, repository: 'a/b', tag: 'latest' }
  return { greetings, resolver, reference }
}

test('a loopback registry is asked in TLS when it does not speak HTTP', async t => {
  const { greetings, resolver, reference } = await withoutTls(t, false)
  await assert.rejects(resolver.resolve(reference), { code: 'INVALID_RESPONSE', message: /answers 400/ })
  assert.deepEqual(greetings, ['HTTP', 'TLS'])
})

test('a request that is still connecting can be cancelled', async t => {
  const { resolver, reference } = await withoutTls(t, true)
  const reason = new Error('enough')
  const abort = new AbortController()
  setTimeout(() => abort.abort(reason), 300)
  const begun = performance.now()
  await assert.rejects(resolver.resolve(reference, { signal: abort.signal }), reason)
  assert.ok(performance.now() - begun < 5_000)
})

test('a request that is cancelled rejects with the reason, at whatever stage', async t => {
  const { resolver, reference, registry } = await opened(t, { limits: { backoffMs: [10_000] } })
  const reason = new Error('enough')
  await assert.rejects(resolver.resolve(reference, { signal: AbortSignal.abort(reason) }), reason)
  assert.equal(registry.received.length, 0)
  for (const action of [ignore, reply(503)]) {
    registry.on('HEAD', action, 1)
    const abort = new AbortController()
    setTimeout(() => abort.abort(reason), 100)
    await assert.rejects(resolver.resolve(reference, { signal: abort.signal }), reason)
  }
  await resolver.resolve(reference)
})

test('a closed resolver answers no more', async t => {
  const { resolver, reference } = await opened(t)
  await resolver.resolve(reference)
  await resolver.close()
  await assert.rejects(resolver.resolve(reference), /closed/)
})
