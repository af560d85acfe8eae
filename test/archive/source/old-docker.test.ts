import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { openSource } from '../../../src/archive/source/open.ts'
import type { ImageSource } from '../../../src/archive/source/source.ts'
import { fetchDocument } from '../../../src/pull/fetch-document.ts'
import { parseConfig } from '../../../src/spec/config.ts'
import { digestOf } from '../../../src/spec/digest.ts'
import { parseManifest } from '../../../src/spec/manifest.ts'
import { mediaTypes } from '../../../src/spec/media-types.ts'
import { formatReference } from '../../../src/spec/reference.ts'
import { makeScratch } from '../../conformance/scratch.ts'
import { type Members, tarWith } from '../../support/archives.ts'
import { amd64 } from '../../support/image.ts'
import { tarOf } from '../../support/layers.ts'

const scratch = makeScratch('old-docker')
const { signal } = new AbortController()
const [baseId, emptyId, topId] = ['b', 'e', '7'].map(digit => digit.repeat(64)) as [string, string, string]
const [base, top] = ['base', 'top'].map(path => tarOf([{ path, content: path }])) as [Buffer, Buffer]
/** As Docker wrote a layer that changes nothing. */
const nothing = Buffer.alloc(1024)
let made = 0

function step(id: string, parent: string | undefined, layer: Uint8Array | undefined, more: object = {}): Members {
  const config = {
    id,
    ...(parent === undefined ? {} : { parent }),
    created: '2014-10-01T20:46:08.914288461Z',
    container_config: { Cmd: ['/bin/sh', '-c', `#(nop) ${id[0]}`] },
    architecture: 'amd64',
    os: 'linux',
    Size: layer?.length ?? 0,
    ...more,
  }
  return {
    [`${id}/VERSION`]: '1.0',
    [`${id}/json`]: JSON.stringify(config),
    ...(layer === undefined ? {} : { [`${id}/layer.tar`]: layer }),
  }
}

const steps: Members = {
  ...step(topId, emptyId, top, { config: { Cmd: ['/bin/sh'], Env: ['A=1'] } }),
  ...step(emptyId, baseId, nothing),
  ...step(baseId, undefined, base),
}
const whole: Members = {
  ...steps,
  repositories: JSON.stringify({ busybox: { latest: topId, base: baseId }, 'a.example/b': { '1': topId } }),
}

function open(members: Members, format: 'docker-archive' | undefined = undefined): Promise<ImageSource> {
  const path = `${scratch}/${made++}`
  writeFileSync(path, tarWith(members))
  const options = { platform: amd64, scratch: () => assert.fail('it is plain'), stdin: () => assert.fail(), signal }
  return openSource({ format, path, name: undefined }, options)
}

test('readOldDockerArchive() finds each image under each of its names, base first, empty layers left out', async () => {
  const source = await open(whole)
  try {
    const found = source.images.map(({ reference, descriptor }) => [
      reference && formatReference(reference),
      descriptor.digest,
    ])
    const [first, second, third] = source.images.map(({ descriptor }) => descriptor)
    assert(first !== undefined && second !== undefined)
    assert.deepEqual(found, [
      ['docker.io/library/busybox:latest', first.digest],
      ['docker.io/library/busybox:base', second.digest],
      ['a.example/b:1', first.digest],
    ])
    assert.notEqual(first.digest, second.digest)
    assert.deepEqual(third, first)
    const { config, layers } = parseManifest(await fetchDocument(source.fetcher, first, signal))
    assert.deepEqual(
      layers,
      [base, top].map(tar => ({ mediaType: mediaTypes.ociLayer, digest: digestOf(tar), size: tar.length })),
    )
    for (const [at, tar] of [base, top].entries()) {
      const [layer] = layers.slice(at)
      assert(layer !== undefined)
      assert.deepEqual(Buffer.from(await fetchDocument(source.fetcher, layer, signal)), tar)
    }
    const bytes = await fetchDocument(source.fetcher, config, signal)
    const { platform, diffIds, config: run } = parseConfig(bytes)
    assert.deepEqual([platform, diffIds], [amd64, [digestOf(base), digestOf(top)]])
    assert.deepEqual([run.cmd, run.env], [['/bin/sh'], ['A=1']])
    const { history } = JSON.parse(Buffer.from(bytes).toString()) as { history: object[] }
    assert.deepEqual(
      history.map(entry => 'empty_layer' in entry),
      [false, true, false],
    )
  } finally {
    source.close()
  }
})

test('openSource() prefers the list that newer archives have beside it', async () => {
  const config = JSON.stringify({ ...amd64, rootfs: { type: 'layers', diff_ids: [digestOf(base)] } })
  const list = [{ Config: 'config.json', RepoTags: ['new:1'], Layers: [`${baseId}/layer.tar`] }]
  const source = await open({ ...whole, 'config.json': config, 'manifest.json': JSON.stringify(list) })
  assert.deepEqual(
    source.images.map(({ tag }) => tag),
    ['new:1'],
  )
  source.close()
})

const refused: Readonly<Record<string, readonly [Members, object]>> = {
  'names of images that are none': [{ ...whole, repositories: '{"a":{"b":"../../etc"}}' }, { code: 'MALFORMED' }],
  'a step that is missing': [
    { ...step(topId, baseId, top), repositories: whole['repositories'] ?? '' },
    { code: 'NOT_FOUND' },
  ],
  'a step without its files': [
    { ...whole, ...step(baseId, undefined, undefined), [`${baseId}/layer.tar`]: { link: 'x' } },
    { code: 'MALFORMED' },
  ],
  'steps in a circle': [{ ...whole, ...step(baseId, topId, base) }, { message: /stands on itself/ }],
  'a step of another name': [
    { ...whole, [`${baseId}/json`]: JSON.stringify({ id: emptyId }) },
    { message: /about another layer/ },
  ],
  'a compressed layer': [
    { ...whole, [`${baseId}/layer.tar`]: gzipSync(base) },
    { message: /layer\.tar is compressed/ },
  ],
}

for (const [what, [members, error]] of Object.entries(refused)) {
  test(`readOldDockerArchive() refuses ${what}`, () => assert.rejects(open(members), error))
}

test('openSource() says what an archive for Docker lacks', async () => {
  await assert.rejects(open(steps, 'docker-archive'), { code: 'NOT_FOUND', message: /no manifest\.json/ })
})
