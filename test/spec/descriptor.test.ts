import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isAttestation } from '../../src/spec/attestation.ts'
import { type Descriptor, descriptorSchema } from '../../src/spec/descriptor.ts'
import { validate } from '../../src/spec/validate.ts'
import { entry, layer, without } from './documents.ts'

const read = (changes: object): Descriptor => validate(descriptorSchema, { ...layer, ...changes }, 'descriptor')

const accepted: Readonly<Record<string, object>> = {
  'nothing but the three': {},
  'size 0': { size: 0 },
  'the largest size': { size: Number.MAX_SAFE_INTEGER },
  'a sha512 digest': { digest: `sha512:${'0'.repeat(128)}` },
  'any media type': { mediaType: 'x' },
  'no urls': { urls: [] },
  'two urls': { urls: ['https://a/b', 'https://c/d'] },
  annotations: { annotations: { a: 'b' } },
  'an artifact type': { artifactType: 'application/spdx+json' },
}

const refused: Readonly<Record<string, readonly [object, RegExp]>> = {
  'no media type': [{ mediaType: undefined }, /mediaType is missing/],
  'an empty media type': [{ mediaType: '' }, /mediaType is empty/],
  'a media type that is no text': [{ mediaType: 1 }, /mediaType is 1, expected string/],
  'no digest': [{ digest: undefined }, /digest is missing/],
  'an empty digest': [{ digest: '' }, /digest is not a sha256/],
  'a short digest': [{ digest: 'sha256:abc' }, /digest is not a sha256/],
  'a digest in upper case': [{ digest: `sha256:${'A'.repeat(64)}` }, /digest is not a sha256/],
  'a digest with a path': [{ digest: 'sha256:../../etc/passwd' }, /digest is not a sha256/],
  'an unregistered algorithm': [{ digest: `md5:${'0'.repeat(32)}` }, /digest is not a sha256/],
  'a digest that is no text': [{ digest: ['x'] }, /digest is not a sha256/],
  'no size': [{ size: undefined }, /size is missing/],
  'a negative size': [{ size: -1 }, /size is not a whole number/],
  'half a byte': [{ size: 0.5 }, /size is not a whole number/],
  'a size past 2^53-1': [{ size: 2 ** 53 }, /size is not a whole number/],
  'a size past counting': [{ size: Number.POSITIVE_INFINITY }, /size is not a whole number/],
  'a size as text': [{ size: '5' }, /size is not a whole number/],
  'a null size': [{ size: null }, /size is not a whole number/],
  'urls that are no list': [{ urls: 'https://a' }, /urls is "https:\/\/a", expected Array/],
  'a url that is no text': [{ urls: [1] }, /urls.0 is 1/],
  'an annotation that is no text': [{ annotations: { a: 1 } }, /annotations.a is 1/],
  'annotations that are a list': [{ annotations: 'x' }, /annotations is "x"/],
  'a platform that is text': [{ platform: 'linux/amd64' }, /platform is "linux\/amd64"/],
  'features that are text': [{ platform: { 'os.features': 'x' } }, /expected Array/],
  'data that is not base64': [{ data: 'a*b=' }, /data is not base64/],
  'data without padding': [{ data: 'aGVsbG8' }, /data is not base64/],
  'data in the alphabet of URLs': [{ data: '-_-_', size: 3 }, /data is not base64/],
  'data longer than its size': [{ data: 'aGVsbG8h' }, /data of another length/],
  'data shorter than its size': [{ data: 'aGVs' }, /data of another length/],
  'empty data for something': [{ data: '' }, /data of another length/],
}

describe('descriptorSchema', () => {
  for (const [name, changes] of Object.entries(accepted)) {
    test(`reads ${name}`, () => assert.deepEqual(read(changes), { ...layer, ...changes }))
  }
  for (const [name, [changes, reason]] of Object.entries(refused)) {
    test(`refuses ${name}`, () => assert.throws(() => read(changes), { code: 'MALFORMED', message: reason }))
  }

  test('ignores members that it does not know', () => assert.deepEqual(read({ features: ['sse'], x: 1 }), layer))

  test('takes null for absent', () => {
    const nulls = { urls: null, annotations: null, data: null, platform: null, artifactType: null }
    assert.deepEqual(read(nulls), layer)
  })

  test('decodes data of the right length', () => {
    assert.deepEqual(read({ data: 'aGVsbG8=' }).data, new Uint8Array(Buffer.from('hello')))
    assert.deepEqual(read({ data: '', size: 0 }).data, new Uint8Array())
  })

  test('reads the platform with the names of documents', () => {
    const platform = {
      os: 'windows',
      architecture: 'amd64',
      variant: 'v2',
      'os.version': '10.0.17763',
      'os.features': ['win32k'],
    }
    assert.deepEqual(read({ platform }).platform, {
      os: 'windows',
      architecture: 'amd64',
      variant: 'v2',
      osVersion: '10.0.17763',
      osFeatures: ['win32k'],
    })
  })

  test('takes empty and null members of a platform for absent', () => {
    const platform = { os: 'linux', architecture: 'arm64', variant: '', 'os.version': null, 'os.features': null }
    assert.deepEqual(read({ platform }).platform, { os: 'linux', architecture: 'arm64' })
  })

  test('takes half a platform for none', () => {
    for (const platform of [{}, { os: 'linux' }, { architecture: 'arm64' }, { os: '', architecture: '' }]) {
      assert.equal('platform' in read({ platform }), false)
    }
  })
})

describe('isAttestation()', () => {
  const descriptor = validate(descriptorSchema, without(entry, 'platform'), 'descriptor')

  test('knows them by platform and by annotation', () => {
    assert.equal(isAttestation({ ...descriptor, platform: { os: 'unknown', architecture: 'unknown' } }), true)
    const annotations = { 'vnd.docker.reference.type': 'attestation-manifest' }
    assert.equal(isAttestation({ ...descriptor, annotations }), true)
  })

  test('leaves images alone', () => {
    assert.equal(isAttestation(descriptor), false)
    assert.equal(isAttestation({ ...descriptor, platform: { os: 'linux', architecture: 'unknown' } }), false)
    assert.equal(isAttestation({ ...descriptor, platform: { os: 'unknown', architecture: 'arm64' } }), false)
    assert.equal(isAttestation({ ...descriptor, annotations: { 'vnd.docker.reference.type': 'x' } }), false)
  })
})
