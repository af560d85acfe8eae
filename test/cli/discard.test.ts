/** `pull --discard-compressed`: tars stand for layers, whatever is asked for afterwards. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type Digest, digestOf } from '../../src/spec/digest.ts'
import { makeScratch, needsRoot } from '../conformance/scratch.ts'
import { directory, file, type Item } from '../rootfs/extract/stack.ts'
import { buildImage } from '../support/image.ts'
import { tarOf } from '../support/layers.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { serveImage } from '../support/serve-image.ts'
import { davit, type Outcome } from './davit.ts'

const scratch = makeScratch('cli-discard')
const tars = [
  tarOf([directory('etc'), file('etc/motd', 'ahoy\n'), file('etc/old', 'to go')]),
  tarOf([{ path: 'etc/.wh.old' } satisfies Item, file('etc/new', 'new\n')]),
]
const diffIds = tars.map(tar => digestOf(tar))
const image = buildImage({ layers: tars })
/** The same tars, compressed in another way. */
const other = buildImage({ layers: tars, compress: tar => gzipSync(tar, { level: 1 }) })
const compressed = tars.map(tar => digestOf(gzipSync(tar)))

let registry: TestRegistry
let name: string
let otherName: string
let root: string
let roots = 0

function run(...words: string[]): Promise<Outcome> {
  return davit(words, { root })
}

async function ok(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(...words, '--platform', 'linux/amd64')
  assert.equal(status, 0, stderr)
  return stdout
}

async function stored(): Promise<Digest[]> {
  const { stdout } = await run('content', 'ls', '--json')
  return JSON.parse(stdout).map(({ digest }: { digest: Digest }) => digest)
}

/** What other tools find in the store. */
function named(): string[] {
  const { manifests } = JSON.parse(readFileSync(join(root, 'index.json'), 'utf8'))
  return manifests.map(({ annotations }: { annotations: Record<string, string> }) => Object.values(annotations)[0])
}

/** What a command asks of the registry. */
async function requests(...words: string[]): Promise<string[]> {
  registry.received.length = 0
  await ok(...words)
  return registry.received.map(({ method, url }) => `${method} ${url}`)
}

before(async () => {
  registry = await startRegistry()
  serveImage(registry, image, '1')
  serveImage(registry, other, 'other')
  name = `${registry.host}/a:1`
  otherName = `${registry.host}/a:other`
})
after(() => registry.close())
beforeEach(async () => {
  root = `${scratch}/${roots++}`
  await ok('pull', '--snapshotter', 'erofs', '--discard-compressed', name)
})

test('pull --discard-compressed keeps tars alone, and the image leaves index.json', async () => {
  const digests = await stored()
  assert.equal(digests.length, 2 + tars.length)
  for (const diffId of diffIds) assert.ok(digests.includes(diffId), diffId)
  assert.deepEqual(named(), [])
  assert.deepEqual(readdirSync(join(root, 'ingest')), [])
  assert.equal(await ok('cat', name, 'etc/new'), 'new\n')
})

test('a second pull fetches no layer, with the flag or without', async () => {
  const asked = [`HEAD /v2/a/manifests/1`]
  assert.deepEqual(await requests('pull', '--snapshotter', 'erofs', '--discard-compressed', name), asked)
  assert.deepEqual(await requests('pull', '--snapshotter', 'erofs', name), asked)
  assert.deepEqual(await requests('pull', '--snapshotter', 'erofs', '--pull', 'never', name), [])
})

for (const snapshotter of ['overlayfs', 'native', 'none']) {
  const skip = snapshotter === 'overlayfs' && needsRoot
  test(`pull --snapshotter ${snapshotter} afterwards works from the tars, and keeps them`, { skip }, async () => {
    assert.deepEqual(await requests('pull', '--snapshotter', snapshotter, name), ['HEAD /v2/a/manifests/1'])
    assert.match((await run('gc')).stdout, /: 0 blobs, 1 snapshot,/)
    for (const diffId of diffIds) assert.ok((await stored()).includes(diffId), diffId)
    assert.deepEqual(await requests('unpack', name, join(scratch, `after-${snapshotter}`)), [])
  })
}

test('unpack works from the tars, without the network', async () => {
  const target = join(scratch, 'unpacked')
  assert.deepEqual(await requests('unpack', name, target), [])
  assert.deepEqual(readdirSync(join(target, 'etc')).sort(), ['motd', 'new'])
  assert.equal(readFileSync(join(target, 'etc/motd'), 'utf8'), 'ahoy\n')
})

test('the same layers compressed in another way are fetched: a tar that is here proves nothing about them', async () => {
  const asked = await requests('pull', '--snapshotter', 'erofs', otherName)
  assert.equal(asked.filter(line => line.includes('/blobs/')).length, tars.length, asked.join('\n'))
  assert.deepEqual(named(), [otherName])
  await ok('images', 'rm', otherName)
  await run('gc')
  const again = await requests('pull', '--snapshotter', 'erofs', '--discard-compressed', otherName)
  assert.equal(again.filter(line => line.includes('/blobs/')).length, tars.length, again.join('\n'))
  await ok('images', 'rm', otherName)
  await run('gc')
})

test('gc frees the tars and their indexes with the last image, and nothing before', async () => {
  assert.match((await run('gc')).stdout, /^freed 0 B: 0 blobs, 0 snapshots/)
  await ok('images', 'rm', name)
  assert.match((await run('gc')).stdout, /: 4 blobs, 1 snapshot,/)
  assert.deepEqual(await stored(), [])
  assert.deepEqual(readdirSync(join(root, 'indexes/sha256')), [])
})

test('pull --discard-compressed says so where nothing could take the place of compressed layers', async () => {
  for (const [snapshotter, why] of [
    ['native', 'native keeps no tars that could stand for them'],
    ['none', 'nothing is unpacked that could stand for them'],
  ] as const) {
    root = `${scratch}/${roots++}`
    const words = ['pull', '--platform', 'linux/amd64', '--snapshotter', snapshotter, '--discard-compressed', name]
    const { status, stderr } = await run(...words)
    assert.equal(status, 0, stderr)
    assert.ok(stderr.includes(`compressed layers are kept, for ${why}`), stderr)
    for (const digest of compressed) assert.ok((await stored()).includes(digest))
    assert.ok(existsSync(join(root, 'index.json')))
    assert.deepEqual(named(), [name])
  }
})

test('pull drops what a run that died has left of a compressed layer whose tar it had kept', async () => {
  await ok('pull', '--discard-compressed', '--snapshotter', 'erofs', name)
  const partial = join(root, 'ingest', (compressed[0] ?? '').replace(':', '-'))
  writeFileSync(partial, '')
  await ok('pull', '--discard-compressed', '--snapshotter', 'erofs', name)
  assert.deepEqual(readdirSync(join(root, 'ingest')), [])
})
