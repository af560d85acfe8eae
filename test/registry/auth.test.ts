import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openResolver, type ResolverOptions } from '../../src/registry/client.ts'
import { reply, startRegistry } from '../support/registry.ts'
import { basicHeader, type GuardOptions } from '../support/registry-guard.ts'

const limits = { backoffMs: [1, 1] }

async function guarded(t: TestContext, auth: GuardOptions, options: ResolverOptions = {}) {
  const registry = await startRegistry({ auth })
  const resolver = openResolver({ limits, ...options })
  t.after(async () => {
    await resolver.close()
    await registry.close()
  })
  const blob = registry.putBlob('content')
  const manifest = registry.putManifest({ schemaVersion: 2, config: blob, layers: [] }, { tags: ['latest'] })
  const reference = { host: registry.host, repository: 'team/app', tag: 'latest' }
  const tokenRequests = () => registry.received.filter(({ url }) => url.startsWith('/token'))
  return { registry, resolver, blob, manifest, reference, tokenRequests }
}

const me = { username: 'me', password: 'pa:ss' }
const users = { me: 'pa:ss' }

test('resolve() gets an anonymous token for its repository', async t => {
  const { resolver, reference, manifest, registry, tokenRequests } = await guarded(t, { scheme: 'bearer' })
  const { descriptor } = await resolver.resolve(reference)
  assert.deepEqual(descriptor, manifest)
  const [asked, ...more] = tokenRequests()
  assert.equal(asked?.url, '/token?service=test-service&scope=repository%3Ateam%2Fapp%3Apull')
  assert.equal(asked?.headers.authorization, undefined)
  assert.deepEqual(more, [])
  assert.equal(registry.received.at(-1)?.headers.authorization, 'Bearer token-1')
})

test('a token is fetched once for requests that come together', async t => {
  const { resolver, reference, blob, tokenRequests } = await guarded(t, { scheme: 'bearer' })
  await resolver.resolve(reference)
  const other = { ...reference, repository: 'team/other' }
  const downloads = await Promise.all(Array.from({ length: 5 }, () => resolver.fetcher(other).fetch(blob)))
  for (const download of downloads) download.close()
  assert.equal(tokenRequests().length, 2)
})

test('tokens are kept by repository', async t => {
  const { resolver, reference, tokenRequests } = await guarded(t, { scheme: 'bearer' })
  await resolver.resolve(reference)
  await resolver.resolve(reference)
  assert.equal(tokenRequests().length, 1)
  await resolver.resolve({ ...reference, repository: 'team/other' })
  assert.match(tokenRequests()[1]?.url ?? '', /team%2Fother/)
})

test('a token that is refused is replaced, once', async t => {
  const { resolver, reference, registry, tokenRequests } = await guarded(t, { scheme: 'bearer' })
  await resolver.resolve(reference)
  registry.guard?.revoke()
  await resolver.resolve(reference)
  assert.equal(tokenRequests().length, 2)
  registry.on('HEAD /v2/', reply(401, { 'www-authenticate': `Bearer realm="${registry.origin}/token"` }))
  await assert.rejects(resolver.resolve(reference), { code: 'UNAUTHORIZED' })
  assert.equal(tokenRequests().length, 3)
})

test('a token is used for nine tenths of its life, and for 54 s when the server does not say', async t => {
  let now = 0
  t.mock.method(performance, 'now', () => now)
  for (const [expiresIn, lastUse] of [
    [undefined, 53_999],
    [-1, 53_999],
    [300, 269_999],
  ] as const) {
    now = 0
    const { resolver, reference, tokenRequests } = await guarded(t, {
      scheme: 'bearer',
      ...(expiresIn && { expiresIn }),
    })
    await resolver.resolve(reference)
    now = lastUse
    await resolver.resolve(reference)
    assert.equal(tokenRequests().length, 1)
    now = lastUse + 1
    await resolver.resolve(reference)
    assert.equal(tokenRequests().length, 2)
  }
})

test('a password is sent to the token server, and nowhere else', async t => {
  const { resolver, reference, registry, tokenRequests } = await guarded(
    t,
    { scheme: 'bearer', users },
    { credentials: me },
  )
  await resolver.resolve(reference)
  assert.match(tokenRequests()[0]?.url ?? '', /account=me/)
  const carriers = registry.received.filter(({ headers }) => headers.authorization === basicHeader('me', 'pa:ss'))
  assert.deepEqual(
    carriers.map(({ url }) => url.slice(0, 6)),
    ['/token'],
  )
})

