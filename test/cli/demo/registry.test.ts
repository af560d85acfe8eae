import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serveSample } from '../../../src/cli/demo/registry.ts'
import { makeSample } from '../../../src/cli/demo/sample.ts'
import { digestOf } from '../../../src/spec/digest.ts'

test('serveSample() answers as a registry does, and is gone when closed', async () => {
  const sample = makeSample()
  const registry = await serveSample(sample)
  const [, host] = /^([^/]+)\/davit\/sample:latest$/.exec(registry.reference) ?? []
  assert.ok(host)
  const at = (path: string, method = 'GET'): Promise<Response> => fetch(`http://${host}/v2/${path}`, { method })
  assert.equal((await at('')).status, 200)

  const head = await at('davit/sample/manifests/latest', 'HEAD')
  assert.equal(head.headers.get('docker-content-digest'), sample.target.digest)
  assert.equal(head.headers.get('content-type'), sample.target.mediaType)
  assert.equal(head.headers.get('content-length'), String(sample.target.size))

  const [digest] = [...sample.blobs.keys()]
  assert.ok(digest)
  const body = await (await at(`davit/sample/blobs/${digest}`)).arrayBuffer()
  assert.equal(digestOf(new Uint8Array(body)), digest)

  const missing = await at('davit/sample/manifests/other')
  assert.equal(missing.status, 404)
  assert.match(await missing.text(), /MANIFEST_UNKNOWN/)
  assert.equal((await at(`davit/sample/blobs/sha256:../../etc/passwd`)).status, 404)
  assert.equal((await at('davit/sample/blobs/uploads/', 'POST')).status, 405)
  await registry.close()
  await assert.rejects(at(''))
})
