import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseManifest } from '../../src/spec/manifest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { config, dockerManifest, encode, type Json, layer, ociManifest, without } from './documents.ts'

const read = (changes: Json) => parseManifest(encode({ ...ociManifest, ...changes }))

const refused: Readonly<Record<string, readonly [Json, RegExp]>> = {
  'no schema version': [without(ociManifest, 'schemaVersion'), /schemaVersion is missing/],
  'schema version 1': [{ ...ociManifest, schemaVersion: 1 }, /schemaVersion is 1, expected 2/],
  'a schema version as text': [{ ...ociManifest, schemaVersion: '2' }, /schemaVersion is "2", expected 2/],
  'no config': [without(ociManifest, 'config'), /config is missing/],
  'a null config': [{ ...ociManifest, config: null }, /config is null/],
  'a config that is no descriptor': [{ ...ociManifest, config: {} }, /config.mediaType is missing/],
  'no layers': [without(ociManifest, 'layers'), /neither an index nor a manifest/],
  'layers that are no list': [{ ...ociManifest, layers: layer }, /layers is Object, expected \(?Array/],
  'a layer that is no descriptor': [{ ...ociManifest, layers: [layer, {}] }, /layers.1.mediaType is missing/],
  'a layer that is null': [{ ...ociManifest, layers: [null] }, /layers.0 is null/],
  'a layer with a digest of its own kind': [
    { ...ociManifest, layers: [{ ...layer, digest: 'sha256:..' }] },
    /layers.0.digest is not/,
  ],
  'a layer without a size': [{ ...ociManifest, layers: [without(layer, 'size')] }, /layers.0.size is missing/],
  'a subject that is no descriptor': [{ ...ociManifest, subject: {} }, /subject.mediaType is missing/],
  'annotations that are no texts': [{ ...ociManifest, annotations: { a: {} } }, /annotations.a is Object/],
  'an artifact type that is no text': [{ ...ociManifest, artifactType: 1 }, /artifactType is 1/],
}

describe('parseManifest()', () => {
  test('reads OCI’s and Docker’s', () => {
    for (const document of [ociManifest, dockerManifest]) {
      assert.deepEqual(parseManifest(encode(document)), without(document, 'schemaVersion'))
    }
  })

  test('reads all members that it knows, and ignores others', () => {
    const extras = { artifactType: 'application/x', subject: { ...config }, annotations: { a: 'b' } }
    assert.deepEqual(read({ ...extras, unknown: [1] }), { ...without(ociManifest, 'schemaVersion'), ...extras })
  })

  test('takes null for absent', () => {
    const nulls = { artifactType: null, subject: null, annotations: null }
    assert.deepEqual(read(nulls), without(ociManifest, 'schemaVersion'))
  })

  test('reads an image without layers', () => {
    assert.deepEqual(read({ layers: [] }).layers, [])
    assert.deepEqual(read({ layers: null }).layers, [])
  })

  test('keeps layers as they stand, the same one twice too', () => {
    const zstd = { ...layer, mediaType: mediaTypes.ociLayerZstd }
    assert.deepEqual(read({ layers: [zstd, layer, zstd] }).layers, [zstd, layer, zstd])
  })

  test('reads an artifact with the empty config', () => {
    const empty = { ...config, mediaType: mediaTypes.ociEmpty, size: 2, data: 'e30=' }
    assert.deepEqual(read({ config: empty }).config.data, new Uint8Array(Buffer.from('{}')))
  })

  for (const [name, [document, reason]] of Object.entries(refused)) {
    test(`refuses ${name}`, () => {
      assert.throws(() => parseManifest(encode(document)), { code: 'MALFORMED', message: reason })
    })
  }

  test('refuses more than 1,000 layers', () => {
    assert.equal(read({ layers: Array(1_000).fill(layer) }).layers.length, 1_000)
    assert.throws(() => read({ layers: Array(1_001).fill(layer) }), {
      code: 'LIMIT_EXCEEDED',
      details: { limit: 'layers', max: 1_000, actual: 1_001 },
    })
  })

  test('is not fooled by __proto__', () => {
    const text = JSON.stringify(without(ociManifest, 'config')).replace(
      '{',
      `{"__proto__":${JSON.stringify({ config })},`,
    )
    assert.throws(() => parseManifest(Buffer.from(text)), { code: 'MALFORMED', message: /config is missing/ })
  })
})
