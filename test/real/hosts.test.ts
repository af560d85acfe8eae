/** Passwords, tokens, certificates and mirrors of real registries: docker-registry, by itself and behind nginx. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { davit } from '../cli/davit.ts'
import { command } from '../support/command.ts'
import { basicHeader } from '../support/registry-guard.ts'
import { createAuthority } from '../support/wire/certificates.ts'
import { type RealRegistry, startDockerRegistry } from './docker-registry.ts'
import { startNginx } from './nginx.ts'
import { startTokenServer } from './token-server.ts'

const scratch = mkdtempSync(join(tmpdir(), 'davit-real-hosts-'))
const at = (...names: readonly string[]) => join(scratch, ...names)
const authority = createAuthority()
let count = 0

/** A davit with a store, credentials and hosts of its own. */
function machine() {
  count += 1
  const root = at(`machine-${count}`)
  const hostsDir = `${root}-hosts`
  mkdirSync(hostsDir)
  const env = { DOCKER_CONFIG: `${root}-docker`, XDG_RUNTIME_DIR: `${root}-run` }
  return {
    run: (words: readonly string[], stdin = '') => davit(words, { root, env, stdin }),
    pull: (name: string, ...flags: readonly string[]) =>
      davit(['pull', '--snapshotter', 'none', '--hosts-dir', hostsDir, ...flags, name], { root, env }),
    describe(name: string, files: Readonly<Record<string, string>>) {
      mkdirSync(join(hostsDir, name), { recursive: true })
      for (const [file, text] of Object.entries(files)) writeFileSync(join(hostsDir, name, file), text)
    },
  }
}

function buildImage(): string {
  const layout = at('layout')
  command('umoci', 'init', '--layout', layout)
  command('umoci', 'new', '--image', `${layout}:1`)
  for (const name of ['one', 'two']) {
    mkdirSync(at(name))
    writeFileSync(at(name, name), name.repeat(100_000))
    command('tar', '-C', at(name), '-cf', at(`${name}.tar`), name)
    command('umoci', 'raw', 'add-layer', '--image', `${layout}:1`, at(`${name}.tar`))
  }
  return `oci:${layout}:1`
}

