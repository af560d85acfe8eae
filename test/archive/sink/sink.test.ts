import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { openDirectorySink } from '../../../src/archive/sink/directory.ts'
import type { Sink } from '../../../src/archive/sink/sink.ts'
import { openTarSink } from '../../../src/archive/sink/tar.ts'
import { openSource } from '../../../src/archive/source/open.ts'
import { copyImage } from '../../../src/copy/copy.ts'
import { hasCode } from '../../../src/errors.ts'
import { fetchDocument } from '../../../src/pull/fetch-document.ts'
import { digestOf } from '../../../src/spec/digest.ts'
import { makeScratch } from '../../conformance/scratch.ts'
import { amd64, type BuiltImage, buildImage, buildIndex } from '../../support/image.ts'
import { readTar } from '../../support/tar.ts'
import { partsOf } from '../../support/wire/sample.ts'
import { copyInto, fetcherOf } from './copy-into.ts'

const scratch = makeScratch('sinks')
const arm64 = { os: 'linux', architecture: 'arm64' }
const images = [amd64, arm64].map(platform => {
  return [buildImage({ layers: [Buffer.alloc(70_000, platform.architecture)], platform }), platform] as const
})
const index = buildIndex(images)
const [[image]] = images as unknown as readonly [readonly [BuiltImage]]
const { signal } = new AbortController()
let paths = 0

const sinks: readonly (readonly [string, 'oci' | 'oci-archive', (path: string) => Promise<Sink>])[] = [
  ['openDirectorySink()', 'oci', async path => openDirectorySink(path)],
  ['openTarSink()', 'oci-archive', openTarSink],
]

for (const [name, format, open] of sinks) {
  test(`${name} makes what ${format} sources read, byte for byte`, async () => {
    const path = `${scratch}/${paths++}`
    await copyInto(await open(path), index, 'two')
    const options = { platform: amd64, scratch: () => assert.fail('it is plain'), stdin: () => assert.fail(), signal }
    const source = await openSource({ format, path, name: undefined }, options)
    try {
      const [found] = source.images
      assert.deepEqual([found?.tag, found?.descriptor.digest, source.images.length], ['two', index.target.digest, 1])
      for (const [digest, bytes] of index.blobs) {
        const read = await fetchDocument(source.fetcher, { mediaType: '', digest, size: bytes.length }, signal)
        assert.deepEqual(Buffer.from(read), Buffer.from(bytes))
      }
    } finally {
      source.close()
    }
  })

  test(`${name} refuses wrong bytes, and shows nothing of them`, async () => {
    const path = `${scratch}/${paths++}`
    const [{ digest }] = partsOf(image).layers
    await assert.rejects(copyInto(await open(path), image, 'wrong', digest), error => hasCode(error, 'DIGEST_MISMATCH'))
    if (format === 'oci') {
      assert.equal(existsSync(`${path}/blobs/${digest.replace(':', '/')}`), false)
      assert.equal(existsSync(`${path}/index.json`), false)
      assert.ok(!readdirSync(path).some(name => name.startsWith('.davit-')))
    } else {
      assert.deepEqual([existsSync(path), existsSync(`${path}.new`)], [false, false])
    }
  })
}

test('openDirectorySink() keeps what is there, copies none of it again, and moves a name', async () => {
  const path = `${scratch}/${paths++}`
  await copyInto(openDirectorySink(path), image, 'a')
  const copied = await copyInto(openDirectorySink(path), index, 'b')
  assert.equal(copied.existing, image.target.size)
  assert.deepEqual(tagsIn(path), { a: image.target.digest, b: index.target.digest })
  await copyInto(openDirectorySink(path), index, 'a')
  assert.deepEqual(tagsIn(path), { a: index.target.digest, b: index.target.digest })
  assert.equal((await copyInto(openDirectorySink(path), index, 'a')).copied, 0)
})

test('openDirectorySink() clears away what a killed run has left', async () => {
  const path = `${scratch}/${paths++}`
  openDirectorySink(path).close()
  writeFileSync(`${path}/.davit-0123`, 'half')
  openDirectorySink(path).close()
  assert.deepEqual(readdirSync(path), ['oci-layout'])
})

test('openDirectorySink() refuses other directories, and one that another davit is at', () => {
  const path = `${scratch}/${paths++}`
  assert.throws(
    () => openDirectorySink(`${path}/deeper`),
    error => hasCode(error, 'NOT_FOUND'),
  )
  mkdirSync(path)
  writeFileSync(`${path}/mine`, '')
  assert.throws(
    () => openDirectorySink(path),
    error => hasCode(error, 'ALREADY_EXISTS'),
  )
  assert.throws(
    () => openDirectorySink(`${path}/mine`),
    error => hasCode(error, 'ALREADY_EXISTS'),
  )
  assert.deepEqual(readdirSync(path), ['mine'])
  const sink = openDirectorySink(`${path}/new`)
  assert.throws(
    () => openDirectorySink(`${path}/new`),
    error => hasCode(error, 'IN_USE'),
  )
  sink.close()
})

test('openTarSink() has a blob of two images once, and keeps the old file until the new one is whole', async () => {
  const path = `${scratch}/${paths++}`
  writeFileSync(path, 'old')
  const sink = await openTarSink(path)
  const twice = buildIndex([
    [image, amd64],
    [image, arm64],
  ])
  const parts = { fetcher: fetcherOf(twice), pusher: sink }
  await copyImage(parts, twice.target, { tag: '1', name: 'sink', signal })
  assert.equal(readFileSync(path, 'utf8'), 'old')
  await sink.end()
  await sink.close()
  const names = readTar(readFileSync(path)).map(({ path }) => path.toString())
  assert.deepEqual(names.length, new Set(names).size)
  assert.equal(names.length, twice.blobs.size + 2)
})

test('openTarSink() refuses what is no file', async () => {
  await assert.rejects(openTarSink(scratch), error => hasCode(error, 'INVALID_ARGUMENT'))
})

function tagsIn(path: string): Readonly<Record<string, string>> {
  const { manifests } = JSON.parse(readFileSync(`${path}/index.json`, 'utf8')) as {
    manifests: { digest: string; annotations: Record<string, string> }[]
  }
  const tag = 'org.opencontainers.image.ref.name'
  return Object.fromEntries(manifests.map(({ digest, annotations }) => [annotations[tag] ?? digestOf(''), digest]))
}
