import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { digestOf } from '../../src/spec/digest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { makeScratch, needsRoot } from '../conformance/scratch.ts'
import { tarOf } from '../support/layers.ts'
import { reply, startRegistry, type TestRegistry } from '../support/registry.ts'
import { amd64, arm64, configOf, davit, firstLayer, main, type Outcome, putSample, secondLayer } from './davit.ts'

const scratch = makeScratch('cli-bad')
let registry: TestRegistry
let roots = 0

before(async () => {
  registry = await startRegistry()
})
after(() => registry.close())

/** Pulls into an empty store and expects `status`, one line, and no image afterwards. */
async function refused(status: number, message: RegExp, name: string, ...flags: string[]): Promise<void> {
  const root = `${scratch}/${roots++}`
  const words = ['pull', '--progress', 'quiet', '--platform', 'linux/amd64', ...flags, name]
  isRefusal(await davit(words, { root }), status, message)
  const { stdout, stderr } = await davit(['images', 'ls', '--json'], { root })
  assert.equal(stdout, '[]\n', stderr)
}

function isRefusal({ status, stdout, stderr }: Outcome, wanted: number, message: RegExp): void {
  assert.deepEqual([status, stdout], [wanted, ''], stderr)
  assert.match(stderr, /^davit: [^\n\x00-\x1f]+\n$/)
  assert.match(stderr, message)
}

const layer = (bytes: Uint8Array): ReturnType<TestRegistry['putBlob']> => registry.putBlob(bytes, mediaTypes.ociLayer)

test('a registry that can’t be reached: exit 5', () => refused(5, /127\.0\.0\.1:1\b/, '127.0.0.1:1/a:1'))

test('an image that isn’t there: exit 3', () => refused(3, /none/, `${registry.host}/a:none`))

test('refused credentials: exit 4', async () => {
  const guarded = await startRegistry({ auth: { scheme: 'basic', users: { ada: 'secret' } } })
  try {
    putSample(guarded)
    await refused(4, new RegExp(guarded.host), `${guarded.host}/a:1`)
  } finally {
    await guarded.close()
  }
})

test('a registry that asks to come back later: exit 6', async () => {
  registry.on('/v2/limited/', reply(429, { 'retry-after': '86400' }))
  await refused(6, new RegExp(registry.host), `${registry.host}/limited:1`)
})

test('a platform that the image doesn’t have: exit 8, and which it has', async () => {
  const manifests = [{ ...putSample(registry, { platform: arm64, tags: [] }), platform: arm64 }]
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }
  registry.putManifest(document, { mediaType: mediaTypes.ociIndex, tags: ['arm'] })
  await refused(8, /linux\/arm64/, `${registry.host}/a:arm`)
})

test('a manifest that isn’t JSON: exit 7', async () => {
  registry.putManifest(Buffer.from('{"schemaVersion":2,'), { tags: ['broken'] })
  await refused(7, /JSON/, `${registry.host}/a:broken`)
})

test('a manifest other than its digest says: exit 7', async () => {
  const { digest } = putSample(registry)
  registry.on(
    `/v2/swapped/manifests/${digest}`,
    reply(200, { 'content-type': mediaTypes.ociManifest }, '{"schemaVersion":2}'),
  )
  await refused(7, new RegExp(digest), `${registry.host}/swapped@${digest}`)
})

test('a layer of another digest: exit 7', async () => {
  const good = layer(firstLayer)
  const image = { config: configOf(amd64, [firstLayer]), layers: [good], tags: ['corrupt'] }
  registry.putImage(image)
  const corrupt = Buffer.from(firstLayer)
  corrupt[600] = (corrupt[600] ?? 0) ^ 1
  registry.on(`/v2/corrupt/blobs/${good.digest}`, (_, response) => response.end(corrupt))
  await refused(7, new RegExp(good.digest), `${registry.host}/corrupt:corrupt`)
})

test('a layer that is longer than it should be: exit 7', async () => {
  const good = layer(secondLayer)
  registry.putImage({ config: configOf(amd64, [secondLayer]), layers: [good], tags: ['long'] })
  registry.on(`/v2/long/blobs/${good.digest}`, (_, response) =>
    response.end(Buffer.concat([secondLayer, Buffer.alloc(512)])),
  )
  await refused(7, new RegExp(good.digest), `${registry.host}/long:long`)
})

test('a compressed layer that is cut short, or goes on: exit 7', async () => {
  const whole = gzipSync(firstLayer)
  for (const [tag, bytes] of [
    ['short', whole.subarray(0, -6)],
    ['trailing', Buffer.concat([whole, Buffer.from('junk')])],
  ] as const) {
    const layers = [registry.putBlob(bytes, mediaTypes.ociLayerGzip)]
    registry.putImage({ config: configOf(amd64, [firstLayer]), layers, tags: [tag] })
    await refused(7, /davit: /, `${registry.host}/a:${tag}`, '--snapshotter', 'native')
  }
})

test('fewer diff IDs than layers: exit 7', async () => {
  const layers = [layer(firstLayer), layer(secondLayer)]
  registry.putImage({ config: configOf(amd64, [firstLayer]), layers, tags: ['fewer'] })
  await refused(7, /layers/, `${registry.host}/a:fewer`)
})

