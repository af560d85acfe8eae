import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { copyImage } from '../../src/copy/copy.ts'
import { copyReferrers } from '../../src/copy/referrers.ts'
import { openResolver } from '../../src/registry/client.ts'
import type { Registry } from '../../src/registry/registry.ts'
import type { Descriptor } from '../../src/spec/descriptor.ts'
import type { Digest } from '../../src/spec/digest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { parseReference } from '../../src/spec/reference.ts'
import { amd64, type BuiltImage, buildImage, buildIndex } from '../support/image.ts'
import { withChanges } from '../support/wire/faults.ts'
import { startHost, type WireHost } from '../support/wire/host.ts'

const image = buildImage({ layers: [Buffer.from('a layer')] })
const index = buildIndex([[image, amd64]])

function artifactOf(text: string, subject: Descriptor): BuiltImage {
  return buildImage({
    layers: [Buffer.from(text)],
    layerType: 'text/plain',
    configType: mediaTypes.ociEmpty,
    manifest: manifest => ({ ...manifest, artifactType: 'application/vnd.example', subject, annotations: { text } }),
  })
}

const signature = artifactOf('signed', image.target)
const bill = artifactOf('bill', index.target)
const signedBill = artifactOf('signed bill', bill.target)

let from: WireHost
let to: WireHost
let registry: Registry

beforeEach(async () => {
  from = await startHost()
  to = await startHost()
  registry = openResolver({ limits: { backoffMs: [] } })
  from.content.putImage(index, '1')
  for (const [artifact, subject] of [
    [signature, image],
    [bill, index],
    [signedBill, bill],
  ] as const) {
    from.content.putImage(artifact, artifact.target.digest)
    from.content.put('manifests', tagOf(subject), listOf(artifact.target), mediaTypes.ociIndex)
  }
})
afterEach(async () => {
  await registry.close()
  await from.close()
  await to.close()
})

const tagOf = ({ target }: BuiltImage) => target.digest.replace(':', '-')

function listOf(...manifests: readonly object[]): Buffer {
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }))
}

async function copy() {
  const [source, dest] = [from, to].map(({ authority }) => parseReference(`${authority}/team/app:1`))
  assert.ok(source !== undefined && dest !== undefined)
  const parts = { fetcher: registry.fetcher(source), pusher: await registry.pusher(dest) }
  const options = { name: 'copy', signal: new AbortController().signal }
  await copyImage(parts, index.target, { ...options, tag: '1' })
  const referrers = (digest: Digest) => registry.referrers(source, digest)
  return await copyReferrers({ ...parts, referrers }, index.target, options)
}

async function listed({ target }: BuiltImage): Promise<readonly string[]> {
  const found = await registry.referrers(parseReference(`${to.authority}/team/app:1`), target.digest)
  return found.map(({ digest }) => digest)
}

test('copyReferrers() copies what refers to an index, to its images, and to referrers, and lists it', async () => {
  await copy()
  for (const [subject, artifact] of [
    [image, signature],
    [index, bill],
    [bill, signedBill],
  ] as const) {
    assert.deepEqual(await listed(subject), [artifact.target.digest])
    for (const [digest, bytes] of artifact.blobs) {
      const kept = to.content.get('blobs', digest) ?? to.content.get('manifests', digest)
      assert.deepEqual(Buffer.from(kept ?? []), Buffer.from(bytes))
    }
  }
  const [entry] = await registry.referrers(parseReference(`${to.authority}/team/app:1`), image.target.digest)
  assert.deepEqual([entry?.artifactType, entry?.annotations], ['application/vnd.example', { text: 'signed' }])
})

test('copyReferrers() copies nothing twice', async () => {
  await copy()
  const before = to.requests.filter(({ method }) => method === 'PUT').length
  assert.equal((await copy()).copied, 0)
  assert.equal(to.requests.filter(({ method }) => method === 'PUT').length, before)
})

test('pushManifest() leaves the list to a registry that keeps it itself', async () => {
  to.on(/^PUT \S+\/manifests\//, withChanges({ 'oci-subject': image.target.digest }))
  await copy()
  assert.equal(to.content.get('manifests', tagOf(image)), undefined)
})

test('pushManifest() keeps what the list has, as it is', async () => {
  const other = { ...image.target, strange: true }
  to.content.put('manifests', tagOf(image), listOf(other), mediaTypes.ociIndex)
  await copy()
  const { manifests } = JSON.parse(Buffer.from(to.content.get('manifests', tagOf(image)) ?? []).toString())
  assert.deepEqual(manifests[0], other)
  assert.equal(manifests[1].digest, signature.target.digest)
})
