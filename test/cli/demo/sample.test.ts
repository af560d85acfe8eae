import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { makeSample } from '../../../src/cli/demo/sample.ts'
import { parseConfig } from '../../../src/spec/config.ts'
import { digestOf } from '../../../src/spec/digest.ts'
import { parseIndex } from '../../../src/spec/index.ts'
import { parseManifest } from '../../../src/spec/manifest.ts'
import { mediaTypes } from '../../../src/spec/media-types.ts'

const sample = makeSample()

function document(digest: string): Uint8Array {
  const found = [...sample.documents].find(([key]) => key === digest)
  assert.ok(found, digest)
  return found[1].bytes
}

function blob(digest: string): Uint8Array {
  const found = [...sample.blobs].find(([key]) => key === digest)
  assert.ok(found, digest)
  return found[1]
}

test('makeSample() makes a whole image for each platform: every digest and diff ID holds', () => {
  const { manifests } = parseIndex(document(sample.target.digest))
  assert.equal(manifests.length, 3)
  for (const { digest, platform } of manifests) {
    const manifest = parseManifest(document(digest))
    const config = parseConfig(blob(manifest.config.digest))
    assert.deepEqual({ ...config.platform }, { ...platform })
    const tars = manifest.layers.map(layer => {
      const bytes = blob(layer.digest)
      assert.equal(bytes.length, layer.size)
      return layer.mediaType === mediaTypes.ociLayer ? bytes : gunzipSync(bytes)
    })
    assert.deepEqual(
      tars.map(tar => digestOf(tar)),
      config.diffIds,
    )
  }
  for (const [digest, { bytes }] of sample.documents) assert.equal(digestOf(bytes), digest)
  for (const [digest, bytes] of sample.blobs) assert.equal(digestOf(bytes), digest)
})

test('makeSample() is the same every time', () => {
  assert.equal(makeSample().target.digest, sample.target.digest)
})

test('its layers are what GNU tar reads as meant', () => {
  const [manifest] = parseIndex(document(sample.target.digest)).manifests
  assert.ok(manifest)
  const [, changes] = parseManifest(document(manifest.digest)).layers
  assert.ok(changes)
  const { stdout, stderr } = spawnSync('tar', ['--numeric-owner', '--utc', '-tvf', '-'], {
    input: blob(changes.digest),
    encoding: 'utf8',
  })
  assert.equal(stderr, '')
  assert.deepEqual(
    stdout
      .trim()
      .split('\n')
      .map(line => line.replace(/ +/g, ' ')),
    [
      'hrwxr-xr-x 0/0 0 2026-01-01 00:00 bin/ahoy link to bin/hello',
      '-rwsr-xr-x 0/0 7 2026-01-01 00:00 bin/su',
      '-rw-r--r-- 0/0 0 2026-01-01 00:00 etc/.wh.motd',
      'drwxr-xr-x 0/0 0 2026-01-01 00:00 home/',
      'drwx------ 1000/1000 0 2026-01-01 00:00 home/ada/',
      '-rw------- 1000/1000 600000 2026-01-01 00:00 home/ada/notes',
    ],
  )
})
