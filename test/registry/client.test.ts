/** Hosts as files and settings describe them, from the reference to the bytes. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { openResolver, type ResolverOptions } from '../../src/registry/client.ts'
import { makeScratch } from '../conformance/scratch.ts'
import { proxyFront, tlsFront } from '../support/fronts.ts'
import { hangUp, reply, startRegistry, type TestRegistry } from '../support/registry.ts'
import { basicHeader } from '../support/registry-guard.ts'
import { createAuthority } from '../support/wire/certificates.ts'

const scratch = makeScratch('client')
const limits = { backoffMs: [1, 1] }
const me = { username: 'me', password: 'secret' }
const authority = createAuthority()

function resolving(t: TestContext, options: ResolverOptions) {
  const resolver = openResolver({ limits, ...options })
  t.after(() => resolver.close())
  return resolver
}

/** A directory with this hosts.toml, and these files beside it, for `name`. */
function hostsDir(name: string, text: string, files: Readonly<Record<string, string>> = {}): string {
  const root = mkdtempSync(join(scratch, 'hosts-'))
  mkdirSync(join(root, name))
  for (const [file, content] of Object.entries({ ...files, 'hosts.toml': text }))
    writeFileSync(join(root, name, file), content)
  return root
}

/** A registry, and mirrors of it with the same content, described by a hosts.toml. */
async function mirrored(
  t: TestContext,
  toml: (mirrors: readonly TestRegistry[]) => string,
  options: ResolverOptions = {},
) {
  const [own, first, second] = [await startRegistry(), await startRegistry(), await startRegistry()]
  t.after(() => Promise.all([own, first, second].map(registry => registry.close())))
  const [blob, manifest] =
    [own, first, second]
      .map(registry => {
        const blob = registry.putBlob('x'.repeat(300_000))
        return [blob, registry.putManifest({ schemaVersion: 2, config: blob, layers: [] }, { tags: ['1'] })] as const
      })
      .at(0) ?? []
  assert.ok(blob && manifest)
  const resolver = resolving(t, { hostsDirs: [hostsDir(own.host, toml([first, second]))], ...options })
  const reference = { host: own.host, repository: 'team/app', tag: '1' }
  return { own, first, second, blob, manifest, resolver, reference }
}

async function bytesOf(source: AsyncIterable<Uint8Array>): Promise<number> {
  let count = 0
  for await (const chunk of source) count += chunk.length
  return count
}

const askedFor = ({ received }: TestRegistry) => received.map(({ method, url }) => `${method} ${url}`)

test('a mirror that may not resolve serves blobs, and is told whose', async t => {
  const { own, first, blob, manifest, resolver, reference } = await mirrored(
    t,
    ([a]) => `[host."${a?.origin}"]\ncapabilities = ["pull"]`,
  )
  const { host } = await resolver.resolve(reference)
  assert.equal(host, own.host)
  await bytesOf(await resolver.fetcher(reference).fetch(manifest))
  const download = await resolver.fetcher(reference).fetch(blob)
  assert.equal(await bytesOf(download), 300_000)
  assert.equal(download.host, first.host)
  assert.deepEqual(askedFor(first), [`GET /v2/team/app/blobs/${blob.digest}?ns=${encodeURIComponent(own.host)}`])
  assert.deepEqual(askedFor(own), ['HEAD /v2/team/app/manifests/1', `GET /v2/team/app/manifests/${manifest.digest}`])
})

test('a mirror that may resolve serves all; the next one stands in for it, and is first from then on', async t => {
  const { own, first, second, blob, resolver, reference } = await mirrored(t, mirrors =>
    mirrors.map(({ origin }) => `[host."${origin}"]`).join('\n'),
  )
  first.on('/v2/', hangUp)
  assert.equal((await resolver.resolve(reference)).host, second.host)
  const asked = first.received.length
  await bytesOf(await resolver.fetcher(reference).fetch(blob))
  assert.equal(first.received.length, asked)
  assert.equal(own.received.length, 0)
})

