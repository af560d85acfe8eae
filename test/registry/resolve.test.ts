import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { openResolver } from '../../src/registry/client.ts'
import { digestOf } from '../../src/spec/digest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { reply, startRegistry, withHeaders } from '../support/registry.ts'
import { buildSchema1 } from '../support/schema1.ts'

const document = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: {}, layers: [] }

async function opened(t: TestContext) {
  const registry = await startRegistry()
  const resolver = openResolver({ plainHttp: true, limits: { backoffMs: [1] } })
  t.after(async () => {
    await resolver.close()
    await registry.close()
  })
  const manifest = registry.putManifest(document, { tags: ['latest'] })
  const reference = { host: registry.host, repository: 'team/app', tag: 'latest' }
  const methods = () => registry.received.map(({ method }) => method)
  return { registry, resolver, manifest, reference, methods }
}

test('resolve() asks HEAD once and believes size, type and digest together', async t => {
  const { registry, resolver, manifest, reference, methods } = await opened(t)
  assert.deepEqual(await resolver.resolve(reference), { reference, descriptor: manifest, host: registry.host })
  assert.deepEqual(methods(), ['HEAD'])
  const accept = registry.received[0]?.headers.accept ?? ''
  const { dockerManifest, dockerIndex, ociManifest, ociIndex } = mediaTypes
  for (const type of [dockerManifest, dockerIndex, ociManifest, ociIndex, '*/*']) assert.ok(accept.includes(type), type)
})

test('resolve() asks for latest when there is neither tag nor digest', async t => {
  const { registry, resolver, manifest } = await opened(t)
  const { descriptor } = await resolver.resolve({ host: registry.host, repository: 'team/app' })
  assert.deepEqual(descriptor, manifest)
})

const wanting: readonly (readonly [string, Parameters<typeof withHeaders>[0]])[] = [
  ['length', { 'content-length': undefined }],
  ['digest', { 'docker-content-digest': undefined }],
  ['readable digest', { 'docker-content-digest': 'md5:abc' }],
  ['type', { 'content-type': undefined }],
  ['type but text/plain', { 'content-type': 'text/plain; charset=utf-8' }],
  ['type but application/json', { 'content-type': 'application/json' }],
]
for (const [what, headers] of wanting) {
  test(`resolve() fetches and hashes the body when HEAD tells no ${what}`, async t => {
    const { registry, resolver, manifest, reference, methods } = await opened(t)
    registry.on('/manifests/', withHeaders(headers))
    assert.deepEqual((await resolver.resolve(reference)).descriptor, manifest)
    assert.deepEqual(methods(), ['HEAD', 'GET'])
  })
}

test('resolve() fetches the body when HEAD is not allowed', async t => {
  const { registry, resolver, manifest, reference, methods } = await opened(t)
  registry.on('HEAD', reply(405))
  assert.deepEqual((await resolver.resolve(reference)).descriptor, manifest)
  assert.deepEqual(methods(), ['HEAD', 'GET'])
})

test('resolve() strips parameters from the media type', async t => {
  const { registry, resolver, manifest, reference } = await opened(t)
  registry.on('HEAD', withHeaders({ 'content-type': `${mediaTypes.ociManifest}; charset=utf-8` }))
  assert.deepEqual((await resolver.resolve(reference)).descriptor, manifest)
})

test('resolve() answers with the digest that was asked for, whatever the header says', async t => {
  const { registry, resolver, manifest, reference, methods } = await opened(t)
  registry.on('HEAD', withHeaders({ 'docker-content-digest': digestOf('something else') }))
  const { descriptor } = await resolver.resolve({ ...reference, digest: manifest.digest })
  assert.deepEqual(descriptor, manifest)
  assert.deepEqual(methods(), ['HEAD'])
})

test('resolve() refuses a body that does not hash to the digest that was asked for', async t => {
  const { registry, resolver, manifest, reference } = await opened(t)
  const other = Buffer.from('{"layers":[]}')
  registry.on('HEAD', reply(405))
  registry.on(
    'GET',
    reply(200, { 'content-type': mediaTypes.ociManifest, 'docker-content-digest': manifest.digest }, other.toString()),
  )
  await assert.rejects(resolver.resolve({ ...reference, digest: manifest.digest }), {
    code: 'DIGEST_MISMATCH',
    details: { expected: manifest.digest, actual: digestOf(other) },
  })
})

