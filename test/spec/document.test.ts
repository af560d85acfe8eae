import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { detectMediaType } from '../../src/spec/document.ts'
import { parseIndex } from '../../src/spec/index.ts'
import { parseManifest } from '../../src/spec/manifest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import {
  dockerIndex,
  dockerManifest,
  encode,
  imageConfig,
  type Json,
  ociIndex,
  ociManifest,
  schema1,
  without,
} from './documents.ts'

const detected: Readonly<Record<string, readonly [Json, string]>> = {
  'an OCI index': [ociIndex, mediaTypes.ociIndex],
  'an OCI manifest': [ociManifest, mediaTypes.ociManifest],
  'a Docker list': [dockerIndex, mediaTypes.dockerIndex],
  'a Docker manifest': [dockerManifest, mediaTypes.dockerManifest],
  'an index that does not say': [without(ociIndex, 'mediaType'), mediaTypes.ociIndex],
  'a manifest that does not say': [without(ociManifest, 'mediaType'), mediaTypes.ociManifest],
  'a manifest with an empty media type': [{ ...ociManifest, mediaType: '' }, mediaTypes.ociManifest],
  'an empty index': [{ schemaVersion: 2, manifests: [] }, mediaTypes.ociIndex],
  'schema 1': [schema1, mediaTypes.dockerSchema1],
  'signed schema 1': [{ ...schema1, signatures: [] }, mediaTypes.dockerSchema1Signed],
  'schema 1 that says so': [{ ...schema1, mediaType: mediaTypes.dockerSchema1Signed }, mediaTypes.dockerSchema1Signed],
}

/** Documents that are two things at once, or none. */
const contradictions: Readonly<Record<string, unknown>> = {
  'manifests beside layers': { ...ociIndex, layers: [] },
  'manifests beside a config': { ...ociIndex, config: {} },
  'manifests beside a null config': { ...ociIndex, config: null },
  'manifests beside fsLayers': { ...ociIndex, fsLayers: [] },
  'layers beside manifests': { ...ociManifest, manifests: [] },
  'layers beside null manifests': { ...ociManifest, manifests: null },
  'layers beside fsLayers': { ...ociManifest, fsLayers: [] },
  'layers beside MANIFESTS': { ...ociManifest, MANIFESTS: [] },
  'layers beside fslayers': { ...ociManifest, fslayers: [] },
  'manifests beside LAYERS': { ...ociIndex, LAYERS: [] },
  'manifests beside layerſ': { ...ociIndex, layerſ: [] },
  'schema 1 beside layers': { ...schema1, layers: [] },
  'schema 1 beside a config': { ...schema1, config: {} },
  'all at once': { ...ociIndex, ...ociManifest, ...schema1 },
  'an index that calls itself a manifest': { ...ociIndex, mediaType: mediaTypes.ociManifest },
  'a manifest that calls itself an index': { ...ociManifest, mediaType: mediaTypes.dockerIndex },
  'a manifest that calls itself schema 1': { ...ociManifest, mediaType: mediaTypes.dockerSchema1 },
  'schema 1 that calls itself a manifest': { ...schema1, mediaType: mediaTypes.dockerManifest },
  'a manifest that calls itself a layer': { ...ociManifest, mediaType: mediaTypes.ociLayer },
  'a manifest that calls itself something else': { ...ociManifest, mediaType: 'application/json' },
  'a media type that is no text': { ...ociManifest, mediaType: 1 },
  'a null media type': { ...ociManifest, mediaType: null },
  'an image config': imageConfig,
  'an empty object': {},
  'an artifact manifest without layers': { mediaType: 'application/vnd.oci.artifact.manifest.v1+json', blobs: [] },
  'a list': [ociManifest],
  'a text': 'manifest',
  null: null,
}

describe('detectMediaType()', () => {
  for (const [name, [document, mediaType]] of Object.entries(detected)) {
    test(`knows ${name}`, () => assert.equal(detectMediaType(encode(document)), mediaType))
  }
  for (const [name, document] of Object.entries(contradictions)) {
    test(`refuses ${name}`, () => assert.throws(() => detectMediaType(encode(document)), { code: 'MALFORMED' }))
  }

  test('refuses what is no document', () => {
    assert.throws(() => detectMediaType(Uint8Array.from([0x1f, 0x8b, 8, 0])), { code: 'MALFORMED' })
    assert.throws(() => detectMediaType(new Uint8Array(5 * 1024 * 1024)), { code: 'LIMIT_EXCEEDED' })
  })

  test('refuses a key in two spellings', () => {
    const twice = JSON.stringify(ociManifest).replace('"layers"', '"LAYERS":[],"layers"')
    assert.throws(() => detectMediaType(Buffer.from(twice)), { code: 'MALFORMED', message: /comes twice/ })
  })
})

describe('parseManifest() and parseIndex()', () => {
  for (const [name, document] of Object.entries(contradictions)) {
    test(`refuse ${name}`, () => {
      assert.throws(() => parseManifest(encode(document)), { code: 'MALFORMED' })
      assert.throws(() => parseIndex(encode(document)), { code: 'MALFORMED' })
    })
  }

  const sent: readonly (readonly [document: Json, as: string, agrees: boolean])[] = [
    [ociManifest, mediaTypes.ociManifest, true],
    [dockerManifest, mediaTypes.dockerManifest, true],
    [without(ociManifest, 'mediaType'), mediaTypes.ociManifest, true],
    [without(dockerManifest, 'mediaType'), mediaTypes.dockerManifest, true],
    [ociManifest, mediaTypes.dockerManifest, false],
    [dockerManifest, mediaTypes.ociManifest, false],
    [ociManifest, mediaTypes.ociIndex, false],
    [without(ociManifest, 'mediaType'), mediaTypes.ociIndex, false],
    [without(ociManifest, 'mediaType'), mediaTypes.dockerSchema1, false],
    [without(ociManifest, 'mediaType'), mediaTypes.ociLayer, false],
    [without(ociManifest, 'mediaType'), 'text/plain', false],
    [without(ociManifest, 'mediaType'), '', false],
    [schema1, mediaTypes.dockerSchema1, false],
    [ociIndex, mediaTypes.ociIndex, false],
  ]
  for (const [document, as, agrees] of sent) {
    test(`a ${document['mediaType'] ?? 'nameless document'} sent as ${as || 'nothing'} is ${agrees ? 'read' : 'refused'}`, () => {
      if (agrees) assert.equal(parseManifest(encode(document), as).mediaType, as)
      else assert.throws(() => parseManifest(encode(document), as), { code: 'MALFORMED' })
    })
  }

  test('an index must agree with what it was sent as', () => {
    assert.equal(parseIndex(encode(ociIndex), mediaTypes.ociIndex).mediaType, mediaTypes.ociIndex)
    assert.equal(
      parseIndex(encode(without(dockerIndex, 'mediaType')), mediaTypes.dockerIndex).mediaType,
      mediaTypes.dockerIndex,
    )
    for (const as of [mediaTypes.dockerIndex, mediaTypes.ociManifest, 'application/json']) {
      assert.throws(() => parseIndex(encode(ociIndex), as), { code: 'MALFORMED' })
    }
  })

  test('say both names when they disagree', () => {
    assert.throws(() => parseManifest(encode(ociManifest), mediaTypes.dockerManifest), {
      message: `Cannot read manifest: sent as "${mediaTypes.dockerManifest}", but calls itself "${mediaTypes.ociManifest}"`,
    })
  })
})