test('a password is sent to a registry that asks for basic authentication', async t => {
  const { resolver, reference, registry } = await guarded(t, { scheme: 'basic', users }, { credentials: me })
  await resolver.resolve(reference)
  await resolver.resolve(reference)
  const sent = registry.received.map(({ headers }) => headers.authorization)
  assert.deepEqual(sent, [undefined, basicHeader('me', 'pa:ss'), basicHeader('me', 'pa:ss')])
})

test('an identity token is exchanged in the form of a POST', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'davit-auth-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const dockerConfig = join(dir, 'config.json')
  const auth: GuardOptions = { scheme: 'bearer', users, identityTokens: ['id-1'] }
  const { resolver, reference, tokenRequests } = await guarded(t, auth, { dockerConfig })
  writeFileSync(dockerConfig, JSON.stringify({ auths: { [reference.host]: { identitytoken: 'id-1' } } }))
  await resolver.resolve(reference)
  const [asked] = tokenRequests()
  assert.equal(asked?.method, 'POST')
  assert.deepEqual(Object.fromEntries(new URLSearchParams(asked?.body)), {
    grant_type: 'refresh_token',
    service: 'test-service',
    scope: 'repository:team/app:pull',
    client_id: 'davit',
    refresh_token: 'id-1',
  })
})

test('refusals say whether credentials were used and where they are from', async t => {
  const wrong = { username: 'me', password: 'wrong-secret' }
  for (const scheme of ['basic', 'bearer'] as const) {
    const { resolver, reference, registry } = await guarded(t, { scheme, users }, { credentials: wrong })
    await assert.rejects(resolver.resolve(reference), error => {
      assert.ok(error instanceof Error)
      assert.match(
        error.message,
        new RegExp(`${registry.host}, asked with credentials from the command line, refuses \\(401`),
      )
      assert.doesNotMatch(error.message, /wrong-secret/)
      return true
    })
  }
  const anonymous = await guarded(t, { scheme: 'basic', users })
  await assert.rejects(anonymous.resolver.resolve(anonymous.reference), {
    code: 'UNAUTHORIZED',
    message: /asked anonymously, refuses/,
    hint: /--username/,
  })
})

const noTokens: readonly (readonly [string, Parameters<typeof reply>, string])[] = [
  ['is no JSON', [200, {}, 'token'], 'INVALID_RESPONSE'],
  ['has no token', [200, {}, '{"expires_in":5}'], 'INVALID_RESPONSE'],
  ['has a token that would break a header', [200, {}, '{"token":"a\\r\\nx: y"}'], 'INVALID_RESPONSE'],
  ['is too long', [200, {}, JSON.stringify({ token: 'a'.repeat(70_000) })], 'INVALID_RESPONSE'],
  ['is a redirect', [302, { location: '/elsewhere' }, '{"token":"t"}'], 'INVALID_RESPONSE'],
  ['is a refusal', [403], 'UNAUTHORIZED'],
  ['is a failure', [500], 'UNAVAILABLE'],
]
for (const [what, answer, code] of noTokens) {
  test(`resolve() fails when the answer of the token server ${what}`, async t => {
    const { resolver, reference, registry } = await guarded(t, { scheme: 'bearer' })
    registry.on('/token', reply(...answer))
    await assert.rejects(resolver.resolve(reference), { code })
    assert.equal(registry.received.filter(({ url }) => url.startsWith('/elsewhere')).length, 0)
  })
}

test('a failure to get a token is not remembered', async t => {
  const { resolver, reference, registry } = await guarded(t, { scheme: 'bearer' })
  registry.on('/token', reply(403), 1)
  await assert.rejects(resolver.resolve(reference), { code: 'UNAUTHORIZED' })
  await resolver.resolve(reference)
})

test('a realm that is no web address is refused', async t => {
  for (const realm of ['', 'file:///etc/passwd', 'nonsense', 'http://user:pw@127.0.0.1/token']) {
    const { resolver, reference, registry } = await guarded(t, { scheme: 'bearer' })
    registry.on('HEAD', reply(401, { 'www-authenticate': `Bearer realm="${realm}"` }))
    await assert.rejects(resolver.resolve(reference), { code: 'INVALID_RESPONSE' })
  }
})

test('one caller may leave while another still waits for the token', async t => {
  const { resolver, reference, registry } = await guarded(t, { scheme: 'bearer' })
  registry.on('/token', (_request, _response, serve) => setTimeout(serve, 100), 1)
  const reason = new Error('enough')
  const abort = new AbortController()
  const left = resolver.resolve(reference, { signal: abort.signal })
  const stays = resolver.resolve(reference)
  setTimeout(() => abort.abort(reason), 50)
  await assert.rejects(left, reason)
  await stays
})
