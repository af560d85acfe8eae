import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openAuth } from '../../src/registry/auth.ts'
import { openResolver, type ResolverOptions } from '../../src/registry/client.ts'
import { ownHosts } from '../../src/registry/own-hosts.ts'
import type { TokenRequest } from '../../src/registry/token.ts'
import type { Answer } from '../../src/registry/wire.ts'
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
  const file = join(dir, 'config.json')
  const auth: GuardOptions = { scheme: 'bearer', users, identityTokens: ['id-1'] }
  const { resolver, reference, tokenRequests } = await guarded(t, auth, { authFiles: [file] })
  writeFileSync(file, JSON.stringify({ auths: { [reference.host]: { identitytoken: 'id-1' } } }))
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

test('a password goes into the form of a POST where the token server knows no other way', async t => {
  const { resolver, reference, registry, tokenRequests } = await guarded(
    t,
    { scheme: 'bearer', users },
    { credentials: me },
  )
  registry.on('GET /token', reply(404))
  registry.on('POST /token', reply(200, {}, '{"access_token":"by-post"}'))
  await assert.rejects(resolver.resolve(reference), { code: 'UNAUTHORIZED' })
  assert.equal(registry.received.at(-1)?.headers.authorization, 'Bearer by-post')
  assert.deepEqual(
    tokenRequests().map(({ method }) => method),
    ['GET', 'POST'],
  )
  assert.deepEqual(Object.fromEntries(new URLSearchParams(tokenRequests()[1]?.body)), {
    grant_type: 'password',
    service: 'test-service',
    scope: 'repository:team/app:pull',
    client_id: 'davit',
    username: 'me',
    password: 'pa:ss',
  })
})

test('a token is asked for with the scopes that the registry wants beside its own, but for none to write', async t => {
  const { resolver, reference, registry, tokenRequests } = await guarded(t, { scheme: 'bearer' })
  const wants = 'repository:cache/team/app:pull,push repository:team/app:pull,metadata_read'
  const challenge = `Bearer realm="${registry.origin}/token",scope="${wants}"`
  registry.on('HEAD /v2/', reply(401, { 'www-authenticate': challenge }), 1)
  await resolver.resolve(reference)
  await resolver.resolve(reference)
  const [asked, ...more] = tokenRequests().map(({ url }) => new URL(url, registry.origin).searchParams.getAll('scope'))
  assert.deepEqual(asked, ['repository:cache/team/app:pull', 'repository:team/app:metadata_read,pull'])
  assert.deepEqual(more, [])
})

test("a realm of somebody else's is asked without the credentials, and the refusal tells", async () => {
  const asked: TokenRequest[] = []
  const auth = openAuth({
    findCredentials: async () => ({ ...me, source: 'a file' }),
    isTrusted: async () => false,
    fetchToken: async request => {
      asked.push(request)
      return { header: 'Bearer t', expiresAt: Number.POSITIVE_INFINITY }
    },
  })
  const [host] = ownHosts('registry.example.com', false)
  assert.ok(host)
  const challenge = 'Bearer realm="https://auth.example.net/token"'
  const answer = { headers: { 'www-authenticate': challenge } } as unknown as Answer
  await auth.answer(host, 'repository:a:pull', answer, undefined)
  assert.deepEqual(
    asked.map(({ credentials }) => credentials),
    [undefined],
  )
  const clause =
    "asked anonymously, since its realm auth.example.net may be somebody else's (--allow-host auth.example.net trusts it)"
  assert.equal(auth.access(host), clause)
  assert.equal(asked[0]?.access, clause)
})

test('a realm on loopback is asked, and gets the password, only when the user names it', async t => {
  const other = await startRegistry({ auth: { scheme: 'bearer', users } })
  t.after(() => other.close())
  const challenge = reply(401, { 'www-authenticate': `Bearer realm="${other.origin}/token",service="s"` })
  const { resolver, reference, registry } = await guarded(t, { scheme: 'bearer' }, { credentials: me })
  registry.on('HEAD /v2/', challenge)
  await assert.rejects(resolver.resolve(reference), { code: 'UNSAFE', hint: /--allow-host/ })
  assert.equal(other.received.length, 0)

  const allowed = await guarded(t, { scheme: 'bearer' }, { credentials: me, allowHosts: [other.host] })
  allowed.registry.on('HEAD /v2/', challenge, 1)
  await assert.rejects(allowed.resolver.resolve(allowed.reference), { code: 'UNAUTHORIZED' })
  assert.equal(other.received.at(-1)?.headers.authorization, basicHeader('me', 'pa:ss'))
})

test('bearer comes before basic, on whatever line it stands', async t => {
  const { resolver, reference, registry, tokenRequests } = await guarded(t, { scheme: 'bearer' })
  const lines = ['Negotiate', 'Basic realm="x"', `Bearer realm="${registry.origin}/token"`]
  registry.on('HEAD /v2/', (_, response) => response.writeHead(401, { 'www-authenticate': lines }).end(), 1)
  await resolver.resolve(reference)
  assert.equal(tokenRequests().length, 1)
})

test('requests that find their token expired together wait for one new one', async t => {
  const { resolver, reference, registry, blob, tokenRequests } = await guarded(t, { scheme: 'bearer' })
  await resolver.resolve(reference)
  registry.guard?.revoke()
  const downloads = await Promise.all(Array.from({ length: 5 }, () => resolver.fetcher(reference).fetch(blob)))
  for (const download of downloads) download.close()
  assert.equal(tokenRequests().length, 2)
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
