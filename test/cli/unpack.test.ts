import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { isUnfinished, markUnfinished } from '../../src/rootfs/unfinished.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { makeScratch, needsRoot } from '../conformance/scratch.ts'
import { command } from '../support/command.ts'
import { tarOf } from '../support/layers.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { amd64, configOf, davit, firstLayer, type Outcome, putSample, secondLayer } from './davit.ts'

const scratch = makeScratch('cli-unpack')
const root = `${scratch}/root`
let registry: TestRegistry

function run(...words: string[]): Promise<Outcome> {
  return davit([...words, '--platform', 'linux/amd64'], { root })
}

before(async () => {
  registry = await startRegistry()
  putSample(registry, { tags: ['1'] })
})
after(() => registry.close())

test('unpack writes an image’s files, pulling it first', async () => {
  const { status, stdout, stderr } = await run('unpack', `${registry.host}/a:1`, `${scratch}/new`)
  assert.deepEqual([status, stdout], [0, ''], stderr)
  assert.deepEqual(readdirSync(`${scratch}/new`), ['etc', 'link'])
  assert.deepEqual(readdirSync(`${scratch}/new/etc`), ['motd'])
  assert.equal(readFileSync(`${scratch}/new/link`, 'utf8'), 'ahoy\n')
  assert.equal(readlinkSync(`${scratch}/new/link`), 'etc/motd')
})

test('unpack takes an empty directory, refuses another, and leaves that as it was', async () => {
  mkdirSync(`${scratch}/empty`, { mode: 0o700 })
  assert.equal((await run('unpack', `${registry.host}/a:1`, `${scratch}/empty`)).status, 0)
  const { mode, mtimeMs } = statSync(`${scratch}/empty`)
  assert.deepEqual([mode & 0o7777, mtimeMs], [0o755, 0], 'no layer has an entry for the root')
  mkdirSync(`${scratch}/full`)
  writeFileSync(`${scratch}/full/mine`, 'mine')
  const { status, stderr } = await run('unpack', `${registry.host}/a:1`, `${scratch}/full`)
  assert.equal(status, 2)
  assert.match(stderr, /it is not empty/)
  assert.deepEqual(readdirSync(`${scratch}/full`), ['mine'])
})

test('unpack leaves nothing of an image whose diff ID is wrong: exit 7', async () => {
  const layers = [registry.putBlob(firstLayer, mediaTypes.ociLayer)]
  registry.putImage({ config: configOf(amd64, [secondLayer]), layers, tags: ['wrong'] })
  const { status } = await run('unpack', `${registry.host}/a:wrong`, `${scratch}/wrong`)
  assert.equal(status, 7)
  assert.equal(existsSync(`${scratch}/wrong`), false)
})

test('neither pull nor unpack takes another image’s tar for a layer’s own: exit 7', async () => {
  const layers = [registry.putBlob(gzipSync(firstLayer), mediaTypes.ociLayerGzip)]
  const other = tarOf([{ path: 'other', content: 'of another image' }])
  registry.putImage({
    config: configOf(amd64, [other]),
    layers: [registry.putBlob(gzipSync(other), mediaTypes.ociLayerGzip)],
    tags: ['other'],
  })
  registry.putImage({ config: configOf(amd64, [other]), layers, tags: ['swapped'] })
  assert.equal((await run('pull', '--snapshotter', 'erofs', `${registry.host}/a:other`)).status, 0)
  const pulled = await run('pull', '--snapshotter', 'erofs', `${registry.host}/a:swapped`)
  assert.equal(pulled.status, 7, pulled.stderr)
  assert.equal((await run('pull', '--snapshotter', 'none', `${registry.host}/a:swapped`)).status, 0)
  assert.equal((await run('unpack', `${registry.host}/a:swapped`, `${scratch}/swapped`)).status, 7)
  assert.equal(existsSync(`${scratch}/swapped`), false)
})

test('unpack makes what ls lists, of an image that only its tars are left of, and says what a full directory may be', async () => {
  const name = `${registry.host}/a:1`
  const own = { root: `${scratch}/tars` }
  const platform = ['--platform', 'linux/amd64']
  const pulled = await davit(['pull', ...platform, '--snapshotter', 'erofs', '--discard-compressed', name], own)
  assert.equal(pulled.status, 0, pulled.stderr)
  const fetched = registry.received.length
  const unpacked = await davit(['unpack', ...platform, name, `${scratch}/from-tars`], own)
  assert.deepEqual([unpacked.status, registry.received.length - fetched], [0, 0], unpacked.stderr)
  assert.deepEqual(readdirSync(`${scratch}/from-tars`), ['etc', 'link'])
  const again = await davit(['unpack', ...platform, name, `${scratch}/from-tars`], own)
  assert.equal(again.status, 2)
  assert.match(again.stderr, /it is not empty \(if an unpack was killed there, remove it first\)\n$/)
})

test('mount shows an image, umount takes it away with its snapshot', { skip: needsRoot }, async () => {
  const name = `${registry.host}/a:1`
  const target = `${scratch}/mnt`
  mkdirSync(target)
  for (const snapshotter of ['overlayfs', 'native']) {
    const pulled = await run('pull', '--snapshotter', snapshotter, name)
    assert.equal(pulled.status, 0, pulled.stderr)
    const mounted = await run('mount', name, target)
    assert.deepEqual([mounted.status, mounted.stderr], [0, ''])
    assert.deepEqual(readdirSync(target), ['etc', 'link'])
    assert.throws(() => writeFileSync(`${target}/etc/motd`, 'x'), { code: 'EROFS' })
    const twice = await run('mount', name, target)
    assert.equal(twice.status, 10)
    assert.match(twice.stderr, /davit umount/)
    assert.equal((await davit(['umount', target], { root })).status, 0)
    assert.deepEqual(readdirSync(target), [])

    assert.equal((await run('mount', '--rw', name, target)).status, 0)
    writeFileSync(`${target}/etc/motd`, 'changed')
    assert.equal((await davit(['umount', target], { root })).status, 0)
    assert.equal((await run('mount', name, target)).status, 0)
    assert.equal(readFileSync(`${target}/etc/motd`, 'utf8'), 'ahoy\n')
    assert.equal((await davit(['umount', target], { root })).status, 0)
    const again = await davit(['umount', target], { root })
    assert.equal(again.status, 3)
  }
})

test('mount of what was never pulled says what to do: exit 3', async () => {
  mkdirSync(`${scratch}/none`)
  const { status, stderr } = await run('mount', 'nosuch', `${scratch}/none`)
  assert.equal(status, 3)
  assert.match(stderr, /\(davit pull docker\.io\/library\/nosuch:latest\)\n$/)
})

test('unpack goes on where a killed one was, and takes no copy of that for it', async () => {
  const name = `${registry.host}/a:1`
  const [target, copy] = [`${scratch}/unfinished`, `${scratch}/copied`]
  for (const directory of [target, copy]) mkdirSync(directory)
  markUnfinished(target)
  writeFileSync(`${target}/half`, '')
  command('cp', '-a', '--attributes-only', '--preserve=xattr', `${target}/.`, copy)
  writeFileSync(`${copy}/half`, '')
  assert.equal((await run('unpack', name, copy)).status, 2)
  assert.deepEqual(readdirSync(copy), ['half'])
  const unpacked = await run('unpack', name, target)
  assert.deepEqual([unpacked.status, readdirSync(target)], [0, ['etc', 'link']], unpacked.stderr)
  assert.equal(isUnfinished(target), false)
})
