import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hostsOf } from '../../src/registry/hosts.ts'

const rows: readonly (readonly [string, readonly string[]])[] = [
  ['docker.io', ['https://registry-1.docker.io']],
  ['ghcr.io', ['https://ghcr.io']],
  ['example.com:5000', ['https://example.com:5000']],
  ['localhost', ['http://localhost', 'https://localhost']],
  ['localhost:5000', ['http://localhost:5000', 'https://localhost:5000']],
  ['127.0.0.1:5000', ['http://127.0.0.1:5000', 'https://127.0.0.1:5000']],
  ['127.1.2.3:80', ['http://127.1.2.3', 'https://127.1.2.3:80']],
  ['[::1]:5000', ['http://[::1]:5000', 'https://[::1]:5000']],
  ['localhost:443', ['https://localhost']],
  ['localhost.example.com', ['https://localhost.example.com']],
  ['127.example.com', ['https://127.example.com']],
  ['10.0.0.1:5000', ['https://10.0.0.1:5000']],
  ['[2001:db8::1]:5000', ['https://[2001:db8::1]:5000']],
]

for (const [host, origins] of rows) {
  test(`hostsOf() asks ${host} at ${origins.join(', then ')}`, async () => {
    const found = (await hostsOf({ host, repository: 'a/b' }, {})).map(({ origin }) => origin)
    assert.deepEqual(found, origins)
  })
}

test('hostsOf() keeps to plain HTTP when it is told to', async () => {
  const [host, ...more] = await hostsOf({ host: 'example.com', repository: 'a/b' }, { plainHttp: true })
  assert.equal(host?.origin, 'http://example.com')
  assert.deepEqual(more, [])
})
