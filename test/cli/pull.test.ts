import assert from 'node:assert/strict'
import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { makeScratch } from '../conformance/scratch.ts'
import { stallAfter, startRegistry, type TestRegistry } from '../support/registry.ts'
import { davit, putEntries, putSample, putSampleIndex } from './davit.ts'

const scratch = makeScratch('cli-pull')
let registry: TestRegistry
let roots = 0

function freshRoot(): string {
  return `${scratch}/${roots++}`
}

before(async () => {
  registry = await startRegistry()
})
after(() => registry.close())

test('pull prints one line an image, in the order asked for', async () => {
  const [one, two] = [putSample(registry, { tags: ['1'] }), putEntries(registry, '2', [{ path: 'a' }])]
  const words = ['pull', '--platform', 'linux/amd64', `${registry.host}/a:1`, `${registry.host}/b:2`]
  const { status, stdout, stderr } = await davit(words, { root: freshRoot() })
  assert.equal(status, 0, stderr)
  assert.equal(stdout, `${registry.host}/a:1@${one.digest}\n${registry.host}/b:2@${two.digest}\n`)
  // No terminal: a line a phase, without control codes.
  assert.match(stderr, new RegExp(`^${registry.host}/a:1: resolved ${one.digest}$`, 'm'))
  assert.match(stderr, /: done in /)
  assert.doesNotMatch(stderr, /\x1b/)
})

test('pull --json prints an object, or an array when several were asked for', async () => {
  const index = putSampleIndex(registry, 'multi')
  const root = freshRoot()
  const name = `${registry.host}/a:multi`
  const one = await davit(['pull', '--json', '--progress', 'quiet', '--platform', 'linux/arm64', name], { root })
  assert.deepEqual([one.status, one.stderr], [0, ''])
  const image = JSON.parse(one.stdout)
  assert.equal(image.ref, name)
  assert.equal(image.digest, index.digest)
  assert.equal(image.mediaType, index.mediaType)
  assert.equal(image.platform, 'linux/arm64')
  assert.equal(image.host, registry.host)
  assert.equal(image.layers.length, 2)
  assert.deepEqual(Object.keys(image.bytes).sort(), ['fetched', 'resumed', 'reused'])
  assert.ok(image.bytes.fetched > 0)
  for (const key of ['chainId', 'snapshotter', 'config', 'manifest', 'durations']) assert.ok(image[key], key)

  const words = ['pull', '--json', '--platform', 'linux/arm64', '--platform', 'linux/amd64', name]
  const both = JSON.parse((await davit(words, { root })).stdout)
  assert.deepEqual(
    both.map(({ platform }: { platform: string }) => platform),
    ['linux/arm64', 'linux/amd64'],
  )
  assert.equal(both[0].bytes.fetched, 0)
})

test('pull refuses an image over a quota, names it, and keeps nothing of the layer: exit 7', async () => {
  const entries = [{ path: 'a/b/c', content: 'x'.repeat(5000) }, { path: 'd' }]
  putEntries(registry, 'big', entries)
  const name = `${registry.host}/a:big`
  // Two entries in a tar of 9,216 bytes.
  const over = ['layer-bytes=9215', 'image-bytes=8K', 'layer-entries=1', 'image-entries=1', 'depth=2']
  for (const snapshotter of ['erofs', 'native']) {
    for (const quota of over) {
      const root = freshRoot()
      const words = ['pull', '--platform', 'linux/amd64', '--snapshotter', snapshotter, '--quota']
      const { status, stdout, stderr } = await davit([...words, quota, name], { root })
      assert.deepEqual([status, stdout], [7, ''], stderr)
      assert.match(stderr, new RegExp(`${quota.split('=')[0]} \\d+ is over its quota, \\d+`))
      assert.match(stderr, new RegExp(`--quota ${quota.split('=')[0]}=NUMBER`))
      assert.equal((await davit(['images', 'ls'], { root })).stdout.includes('a:big'), false)
    }
    const enough = ['layer-bytes=9216', 'image-bytes=9K', 'layer-entries=2', 'image-entries=2', 'depth=3']
    const words = ['pull', '--platform', 'linux/amd64', '--snapshotter', snapshotter]
    const { status, stderr } = await davit([...words, ...enough.flatMap(quota => ['--quota', quota]), name], {
      root: freshRoot(),
    })
    assert.equal(status, 0, stderr)
  }
})

test('pull of several prints what was recorded, though a later one fails', async () => {
  const root = freshRoot()
  const words = ['pull', '--platform', 'linux/amd64', `${registry.host}/a:1`, `${registry.host}/a:nosuch`]
  const lines = await davit(words, { root })
  assert.equal(lines.status, 3)
  assert.match(lines.stdout, /^127\.0\.0\.1:\d+\/a:1@sha256:[0-9a-f]{64}\n$/)
  const json = await davit([...words, '--json'], { root })
  assert.equal(json.status, 3)
  assert.deepEqual(
    JSON.parse(json.stdout).map(({ ref }: { ref: string }) => ref),
    [`${registry.host}/a:1`],
  )
})

