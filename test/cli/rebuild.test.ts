/** `davit rebuild`: a database that is lost costs nothing that the files know. */
import assert from 'node:assert/strict'
import { readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { openDb } from '../../src/store/db.ts'
import { layoutOf } from '../../src/store/layout.ts'
import { makeScratch } from '../conformance/scratch.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { davit, putSampleIndex } from './davit.ts'

const scratch = makeScratch('cli-rebuild')
let registry: TestRegistry
let name: string
let root: string
let roots = 0

before(async () => {
  registry = await startRegistry()
  putSampleIndex(registry, '1')
  name = `${registry.host}/a:1`
})
after(() => registry.close())
beforeEach(() => {
  root = `${scratch}/${roots++}`
})

async function ok(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await davit(words, { root })
  assert.equal(status, 0, stderr)
  return stdout
}

const pull = (...words: string[]) =>
  ok('pull', '--platform', 'linux/amd64', '--snapshotter', 'erofs', '--json', ...words)
const labels = async () =>
  Object.fromEntries(
    JSON.parse(await ok('content', 'ls', '--json')).map((blob: { digest: string; labels: object }) => [
      blob.digest,
      blob.labels,
    ]),
  )

const losses: Readonly<Record<string, () => void>> = {
  'cut short': () => truncateSync(join(root, 'db/data.mdb'), 12_288),
  overwritten: () => writeFileSync(join(root, 'db/data.mdb'), Buffer.alloc(65_536, 'junk')),
  gone: () => rmSync(join(root, 'db'), { recursive: true }),
}

for (const [how, lose] of Object.entries(losses)) {
  test(`rebuild after the database was ${how} restores labels, and a pull by digest asks nobody`, async () => {
    const { digest } = JSON.parse(await pull(name))
    const before = await labels()
    lose()
    if (how !== 'gone') {
      const { status, stderr } = await davit(['content', 'ls'], { root })
      assert.equal(status, 7)
      assert.match(stderr, /\(davit rebuild [^\n]*\)\n$/)
    }
    assert.equal(await ok('rebuild'), 'rebuilt the database from 1 image\n')
    const after = await labels()
    for (const [blob, was] of Object.entries(before)) {
      const { 'containerd.io/uncompressed': _, ...rest } = was as Record<string, string>
      assert.deepEqual(after[blob], rest, blob)
    }
    assert.match(await ok('gc'), /: 0 blobs, 0 snapshots,/)
    registry.received.length = 0
    await pull(`${registry.host}/a@${digest}`)
    assert.deepEqual(registry.received, [])
    assert.deepEqual(
      readdirSync(root).filter(file => file.startsWith('db')),
      ['db'],
    )
  })
}

test('rebuild remembers which layers were let go for their tars', async () => {
  await pull('--discard-compressed', name)
  losses['gone']?.()
  await ok('rebuild')
  registry.received.length = 0
  await pull(name)
  assert.deepEqual(
    registry.received.map(({ method, url }) => `${method} ${url}`),
    ['HEAD /v2/a/manifests/1'],
  )
})

test('rebuild waits for whoever has the database open', async () => {
  await pull(name)
  const db = openDb(layoutOf(root))
  await db.table('labels')
  const { status } = await davit(['rebuild', '--lock-timeout', '0'], { root })
  assert.equal(status, 10)
  await db.close()
  await ok('rebuild', '--lock-timeout', '0')
})
