import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isNamed } from '../../src/registry/named.ts'

const rows: readonly (readonly [allowed: string, url: string, isNamed: boolean])[] = [
  ['auth.example.com', 'https://auth.example.com/token', true],
  ['auth.example.com', 'https://auth.example.com:8443/token', true],
  ['AUTH.example.com', 'https://auth.example.com/token', true],
  ['auth.example.com:443', 'https://auth.example.com/token', true],
  ['auth.example.com:80', 'http://auth.example.com/token', true],
  ['auth.example.com:443', 'https://auth.example.com:8443/token', false],
  ['auth.example.com:443', 'http://auth.example.com/token', false],
  ['example.com', 'https://auth.example.com/token', false],
  ['127.0.0.1:5001', 'http://127.0.0.1:5001/', true],
  ['127.0.0.1:5001', 'http://127.0.0.1:5002/', false],
  ['127.0.0.1', 'http://2130706433:5002/', true],
  ['[::1]:5001', 'http://[::1]:5001/', true],
  ['[0:0:0:0:0:0:0:1]', 'http://[::1]:5001/', true],
  ['::1', 'http://[::1]:5001/', true],
  ['', 'http://a/', false],
]
for (const [allowed, url, expected] of rows) {
  test(`isNamed() takes ${url} ${expected ? '' : 'not '}to be named by ${allowed || 'nothing'}`, () => {
    assert.equal(isNamed(new URL(url), { allowHosts: [allowed] }), expected)
  })
}

test('isNamed() takes a directory of its own for a name', t => {
  const root = mkdtempSync(join(tmpdir(), 'davit-named-'))
  t.after(() => rmSync(root, { recursive: true }))
  for (const dir of ['a.example', 'b.example_5000_', 'c.example:443', '_default']) mkdirSync(join(root, dir))
  const named = (url: string) => isNamed(new URL(url), { hostsDirs: [root] })
  assert.equal(named('https://a.example/'), true)
  assert.equal(named('https://a.example:5000/'), false)
  assert.equal(named('http://b.example:5000/'), true)
  assert.equal(named('https://c.example/'), true)
  assert.equal(named('https://d.example/'), false)
})
