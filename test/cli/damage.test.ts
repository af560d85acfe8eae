/** Blobs that a disk has spoilt: whoever meets one notices, and a pull brings it again. */
import assert from 'node:assert/strict'
import { appendFileSync, chmodSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Descriptor } from '../../src/spec/descriptor.ts'
import { type Digest, digestOf, hexOf } from '../../src/spec/digest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { makeScratch } from '../conformance/scratch.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { amd64, configOf, davit, firstLayer, type Outcome, putSample, secondLayer } from './davit.ts'

const scratch = makeScratch('cli-damage')
const layer = digestOf(gzipSync(firstLayer))
const config = digestOf(JSON.stringify(configOf(amd64, [firstLayer, secondLayer])))
let registry: TestRegistry
let manifest: Descriptor
let name: string
let root: string
let roots = 0

before(async () => {
  registry = await startRegistry()
  manifest = putSample(registry, { tags: ['1'] })
  name = `${registry.host}/a:1`
})
after(() => registry.close())
beforeEach(() => {
  root = `${scratch}/${roots++}`
})

function run(...words: string[]): Promise<Outcome> {
  return davit(words, { root })
}

async function pull(snapshotter: string, ...words: string[]) {
  const flags = ['--platform', 'linux/amd64', '--snapshotter', snapshotter, '--json']
  registry.received.length = 0
  const { status, stdout, stderr } = await run('pull', ...flags, ...words, name)
  assert.equal(status, 0, stderr)
  return { ...JSON.parse(stdout), asked: registry.received.map(({ method, url }) => `${method} ${url}`) }
}

const pathOf = (digest: Digest) => join(root, 'blobs/sha256', hexOf(digest))

const damages: Readonly<Record<string, (path: string) => void>> = {
  flipped: path => {
    const bytes = readFileSync(path)
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0x10
    chmodSync(path, 0o600)
    writeFileSync(path, bytes)
  },
  truncated: path => truncateSync(path, 20),
  empty: path => truncateSync(path, 0),
  longer: path => appendFileSync(path, 'x'),
  missing: path => rmSync(path),
}

for (const [kind, damage] of Object.entries(damages)) {
  for (const [what, digest] of [
    ['manifest', () => manifest.digest],
    ['config', () => config],
  ] as const) {
    test(`pull mends a ${what} that is ${kind}, fetching nothing else`, async () => {
      await pull('none')
      damage(pathOf(digest()))
      const { asked, bytes } = await pull('none')
      assert.equal(asked.length, 2, asked.join('\n'))
      assert.match(asked[1], new RegExp(`^GET .*${digest()}$`))
      assert.equal(digestOf(readFileSync(pathOf(digest()))), digest())
      assert.equal(bytes.fetched, readFileSync(pathOf(digest())).length)
    })
  }

  for (const snapshotter of ['erofs', 'native']) {
    test(`pull --snapshotter ${snapshotter} mends a layer that is ${kind}, fetching nothing else`, async () => {
      await pull('none')
      damage(pathOf(layer))
      const { asked, layers } = await pull(snapshotter)
      assert.deepEqual(asked, ['HEAD /v2/a/manifests/1', `GET /v2/a/blobs/${layer}`])
      assert.deepEqual(
        layers.map(({ fetched }: { fetched: number }) => fetched),
        [gzipSync(firstLayer).length, 0],
      )
      assert.equal(digestOf(readFileSync(pathOf(layer))), layer)
      assert.equal((await run('cat', '--platform', 'linux/amd64', name, 'etc/motd')).stdout, 'ahoy\n')
    })
  }
}

test('pull mends a plain layer before it is indexed, and a blob whose tar is here by another way', async () => {
  await pull('none')
  damages['flipped']?.(pathOf(digestOf(secondLayer)))
  assert.equal((await pull('erofs')).asked[1], `GET /v2/a/blobs/${digestOf(secondLayer)}`)
  assert.equal(digestOf(readFileSync(pathOf(digestOf(secondLayer)))), digestOf(secondLayer))

  root = `${scratch}/${roots++}`
  await pull('erofs', '--discard-compressed')
  const other = gzipSync(firstLayer, { level: 1 })
  const layers = [registry.putBlob(other, mediaTypes.ociLayerGzip), registry.putBlob(secondLayer, mediaTypes.ociLayer)]
  registry.putImage({ config: configOf(amd64, [firstLayer, secondLayer]), layers, tags: ['other'] })
  const words = ['pull', '--platform', 'linux/amd64', `${registry.host}/a:other`]
  await run(...words, '--snapshotter', 'none')
  damages['flipped']?.(pathOf(digestOf(other)))
  const { status, stderr } = await run(...words, '--snapshotter', 'erofs')
  assert.equal(status, 0, stderr)
  assert.equal(digestOf(readFileSync(pathOf(digestOf(other)))), digestOf(other))
})

test('pull --pull missing fetches what is damaged; --pull never refuses it and says what to do', async () => {
  await pull('none')
  damages['flipped']?.(pathOf(config))
  const refused = await run('pull', '--platform', 'linux/amd64', '--snapshotter', 'none', '--pull', 'never', name)
  assert.equal(refused.status, 7)
  assert.match(refused.stderr, /^davit: Cannot use sha256:[^\n]*\(davit verify --repair [^\n]*\)\n$/)
  await pull('none', '--pull', 'missing')
  assert.equal(digestOf(readFileSync(pathOf(config))), config)
})

test('config reads a damaged config from the registry, and unpack refuses a damaged layer', async () => {
  await pull('none')
  damages['flipped']?.(pathOf(config))
  const { stdout } = await run('config', '--platform', 'linux/amd64', name)
  assert.equal(digestOf(stdout), config)
  await pull('none')
  damages['flipped']?.(pathOf(layer))
  const { status, stderr } = await run('unpack', '--platform', 'linux/amd64', name, `${root}-unpacked`)
  assert.equal(status, 7, stderr)
})
