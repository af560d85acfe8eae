import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { asRoot, makeScratch } from '../conformance/scratch.ts'
import { fetchedTwice } from '../crash/race.ts'
import { tarOf } from '../support/layers.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { amd64, configOf, davit } from './davit.ts'

const processes = 8
const scratch = makeScratch('cli-together')
let registry: TestRegistry

before(async () => {
  registry = await startRegistry()
  const tars = ['a', 'b', 'c'].map(name => tarOf([{ path: name, content: name.repeat(300_000) }]))
  const layers = tars.map(tar => registry.putBlob(gzipSync(tar, { level: 1 }), mediaTypes.ociLayerGzip))
  registry.putImage({ config: configOf(amd64, tars), layers, tags: ['1'] })
})
after(() => registry.close())

for (const snapshotter of asRoot ? ['erofs', 'overlayfs', 'native'] : ['erofs']) {
  test(`${processes} processes that pull one image with ${snapshotter} at once fetch each blob once`, async () => {
    const root = join(scratch, snapshotter)
    const first = registry.received.length
    const words = ['pull', '--progress', 'quiet', '--platform', 'linux/amd64', '--snapshotter', snapshotter]
    const pulls = Array.from({ length: processes }, () => davit([...words, `${registry.host}/a:1`], { root }))
    const outcomes = await Promise.all(pulls)
    for (const { status, stderr } of outcomes) assert.deepEqual([status, stderr], [0, ''])
    assert.equal(new Set(outcomes.map(({ stdout }) => stdout)).size, 1)
    assert.deepEqual(fetchedTwice(registry, first), [])
    const blobs = registry.received.slice(first).filter(({ url }) => url.includes('/blobs/'))
    // The config and three layers.
    assert.equal(blobs.length, 4)
  })
}
