import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { rootCertificates } from 'node:tls'
import { connectionTo, type HostsOptions, hostsOf, urlAt } from '../../src/registry/hosts.ts'

const [certificate = '', second = ''] = rootCertificates.map(pem => `${pem}\n`)
const { privateKey } = generateKeyPairSync('ed25519')
const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

/** The hosts of `name` when its directory holds these files. */
async function hostsBy(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  name = 'example.com',
  options: HostsOptions = {},
) {
  const root = mkdtempSync(join(tmpdir(), 'davit-hosts-'))
  t.after(() => rmSync(root, { recursive: true }))
  mkdirSync(join(root, name))
  for (const [file, text] of Object.entries(files)) writeFileSync(join(root, name, file), text)
  return await hostsOf({ host: name, repository: 'a/b' }, { ...options, hostsDirs: [root] })
}
const toml = (text: string) => ({ 'hosts.toml': text })

test('hostsOf() keeps the order of the file, and ends with the registry itself', async t => {
  const text = `
    [host."https://z.example".header]
      x-a = "1"
    [host."http://a.example:5000/cache"]
      capabilities = ["pull"]
    [host."m.example"]
      override_path = true
    [host."https://z.example"]
      capabilities = ["pull", "resolve", "push"]`
  const hosts = await hostsBy(t, toml(text))
  assert.deepEqual(
    hosts.map(({ origin, prefix, capabilities, mirrorOf }) => [origin, prefix, capabilities.join(), mirrorOf]),
    [
      ['https://z.example', '/v2', 'pull,resolve,push', 'example.com'],
      ['http://a.example:5000', '/cache/v2', 'pull', 'example.com'],
      ['https://m.example', '', 'pull,resolve', 'example.com'],
      ['https://example.com', '/v2', 'pull,resolve,push', undefined],
    ],
  )
  assert.deepEqual(
    hosts.map(({ name }) => name),
    ['z.example', 'a.example:5000', 'm.example', 'example.com'],
  )
  assert.deepEqual(hosts[0]?.headers, { 'x-a': '1' })
  assert.match(hosts[0]?.source ?? '', /example\.com\/hosts\.toml$/)
})

test('hostsOf() takes server for the registry itself, or for what stands in for it', async t => {
  const [own, ...more] = await hostsBy(t, toml('server = "http://example.com"\ncapabilities = ["pull"]'))
  assert.deepEqual(
    [own?.origin, own?.mirrorOf, own?.capabilities, more.length],
    ['http://example.com', undefined, ['pull'], 0],
  )
  const [other] = await hostsBy(t, toml('server = "https://other.example/v2/x"\noverride_path = true'))
  assert.deepEqual([other?.origin, other?.prefix, other?.mirrorOf], ['https://other.example', '/v2/x', 'example.com'])
})

test('hostsOf() lets a mirror be written to only where that is said, and a registry unless it is denied', async t => {
  const text = `
    server = "https://other.example"
    [host."https://a"]
    [host."https://b"]
      capabilities = ["push"]`
  const able = (hosts: Awaited<ReturnType<typeof hostsBy>>) => hosts.map(host => host.capabilities.includes('push'))
  assert.deepEqual(able(await hostsBy(t, toml(text))), [false, true, true])
  assert.deepEqual(able(await hostsBy(t, toml('capabilities = ["pull", "resolve"]'))), [false])
})

test('hostsOf() knows Docker Hub by each of its names', async t => {
  for (const server of ['', 'server = "https://docker.io"', 'server = "https://registry-1.docker.io"']) {
    const [own, ...more] = await hostsBy(t, toml(server), 'docker.io')
    assert.deepEqual([own?.name, own?.origin, own?.mirrorOf], ['docker.io', 'https://registry-1.docker.io', undefined])
    assert.equal(more.length, 0)
  }
  const [mirror] = await hostsBy(t, toml('server = "https://registry-1.docker.io"'))
  assert.deepEqual([mirror?.name, mirror?.mirrorOf], ['docker.io', 'example.com'])
})

test('hostsOf() reads settings of connections, with files beside the hosts.toml', async t => {
  const text = `
    ca = ["ca.pem", "other.pem"]
    client = [["own.pem", "own.key"], ["both.pem", ""]]
    dial_timeout = "1m1.5s"
    [host."https://a.example"]
      ca = "ca.pem"
      client = "both.pem"
      skip_verify = true
      header = { x-list = ["1", "2"] }`
  const files = {
    'ca.pem': certificate,
    'other.pem': second,
    'own.pem': second,
    'own.key': key,
    'both.pem': certificate + key,
  }
  const [mirror, own] = await hostsBy(t, { ...toml(text), ...files })
  const both = { cert: certificate + key, key: certificate + key }
  assert.deepEqual(mirror?.connection, { ca: [certificate], client: [both], skipVerify: true })
  assert.deepEqual(mirror.headers, { 'x-list': '1, 2' })
  assert.deepEqual(own?.connection, {
    ca: [certificate, second],
    client: [{ cert: second, key }, both],
    dialTimeoutMs: 61_500,
  })
})

