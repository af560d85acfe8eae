import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { davit, putSample } from '../cli/davit.ts'
import { makeScratch, needsRoot } from '../conformance/scratch.ts'
import { command } from '../support/command.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { repository } from '../support/repository.ts'

const bundle = join(repository, 'build/bundle')
const main = join(bundle, 'main.js')
const root = makeScratch('bundle')
let registry: TestRegistry

before(async () => {
  command(process.execPath, join(repository, 'tools/bundle.js'), bundle)
  registry = await startRegistry()
})
after(async () => {
  rmSync(bundle, { recursive: true, force: true })
  await registry.close()
})

test('the bundled command line pulls, unpacks and removes: its threads and processes find their tasks', async () => {
  putSample(registry, { tags: ['1'] })
  const name = `${registry.host}/a:1`
  const words = ['pull', '--platform', 'linux/amd64', '--snapshotter', 'native', name]
  for (const more of [words, ['images', 'rm', name], ['gc']]) {
    const { status, stderr } = await davit(more, { root, main })
    assert.equal(status, 0, stderr)
    if (!needsRoot) assert.doesNotMatch(stderr, /no jail/)
  }
  assert.equal((await davit(['snapshots', 'ls', '--json'], { root, main })).stdout.trim(), '[]')
})

test('the bundled digest loads few files, and no database', async () => {
  putSample(registry, { tags: ['1'] })
  const env = { NODE_OPTIONS: `--import ${join(repository, 'build/test/cli/trace-imports.js')}` }
  const { status, stderr } = await davit(['digest', `${registry.host}/a:1`], { root, main, env })
  assert.equal(status, 0, stderr)
  const loaded = [...stderr.matchAll(/^import (file:.*)$/gm)].map(([, url = '']) => url)
  assert.ok(loaded.length > 1 && loaded.length < 10, loaded.join('\n'))
  assert.deepEqual(
    loaded.filter(url => !url.includes('/build/bundle/')),
    [],
  )
  assert.deepEqual(
    loaded.filter(url => /lmdb|koffi/.test(url)),
    [],
  )
})
