import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { ExplainedHost } from '../../src/registry/explain.ts'
import { makeScratch } from '../conformance/scratch.ts'
import { reply, startRegistry } from '../support/registry.ts'
import type { GuardOptions } from '../support/registry-guard.ts'
import { createAuthority } from '../support/wire/certificates.ts'
import { davit } from './davit.ts'

const scratch = makeScratch('cli-explain')
const secret = 'hunter2'
let count = 0

async function opened(t: TestContext, auth?: GuardOptions) {
  count += 1
  const registry = await startRegistry(auth === undefined ? {} : { auth })
  t.after(() => registry.close())
  const root = join(scratch, `${count}`)
  const [docker, hosts] = [join(root, 'docker'), join(root, 'hosts', registry.host)]
  for (const dir of [docker, hosts]) mkdirSync(dir, { recursive: true })
  const keep = (name: string, entry: object) =>
    writeFileSync(join(docker, 'config.json'), JSON.stringify({ auths: { [name]: entry } }))
  const describe = (toml: string) => writeFileSync(join(hosts, 'hosts.toml'), toml)
  const run = async (...flags: readonly string[]) => {
    const words = ['explain', `${registry.host}/team/app:1`, '--hosts-dir', join(root, 'hosts'), ...flags]
    const said = await davit(words, { root, env: { DOCKER_CONFIG: docker } })
    assert.equal(said.status, 0, said.stderr)
    assert.doesNotMatch(said.stdout + said.stderr, new RegExp(`${secret}|${Buffer.from(secret).toString('base64')}`))
    return said.stdout
  }
  const hostsOf = async (...flags: readonly string[]) =>
    (JSON.parse(await run('--json', ...flags)) as { hosts: readonly ExplainedHost[] }).hosts
  return { registry, root, docker, hosts, keep, describe, run, hostsOf }
}

const login = { auth: Buffer.from(`ada:${secret}`).toString('base64') }

test('explain shows hosts in order, where they are described, and what they serve', async t => {
  const { registry, hosts, describe, run, hostsOf } = await opened(t)
  const mirror = await startRegistry()
  t.after(() => mirror.close())
  writeFileSync(join(hosts, 'ca.pem'), createAuthority().cert)
  describe(`
    [host."${mirror.origin}/cache"]
      capabilities = ["pull"]
      dial_timeout = "2s"
      header = { x-key = "${secret}" }
    [host."https://127.0.0.1:1"]
      ca = "ca.pem"
      skip_verify = true`)
  const [first, second, own] = await hostsOf()
  const source = join(hosts, 'hosts.toml')
  assert.deepEqual(first, {
    url: `${mirror.origin}/cache/v2`,
    mirrorOf: registry.host,
    capabilities: ['pull'],
    source,
    headers: ['x-key'],
    connection: ['waits 2 s for a connection'],
    answer: '404',
  })
  assert.deepEqual(second?.connection, ['trusts a CA of its own', 'takes any certificate'])
  assert.match(second.answer, /127\.0\.0\.1:1: connection refused/)
  assert.deepEqual([own?.url, own?.mirrorOf, own?.answer], [`http://${registry.host}/v2`, undefined, '200'])
  assert.deepEqual(own?.connection, ['plain HTTP is a guess, TLS is tried next'])
  const text = await run('--no-fallback')
  assert.match(text, new RegExp(`^${registry.host}/team/app:1, only the first that can is asked:\n\n1\\. `))
  assert.match(text, new RegExp(`\n   stands in for +${registry.host}\n`))
  assert.match(text, /\n {3}serves +content by digest\n {3}headers +x-key\n/)
})

test('explain shows what a token would be asked for, and with whose credentials', async t => {
  const { registry, docker, keep, run, hostsOf } = await opened(t, { scheme: 'bearer', users: { ada: secret } })
  const access = { scheme: 'bearer', realm: `${registry.origin}/token`, service: 'test-service' }
  const scopes = ['repository:team/app:pull']
  const anonymous = (await hostsOf())[0]
  assert.deepEqual(anonymous?.access, { ...access, scopes, by: 'GET, anonymously' })
  assert.equal(anonymous.credentials, undefined)

  keep(`${registry.host}/team`, login)
  const known = (await hostsOf())[0]
  const source = join(docker, 'config.json')
  assert.deepEqual(known?.credentials, { kind: 'password', username: 'ada', source })
  assert.deepEqual(known.access, { ...access, scopes, by: 'GET, with the password' })
  assert.match(await run(), /\n {3}credentials +password of ada, from .*config\.json\n/)

  keep(registry.host, { identitytoken: secret })
  const token = (await hostsOf())[0]
  assert.deepEqual(token?.credentials, { kind: 'identity token', source })
  assert.deepEqual(token.access, { ...access, scopes, by: 'POST, with the identity token' })
  assert.ok(registry.received.every(({ url, headers }) => url === '/v2/' && headers.authorization === undefined))
})

test("explain shows that a realm may be somebody else's, and no secret of its address", async t => {
  const { registry, keep, hostsOf } = await opened(t)
  keep(registry.host, login)
  const challenge = `Bearer realm="https://auth.example.net/token?key=${secret}",scope="repository:x/app:pull,push"`
  registry.on('/v2/', reply(401, { 'www-authenticate': challenge }))
  const by = "GET, anonymously: the realm may be somebody else's; --allow-host auth.example.net trusts it"
  const scopes = ['repository:team/app:pull', 'repository:x/app:pull']
  const realm = 'https://auth.example.net/token?…'
  assert.deepEqual((await hostsOf())[0]?.access, { scheme: 'bearer', realm, scopes, by })
  const allowed = (await hostsOf('--allow-host', 'auth.example.net'))[0]?.access
  assert.deepEqual(allowed, {
    scheme: 'bearer',
    realm,
    scopes,
    by: 'GET, with the password: --allow-host trusts the realm',
  })
})

test('explain names --plain-http where it decides, and only there', async t => {
  const { registry, describe, hostsOf } = await opened(t)
  const ways = async () => (await hostsOf('--plain-http')).map(({ connection }) => connection)
  assert.deepEqual(await ways(), [['plain HTTP, as --plain-http says']])
  describe(`server = "${registry.origin}"`)
  assert.deepEqual(await ways(), [[]])
})

test('explain shows basic authentication, and a realm that is none', async t => {
  const basic = await opened(t, { scheme: 'basic', users: { ada: secret } })
  assert.deepEqual((await basic.hostsOf())[0]?.access, { scheme: 'basic' })
  const { registry, hostsOf } = await opened(t)
  registry.on('/v2/', reply(401, { 'www-authenticate': 'Bearer realm="file:///etc/passwd"' }))
  assert.match((await hostsOf())[0]?.answer ?? '', /names a realm that isn't a web address/)
})