test('hostsOf() guesses no scheme for a registry whose certificate is spoken of', async t => {
  const origins = async (text: string) => (await hostsBy(t, toml(text), 'localhost:5000')).map(({ origin }) => origin)
  assert.deepEqual(await origins(''), ['http://localhost:5000', 'https://localhost:5000'])
  assert.deepEqual(await origins('skip_verify = true'), ['https://localhost:5000'])
  const docker = await hostsBy(t, { 'a.crt': certificate }, 'localhost:5000')
  assert.deepEqual(
    docker.map(({ origin }) => origin),
    ['https://localhost:5000'],
  )
})

test('hostsOf() reads certificates as Docker names them, where there is no hosts.toml', async t => {
  const [host] = await hostsBy(t, {
    'b.crt': second,
    'a.crt': certificate,
    'own.cert': certificate,
    'own.key': key,
    readme: '',
  })
  assert.deepEqual(host?.connection, { ca: [certificate, second], client: [{ cert: certificate, key }] })
  const [beside] = await hostsBy(t, { ...toml(''), 'a.crt': certificate })
  assert.deepEqual(beside?.connection, {})
  const [plain] = await hostsBy(t, {}, 'example.com', { plainHttp: true })
  assert.deepEqual([plain?.origin, plain?.source], ['http://example.com', 'built in'])
})

const malformed: readonly (readonly [files: Readonly<Record<string, string>>, message: RegExp])[] = [
  [toml('a = '), /hosts\.toml: line 1: invalid value/],
  [
    toml('[host."https://a"]\ncapabilities = ["pul"]'),
    /hosts\.toml: host\.https:\/\/a\.capabilities\.0 is "pul", expected \("pull" \|/,
  ],
  [toml('skip_verify = "yes"'), /hosts\.toml: skip_verify is "yes", expected boolean/],
  [toml('dial_timeout = "soon"'), /hosts\.toml: dial_timeout must be a duration/],
  [toml('header = { x = "a\\nsecret: b" }'), /hosts\.toml: header\.x has characters that no header can have$/],
  [toml('header = { "a b" = "c" }'), /hosts\.toml: header\.a b has a name/],
  [toml('server = "https://"'), /hosts\.toml: server is not the address of a host/],
  [toml('[host."ftp://a"]'), /hosts\.toml: host\."ftp:\/\/a" is not the address of a host/],
  [toml('[host."https://me:secret@a"]'), /must not have credentials/],
  [toml('ca = "gone.pem"'), /gone\.pem: there is no such file/],
  [{ ...toml('ca = "ca.pem"'), 'ca.pem': 'x' }, /ca\.pem: not a certificate in PEM/],
  [{ ...toml('client = [["ca.pem", "ca.pem"]]'), 'ca.pem': certificate }, /ca\.pem: not a private key in PEM/],
  [{ 'own.cert': certificate }, /own\.cert: its \.key file is missing/],
  [{ 'own.key': key }, /own\.key: its \.cert file is missing/],
]
for (const [files, message] of malformed) {
  test(`hostsOf() refuses ${JSON.stringify(files).slice(0, 60)}`, async t => {
    await assert.rejects(hostsBy(t, files), { code: 'MALFORMED', message })
  })
}

test('urlAt() tells mirrors whose content is asked for', async t => {
  const [mirror, own] = await hostsBy(t, toml('[host."https://a.example/x"]'), 'docker.io')
  assert.ok(mirror && own)
  assert.equal(urlAt(mirror, 'a/b/blobs/c').href, 'https://a.example/x/v2/a/b/blobs/c?ns=docker.io')
  assert.equal(urlAt(own, 'a/b/blobs/c').href, 'https://registry-1.docker.io/v2/a/b/blobs/c')
})

test('connectionTo() takes nothing but the CA along to other origins', async t => {
  const text = 'ca = "ca.pem"\nclient = "both.pem"\nskip_verify = true\ndial_timeout = "1s"'
  const [host] = await hostsBy(t, { ...toml(text), 'ca.pem': certificate, 'both.pem': certificate + key })
  assert.ok(host)
  assert.equal(connectionTo(new URL('https://example.com/x'), host), host.connection)
  for (const url of ['https://example.com:444/', 'http://example.com/', 'https://other.example/'])
    assert.deepEqual(connectionTo(new URL(url), host), { ca: [certificate] })
})
