import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { dockerArchive } from '../../src/archive/docker-archive.ts'
import { blobPath, contentOf, ociLayout } from '../../src/archive/oci-layout.ts'
import { writeArchive, writeFiles } from '../../src/archive/write.ts'
import { readImage } from '../../src/pull/image.ts'
import { digestOf, hexOf } from '../../src/spec/digest.ts'
import { onlyStrict } from '../../src/spec/platform-match.ts'
import { parseReference } from '../../src/spec/reference.ts'
import { openMemoryStore } from '../../src/store/content/memory.ts'
import { isIngest } from '../../src/store/content/store.ts'
import { makeScratch } from '../conformance/scratch.ts'
import { file } from '../rootfs/extract/stack.ts'
import { amd64, buildImage } from '../support/image.ts'
import { tarOf } from '../support/layers.ts'
import { readTar } from '../support/tar.ts'

const scratch = makeScratch('archive')
const { signal } = new AbortController()
/** The same layer twice; more than one piece long, and no multiple of a block. */
const layer = tarOf([file('big', 'x'.repeat(2 ** 20 + 7))])
const built = buildImage({ layers: [layer, layer], compress: tar => Buffer.concat([tar, Buffer.alloc(512)]) })

async function openStore() {
  const store = openMemoryStore()
  for (const bytes of [...built.blobs.values(), layer]) {
    const ingest = await store.ingest('k', { digest: digestOf(bytes) })
    if (!isIngest(ingest)) continue
    await ingest.write(bytes)
    await ingest.commit()
  }
  const image = await readImage(store, built.target, { wanted: amd64, matcher: onlyStrict(amd64) })
  return { store, image }
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const piece of pieces) all.push(piece)
  return Buffer.concat(all)
}

const names = ['alpine:3', 'ghcr.io/a/b:1'].map(parseReference)

test('writeArchive() writes an OCI layout: every blob once, as it was pulled', async () => {
  const { store, image } = await openStore()
  const found = readTar(await collect(writeArchive(store, ociLayout(contentOf(image), names), { signal })))
  assert.deepEqual(
    found.map(({ path }) => path.toString()),
    ['oci-layout', 'index.json', ...[...new Set(image.blobs.map(({ digest }) => blobPath(digest)))]],
  )
  for (const { path, data } of found.slice(2)) assert.equal(path.toString(), blobPath(digestOf(data)))
  const index = JSON.parse(String(found[1]?.data)) as { manifests: { digest: string; annotations: object }[] }
  assert.deepEqual(
    index.manifests.map(({ digest, annotations }) => [digest, annotations]),
    ['docker.io/library/alpine:3', 'ghcr.io/a/b:1'].map(name => [
      built.target.digest,
      { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1) },
    ]),
  )
})

test('writeArchive() writes an archive for Docker: layers by their diff IDs, each once', async () => {
  const { store, image } = await openStore()
  const found = readTar(await collect(writeArchive(store, dockerArchive(image, names), { signal })))
  const [config, tar] = [`${hexOf(image.config.digest)}.json`, `${hexOf(digestOf(layer))}.tar`]
  assert.deepEqual(
    found.map(({ path }) => path.toString()),
    ['manifest.json', config, tar],
  )
  assert.deepEqual(JSON.parse(String(found[0]?.data)), [
    { Config: config, RepoTags: ['docker.io/library/alpine:3', 'ghcr.io/a/b:1'], Layers: [tar, tar] },
  ])
  assert.deepEqual(found[2]?.data, layer)
})

test('writeArchive() gives the same bytes each time, and ends when it is told to', async () => {
  const { store, image } = await openStore()
  const write = (options = { signal }) => collect(writeArchive(store, ociLayout(contentOf(image), []), options))
  assert.deepEqual(await write(), await write())
  const reason = new Error('enough')
  await assert.rejects(write({ signal: AbortSignal.abort(reason) }), reason)
})

test('writeFiles() writes the same files below a directory', async () => {
  const { store, image } = await openStore()
  const directory = `${scratch}/layout`
  mkdirSync(directory)
  await writeFiles(store, ociLayout(contentOf(image), names), directory, { signal })
  for (const { digest } of image.blobs) {
    const path = `${directory}/${blobPath(digest)}`
    assert.equal(digestOf(readFileSync(path)), digest)
  }
  assert.equal(statSync(`${directory}/oci-layout`).size, 30)
  const reason = new Error('enough')
  const aborted = { signal: AbortSignal.abort(reason) }
  await assert.rejects(writeFiles(store, ociLayout(contentOf(image), names), `${scratch}/none`, aborted), reason)
})
