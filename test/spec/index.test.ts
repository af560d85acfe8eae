import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseIndex } from '../../src/spec/index.ts'
import { config, dockerIndex, encode, entry, type Json, ociIndex, without } from './documents.ts'

const read = (changes: Json) => parseIndex(encode({ ...ociIndex, ...changes }))

const refused: Readonly<Record<string, readonly [Json, RegExp]>> = {
  'no schema version': [without(ociIndex, 'schemaVersion'), /schemaVersion is missing/],
  'schema version 1': [{ ...ociIndex, schemaVersion: 1 }, /schemaVersion is 1, expected 2/],
  'no manifests': [without(ociIndex, 'manifests'), /neither an index nor a manifest/],
  'manifests that are no list': [{ ...ociIndex, manifests: 'x' }, /manifests is "x"/],
  'an entry that is no descriptor': [{ ...ociIndex, manifests: [entry, {}] }, /manifests.1.mediaType is missing/],
  'an entry without a digest': [
    { ...ociIndex, manifests: [without(entry, 'digest')] },
    /manifests.0.digest is missing/,
  ],
  'a platform that is no object': [
    { ...ociIndex, manifests: [{ ...entry, platform: 'linux' }] },
    /platform is "linux"/,
  ],
  'a subject that is no descriptor': [{ ...ociIndex, subject: 'x' }, /subject is "x"/],
}

describe('parseIndex()', () => {
  test('reads OCI’s and Docker’s', () => {
    for (const document of [ociIndex, dockerIndex]) {
      assert.deepEqual(parseIndex(encode(document)), without(document, 'schemaVersion'))
    }
  })

  test('reads all members that it knows, and ignores others', () => {
    const extras = { artifactType: 'application/x', subject: { ...config }, annotations: { a: 'b' } }
    assert.deepEqual(read({ ...extras, unknown: 1 }), { ...without(ociIndex, 'schemaVersion'), ...extras })
    const nulls = { artifactType: null, subject: null, annotations: null }
    assert.deepEqual(read(nulls), without(ociIndex, 'schemaVersion'))
  })

  test('reads an empty one', () => {
    assert.deepEqual(read({ manifests: [] }).manifests, [])
    assert.deepEqual(read({ manifests: null }).manifests, [])
  })

  test('keeps entries without a platform, and indexes in indexes', () => {
    const manifests = [without(entry, 'platform'), { ...entry, mediaType: ociIndex['mediaType'] }]
    assert.deepEqual(read({ manifests }).manifests, manifests)
  })

  for (const [name, [document, reason]] of Object.entries(refused)) {
    test(`refuses ${name}`, () => {
      assert.throws(() => parseIndex(encode(document)), { code: 'MALFORMED', message: reason })
    })
  }

  test('refuses more than 1,000 entries', () => {
    assert.equal(read({ manifests: Array(1_000).fill(entry) }).manifests.length, 1_000)
    assert.throws(() => read({ manifests: Array(1_001).fill(entry) }), {
      code: 'LIMIT_EXCEEDED',
      details: { limit: 'manifests', max: 1_000, actual: 1_001 },
    })
  })
})