test('headers and credentials of one host reach no other', async t => {
  const { own, first, second, resolver, reference } = await mirrored(
    t,
    ([a, b]) => `[host."${a?.origin}".header]\nx-key = "first"\n[host."${b?.origin}"]\nheader = { x-key = "second" }`,
    { credentials: me },
  )
  const challenge = { 'www-authenticate': 'Basic realm="x"' }
  first.on('/v2/', reply(401, challenge))
  second.on('/v2/', reply(401, challenge))
  own.on('/v2/', (request, response, serve) => {
    if (request.headers.authorization === undefined) reply(401, challenge)(request, response, serve)
    else serve()
  })
  assert.equal((await resolver.resolve(reference)).host, own.host)
  const sent = (registry: TestRegistry) =>
    registry.received.map(({ headers }) => [headers['x-key'], headers.authorization])
  assert.deepEqual(sent(first), [['first', undefined]])
  assert.deepEqual(sent(second), [['second', undefined]])
  assert.deepEqual(sent(own), [
    [undefined, undefined],
    [undefined, basicHeader('me', 'secret')],
  ])
})

test('headers of a host go to its token server, if that is the host itself', async t => {
  const registry = await startRegistry({ auth: { scheme: 'bearer' } })
  const other = await startRegistry({ auth: { scheme: 'bearer' } })
  t.after(() => Promise.all([registry.close(), other.close()]))
  registry.putManifest({ schemaVersion: 2, layers: [] }, { tags: ['1'] })
  const hostsDirs = [hostsDir(registry.host, 'header = { x-key = "own" }')]
  const reference = { host: registry.host, repository: 'a', tag: '1' }
  await resolving(t, { hostsDirs }).resolve(reference)
  assert.deepEqual([...new Set(registry.received.map(({ headers }) => headers['x-key']))], ['own'])

  registry.on('/v2/', reply(401, { 'www-authenticate': `Bearer realm="${other.origin}/token"` }))
  await assert.rejects(resolving(t, { hostsDirs, allowHosts: [other.host] }).resolve(reference))
  assert.deepEqual([...new Set(other.received.map(({ headers }) => headers['x-key']))], [undefined])
})

test('what failed is told of every host, in one line; without fallback only the first is asked', async t => {
  const toml = (mirrors: readonly TestRegistry[]) => mirrors.map(({ origin }) => `[host."${origin}"]`).join('\n')
  for (const fallback of [true, false]) {
    const { own, first, second, resolver, reference } = await mirrored(t, toml, { fallback })
    first.on('/v2/', reply(403))
    second.on('/v2/', hangUp)
    own.on('/v2/', reply(404))
    await assert.rejects(resolver.resolve(reference), error => {
      assert.ok(error instanceof Error && 'code' in error)
      assert.equal(error.code, fallback ? 'NOT_FOUND' : 'UNAUTHORIZED')
      const told = [first, second, own].filter(({ host }) => error.message.includes(host))
      assert.deepEqual(told, fallback ? [first, second, own] : [first])
      assert.doesNotMatch(error.message, /\n/)
      return true
    })
    assert.equal(own.received.length > 0, fallback)
  }
})

test('a registry is believed by the CA that its hosts.toml names, and by none else', async t => {
  const registry = await startRegistry()
  const front = await tlsFront(registry.host, authority.issue(['127.0.0.1']))
  t.after(() => Promise.all([front.close(), registry.close()]))
  registry.putManifest({ schemaVersion: 2, layers: [] }, { tags: ['1'] })
  const reference = { host: front.host, repository: 'a', tag: '1' }
  const resolve = (toml: string, ca = authority.cert) =>
    resolving(t, { hostsDirs: [hostsDir(front.host, toml, { 'ca.pem': ca })] }).resolve(reference)
  assert.equal((await resolve('ca = "ca.pem"')).host, front.host)
  assert.equal((await resolve('skip_verify = true')).host, front.host)
  const asked = registry.received.length
  for (const failing of [resolve('ca = "ca.pem"', createAuthority().cert), resolve('dial_timeout = "5s"')])
    await assert.rejects(failing, { code: 'UNAVAILABLE' })
  assert.equal(registry.received.length, asked)
})