test('resolve() hashes with the algorithm of the digest that was asked for', async t => {
  const { registry, resolver, reference } = await opened(t)
  const bytes = JSON.stringify(document)
  const digest = digestOf(bytes, 'sha512')
  registry.on('HEAD', reply(405))
  registry.on(`GET /v2/team/app/manifests/${digest}`, reply(200, { 'content-type': mediaTypes.ociManifest }, bytes))
  const { descriptor } = await resolver.resolve({ ...reference, digest })
  assert.deepEqual(descriptor, { mediaType: mediaTypes.ociManifest, digest, size: bytes.length })
})

test('resolve() finds a digest among the blobs when no manifest has it', async t => {
  const { registry, resolver, reference } = await opened(t)
  const blob = registry.putBlob('content')
  for (const withoutHead of [false, true]) {
    if (withoutHead) registry.on('HEAD /v2/team/app/blobs/', reply(405))
    const { descriptor } = await resolver.resolve({ ...reference, digest: blob.digest })
    assert.deepEqual(descriptor, blob)
  }
})

test('resolve() looks among the blobs only for a digest, and only after not found', async t => {
  const { registry, resolver, reference } = await opened(t)
  await assert.rejects(resolver.resolve({ ...reference, tag: 'absent' }), {
    code: 'NOT_FOUND',
    message: new RegExp(`resolve manifest absent of team/app: ${registry.host}`),
    details: { what: 'manifest', name: 'absent of team/app' },
  })
  registry.on('HEAD', reply(403))
  await assert.rejects(resolver.resolve({ ...reference, digest: digestOf('x') }), { code: 'UNAUTHORIZED' })
  assert.ok(registry.received.every(({ url }) => !url.includes('/blobs/')))
})

test('resolve() names the blob when a digest is nowhere', async t => {
  const { resolver, reference } = await opened(t)
  const digest = digestOf('absent')
  await assert.rejects(resolver.resolve({ ...reference, digest }), {
    code: 'NOT_FOUND',
    details: { what: 'blob', name: `${digest} of team/app` },
  })
})

test('resolve() refuses manifests over 4 MiB, announced or not', async t => {
  const { registry, resolver, reference } = await opened(t)
  const large = 4 * 1024 * 1024 + 1
  registry.on('HEAD', withHeaders({ 'content-length': String(large) }), 1)
  await assert.rejects(resolver.resolve(reference), { code: 'LIMIT_EXCEEDED' })
  registry.on('HEAD', reply(405))
  registry.on('GET', (_, response) => {
    const write = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536, ' '))) {}
      response.once('drain', write)
    }
    write()
  })
  await assert.rejects(resolver.resolve(reference), { code: 'LIMIT_EXCEEDED' })
})

test('resolve() refuses a body that is no manifest when only the body can tell', async t => {
  const { registry, resolver, reference } = await opened(t)
  registry.on('HEAD', reply(405))
  registry.on('GET', reply(200, { 'content-type': 'text/plain' }, 'hello'))
  await assert.rejects(resolver.resolve(reference), { code: 'MALFORMED' })
})

for (const headers of [{ 'docker-content-digest': undefined }, { 'content-type': 'text/plain' }]) {
  test(`resolve() hashes the payload of schema 1 when HEAD tells no ${Object.keys(headers)}`, async t => {
    const { registry, resolver, reference } = await opened(t)
    const { target, blobs } = buildSchema1([{}])
    const { digest, mediaType } = target
    registry.putManifest(blobs.get(digest) ?? {}, { mediaType, digest, tags: ['old'] })
    registry.on('/manifests/', withHeaders(headers))
    for (const named of [
      { ...reference, tag: 'old' },
      { ...reference, digest },
    ])
      assert.deepEqual((await resolver.resolve(named)).descriptor, target)
  })
}
