import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownHosts } from '../../src/registry/own-hosts.ts'
import { isTrustedRealm } from '../../src/registry/realm.ts'

/** The registries of the table in docs/decisions, and what must never be trusted. */
const rows: readonly (readonly [registry: string, realm: string, isTrusted: boolean])[] = [
  ['docker.io', 'https://auth.docker.io/token', true],
  ['ghcr.io', 'https://ghcr.io/token', true],
  ['quay.io', 'https://quay.io/v2/auth', true],
  ['gcr.io', 'https://gcr.io/v2/token', true],
  ['europe-docker.pkg.dev', 'https://europe-docker.pkg.dev/v2/token', true],
  ['public.ecr.aws', 'https://public.ecr.aws/token/', true],
  ['example.azurecr.io', 'https://example.azurecr.io/oauth2/token', true],
  ['registry.gitlab.com', 'https://gitlab.com/jwt/auth', true],
  ['gitlab.example.com:5050', 'https://gitlab.example.com/jwt/auth', true],
  ['harbor.example.com', 'https://harbor.example.com/service/token', true],
  ['registry.digitalocean.com', 'https://api.digitalocean.com/v2/registry/auth', true],
  ['registry.suse.com', 'https://scc.suse.com/api/registry/authorize', true],
  ['registry.cn-hangzhou.aliyuncs.com', 'https://dockerauth.cn-hangzhou.aliyuncs.com/auth', true],
  ['docker.io', 'https://auth.docker.io.example.com/token', false],
  ['docker.io', 'https://evildocker.io/token', false],
  ['registry.example.com', 'https://auth.example.net/token', false],
  ['registry.co.uk', 'https://evil.co.uk/token', false],
  ['me.github.io', 'https://you.github.io/token', false],
  ['registry', 'https://auth/token', false],
  ['registry.internal', 'https://auth.internal/token', false],
  ['registry.corp.internal', 'https://auth.corp.internal/token', true],
  ['192.0.2.1:5000', 'https://192.0.2.1:5000/token', true],
  ['192.0.2.1:5000', 'https://192.0.2.1:5001/token', false],
  ['192.0.2.1', 'https://192.0.2.2/token', false],
  ['[2001:db8::1]:5000', 'https://[2001:db8::1]:5001/token', false],
  ['localhost:5000', 'http://localhost:5000/token', true],
  ['localhost:5000', 'http://localhost:5001/token', false],
]
for (const [registry, realm, expected] of rows) {
  test(`isTrustedRealm() ${expected ? 'trusts' : 'does not trust'} ${realm} with credentials for ${registry}`, async () => {
    const [host] = ownHosts(registry, false)
    assert.ok(host)
    assert.equal(await isTrustedRealm(new URL(realm), host, {}), expected)
  })
}

test('isTrustedRealm() trusts what the user has named', async () => {
  const [host] = ownHosts('registry.example.com', false)
  assert.ok(host)
  const realm = new URL('https://auth.example.net/token')
  assert.equal(await isTrustedRealm(realm, host, { allowHosts: ['auth.example.net'] }), true)
  assert.equal(await isTrustedRealm(realm, host, { allowHosts: ['auth.example.net:8443'] }), false)
})
