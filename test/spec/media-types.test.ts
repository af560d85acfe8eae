import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  isConfig,
  isEncrypted,
  isIndex,
  isLayer,
  isManifest,
  isNonDistributable,
  isSchema1,
  kindOf,
  mediaTypes,
} from '../../src/spec/media-types.ts'

const kinds = {
  index: ['ociIndex', 'dockerIndex'],
  manifest: ['ociManifest', 'dockerManifest', 'dockerSchema1', 'dockerSchema1Signed'],
  config: ['ociConfig', 'dockerConfig'],
  layer: [
    'ociLayer',
    'ociLayerGzip',
    'ociLayerZstd',
    'ociNonDistributableLayer',
    'ociNonDistributableLayerGzip',
    'ociNonDistributableLayerZstd',
    'dockerLayer',
    'dockerLayerGzip',
    'dockerLayerZstd',
    'dockerForeignLayer',
    'dockerForeignLayerGzip',
  ],
  other: ['ociEmpty'],
} as const

for (const [kind, names] of Object.entries(kinds)) {
  for (const name of names) {
    test(`kindOf(${name}) is ${kind}`, () => assert.equal(kindOf(mediaTypes[name]), kind))
  }
}

test('every media type has its row', () => {
  assert.deepEqual(Object.values(kinds).flat().sort(), Object.keys(mediaTypes).sort())
})

const others = [
  '',
  'application/json',
  'application/octet-stream',
  'text/plain',
  'application/vnd.oci.image.layer.v1.tar ',
  'application/vnd.oci.image.layer.v1.tarball',
  'application/vnd.oci.image.layer.v2.tar',
  'application/vnd.oci.image.layer.v1.tar+gzip\n',
  'x-application/vnd.oci.image.layer.v1.tar',
  'application/vnd.oci.image.manifest.v1+json; charset=utf-8',
  'APPLICATION/VND.OCI.IMAGE.MANIFEST.V1+JSON',
  'application/vnd.docker.plugin.v1+json',
  'application/vnd.cncf.helm.config.v1+json',
  'application/vnd.in-toto+json',
]
for (const mediaType of others) {
  test(`kindOf(${JSON.stringify(mediaType)}) is other`, () => assert.equal(kindOf(mediaType), 'other'))
}

test('the predicates keep to their kind', () => {
  for (const mediaType of [...Object.values(mediaTypes), ...others]) {
    const kind = kindOf(mediaType)
    assert.equal(isIndex(mediaType), kind === 'index')
    assert.equal(isConfig(mediaType), kind === 'config')
    assert.equal(isLayer(mediaType), kind === 'layer')
    assert.equal(isManifest(mediaType) || isSchema1(mediaType), kind === 'manifest')
    assert.equal(isManifest(mediaType) && isSchema1(mediaType), false)
  }
})

test('isLayer() holds for compressions that nobody here knows, and for encrypted layers', () => {
  assert.equal(isLayer(`${mediaTypes.ociLayer}+br`), true)
  assert.equal(isLayer(`${mediaTypes.ociLayerGzip}+encrypted`), true)
  assert.equal(isLayer(`${mediaTypes.dockerLayerGzip}+encrypted`), true)
})

test('isNonDistributable() tells OCI’s and Docker’s from ordinary layers', () => {
  for (const [name, mediaType] of Object.entries(mediaTypes)) {
    assert.equal(isNonDistributable(mediaType), /NonDistributable|Foreign/.test(name), name)
  }
  assert.equal(isNonDistributable(`${mediaTypes.ociNonDistributableLayerGzip}+encrypted`), true)
})

test('isEncrypted() is for layers with the suffix alone', () => {
  assert.equal(isEncrypted(`${mediaTypes.ociLayer}+encrypted`), true)
  assert.equal(isEncrypted(`${mediaTypes.dockerLayerGzip}+encrypted`), true)
  assert.equal(isEncrypted(mediaTypes.ociLayerGzip), false)
  assert.equal(isEncrypted('application/json+encrypted'), false)
})
