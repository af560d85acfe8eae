import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Descriptor } from '../../src/spec/descriptor.ts'
import { digestOf } from '../../src/spec/digest.ts'
import { makeScratch } from '../conformance/scratch.ts'
import { tarOf } from '../support/layers.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { buildSchema1 } from '../support/schema1.ts'
import { startHost } from '../support/wire/host.ts'
import { davit, putSample, putSampleIndex } from './davit.ts'

const scratch = makeScratch('cli-documents')
const root = `${scratch}/root`
let registry: TestRegistry
let index: Descriptor
let single: Descriptor

before(async () => {
  registry = await startRegistry()
  index = putSampleIndex(registry, 'multi')
  single = putSample(registry, { tags: ['1'] })
})
after(() => registry.close())

test('digest prints what the reference names, and opens no store', async () => {
  const { status, stdout, stderr } = await davit(['digest', `${registry.host}/a:multi`], { root })
  assert.deepEqual([status, stdout, stderr], [0, `${index.digest}\n`, ''])
  assert.equal(existsSync(root), false)
  const own = await davit(['digest', '--platform', 'linux/amd64', `${registry.host}/a:multi`], { root })
  assert.equal(own.stdout, `${single.digest}\n`)
  const { stdout: json } = await davit(['digest', '--json', `${registry.host}/a:1`], { root })
  assert.deepEqual(JSON.parse(json), {
    ref: `${registry.host}/a:1`,
    digest: single.digest,
    mediaType: single.mediaType,
    size: single.size,
    host: registry.host,
  })
})

test('manifest prints the bytes as they are: the index, or the manifest for a platform', async () => {
  const whole = await davit(['manifest', `${registry.host}/a:multi`], { root })
  assert.equal(digestOf(whole.stdout), index.digest)
  const own = await davit(['manifest', '--platform', 'linux/amd64', `${registry.host}/a:multi`], { root })
  assert.equal(digestOf(own.stdout), single.digest)
  assert.equal(existsSync(root), false)
})

test('config prints the bytes as they are', async () => {
  const { stdout, stderr } = await davit(['config', '--platform', 'linux/amd64', `${registry.host}/a:multi`], { root })
  const manifest = await davit(['manifest', `${registry.host}/a:1`], { root })
  assert.equal(digestOf(stdout), JSON.parse(manifest.stdout).config.digest, stderr)
})

test('manifest and config ask nobody for what is here by digest', async () => {
  const name = `${registry.host}/a@${single.digest}`
  const stored = `${scratch}/stored`
  await davit(['pull', '--platform', 'linux/amd64', name], { root: stored })
  registry.received.length = 0
  const manifest = await davit(['manifest', name], { root: stored })
  const config = await davit(['config', '--platform', 'linux/amd64', name], { root: stored })
  assert.equal(digestOf(manifest.stdout), single.digest)
  assert.equal(digestOf(config.stdout), JSON.parse(manifest.stdout).config.digest)
  assert.deepEqual(registry.received, [])
})

test('inspect shows what the image is, for people and for programs', async () => {
  const words = ['inspect', '--platform', 'linux/arm64', `${registry.host}/a:multi`]
  const { stdout: text } = await davit(words, { root })
  assert.match(text, /^platforms +linux\/amd64\n +linux\/arm64$/m)
  assert.match(text, /^platform +linux\/arm64$/m)
  assert.match(text, /^created +2026-01-01T00:00:00Z$/m)
  assert.match(text, /^entrypoint +\/bin\/hello$/m)
  assert.match(text, /^labels +colour=red$/m)
  assert.match(text, / in 2 layers$/m)
  const { stdout: json } = await davit([...words, '--json'], { root })
  const summary = JSON.parse(json)
  assert.equal(summary.digest, index.digest)
  assert.deepEqual(summary.platforms, ['linux/amd64', 'linux/arm64'])
  assert.deepEqual(summary.env, ['A=1'])
  assert.equal(summary.layers.length, 2)
})

test('documents that are not what was asked for are refused: exit 7', async () => {
  // As long as the real one, so that only its digest tells.
  const other = '{"schemaVersion":2}'.padEnd(single.size)
  registry.on(`GET /v2/bad/manifests/${single.digest}`, (_, response) => response.end(other))
  const { status, stdout, stderr } = await davit(['manifest', `${registry.host}/bad@${single.digest}`], { root })
  assert.deepEqual([status, stdout], [7, ''])
  assert.match(stderr, new RegExp(`^davit: [^\\n]*${single.digest}[^\\n]+\\n$`))
})

test('config and inspect refuse schema 1 in one line, until it was converted here', async () => {
  const host = await startHost()
  try {
    const old = buildSchema1([
      { blob: gzipSync(tarOf([{ path: 'a', content: 'a' }])), config: { config: { User: 'ada' } } },
    ])
    host.content.putImage(old, 'old')
    const name = `${host.authority}/team/app:old`
    const stored = `${scratch}/converted`
    for (const command of ['config', 'inspect']) {
      const { status, stderr } = await davit([command, name], { root: stored })
      assert.equal(status, 8)
      assert.match(
        stderr,
        /^davit: [^\n]*it is a manifest of schema version 1, which has none \(davit pull [^\n]*\)\n$/,
      )
    }
    const pulled = await davit(['pull', '--snapshotter', 'none', '--json', name], { root: stored })
    assert.equal(pulled.status, 0, pulled.stderr)
    const { digest, config } = JSON.parse(pulled.stdout) as { digest: string; config: string }
    assert.equal(digest, old.target.digest)
    assert.equal(digestOf((await davit(['config', name], { root: stored })).stdout), config)
    const { stdout } = await davit(['inspect', '--json', name], { root: stored })
    const summary = JSON.parse(stdout) as { digest: string; mediaType: string; configDigest: string; user: string }
    assert.deepEqual(
      [summary.digest, summary.mediaType, summary.configDigest, summary.user],
      [digest, old.target.mediaType, config, 'ada'],
    )
  } finally {
    await host.close()
  }
})
