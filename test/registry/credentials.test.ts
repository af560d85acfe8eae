import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Credentials, findCredentials } from '../../src/registry/credentials.ts'

const dir = mkdtempSync(join(tmpdir(), 'davit-credentials-'))
const file = join(dir, 'config.json')
const path = process.env['PATH']
process.env['PATH'] = `${dir}:${path}`
after(() => {
  process.env['PATH'] = path
  rmSync(dir, { recursive: true })
})

const base64 = (text: string) => Buffer.from(text).toString('base64')

async function find(host: string, config: unknown, signal?: AbortSignal): Promise<Credentials | undefined> {
  writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config))
  return await findCredentials({ authFiles: [file] }, { name: host }, '', signal)
}

/** A helper that keeps what it was asked in `NAME.asked`. */
function helper(name: string, script: string): void {
  const asked = join(dir, `${name}.asked`)
  writeFileSync(
    join(dir, `docker-credential-${name}`),
    `#!/bin/sh\nread -r server\necho "$1 $server" >>${asked}\n${script}\n`,
    { mode: 0o755 },
  )
}

const inFile: readonly (readonly [string, string, object, object | undefined])[] = [
  [
    'auth in base64',
    'ghcr.io',
    { 'ghcr.io': { auth: base64('me:pass:word') } },
    { username: 'me', password: 'pass:word' },
  ],
  [
    'user name and password',
    'ghcr.io',
    { 'ghcr.io': { username: 'me', password: 'secret' } },
    { username: 'me', password: 'secret' },
  ],
  [
    'an identity token before a password',
    'ghcr.io',
    { 'ghcr.io': { auth: base64('me:'), identitytoken: 'id' } },
    { identityToken: 'id' },
  ],
  ['an empty entry as none', 'ghcr.io', { 'ghcr.io': {} }, undefined],
  ['no entry for another host', 'ghcr.io', { 'quay.io': { auth: base64('me:secret') } }, undefined],
  ['no entry for another port', 'ghcr.io:5000', { 'ghcr.io': { auth: base64('me:secret') } }, undefined],
  [
    'an address as its host',
    'ghcr.io',
    { 'https://ghcr.io/v1/': { auth: base64('me:secret') } },
    { username: 'me', password: 'secret' },
  ],
  [
    "Docker Hub's old name",
    'docker.io',
    { 'https://index.docker.io/v1/': { auth: base64('me:secret') } },
    { username: 'me', password: 'secret' },
  ],
  [
    "Docker Hub's own name",
    'docker.io',
    { 'docker.io': { auth: base64('me:secret') } },
    { username: 'me', password: 'secret' },
  ],
]

for (const [what, host, auths, expected] of inFile) {
  test(`findCredentials() reads ${what}`, async () => {
    const found = await find(host, { auths })
    assert.deepEqual(found, expected && { ...expected, source: file })
  })
}

test('findCredentials() prefers what was given by hand', async () => {
  writeFileSync(file, JSON.stringify({ auths: { 'ghcr.io': { auth: base64('me:secret') } } }))
  const credentials = { username: 'you', password: 'other' }
  assert.deepEqual(await findCredentials({ authFiles: [file], credentials }, { name: 'ghcr.io' }), {
    ...credentials,
    source: 'the command line',
  })
})

test('findCredentials() keeps what was given by hand from mirrors', async () => {
  const credentials = { username: 'you', password: 'other' }
  writeFileSync(file, JSON.stringify({ auths: { 'mirror.example': { auth: base64('me:secret') } } }))
  const mirror = (name: string) => findCredentials({ authFiles: [file], credentials }, { name, mirrorOf: 'ghcr.io' })
  assert.equal(await mirror('other.example'), undefined)
  assert.deepEqual(await mirror('mirror.example'), { username: 'me', password: 'secret', source: file })
})

test('findCredentials() looks for the repository first, then for what is above it, then for the registry', async () => {
  const entry = (username: string) => ({ auth: base64(`${username}:secret`) })
  const auths = { 'quay.io': entry('all'), 'quay.io/team': entry('team'), 'quay.io/team/app/x': entry('x') }
  writeFileSync(file, JSON.stringify({ auths }))
  const user = async (repository: string) => {
    const found = await findCredentials({ authFiles: [file] }, { name: 'quay.io' }, repository)
    return found && 'username' in found ? found.username : undefined
  }
  assert.equal(await user('team/app/x'), 'x')
  assert.equal(await user('team/app/xy'), 'team')
  assert.equal(await user('team'), 'team')
  assert.equal(await user('teams/app'), 'all')
  assert.equal(await user(''), 'all')
  writeFileSync(file, JSON.stringify({ auths: { 'quay.io/team': entry('team') } }))
  assert.equal(await user('other/app'), undefined)
  assert.equal(await user(''), undefined)
})

