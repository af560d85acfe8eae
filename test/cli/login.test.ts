import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { makeScratch } from '../conformance/scratch.ts'
import { reply, startRegistry, type TestRegistry } from '../support/registry.ts'
import type { GuardOptions } from '../support/registry-guard.ts'
import { davit, putSample } from './davit.ts'

const scratch = makeScratch('cli-login')
const users = { ada: 'pa:ss' }
let count = 0

async function opened(t: TestContext, auth?: GuardOptions) {
  count += 1
  const registry: TestRegistry = await startRegistry(auth === undefined ? {} : { auth })
  t.after(() => registry.close())
  const root = join(scratch, `${count}`)
  const file = join(root, 'docker', 'config.json')
  const env = { DOCKER_CONFIG: join(root, 'docker'), XDG_RUNTIME_DIR: join(root, 'run') }
  const run = (words: readonly string[], stdin = '') => davit(words, { root, env, stdin })
  const login = (password: string, ...flags: readonly string[]) =>
    run(['login', registry.host, '--username', 'ada', '--password-stdin', ...flags], `${password}\n`)
  return { registry, root, file, run, login }
}

for (const scheme of ['basic', 'bearer'] as const) {
  test(`login keeps what a registry with ${scheme} accepts; pulls then use it; logout forgets it`, async t => {
    const { registry, file, run, login } = await opened(t, { scheme, users })
    const { digest } = putSample(registry, { tags: ['1'] })
    const before = await run(['digest', `${registry.host}/a:1`])
    assert.deepEqual([before.status, /asked anonymously/.test(before.stderr)], [4, true])

    const { status, stdout, stderr } = await login('pa:ss')
    assert.deepEqual([status, stdout], [0, `Logged in to ${registry.host} as ada, kept in ${file}\n`], stderr)
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), {
      auths: { [registry.host]: { auth: Buffer.from('ada:pa:ss').toString('base64') } },
    })
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.equal((await run(['digest', `${registry.host}/a:1`])).stdout, `${digest}\n`)

    assert.equal((await run(['logout', registry.host])).stdout, `Logged out of ${registry.host}\n`)
    assert.equal((await run(['logout', registry.host])).stdout, `Not logged in to ${registry.host}\n`)
    assert.equal((await run(['digest', `${registry.host}/a:1`])).status, 4)
  })

  test(`login keeps nothing that a registry with ${scheme} refuses, and says nothing of it`, async t => {
    const { file, login } = await opened(t, { scheme, users })
    const { status, stdout, stderr } = await login('hunter2')
    assert.deepEqual([status, stdout], [4, ''])
    assert.match(stderr, /^davit: Cannot .+ refuses \(401, .+\n$/s)
    assert.doesNotMatch(stderr, /hunter2/)
    assert.equal(existsSync(file), false)
  })
}

test('login says so when the registry asks nobody', async t => {
  const { registry, login } = await opened(t)
  registry.on(/GET \/v2\/$/, reply(200))
  const { status, stderr } = await login('x')
  assert.equal(status, 0)
  assert.match(stderr, /lets everybody in: the password could not be checked/)
})

test("login tells no password to a realm that may be somebody else's", async t => {
  const { registry, file, login } = await opened(t)
  const other = await startRegistry({ auth: { scheme: 'bearer', users } })
  t.after(() => other.close())
  registry.on(/GET \/v2\/$/, reply(401, { 'www-authenticate': `Bearer realm="${other.origin}/token"` }), 2)
  const refused = await login('pa:ss')
  assert.equal(refused.status, 4)
  assert.match(
    refused.stderr,
    new RegExp(`its realm ${other.host} may be somebody else's.*\\n?.*--allow-host ${other.host}`),
  )
  assert.equal(other.received.length, 0)
  assert.equal(existsSync(file), false)
})

test('login refuses before it asks what no reference could name, and half of a login', async t => {
  const { root, run } = await opened(t)
  mkdirSync(root, { recursive: true })
  for (const words of [
    ['login', 'ghcr', '--username', 'ada', '--password-stdin'],
    ['login', 'ghcr.io/team', '--username', 'ada', '--password-stdin'],
    ['login', 'a b.c', '--username', 'ada', '--password-stdin'],
    ['login', 'ghcr.io', '--password-stdin'],
    ['login', 'ghcr.io'],
    ['login', 'ghcr.io', '--username', 'a:b', '--password-stdin'],
    ['logout', 'ghcr'],
  ]) {
    const { status, stderr } = await run(words, 'secret\n')
    assert.equal(status, 2, words.join(' '))
    assert.match(stderr, /^davit: Cannot [^\n]+\n/, words.join(' '))
  }
})

test('logout names what it leaves', async t => {
  const { root, registry, run } = await opened(t)
  const other = join(root, 'run', 'containers', 'auth.json')
  mkdirSync(join(root, 'run', 'containers'), { recursive: true })
  writeFileSync(other, JSON.stringify({ auths: { [registry.host]: { auth: 'YTpi' } } }))
  const { stdout, stderr } = await run(['logout', `http://${registry.host}/v2/`])
  assert.equal(stdout, `Not logged in to ${registry.host}\n`)
  assert.equal(stderr, `Credentials for ${registry.host} are still in ${other}\n`)
})
