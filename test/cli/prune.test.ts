import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { asRoot, makeScratch } from '../conformance/scratch.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { davit, putEntries } from './davit.ts'

const scratch = makeScratch('cli-prune')
const root = join(scratch, 'root')
let registry: TestRegistry
const name = (tag: string) => `${registry.host}/a:${tag}`

async function ok(...words: string[]): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const { status, stdout, stderr } = await davit(words, { root })
  assert.equal(status, 0, stderr)
  return { stdout, stderr }
}

async function names(): Promise<readonly string[]> {
  const images: { readonly ref: string }[] = JSON.parse((await ok('images', 'ls', '--json')).stdout)
  return images.map(({ ref }) => ref)
}

async function pull(tag: string, when = 'always'): Promise<void> {
  await ok('pull', '--platform', 'linux/amd64', '--snapshotter', 'native', '--pull', when, name(tag))
}

before(async () => {
  registry = await startRegistry()
  for (const tag of ['one', 'two', 'three']) {
    putEntries(registry, tag, [{ path: tag, content: tag.repeat(30_000) }])
    await pull(tag)
  }
  // Needs no registry, and is a use all the same.
  await pull('one', 'missing')
})
after(() => registry.close())

test('gc --keep-storage removes the least recently used images, and says so', async () => {
  const { stdout: all } = await ok('gc', '--keep-storage', '1G', '--dry-run')
  assert.equal(all, 'would free 0 B: 0 blobs, 0 snapshots, 0 partial downloads\n')
  // Each image has a layer of about 100 kB, compressed by nothing, and its directory.
  const says = (done: string) => new RegExp(`^${name('two')} linux/amd64\\n${done} \\d{3} kB: 3 blobs, 1 snapshot, 0 `)
  assert.match((await ok('gc', '--keep-storage', '500K', '--dry-run')).stdout, says('would free'))
  assert.equal((await names()).length, 3)
  assert.match((await ok('gc', '--keep-storage', '500K')).stdout, says('freed'))
  assert.deepEqual(await names(), [name('one'), name('three')])
})

test('gc --keep-storage wants a size, images prune --unused-for a time', async () => {
  for (const size of ['', '-1', '1.5G', '10X']) {
    const { status, stderr } = await davit(['gc', `--keep-storage=${size}`], { root })
    assert.equal(status, 2)
    assert.match(stderr, /^davit: Cannot use --keep-storage/)
  }
  for (const time of ['1', 'd', '1y']) {
    assert.equal((await davit(['images', 'prune', '--unused-for', time], { root })).status, 2)
  }
})

test('images prune leaves what is mounted', { skip: !asRoot && 'mounting needs root' }, async () => {
  const directory = join(scratch, 'mount')
  mkdirSync(directory)
  await ok('mount', '--platform', 'linux/amd64', name('three'), directory)
  try {
    const { images } = JSON.parse((await ok('images', 'prune', '--dry-run', '--json')).stdout)
    assert.deepEqual(
      images.map(({ ref }: { ref: string }) => ref),
      [name('one')],
    )
    const { stderr } = await ok('gc', '--keep-storage', '1K', '--dry-run')
    assert.match(stderr, /^the store still takes \d+ kB: the rest is in use, or being downloaded\n$/)
  } finally {
    await ok('umount', directory)
  }
})

test('images prune removes what nobody uses, and with --unused-for only what nobody used for so long', async () => {
  await ok('images', 'prune', '--unused-for', '1h')
  assert.equal((await names()).length, 2)
  assert.match((await ok('images', 'prune')).stdout, /\nfreed \d+ kB: 6 blobs, 2 snapshots, 0 partial downloads\n$/)
  assert.deepEqual(await names(), [])
})
