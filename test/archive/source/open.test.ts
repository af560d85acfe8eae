import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { findImage, nameOf } from '../../../src/archive/source/names.ts'
import { openSource } from '../../../src/archive/source/open.ts'
import { resolverOf } from '../../../src/archive/source/resolver.ts'
import type { ImageSource } from '../../../src/archive/source/source.ts'
import { parseSource } from '../../../src/archive/source/spec.ts'
import { hasCode } from '../../../src/errors.ts'
import type { Descriptor } from '../../../src/spec/descriptor.ts'
import { digestOf } from '../../../src/spec/digest.ts'
import { parseIndex } from '../../../src/spec/index.ts'
import { parseManifest } from '../../../src/spec/manifest.ts'
import { mediaTypes } from '../../../src/spec/media-types.ts'
import { formatReference, parseReference } from '../../../src/spec/reference.ts'
import { layoutOf } from '../../../src/store/layout.ts'
import { openScratchFile } from '../../../src/store/scratch-file.ts'
import { makeScratch } from '../../conformance/scratch.ts'
import { file } from '../../rootfs/extract/stack.ts'
import {
  directoryWith,
  imageName,
  layoutWith,
  type Members,
  named,
  refName,
  savedByDocker,
  tarWith,
} from '../../support/archives.ts'
import { amd64, buildImage } from '../../support/image.ts'
import { tarOf } from '../../support/layers.ts'

const scratch = makeScratch('archive-source')
const { signal } = new AbortController()
const arm64 = { os: 'linux', architecture: 'arm64' }
const layer = tarOf([file('big', 'x'.repeat(2 ** 20 + 7))])
const image = buildImage({ layers: [layer] })
const forArm = buildImage({ layers: [layer], platform: arm64 })
let files = 0

function directory(members: Members): string {
  return directoryWith(`${scratch}/${files++}`, members)
}

function saved(bytes: Uint8Array): string {
  const path = `${scratch}/${files++}`
  writeFileSync(path, bytes)
  return path
}

function open(text: string, stdin?: Uint8Array): Promise<ImageSource> {
  return openSource(parseSource(text), {
    platform: amd64,
    scratch: () => openScratchFile(layoutOf(scratch)),
    async *stdin() {
      if (stdin !== undefined) yield stdin
    },
    signal,
  })
}

async function read({ fetcher }: ImageSource, descriptor: Descriptor, offset = 0): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of await fetcher.fetch(descriptor, { offset })) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** Every blob below the source's only image is what its digest says. */
async function assertWhole(source: ImageSource): Promise<Descriptor> {
  const { descriptor } = findImage(source, undefined)
  const bytes = await read(source, descriptor)
  assert.equal(digestOf(bytes), descriptor.digest)
  const { config, layers } = parseManifest(bytes, descriptor.mediaType)
  for (const blob of [config, ...layers]) assert.equal(digestOf(await read(source, blob)), blob.digest)
  return descriptor
}

const oneImage = layoutWith([image], [named(image, { ...refName('1'), ...imageName('docker.io/library/a:1') })])

test('openSource() reads a layout as a directory, as a tar, compressed, and from stdin: digests hold', async () => {
  const tar = tarWith(oneImage)
  const ways: readonly (readonly [string, Uint8Array?])[] = [
    [directory(oneImage)],
    [`oci:${directory(oneImage)}`],
    [saved(tar)],
    [`oci-archive:${saved(tarWith(oneImage, './'))}`],
    [saved(gzipSync(tar))],
    ['-', tar],
    ['oci-archive:-', gzipSync(tar)],
  ]
  for (const [text, stdin] of ways) {
    const source = await open(text, stdin)
    assert.equal((await assertWhole(source)).digest, image.target.digest, text)
    assert.deepEqual(source.images.map(nameOf), ['docker.io/library/a:1'])
    source.close()
  }
})

test('fetch() begins where it is told to, and gives nothing past the end', async () => {
  const source = await open(saved(tarWith(oneImage)))
  const { layers } = parseManifest(await read(source, image.target))
  const [blob] = layers
  assert(blob !== undefined)
  const whole = await read(source, blob)
  assert.deepEqual(await read(source, blob, 100), whole.subarray(100))
  assert.deepEqual(await read(source, blob, blob.size), Buffer.alloc(0))
  source.close()
})

