import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { digestOf } from '../../src/spec/digest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { makeScratch } from '../conformance/scratch.ts'
import { replyJson, startRegistry } from '../support/registry.ts'
import { davit } from './davit.ts'

const scratch = makeScratch('cli-lists')

test('tags prints one a line, or an object', async t => {
  const registry = await startRegistry()
  t.after(() => registry.close())
  registry.on('/tags/list', (_, response) => replyJson(response, 200, { name: 'a', tags: ['2', '1'] }))
  const root = join(scratch, 'tags')
  const { stdout, status } = await davit(['tags', `${registry.host}/a`], { root })
  assert.deepEqual([status, stdout], [0, '2\n1\n'])
  const { stdout: json } = await davit(['tags', '--json', `${registry.host}/a:1`], { root })
  assert.deepEqual(JSON.parse(json), { repository: `${registry.host}/a`, tags: ['2', '1'] })
})

test('referrers prints digests and types, or descriptors', async t => {
  const registry = await startRegistry()
  t.after(() => registry.close())
  const { digest } = registry.putManifest({ schemaVersion: 2, layers: [] }, { tags: ['1'] })
  const signature = {
    mediaType: mediaTypes.ociManifest,
    digest: digestOf(Buffer.from('s')),
    size: 7,
    artifactType: 'x/y',
  }
  registry.on(`/referrers/${digest}`, (_, response) =>
    replyJson(response, 200, { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [signature] }),
  )
  const root = join(scratch, 'referrers')
  const { stdout, status } = await davit(['referrers', `${registry.host}/a:1`], { root })
  assert.equal(status, 0)
  assert.match(stdout, new RegExp(`^${signature.digest} +x/y +7$`, 'm'))
  const words = ['referrers', '--json', '--artifact-type', 'other', `${registry.host}/a:1`]
  const { stdout: json } = await davit(words, { root })
  assert.deepEqual(JSON.parse(json), { ref: `${registry.host}/a:1`, digest, referrers: [] })
})