test('a second pull asks once and fetches nothing; --pull missing and never ask nothing', async () => {
  putSample(registry, { tags: ['again'] })
  const root = freshRoot()
  const words = ['pull', '--platform', 'linux/amd64', `${registry.host}/a:again`]
  await davit(words, { root })
  const requests = async (...flags: string[]): Promise<string[]> => {
    registry.received.length = 0
    const { status, stderr } = await davit([...words, ...flags], { root })
    assert.equal(status, 0, stderr)
    return registry.received.map(({ method }) => method)
  }
  assert.deepEqual(await requests(), ['HEAD'])
  assert.deepEqual(await requests('--pull', 'missing'), [])
  assert.deepEqual(await requests('--pull', 'never'), [])
})

test('a pull of what is here rewrites only when it was pulled', async () => {
  putSample(registry, { tags: ['same'] })
  const root = freshRoot()
  const words = ['pull', '--platform', 'linux/amd64', `${registry.host}/a:same`]
  await davit(words, { root })
  const before = writesIn(root)
  assert.equal((await davit(words, { root })).status, 0)
  const changed = writesIn(root).filter(write => !before.includes(write))
  assert.deepEqual(
    changed.map(write => write.split(' ')[2]?.split('/')[0]),
    ['images'],
  )
})

test('pull --pull never of what is not here exits with 3 and asks nothing', async () => {
  registry.received.length = 0
  const { status, stdout, stderr } = await davit(['pull', '--pull', 'never', `${registry.host}/a:none`], {
    root: freshRoot(),
  })
  assert.deepEqual([status, stdout, registry.received.length], [3, '', 0])
  assert.match(stderr, /^davit: [^\n]+\n$/)
})

test('pull --progress json says everything as JSON, errors too', async () => {
  putSample(registry, { tags: ['json'] })
  const words = ['pull', '--platform', 'linux/amd64', '--progress', 'json']
  const good = await davit([...words, `${registry.host}/a:json`], { root: freshRoot() })
  const events = good.stderr
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.ok(events.every(({ v }) => v === 1))
  assert.equal(events[0].type, 'resolve')
  assert.equal(events.at(-1).type, 'total')
  assert.equal(events.at(-1).state, 'done')
  const bad = await davit([...words, `${registry.host}/a:missing`], { root: freshRoot() })
  const last = JSON.parse(bad.stderr.trim().split('\n').at(-1) ?? '')
  assert.deepEqual([bad.status, last.type, last.code, last.status], [3, 'error', 'NOT_FOUND', 3])
})

test('pull sends the credentials that were typed', async () => {
  const guarded = await startRegistry({ auth: { scheme: 'bearer', users: { ada: 'secret' } } })
  try {
    putSample(guarded, { tags: ['1'] })
    const words = ['pull', '--platform', 'linux/amd64', `${guarded.host}/a:1`]
    const root = freshRoot()
    const refused = await davit(words, { root })
    assert.equal(refused.status, 4)
    const wrong = await davit([...words, '--username', 'ada', '--password-stdin'], { root, stdin: 'sesame' })
    assert.equal(wrong.status, 4)
    assert.doesNotMatch(wrong.stderr, /sesame/)
    const right = await davit([...words, '--username', 'ada', '--password-stdin'], { root, stdin: 'secret\n' })
    assert.equal(right.status, 0, right.stderr)
  } finally {
    await guarded.close()
  }
})

test('pull that is interrupted keeps what was fetched, and the next one goes on there', async () => {
  const data = 'a'.repeat(3_000_000)
  putEntries(registry, 'slow', [{ path: 'data', content: data }])
  const root = freshRoot()
  const words = ['pull', '--platform', 'linux/amd64', '--json', `${registry.host}/a:slow`]
  registry.on(/GET .*\/blobs\//, stallAfter(2_000_000), 2)
  const broken = await davit(words, {
    root,
    onStderr: kill => setTimeout(() => kill('SIGINT'), 1_500),
  })
  assert.deepEqual([broken.status, broken.stdout], [130, ''])
  assert.match(broken.stderr, /davit: interrupted: run the same command to resume\n$/)
  const { status, stdout, stderr } = await davit(words, { root })
  assert.equal(status, 0, stderr)
  const { bytes } = JSON.parse(stdout)
  assert.ok(bytes.resumed >= 900_000, `${bytes.resumed} bytes resumed`)
})

/** Every file of a store with the time of its last write, but for locks, a line each: inode, time, path. */
function writesIn(root: string): string[] {
  const names = readdirSync(root, { recursive: true }).map(String)
  return names.flatMap(name => {
    const stats = lstatSync(join(root, name))
    const isOpened = name.startsWith('locks') || name.endsWith('lock.mdb') || name.endsWith('.lock')
    return stats.isFile() && !isOpened ? [`${stats.ino} ${stats.mtimeMs} ${name}`] : []
  })
}