test('openSource() makes an index of what one name stands for on several platforms', async () => {
  const entries = [named(image, refName('a:1'), amd64), named(forArm, refName('a:1'), arm64)]
  const source = await open(directory(layoutWith([image, forArm], entries)))
  const [only, ...others] = source.images
  assert(only !== undefined && others.length === 0)
  const bytes = await read(source, only.descriptor)
  assert.equal(digestOf(bytes), only.descriptor.digest)
  const { manifests } = parseIndex(bytes, only.descriptor.mediaType)
  assert.deepEqual(
    manifests.map(({ digest, platform }) => [digest, platform]),
    [
      [image.target.digest, amd64],
      [forArm.target.digest, arm64],
    ],
  )
  source.close()
})

test('findImage() takes a tag, a whole name or a digest, and lists what there is', async () => {
  const other = buildImage({ layers: [] })
  const entries = [
    named(image, { ...refName('1'), ...imageName('docker.io/library/a:1') }),
    named(other, { ...refName('1'), ...imageName('docker.io/library/b:1') }),
    named(other, refName('only')),
  ]
  const source = await open(directory(layoutWith([image, other], entries)))
  const found = (name?: string) => findImage(source, name).descriptor.digest
  assert.equal(found('a:1'), image.target.digest)
  assert.equal(found('docker.io/library/b:1'), other.target.digest)
  assert.equal(found('only'), other.target.digest)
  assert.equal(found(image.target.digest), image.target.digest)
  for (const name of ['1', undefined]) {
    assert.throws(
      () => found(name),
      error =>
        hasCode(error, 'INVALID_ARGUMENT') &&
        error.hint === 'there are docker.io/library/a:1, docker.io/library/b:1, only',
    )
  }
  assert.throws(
    () => found('2'),
    error => hasCode(error, 'NOT_FOUND'),
  )
  source.close()
})

test('resolverOf() answers with the image under any name, unless that has another digest', async () => {
  const source = await open(directory(oneImage))
  const resolver = resolverOf(source, findImage(source, undefined))
  const { digest } = image.target
  for (const name of ['x:1', `x@${digest}`]) {
    assert.equal((await resolver.resolve(parseReference(name))).descriptor.digest, digest)
  }
  await assert.rejects(resolver.resolve(parseReference(`x@${digestOf('')}`)), error =>
    hasCode(error, 'DIGEST_MISMATCH'),
  )
  source.close()
})

const twice = [digestOf(layer), digestOf(layer)]

test('openSource() reads what docker save wrote of old: a directory a layer, links between equal ones', async () => {
  const members = savedByDocker({ 'old/aa/layer.tar': layer, 'old/bb/layer.tar': { link: '../aa/layer.tar' } }, twice)
  const source = await open(saved(tarWith(members)))
  const descriptor = await assertWhole(source)
  const { layers } = parseManifest(await read(source, descriptor))
  assert.deepEqual(
    layers.map(({ digest, mediaType }) => [digest, mediaType]),
    Array(2).fill([digestOf(layer), mediaTypes.dockerLayer]),
  )
  assert.deepEqual(
    source.images.map(({ reference }) => reference && formatReference(reference)),
    ['docker.io/library/a:1', 'b.example/c:2'],
  )
  source.close()
  const again = await open(`docker-archive:${saved(gzipSync(tarWith(members)))}`)
  assert.deepEqual(findImage(again, 'a:1').descriptor, descriptor)
  again.close()
})

test('openSource() reads an archive for Docker with compressed layers, as crane writes it', async () => {
  const members = savedByDocker({ 'a.tar.gz': gzipSync(layer), 'b.tar.gz': gzipSync(layer, { level: 1 }) }, twice, null)
  const source = await open(saved(tarWith(members)))
  await assertWhole(source)
  assert.deepEqual(source.images.map(nameOf), [source.images[0]?.descriptor.digest])
  source.close()
})

test('openSource() finds that an archive is cut off, also in what it passes over', async () => {
  const tar = tarWith({ ...oneImage, big: Buffer.alloc(2 ** 21) })
  const isMalformed = (error: unknown) => hasCode(error, 'MALFORMED')
  await assert.rejects(open(`oci-archive:${saved(tar.subarray(0, tar.length - 2 ** 19))}`), isMalformed)
  await assertWholeOf(`oci-archive:${saved(tar)}`)
})

test('openSource() makes an image of a tar of files, the same each time', async () => {
  const expected = (await assertWholeOf(saved(layer))).digest
  assert.equal((await assertWholeOf('-', layer)).digest, expected)
  assert.equal((await assertWholeOf(`tar:${saved(layer)}`)).digest, expected)
  await assertWholeOf(saved(gzipSync(layer)))
  assert.deepEqual(readdirSync(layoutOf(scratch).trash), [])
})

async function assertWholeOf(text: string, stdin?: Uint8Array): Promise<Descriptor> {
  const source = await open(text, stdin)
  try {
    return await assertWhole(source)
  } finally {
    source.close()
  }
}