test("a registry is believed by this machine's CAs, where the built-in ones do not know it", async t => {
  const registry = await startRegistry()
  const front = await tlsFront(registry.host, authority.issue(['127.0.0.1']))
  t.after(() => Promise.all([front.close(), registry.close()]))
  registry.putManifest({ schemaVersion: 2, layers: [] }, { tags: ['1'] })
  const reference = { host: front.host, repository: 'a', tag: '1' }
  const [absent, known, other] = ['absent.pem', 'known.pem', 'other.pem'].map(name => join(scratch, name))
  assert.ok(absent && known && other)
  writeFileSync(known, authority.cert)
  writeFileSync(other, createAuthority().cert)
  const resolve = (...caFiles: readonly string[]) => resolving(t, { caFiles }).resolve(reference)
  assert.equal((await resolve(absent, known)).host, front.host)
  for (const failing of [resolve(), resolve(absent), resolve(other, known)])
    await assert.rejects(failing, { code: 'UNAVAILABLE' })
})

test('a registry is shown the client certificate that its hosts.toml names', async t => {
  const registry = await startRegistry()
  const server = { ...authority.issue(['127.0.0.1']), ca: authority.cert, requestCert: true, rejectUnauthorized: true }
  const front = await tlsFront(registry.host, server)
  t.after(() => Promise.all([front.close(), registry.close()]))
  registry.putManifest({ schemaVersion: 2, layers: [] }, { tags: ['1'] })
  const { cert, key } = authority.issue(['me'])
  const resolve = (toml: string) => {
    const files = { 'ca.pem': authority.cert, 'me.cert': cert, 'me.key': key }
    const resolver = resolving(t, { hostsDirs: [hostsDir(front.host, toml, files)] })
    return resolver.resolve({ host: front.host, repository: 'a', tag: '1' })
  }
  assert.equal((await resolve('ca = "ca.pem"\nclient = [["me.cert", "me.key"]]')).host, front.host)
  await assert.rejects(resolve('ca = "ca.pem"'), { code: 'UNAVAILABLE' })
})

test('requests go through the proxy for their scheme, in a tunnel, with its password', async t => {
  const registry = await startRegistry()
  registry.putManifest({ schemaVersion: 2, layers: [] }, { tags: ['1'] })
  const front = await tlsFront(registry.host, authority.issue(['registry.test']))
  const [plain, secure] = [await proxyFront(registry.host), await proxyFront(front.host)]
  t.after(() => Promise.all([registry.close(), front.close(), plain.close(), secure.close()]))
  const proxies = { http: `http://${plain.host}`, https: `http://me:pa%3Ass@${secure.host}`, none: 'direct.test' }
  const hostsDirs = [hostsDir('registry.test', 'ca = "ca.pem"', { 'ca.pem': authority.cert })]
  const reference = { host: 'registry.test', repository: 'a', tag: '1' }

  await resolving(t, { proxies, hostsDirs }).resolve(reference)
  assert.deepEqual(secure.asked, [['registry.test:443', basicHeader('me', 'pa:ss')]])
  await resolving(t, { proxies, plainHttp: true }).resolve({ ...reference, host: 'registry.test:5000' })
  assert.deepEqual(plain.asked, [['registry.test:5000', undefined]])
  assert.deepEqual(
    registry.received.map(({ headers }) => [headers.host, headers['proxy-authorization']]),
    [
      ['registry.test', undefined],
      ['registry.test:5000', undefined],
    ],
  )
  await resolving(t, { proxies, plainHttp: true }).resolve({ ...reference, host: registry.host })
  assert.equal(plain.asked.length, 1)
})
