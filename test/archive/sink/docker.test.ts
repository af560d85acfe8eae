import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { openDockerSink } from '../../../src/archive/sink/docker.ts'
import { openSource } from '../../../src/archive/source/open.ts'
import { type ErrorCode, hasCode } from '../../../src/errors.ts'
import { fetchDocument } from '../../../src/pull/fetch-document.ts'
import { digestOf, hexOf } from '../../../src/spec/digest.ts'
import { parseManifest } from '../../../src/spec/manifest.ts'
import { mediaTypes } from '../../../src/spec/media-types.ts'
import { formatReference, parseReference } from '../../../src/spec/reference.ts'
import { makeScratch } from '../../conformance/scratch.ts'
import { amd64, type BuiltImage, buildImage, type ImageShape } from '../../support/image.ts'
import { tarOf } from '../../support/layers.ts'
import { readTar } from '../../support/tar.ts'
import { partsOf } from '../../support/wire/sample.ts'
import { copyInto } from './copy-into.ts'

const scratch = makeScratch('docker-sink')
const { signal } = new AbortController()
const name = parseReference('a.example/b:1')
const [first, second] = ['one', 'two'].map(path => tarOf([{ path, content: path.repeat(50_000) }])) as [Buffer, Buffer]
let paths = 0

const fresh = () => `${scratch}/${paths++}`

test('openDockerSink() makes what docker-archive sources read: layers unpacked, one that comes twice once', async () => {
  let level = 0
  // The same files, packed in other ways: other blobs, one diff ID.
  const image = buildImage({ layers: [first, second, first], compress: bytes => gzipSync(bytes, { level: ++level }) })
  const path = fresh()
  const { made } = await copyInto(await openDockerSink(path, name), image, undefined)
  const names = readTar(readFileSync(path)).map(({ path }) => path.toString())
  const { config } = partsOf(image)
  const layers = [first, second].map(layer => `${hexOf(digestOf(layer))}.tar`)
  assert.deepEqual(names.toSorted(), [...layers, `${hexOf(config.digest)}.json`, 'manifest.json'].toSorted())

  const options = { platform: amd64, scratch: () => assert.fail('it is plain'), stdin: () => assert.fail(), signal }
  const source = await openSource({ format: undefined, path, name: undefined }, options)
  try {
    const [found] = source.images
    assert(found?.reference !== undefined)
    assert.deepEqual([formatReference(found.reference), found.descriptor], ['a.example/b:1', made])
    const manifest = parseManifest(await fetchDocument(source.fetcher, found.descriptor, signal))
    assert.equal(manifest.config.digest, config.digest)
    assert.deepEqual(
      manifest.layers,
      [first, second, first].map(layer => ({
        mediaType: mediaTypes.dockerLayer,
        digest: digestOf(layer),
        size: layer.length,
      })),
    )
    for (const [at, layer] of [first, second].entries()) {
      const [descriptor] = manifest.layers.slice(at)
      assert(descriptor !== undefined)
      assert.deepEqual(Buffer.from(await fetchDocument(source.fetcher, descriptor, signal)), layer)
    }
  } finally {
    source.close()
  }
})

async function refuses(image: BuiltImage, code: ErrorCode, wrong = false): Promise<void> {
  const path = fresh()
  const digest = wrong ? partsOf(image).layers[0].digest : undefined
  const copying = copyInto(await openDockerSink(path, name), image, undefined, digest)
  await assert.rejects(copying, error => hasCode(error, code))
  assert.deepEqual([existsSync(path), existsSync(`${path}.new`)], [false, false])
}

test('openDockerSink() refuses wrong bytes, and shows nothing of them', async () => {
  await refuses(buildImage({ layers: [first], compress: tar => tar }), 'DIGEST_MISMATCH', true)
})

const shapes: Readonly<Record<string, readonly [Partial<ImageShape>, ErrorCode]>> = {
  'a layer of another diff ID': [
    { config: config => ({ ...config, rootfs: { type: 'layers', diff_ids: [digestOf('')] } }) },
    'DIGEST_MISMATCH',
  ],
  'fewer layers than the config has': [
    { config: config => ({ ...config, rootfs: { type: 'layers', diff_ids: [digestOf(first), digestOf('')] } }) },
    'MALFORMED',
  ],
  'an artifact': [{ configType: 'application/vnd.example+json' }, 'UNSUPPORTED'],
  'an encrypted layer': [{ layerType: `${mediaTypes.ociLayerGzip}+encrypted` }, 'UNSUPPORTED'],
  'a layer that is cut off': [{ compress: layer => gzipSync(layer).subarray(0, -4) }, 'MALFORMED'],
}

for (const [what, [shape, code]] of Object.entries(shapes)) {
  test(`openDockerSink() refuses ${what}`, () => refuses(buildImage({ layers: [first], ...shape }), code))
}
