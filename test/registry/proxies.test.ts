import assert from 'node:assert/strict'
import { test } from 'node:test'
import { proxyFor } from '../../src/registry/proxies.ts'

const proxies = { http: 'http://plain:3128', https: 'secure:3128' }

test('proxyFor() chooses by scheme; a proxy without one is HTTP', () => {
  assert.equal(proxyFor(new URL('http://a.example/'), proxies)?.href, 'http://plain:3128/')
  assert.equal(proxyFor(new URL('https://a.example/'), proxies)?.href, 'http://secure:3128/')
  assert.equal(proxyFor(new URL('https://a.example/'), { http: 'http://plain:3128' }), undefined)
  assert.equal(proxyFor(new URL('https://a.example/'), { https: '' }), undefined)
})

const rows: readonly (readonly [none: string, direct: readonly string[], proxied: readonly string[]])[] = [
  ['', ['localhost', '127.0.0.1', '127.8.0.1:5000', '[::1]:5000'], ['a.example', '10.0.0.1', '[2001:db8::1]']],
  ['*', ['a.example', '10.0.0.1'], []],
  ['b.example, a.example', ['a.example', 'x.a.example', 'A.example:8443'], ['xa.example', 'a.example.com', 'example']],
  ['.a.example', ['x.a.example'], ['a.example']],
  ['*.a.example', ['x.a.example'], ['a.example']],
  ['a.example:8443', ['a.example:8443'], ['a.example', 'a.example:5000']],
  ['a.example:443', ['a.example'], ['a.example:8443']],
  ['10.0.0.1', ['10.0.0.1', '10.0.0.1:5000', '167772161'], ['10.0.0.2', '1.10.0.0.1.example']],
  ['10.0.0.1:5000', ['10.0.0.1:5000'], ['10.0.0.1']],
  ['10.0.0.0/8', ['10.255.0.1'], ['11.0.0.1', 'ten.example', '[::a00:1]']],
  ['2001:db8::/32', ['[2001:db8:1::1]'], ['[2001:db9::1]', '32.1.13.184']],
  ['2001:db8::1', ['[2001:db8::1]', '[2001:db8:0::1]:5000'], ['[2001:db8::2]']],
  ['[2001:db8::1]:5000', ['[2001:db8::1]:5000'], ['[2001:db8::1]']],
  ['10.0.0.0/99,/8,10/8,:,a b', [], ['10.0.0.1', 'a.example']],
]
for (const [none, direct, proxied] of rows) {
  test(`proxyFor() reaches ${direct.join(', ') || 'nobody'} directly, ${proxied.join(', ') || 'nobody'} not, by ${none || 'nothing'}`, () => {
    const isProxied = (host: string) => proxyFor(new URL(`https://${host}/`), { ...proxies, none }) !== undefined
    assert.deepEqual(direct.filter(isProxied), [])
    assert.deepEqual(proxied.filter(isProxied), proxied)
  })
}

test('proxyFor() refuses what is no HTTP proxy, and repeats none of it', () => {
  for (const https of ['socks5://me:secret@a', 'http://', 'http://a b:secret'])
    assert.throws(() => proxyFor(new URL('https://a.example/'), { https }), {
      code: 'INVALID_ARGUMENT',
      message: 'Cannot use the proxy that HTTPS_PROXY names: not the address of an HTTP proxy',
    })
})