test('a diff ID that isn’t the layer’s: exit 7', async () => {
  registry.putImage({ config: configOf(amd64, [secondLayer]), layers: [layer(firstLayer)], tags: ['diff'] })
  await refused(7, new RegExp(digestOf(secondLayer)), `${registry.host}/a:diff`, '--snapshotter', 'native')
})

test('a layer of a type that nobody knows: exit 8', async () => {
  const layers = [registry.putBlob(firstLayer, 'application/x-nobody')]
  registry.putImage({ config: configOf(amd64, [firstLayer]), layers, tags: ['unknown'] })
  await refused(8, /x-nobody/, `${registry.host}/a:unknown`)
})

test('an error text of the registry is shown without what a terminal obeys', async () => {
  const body = JSON.stringify({ errors: [{ code: 'DENIED', message: 'no\x1b[2J\nentry' }] })
  registry.on('/v2/hostile/', reply(403, { 'content-type': 'application/json' }, body))
  await refused(4, /./, `${registry.host}/hostile:1`)
})

test('a store that can’t be made: exit 11 as a user, and one line always', async () => {
  const file = `${scratch}/file`
  writeFileSync(file, '')
  const words = ['pull', `${registry.host}/a:1`]
  const { status, stderr } = await davit(words, { root: `${file}/root` })
  assert.notEqual(status, 0)
  assert.match(stderr, /^davit: [^\n]+\n$/)
})

test('a store of somebody else: exit 11', { skip: needsRoot }, async () => {
  const root = `${scratch}/owned`
  mkdirSync(root, { mode: 0o700 })
  // Scratch directories are for their owner; the other user must get as far as the store.
  execFileSync('chmod', ['0755', scratch])
  isRefusal(await davit(['images', 'ls'], { root, uid: 65534 }), 11, /--root/)
})

test('no current directory: exit 3, and one line', async () => {
  const gone = `${scratch}/gone`
  const shell = 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$1" "$2" images ls'
  const { status, stderr } = spawnSync('sh', ['-c', shell, gone, process.execPath, main], {
    env: { PATH: process.env['PATH'], DAVIT_ROOT: `${scratch}/${roots++}` },
    encoding: 'utf8',
  })
  assert.equal(status, 3)
  assert.match(stderr, /^davit: [^\n]*current directory[^\n]*\n$/)
})

test('a store behind links that lead in circles: exit 11', async () => {
  const root = `${scratch}/loop`
  symlinkSync(root, root)
  isRefusal(await davit(['images', 'ls'], { root }), 11, /circles/)
})

test('an empty --root: exit 2, and the current directory is left alone', async () => {
  isRefusal(await davit(['--root', '', 'images', 'ls'], { root: `${scratch}/${roots++}` }), 2, /--root: it is empty/)
})

test('help with a command that there isn’t: exit 2', async () => {
  isRefusal(await davit(['help', 'images', 'list'], { root: scratch }), 2, /Cannot help with images list/)
})

test('a directory that can’t be unpacked into is refused before the registry is asked', async () => {
  const occupied = `${scratch}/occupied`
  mkdirSync(occupied)
  writeFileSync(`${occupied}/file`, '')
  const root = `${scratch}/${roots++}`
  for (const [directory, message] of [
    [occupied, /not empty/],
    [`${occupied}/file`, /not a directory/],
  ] as const) {
    isRefusal(await davit(['unpack', '127.0.0.1:1/a:1', directory], { root }), 2, message)
  }
  isRefusal(await davit(['unpack', '127.0.0.1:1/a:1', `${occupied}/no/x`], { root }), 3, /there is no/)
  assert.deepEqual(readdirSync(occupied), ['file'])
})

test('a directory to mount on that can’t be reached or isn’t there: exit 11 or 3', { skip: needsRoot }, async () => {
  const hidden = `${scratch}/hidden`
  mkdirSync(`${hidden}/target`, { recursive: true, mode: 0o700 })
  execFileSync('chmod', ['0755', scratch])
  const root = `${scratch}/${roots++}`
  isRefusal(await davit(['mount', 'alpine', `${hidden}/target`], { root, uid: 65534 }), 11, /Cannot reach directory/)
  isRefusal(await davit(['mount', 'alpine', `${scratch}/file/x`], { root }), 3, /Cannot find directory/)
})

test('a full disk: exit 9, with what to do', { skip: needsRoot }, async () => {
  const root = `${scratch}/small`
  mkdirSync(root)
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'davit-test', root])
  // As it comes over the network, and only once it is inflated.
  const tar = tarOf([{ path: 'data', content: 'x'.repeat(4_000_000) }])
  for (const [tag, blob] of [
    ['plain', layer(tar)],
    ['packed', registry.putBlob(gzipSync(tar), mediaTypes.ociLayerGzip)],
  ] as const) {
    registry.putImage({ config: configOf(amd64, [tar]), layers: [blob], tags: [tag] })
    for (const snapshotter of ['erofs', 'native']) {
      const words = ['pull', '--progress', 'quiet', '--platform', 'linux/amd64', '--snapshotter', snapshotter]
      const outcome = await davit([...words, `${registry.host}/a:${tag}`], { root: `${root}/store` })
      isRefusal(
        outcome,
        9,
        /^davit: Cannot write \/.*; still to come: .*what the layers unpack to \(davit gc would free 0 B\)/,
      )
      rmSync(`${root}/store`, { recursive: true })
    }
  }
})
