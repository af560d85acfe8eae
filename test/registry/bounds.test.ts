import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Reach } from '../../src/registry/address.ts'
import { openBounds } from '../../src/registry/bounds.ts'
import { openResolver, type ResolverOptions } from '../../src/registry/client.ts'
import type { Host } from '../../src/registry/hosts.ts'
import { ownHosts } from '../../src/registry/own-hosts.ts'
import { reply, startRegistry } from '../support/registry.ts'

/** A registry whose manifest is at `other`, a server on loopback that nobody has named. */
async function leading(t: TestContext, location: (port: string) => string, options: ResolverOptions = {}) {
  const registry = await startRegistry()
  const other = await startRegistry()
  const resolver = openResolver({ plainHttp: true, limits: { backoffMs: [1, 1] }, ...options })
  t.after(async () => {
    await resolver.close()
    await registry.close()
    await other.close()
  })
  const manifest = other.putManifest({ schemaVersion: 2, layers: [] })
  const [, port = ''] = other.host.split(':')
  registry.on('/v2/a/b/manifests/', reply(307, { location: `${location(port)}/v2/x/manifests/${manifest.digest}` }))
  return { registry, other, resolver, port, reference: { host: registry.host, repository: 'a/b', tag: 'latest' } }
}

for (const name of [
  '127.0.0.1',
  '127.9.9.9',
  'localhost',
  '0.0.0.0',
  '2130706433',
  '0x7f.1',
  '[::1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[64:ff9b::7f00:1]',
  '169.254.169.254',
  '10.0.0.1',
  '[fe80::1]',
  '[fd00::1]',
]) {
  test(`a redirect to ${name} is refused before anything is connected`, async t => {
    const { resolver, reference, other, registry } = await leading(t, port => `http://${name}:${port}`)
    await assert.rejects(resolver.resolve(reference), {
      code: 'UNSAFE',
      message: /a registry may not lead there: [\da-f:.]+ is a (loopback|link-local|private) address$/,
      hint: /^--allow-host \S+:\d+ permits it$/,
    })
    assert.equal(registry.received.length, 1, 'and not tried again')
    assert.equal(other.received.length, 0)
  })
}

for (const [what, allowed] of [
  ['its name', () => 'localhost'],
  ['its name in capitals', () => 'LOCALHOST'],
  ['its name and port', (port: string) => `localhost:${port}`],
] as const) {
  test(`a redirect to this machine is followed when the user has given ${what}`, async t => {
    const { resolver, reference, other, port } = await leading(t, port => `http://localhost:${port}`)
    const permitted = openResolver({ plainHttp: true, allowHosts: [allowed(port)] })
    t.after(() => permitted.close())
    await assert.rejects(resolver.resolve(reference), { code: 'UNSAFE' })
    await permitted.resolve(reference)
    assert.equal(other.received.length, 1)
  })
}

test('a port is of one host only', async t => {
  const { resolver, reference } = await leading(t, port => `http://localhost:${port}`, { allowHosts: ['localhost:1'] })
  await assert.rejects(resolver.resolve(reference), { code: 'UNSAFE' })
})

test('a realm on this machine that nobody has named is not asked', async t => {
  const { resolver, reference, registry, other } = await leading(t, port => `http://localhost:${port}`)
  registry.on('/v2/', reply(401, { 'www-authenticate': `Bearer realm="${other.origin}/token"` }))
  await assert.rejects(resolver.resolve({ ...reference, repository: 'x' }), { code: 'UNSAFE', message: /get token/ })
  assert.equal(other.received.length, 0)
})

const [hub] = ownHosts('docker.io', false) as [Host]
const cases: readonly (readonly [to: string, from: string, reach: Reach | undefined, expected: string])[] = [
  ['https://registry-1.docker.io/x', 'https://registry-1.docker.io', 'private', 'anywhere'],
  ['http://registry-1.docker.io:443/x', 'https://registry-1.docker.io', 'public', 'anywhere'],
  ['https://registry-1.docker.io:5000/x', 'https://registry-1.docker.io', 'public', 'public'],
  ['https://storage.example/x', 'https://registry-1.docker.io', 'public', 'public'],
  ['https://storage.example/x', 'https://registry-1.docker.io', 'private', 'private'],
  ['https://storage.example/x', 'https://registry-1.docker.io', 'loopback', 'public'],
  ['https://storage.example/x', 'https://registry-1.docker.io', undefined, 'public'],
  ['https://storage.example/x', 'https://elsewhere.example', 'private', 'public'],
]
for (const [to, from, reach, expected] of cases) {
  test(`within() lets ${from} at a ${reach} address lead to ${to}: ${expected}`, () => {
    const bounds = openBounds({}, origin => (origin === hub.origin ? reach : 'public'))
    assert.equal(bounds.within(new URL(to), new URL(from), hub), expected)
  })
}

test('within() lets a mirror lead to the registry that it stands in for', () => {
  const [mirror] = ownHosts('mirror.example', false) as [Host]
  const bounds = openBounds({}, () => 'public')
  const within = (host: Host) => bounds.within(new URL('https://reg.example/x'), new URL(mirror.origin), host)
  assert.equal(within({ ...mirror, mirrorOf: 'reg.example' }), 'anywhere')
  assert.equal(within({ ...mirror, mirrorOf: 'other.example' }), 'public')
})