describe('docker-registry', () => {
  let registry: RealRegistry
  before(async () => {
    registry = await startDockerRegistry(at('registry'))
    registry.push(buildImage(), 'team/app:1')
  })
  after(async () => {
    await registry.stop()
    rmSync(scratch, { recursive: true, force: true })
  })

  test('with htpasswd lets in who logged in', async t => {
    writeFileSync(at('htpasswd'), command('htpasswd', '-Bbn', 'ada', 'pa:ss'))
    const guarded = await startDockerRegistry(at('registry'), {
      auth: `{htpasswd: {realm: test, path: ${at('htpasswd')}}}`,
    })
    t.after(() => guarded.stop())
    const { run, pull } = machine()
    const name = `${guarded.host}/team/app:1`
    const login = (password: string) =>
      run(['login', guarded.host, '--username', 'ada', '--password-stdin'], `${password}\n`)
    assert.equal((await pull(name)).status, 4)
    assert.equal((await login('wrong')).status, 4)
    assert.equal((await login('pa:ss')).status, 0)
    const { status, stdout, stderr } = await pull(name)
    assert.deepEqual([status, stdout.split('@')[0]], [0, name], stderr)
    await run(['logout', guarded.host])
    assert.equal((await run(['digest', name])).status, 4)
  })

  test('with tokens lets in who has one, from a realm that the user trusts', async t => {
    const tokens = await startTokenServer({ ada: 'pa:ss' }, 60)
    writeFileSync(at('tokens.pem'), tokens.authority)
    const { realm, service, issuer } = tokens
    const section = `{token: {realm: "${realm}", service: ${service}, issuer: ${issuer}, rootcertbundle: ${at('tokens.pem')}}}`
    const guarded = await startDockerRegistry(at('registry'), { auth: section })
    t.after(() => Promise.all([guarded.stop(), tokens.close()]))
    const { run, pull } = machine()
    const name = `${guarded.host}/team/app:1`
    const allow = ['--allow-host', tokens.host]

    const elsewhere = await pull(name)
    assert.deepEqual([elsewhere.status, tokens.issued], [7, []])
    assert.match(elsewhere.stderr, new RegExp(`--allow-host ${tokens.host}`))
    assert.equal((await pull(name, ...allow)).status, 4)
    assert.deepEqual(tokens.issued.at(-1), ['repository:team/app:pull', undefined])

    const login = ['login', guarded.host, '--username', 'ada', '--password-stdin', ...allow]
    assert.equal((await run(login, 'wrong')).status, 4)
    assert.equal((await run(login, 'pa:ss')).status, 0)
    tokens.issued.length = 0
    const pulled = await pull(name, ...allow)
    assert.equal(pulled.status, 0, pulled.stderr)
    assert.deepEqual(tokens.issued, [['repository:team/app:pull', basicHeader('ada', 'pa:ss')]])

    const explained = await run(['explain', '--json', ...allow, name])
    const { access } = JSON.parse(explained.stdout).hosts[0]
    assert.deepEqual(access, {
      scheme: 'bearer',
      realm,
      service,
      scopes: ['repository:team/app:pull'],
      by: 'GET, with the password: --allow-host trusts the realm',
    })
  })

  test('behind TLS of a CA that certs.d names, with a client certificate', async t => {
    const tls = { ...authority.issue(['127.0.0.1']), clientCa: authority.cert }
    const nginx = await startNginx(at('tls'), { registry: registry.host, tls })
    t.after(() => nginx.stop())
    const name = `${nginx.host}/team/app:1`
    const own = authority.issue(['davit'])
    const [toml, docker, without] = [machine(), machine(), machine()]
    toml.describe(nginx.host, {
      'hosts.toml': 'ca = "ca.pem"\nclient = [["own.pem", "own-key.pem"]]',
      'ca.pem': authority.cert,
      'own.pem': own.cert,
      'own-key.pem': own.key,
    })
    docker.describe(nginx.host, { 'ca.crt': authority.cert, 'own.cert': own.cert, 'own.key': own.key })
    without.describe(nginx.host, { 'ca.crt': authority.cert })
    for (const { pull } of [toml, docker]) {
      const { status, stderr } = await pull(name)
      assert.equal(status, 0, stderr)
    }
    assert.notEqual((await without.pull(name)).status, 0)
    const unknown = await machine().pull(name)
    assert.notEqual(unknown.status, 0)
  })

  test('with a mirror that caches: content comes from it, tags do not, and it is replaced when it is gone', async t => {
    const mirror = await startNginx(at('mirror'), { registry: registry.host, cache: true })
    t.after(() => mirror.stop())
    const name = `${registry.host}/team/app:1`
    const hosts = { 'hosts.toml': `[host."http://${mirror.host}"]\ncapabilities = ["pull"]` }
    const pullFresh = async () => {
      const fresh = machine()
      fresh.describe(registry.host, hosts)
      await registry.requests()
      const { status, stderr } = await fresh.pull(name)
      assert.equal(status, 0, stderr)
      return { mirrored: mirror.requests(), direct: await registry.requests() }
    }
    const first = await pullFresh()
    assert.equal(first.mirrored.length, 3)
    const ns = encodeURIComponent(registry.host)
    for (const line of first.mirrored)
      assert.match(line, new RegExp(`^GET /v2/team/app/blobs/sha256:[0-9a-f]{64}\\?ns=${ns} MISS$`))
    const second = await pullFresh()
    assert.deepEqual(
      second.mirrored.map(line => line.split(' ').at(-1)),
      ['HIT', 'HIT', 'HIT'],
    )
    assert.deepEqual(
      second.direct.filter(line => line.includes('/blobs/')),
      [],
    )
    await mirror.stop()
    const third = await pullFresh()
    assert.deepEqual(third.mirrored, [])
    assert.equal(third.direct.filter(line => line.includes('/blobs/')).length, 3)
  })
})