test('findCredentials() takes the first file that has some', async () => {
  const files = ['a', 'b', 'c'].map(name => join(dir, name))
  const [empty = '', first = '', second = ''] = files
  writeFileSync(empty, '')
  writeFileSync(first, JSON.stringify({ auths: { 'ghcr.io': { auth: base64('one:secret') } } }))
  const both = { 'ghcr.io': { auth: base64('two:secret') }, 'quay.io': { auth: base64('two:secret') } }
  writeFileSync(second, JSON.stringify({ auths: both }))
  const source = async (name: string) => (await findCredentials({ authFiles: files }, { name }))?.source
  assert.equal(await source('ghcr.io'), first)
  assert.equal(await source('quay.io'), second)
  assert.equal(await source('a.example'), undefined)
})

test('findCredentials() finds nothing without a file', async () => {
  assert.equal(await findCredentials({}, { name: 'ghcr.io' }), undefined)
  assert.equal(await findCredentials({ authFiles: [join(dir, 'absent/config.json')] }, { name: 'ghcr.io' }), undefined)
})

for (const config of [
  '{',
  '{"auths":{"ghcr.io":{"auth":5}}}',
  '{"auths":{"ghcr.io":{"auth":"aHVudGVyMg=="}}}',
  '{"hunter2"}',
]) {
  test(`findCredentials() refuses ${config} and keeps its contents to itself`, async () => {
    await assert.rejects(find('ghcr.io', config), error => {
      assert.ok(error instanceof Error && 'code' in error)
      assert.equal(error.code, 'MALFORMED')
      assert.match(error.message, /config\.json/)
      assert.doesNotMatch(error.message, /hunter2|aHVudGVyMg/)
      return true
    })
  })
}

test('findCredentials() asks the helper of the host before the store', async () => {
  helper('one', `echo '{"ServerURL":"x","Username":"me","Secret":"one"}'`)
  helper('two', `echo '{"ServerURL":"x","Username":"me","Secret":"two"}'`)
  const config = {
    credsStore: 'two',
    credHelpers: { 'ghcr.io': 'one' },
    auths: { 'quay.io': { auth: base64('me:file') } },
  }
  assert.deepEqual(await find('ghcr.io', config), { username: 'me', password: 'one', source: 'docker-credential-one' })
  assert.deepEqual(await find('quay.io', config), { username: 'me', password: 'two', source: 'docker-credential-two' })
})

test('findCredentials() hands Docker Hub to helpers under its old address', async () => {
  helper('hub', `[ "$server" = https://index.docker.io/v1/ ] && echo '{"Username":"me","Secret":"s"}'`)
  assert.deepEqual(await find('docker.io', { credsStore: 'hub' }), {
    username: 'me',
    password: 's',
    source: 'docker-credential-hub',
  })
})

test('findCredentials() takes the user <token> as an identity token', async () => {
  helper('identity', `echo '{"Username":"<token>","Secret":"id"}'`)
  assert.deepEqual(await find('ghcr.io', { credsStore: 'identity' }), {
    identityToken: 'id',
    source: 'docker-credential-identity',
  })
})

test('findCredentials() is anonymous when the helper has nothing', async () => {
  helper('empty', 'echo "credentials not found in native keychain"; exit 1')
  assert.equal(await find('ghcr.io', { credsStore: 'empty' }), undefined)
})

const broken: readonly (readonly [string, string, RegExp])[] = [
  ['fails', 'echo "no keychain here"; exit 1', /no keychain here/],
  ['says nothing of use', 'echo "{}"', /something else than credentials/],
  ['says too much', 'head -c 200000 /dev/zero | tr "\\0" a', /too much/],
]
for (const [what, script, message] of broken) {
  test(`findCredentials() fails when the helper ${what}`, async () => {
    helper('broken', script)
    await assert.rejects(find('ghcr.io', { credsStore: 'broken' }), { code: 'UNAUTHORIZED', message })
  })
}

test('findCredentials() fails when the helper is missing or no name of one', async () => {
  await assert.rejects(find('ghcr.io', { credsStore: 'absent' }), { code: 'UNAUTHORIZED', message: /not installed/ })
  await assert.rejects(find('ghcr.io', { credsStore: '../x' }), {
    code: 'UNAUTHORIZED',
    message: /no name of a helper/,
  })
})

test('findCredentials() leaves a helper that hangs when it is cancelled', async () => {
  helper('hanging', 'exec sleep 30')
  const reason = new Error('enough')
  const abort = new AbortController()
  setTimeout(() => abort.abort(reason), 100)
  await assert.rejects(find('ghcr.io', { credsStore: 'hanging' }, abort.signal), reason)
})
