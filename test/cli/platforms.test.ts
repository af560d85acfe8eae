import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { makeScratch } from '../conformance/scratch.ts'
import { amd64, buildImage, buildIndex } from '../support/image.ts'
import { tarOf } from '../support/layers.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { serveImage } from '../support/serve-image.ts'
import { davit } from './davit.ts'

const scratch = makeScratch('cli-platforms')
const root = `${scratch}/root`
const layers = [tarOf([{ path: 'a', content: 'a' }])]
const arm64 = { os: 'linux', architecture: 'arm64' }
const riscv64 = { os: 'linux', architecture: 'riscv64' }
const image = (platform = amd64) => buildImage({ layers, platform })
const attestation = buildImage({ layers: [], configType: 'application/vnd.in-toto+json' })
let registry: TestRegistry

before(async () => {
  registry = await startRegistry()
  const nested = buildIndex([[image(riscv64), riscv64]])
  const index = buildIndex([
    [image(), amd64],
    [attestation, { os: 'unknown', architecture: 'unknown' }],
    [image(arm64), arm64],
    [nested, undefined],
    [image(), amd64],
  ])
  serveImage(registry, index, 'all')
  serveImage(registry, image(), 'one')
  serveImage(registry, buildIndex([[image(arm64), undefined]]), 'unnamed')
  serveImage(registry, buildIndex([[attestation, { os: 'unknown', architecture: 'unknown' }]]), 'none')
  serveImage(registry, buildIndex([[buildIndex([[nested, undefined]]), undefined]]), 'deep')
})
after(() => registry.close())

const pull = (tag: string, ...words: string[]) =>
  davit(['pull', '--snapshotter', 'none', ...words, `${registry.host}/a:${tag}`], { root })

interface Pulled {
  readonly platform: string
}

test('pull --platform all pulls every image of an index, those of nested ones too, and no attestation', async () => {
  const { status, stdout, stderr } = await pull('all', '--json', '--platform', 'all')
  assert.equal(status, 0, stderr)
  const pulled = JSON.parse(stdout) as Pulled[]
  assert.deepEqual(
    pulled.map(({ platform }) => platform),
    ['linux/amd64', 'linux/arm64', 'linux/riscv64'],
  )
  const { stdout: listed } = await davit(['images', 'ls', '--json'], { root })
  assert.equal(JSON.parse(listed).length, 3)
})

test('pull --platform all of what is no index pulls what there is, and prints an array still', async () => {
  const { stdout, stderr } = await pull('one', '--json', '--platform', 'all')
  assert.equal(JSON.parse(stdout)[0]?.platform, 'linux/amd64', stderr)
})

test('pull --platform all asks the config where the index names no platform', async () => {
  const { stdout, stderr } = await pull('unnamed', '--json', '--platform', 'all')
  assert.equal(JSON.parse(stdout)[0]?.platform, 'linux/arm64', stderr)
})

test('pull --platform all of an index without images exits with 8', async () => {
  const { status, stderr } = await pull('none', '--platform', 'all')
  assert.equal(status, 8, stderr)
})

test('pull refuses wildcards, and says what there is: exit 2', async () => {
  const { status, stdout, stderr } = await pull('all', '--platform', 'linux/*')
  assert.deepEqual([status, stdout], [2, ''])
  assert.match(
    stderr,
    /"linux\/\*": wildcards are not supported.*there are linux\/amd64, linux\/arm64, linux\/riscv64; or all/,
  )
  assert.match((await pull('one', '--platform', '*')).stderr, /it is one image/)
})

test('documents are found in nested indexes, as pull finds them, and not deeper', async () => {
  const words = ['--platform', 'linux/riscv64', `${registry.host}/a:all`]
  const { stdout, stderr } = await davit(['config', ...words], { root })
  assert.equal(JSON.parse(stdout || '{}').architecture, 'riscv64', stderr)
  const deep = ['--platform', 'linux/riscv64', `${registry.host}/a:deep`]
  for (const command of ['config', 'pull']) {
    const { status, stderr } = await davit([command, ...deep], { root })
    assert.equal(status, 7, stderr)
    assert.match(stderr, /deep/)
  }
  assert.equal((await pull('deep', '--platform', 'all')).status, 7)
})
