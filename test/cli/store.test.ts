import assert from 'node:assert/strict'
import { release } from 'node:os'
import { after, before, test } from 'node:test'
import { digestOf } from '../../src/spec/digest.ts'
import { asRoot, makeScratch } from '../conformance/scratch.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { davit, type Outcome, putSample, secondLayer } from './davit.ts'

const root = `${makeScratch('cli-store')}/root`
const second = digestOf(secondLayer)
let registry: TestRegistry
let name: string

async function ok(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(...words)
  assert.equal(status, 0, stderr)
  return stdout
}

function run(...words: string[]): Promise<Outcome> {
  return davit(words, { root })
}

before(async () => {
  registry = await startRegistry()
  putSample(registry, { tags: ['1'] })
  name = `${registry.host}/a:1`
  await ok('pull', '--platform', 'linux/amd64', '--snapshotter', 'native', name)
})
after(() => registry.close())

test('images ls lists what was pulled', async () => {
  assert.match(
    await ok('images', 'ls'),
    new RegExp(`^IMAGE .*\\n${name} +linux/amd64 +sha256:[0-9a-f]{12} .* just now\\n$`),
  )
  const [image, ...rest] = JSON.parse(await ok('images', 'ls', '--json'))
  assert.equal(rest.length, 0)
  assert.equal(image.ref, name)
  assert.equal(image.snapshotter, 'native')
  for (const key of ['digest', 'chainId', 'size', 'createdAt', 'updatedAt']) assert.ok(image[key], key)
})

test('images tag gives one more name, images rm takes it away', async () => {
  assert.equal(await ok('images', 'tag', name, 'davit/copy'), 'docker.io/davit/copy:latest\n')
  assert.equal(JSON.parse(await ok('images', 'ls', '--json')).length, 2)
  assert.equal(await ok('images', 'rm', 'davit/copy'), 'docker.io/davit/copy:latest\n')
  assert.equal(JSON.parse(await ok('images', 'ls', '--json')).length, 1)
})

test('images rm removes nothing when one of its images is not here', async () => {
  const { status, stderr } = await run('images', 'rm', name, 'nosuch')
  assert.equal(status, 3)
  assert.equal(
    stderr,
    'davit: Cannot find image docker.io/library/nosuch:latest here (davit pull docker.io/library/nosuch:latest)\n',
  )
  assert.equal(JSON.parse(await ok('images', 'ls', '--json')).length, 1)
})

test('content ls lists blobs, content cat prints one byte for byte', async () => {
  assert.match(await ok('content', 'ls'), new RegExp(`^${second} +[\\d.]+ kB +just now$`, 'm'))
  const blobs = JSON.parse(await ok('content', 'ls', '--json'))
  // Manifest, config and two layers.
  assert.equal(blobs.length, 4)
  assert.equal(digestOf(await ok('content', 'cat', second)), second)
  assert.equal((await run('content', 'cat', `sha256:${'0'.repeat(64)}`)).status, 3)
  assert.equal((await run('content', 'cat', 'sha256:short')).status, 2)
})

test('snapshots ls lists them; rm refuses one with children', async () => {
  const snapshots = JSON.parse(await ok('snapshots', 'ls', '--snapshotter', 'native', '--json'))
  assert.deepEqual(
    snapshots.map(({ kind }: { kind: string }) => kind),
    ['committed', 'committed'],
  )
  const bottom = snapshots.find(({ parent }: { parent?: string }) => parent === undefined)
  const { status, stderr } = await run('snapshots', 'rm', '--snapshotter', 'native', bottom.key)
  assert.equal(status, 10)
  assert.match(stderr, /^davit: [^\n]+\n$/)
  assert.equal((await run('snapshots', 'rm', '--snapshotter', 'native', 'nosuch')).status, 3)
})

test('snapshots rm refuses what an image needs', async () => {
  const snapshots = JSON.parse(await ok('snapshots', 'ls', '--snapshotter', 'native', '--json'))
  const top = snapshots.find(({ parent }: { parent?: string }) => parent !== undefined)
  const { status, stderr } = await run('snapshots', 'rm', '--snapshotter', 'native', top.key)
  assert.equal(status, 10)
  assert.match(stderr, /an image or a running pull needs it \(davit images rm [^\n]+\)\n$/)
  assert.equal(JSON.parse(await ok('snapshots', 'ls', '--snapshotter', 'native', '--json')).length, 2)
})

test('df counts what is here, what is shared, and what gc would free', async () => {
  const { blobs, tars, indexes, snapshots, partials } = JSON.parse(await ok('df', '--json'))
  const counts = [blobs, tars, indexes, snapshots, partials].map(({ count }) => count)
  assert.deepEqual(counts, [4, 0, 0, 2, 0])
  const listed = JSON.parse(await ok('content', 'ls', '--json'))
  const bytes = listed.reduce((sum: number, { size }: { size: number }) => sum + size, 0)
  assert.deepEqual([blobs.bytes, blobs.sharedBytes, blobs.reclaimableBytes], [bytes, 0, 0])
  await ok('images', 'tag', name, 'davit/copy')
  assert.equal(JSON.parse(await ok('df', '--json')).blobs.sharedBytes, bytes)
  await ok('images', 'rm', 'davit/copy')
  assert.match(await ok('df'), /^KIND +COUNT +SIZE +SHARED +RECLAIMABLE\nblobs +4 +[\d.]+ kB +0 B +0 B\n/)
})

test('content rm refuses what an image needs, gc leaves it, and takes it when the image is gone', async () => {
  const refused = await run('content', 'rm', second)
  assert.equal(refused.status, 10)
  assert.match(refused.stderr, /\(davit images rm [^\n]+\)\n$/)
  assert.match(await ok('gc'), /^freed 0 B: 0 blobs, 0 snapshots, 0 partial downloads\n$/)

  await ok('images', 'rm', name)
  const usage = JSON.parse(await ok('df', '--json'))
  assert.equal(usage.blobs.reclaimableBytes, usage.blobs.bytes)
  assert.equal(usage.snapshots.reclaimableBytes, usage.snapshots.bytes)
  assert.match(await ok('gc', '--dry-run'), /^would free [\d.]+ kB: 4 blobs, 2 snapshots, 0 partial downloads\n$/)
  assert.equal(await ok('content', 'rm', second), `${second}\n`)
  assert.equal((await run('content', 'rm', second)).status, 3)
  const { dryRun, blobs, snapshots, bytes } = JSON.parse(await ok('gc', '--json'))
  assert.deepEqual([dryRun, blobs.length, snapshots.length], [false, 3, 2])
  assert.ok(bytes > 0)
  assert.equal(await ok('content', 'ls', '--json'), '[]\n')
  assert.equal(await ok('snapshots', 'ls', '--snapshotter', 'native', '--json'), '[]\n')
})

test('info says how this machine mounts images, and what inflates them', async () => {
  const facts = JSON.parse(await ok('info', '--json'))
  assert.equal(facts.root, root)
  assert.equal(facts.kernel, release())
  assert.ok(['ISA-L', 'Node'].includes(facts.decoders.gzip))
  if (asRoot) assert.ok('how' in facts.erofs || facts.erofs.obstacle.includes(': '), JSON.stringify(facts.erofs))
  else assert.equal(facts.erofs.obstacle, 'mounting needs root')
  const text = await ok('info')
  assert.match(text, new RegExp(`^root +${root}$`, 'm'))
  assert.match(text, /^erofs +(mounted (straight from files|through loop devices)|not mounted: .+)$/m)
})
