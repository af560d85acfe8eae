import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Descriptor } from '../../src/spec/descriptor.ts'
import { digestOf } from '../../src/spec/digest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { openFsStore } from '../../src/store/content/fs.ts'
import { memoryLabels } from '../../src/store/content/labels.ts'
import { type ContentStore, isIngest } from '../../src/store/content/store.ts'
import { openFsImages } from '../../src/store/fs-images.ts'
import { openMemoryImages } from '../../src/store/memory-images.ts'
import { openRoot } from '../../src/store/root.ts'
import { inlineWorkers } from '../../src/system/inline.ts'
import { imageStoreSuite, newRecord } from '../conformance/image-store.ts'
import { scratchDirectory } from './scratch.ts'

const scratch = scratchDirectory()
const amd64 = { os: 'linux', architecture: 'amd64' }

imageStoreSuite('fs', () => openFsImages(openRoot(scratch())))
imageStoreSuite('memory', openMemoryImages)

test('openFsImages() refuses a damaged record instead of missing it', async () => {
  const layout = openRoot(scratch())
  const images = openFsImages(layout)
  await images.set(newRecord('r:1', amd64))
  const [name = ''] = readdirSync(layout.images)
  const path = join(layout.images, name)
  for (const text of ['', '{}', readFileSync(path, 'utf8').replace('sha256:', 'sha256:x')]) {
    writeFileSync(path, text)
    await assert.rejects(images.walk()[Symbol.asyncIterator]().next(), { code: 'MALFORMED' })
  }
})

test('openFsImages() removes what a crash left of a write', async () => {
  const layout = openRoot(scratch())
  const images = openFsImages(layout)
  writeFileSync(join(layout.images, 'abc.json.0123456789ab.new'), '')
  await images.set(newRecord('r:1', amd64))
  assert.equal(readdirSync(layout.images).length, 1)
})

test('index.json lists an image while all its blobs are here', async () => {
  const layout = openRoot(scratch())
  const store = openFsStore({ layout, labels: memoryLabels(), workers: inlineWorkers() })
  const images = openFsImages(layout)
  const { manifest, layer } = await putImage(store)
  const reference = 'registry.example:5000/team/app:v1'
  const record = { ...newRecord(reference, amd64), manifest }
  await images.set(record)
  const listed = () => JSON.parse(readFileSync(layout.ociIndex, 'utf8')).manifests
  assert.deepEqual(listed(), [
    {
      mediaType: manifest.mediaType,
      digest: manifest.digest,
      size: manifest.size,
      platform: amd64,
      annotations: { 'org.opencontainers.image.ref.name': reference },
    },
  ])
  await store.delete(layer.digest)
  await images.set(newRecord('other:1', amd64))
  assert.deepEqual(listed(), [])
})

const skopeo = spawnSync('skopeo', ['--version']).status === 0
test('skopeo copies an image out of the store in place', { skip: !skopeo && 'no skopeo here' }, async () => {
  const layout = openRoot(scratch())
  const store = openFsStore({ layout, labels: memoryLabels(), workers: inlineWorkers() })
  const { manifest, layer } = await putImage(store)
  for (const reference of ['docker.io/library/alpine:latest', `registry.example:5000/a/b@${manifest.digest}`]) {
    await openFsImages(layout).set({ ...newRecord(reference, amd64), manifest })
    const target = scratch('copy')
    const words = ['copy', '--insecure-policy', `oci:${layout.root}:${reference}`, `dir:${target}`]
    const { status, stderr } = spawnSync('skopeo', words, { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    assert.equal(digestOf(readFileSync(join(target, 'manifest.json'))), manifest.digest)
    assert(readdirSync(target).includes(layer.digest.slice(7)))
  }
})

async function putImage(store: ContentStore): Promise<{ manifest: Descriptor; layer: Descriptor }> {
  const layer = await putBlob(store, mediaTypes.ociLayer, randomBytes(2000))
  const config = {
    os: 'linux',
    architecture: 'amd64',
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
    config: {},
  }
  const configBlob = await putBlob(store, mediaTypes.ociConfig, Buffer.from(JSON.stringify(config)))
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: configBlob, layers: [layer] }
  const manifest = await putBlob(store, mediaTypes.ociManifest, Buffer.from(JSON.stringify(document)))
  return { manifest, layer }
}

async function putBlob(store: ContentStore, mediaType: string, bytes: Buffer): Promise<Descriptor> {
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length }
  const ingest = await store.ingest(descriptor.digest, descriptor)
  if (isIngest(ingest)) {
    await ingest.write(bytes)
    await ingest.commit()
  }
  return descriptor
}
