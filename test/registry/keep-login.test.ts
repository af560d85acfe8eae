import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { findCredentials } from '../../src/registry/credentials.ts'
import { dropLogin, keepLogin } from '../../src/registry/keep-login.ts'
import { makeScratch } from '../conformance/scratch.ts'

const scratch = makeScratch('keep-login')
const path = process.env['PATH']
process.env['PATH'] = `${scratch}:${path}`
after(() => {
  process.env['PATH'] = path
})

const me = { username: 'me', password: 'pa:ss' }
const auth = Buffer.from('me:pa:ss').toString('base64')

/** A helper that keeps secrets as files, and fails as real ones do. */
writeFileSync(
  join(scratch, 'docker-credential-files'),
  `#!/bin/sh
cd ${scratch}
read -r input
case $1 in
  store) echo "$input" > kept ;;
  get) cat kept 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; } ;;
  erase) rm kept 2>/dev/null || { echo 'credentials not found in native keychain'; exit 1; } ;;
esac
`,
  { mode: 0o755 },
)

let count = 0
let dir = ''
let file = ''
beforeEach(() => {
  count += 1
  dir = join(scratch, `${count}`)
  file = join(dir, 'config.json')
})

function write(document: object): void {
  mkdirSync(dir)
  writeFileSync(file, JSON.stringify(document))
}
const read = () => JSON.parse(readFileSync(file, 'utf8'))
const found = (name: string) => findCredentials({ authFiles: [file] }, { name })

test('keepLogin() makes the file, for its owner alone', async () => {
  assert.equal(await keepLogin(file, 'ghcr.io', me), file)
  assert.deepEqual(read(), { auths: { 'ghcr.io': { auth } } })
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.equal(statSync(dir).mode & 0o777, 0o700)
  assert.deepEqual(await found('ghcr.io'), { ...me, source: file })
})

test('keepLogin() leaves everything else in the file, and no file beside it', async () => {
  const others = { auths: { 'quay.io': { auth: 'eDp5', email: 'x' } }, HttpHeaders: { a: 'b' }, psFormat: 'x' }
  write(others)
  chmodSync(file, 0o644)
  await keepLogin(file, 'ghcr.io', me)
  assert.deepEqual(read(), { ...others, auths: { ...others.auths, 'ghcr.io': { auth } } })
  assert.equal(statSync(file).mode & 0o777, 0o600)
  assert.deepEqual(readdirSync(dir), ['config.json'])
})

test('keepLogin() replaces what is kept under an older name', async () => {
  write({ auths: { 'https://ghcr.io/v1/': { auth: 'eDp5' }, 'http://ghcr.io': {}, 'ghcr.io/team': { auth: 'eDp5' } } })
  await keepLogin(file, 'ghcr.io', me)
  assert.deepEqual(read().auths, { 'ghcr.io/team': { auth: 'eDp5' }, 'ghcr.io': { auth } })
})

test("keepLogin() keeps Docker Hub's where Docker looks for it", async () => {
  write({ auths: { 'docker.io': { auth: 'eDp5' } } })
  await keepLogin(file, 'docker.io', me)
  assert.deepEqual(read().auths, { 'https://index.docker.io/v1/': { auth } })
})

test('keepLogin() follows a link and leaves it one', async () => {
  mkdirSync(dir)
  writeFileSync(join(dir, 'elsewhere.json'), '{"x":1}')
  symlinkSync('elsewhere.json', file)
  await keepLogin(file, 'ghcr.io', me)
  assert.deepEqual(
    readdirSync(dir, { withFileTypes: true }).map(entry => entry.isSymbolicLink()),
    [true, false],
  )
  assert.deepEqual(read(), { x: 1, auths: { 'ghcr.io': { auth } } })
})

for (const [what, config] of [
  ['the helper of the registry', { credHelpers: { 'ghcr.io': 'files' } }],
  ['the credentials store', { credsStore: 'files' }],
] as const) {
  test(`keepLogin() and dropLogin() leave the secret to ${what}`, async () => {
    write(config)
    assert.equal(await keepLogin(file, 'ghcr.io', me), 'docker-credential-files')
    assert.deepEqual(read(), { ...config, auths: { 'ghcr.io': {} } })
    assert.deepEqual(JSON.parse(readFileSync(join(scratch, 'kept'), 'utf8')), {
      ServerURL: 'ghcr.io',
      Username: 'me',
      Secret: 'pa:ss',
    })
    assert.deepEqual(await found('ghcr.io'), { ...me, source: 'docker-credential-files' })
    assert.equal(await dropLogin(file, 'ghcr.io'), true)
    assert.deepEqual(read(), { ...config, auths: {} })
    assert.equal(existsSync(join(scratch, 'kept')), false)
    assert.equal(await dropLogin(file, 'ghcr.io'), false)
  })
}

test('keepLogin() fails with its helper, and leaves the file as it was', async () => {
  write({ credsStore: 'absent' })
  await assert.rejects(keepLogin(file, 'ghcr.io', me), {
    code: 'UNAUTHORIZED',
    message: 'Cannot store credentials for ghcr.io: docker-credential-absent is not installed',
  })
  assert.deepEqual(read(), { credsStore: 'absent' })
})

test('keepLogin() changes no file that it can not read', async () => {
  mkdirSync(dir)
  for (const text of ['{"auths": [', '{"auths": 5}', '[]']) {
    writeFileSync(file, text)
    await assert.rejects(keepLogin(file, 'ghcr.io', me), { code: 'MALFORMED' })
    assert.equal(readFileSync(file, 'utf8'), text)
  }
})

test('dropLogin() forgets every name of the registry and no other', async () => {
  const others = { 'quay.io': { auth }, 'ghcr.io:5000': { auth } }
  write({ auths: { 'ghcr.io': { auth }, 'https://ghcr.io/v2/': { auth }, ...others } })
  assert.equal(await dropLogin(file, 'ghcr.io'), true)
  assert.deepEqual(read(), { auths: others })
  assert.equal(await dropLogin(file, 'ghcr.io'), false)
  assert.equal(await dropLogin(join(scratch, 'absent'), 'ghcr.io'), false)
})
