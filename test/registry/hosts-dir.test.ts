import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { hasOwnDir, hostsDirOf } from '../../src/registry/hosts-dir.ts'

function roots(t: TestContext, ...dirs: readonly string[]): readonly string[] {
  const root = mkdtempSync(join(tmpdir(), 'davit-hosts-'))
  t.after(() => rmSync(root, { recursive: true }))
  for (const dir of dirs) mkdirSync(join(root, dir), { recursive: true })
  return ['one', 'two'].map(name => join(root, name))
}

test('hostsDirOf() finds a registry by its name, with its port in either spelling, or by default', t => {
  const hostsDirs = roots(t, 'one/a', 'one/b_5000_', 'one/c:5000', 'one/[2001:db8::1]_5000_', 'one/[1]_5000_', 'two/d')
  const found = (name: string) => hostsDirOf(name, { hostsDirs })?.replace(/^.*?(one|two)\//, '')
  assert.equal(found('a'), 'a')
  assert.equal(found('b:5000'), 'b_5000_')
  assert.equal(found('c:5000'), 'c:5000')
  assert.equal(found('[2001:db8::1]:5000'), '[2001:db8::1]_5000_')
  assert.equal(found('[::1]:5000'), '[1]_5000_')
  assert.equal(found('d'), 'd')
  assert.equal(found('a:5000'), undefined)
  assert.equal(found('e'), undefined)
  assert.equal(hostsDirOf('a', {}), undefined)
})

test('hostsDirOf() takes _default only where the registry has no directory, root by root', t => {
  const hostsDirs = roots(t, 'one/_default', 'one/a', 'two/b')
  assert.equal(hostsDirOf('a', { hostsDirs }), `${hostsDirs[0]}/a`)
  assert.equal(hostsDirOf('b', { hostsDirs }), `${hostsDirs[0]}/_default`)
})

test('hostsDirOf() passes over what is no directory', t => {
  const hostsDirs = roots(t, 'one', 'two/a')
  writeFileSync(join(hostsDirs[0] ?? '', 'a'), '')
  assert.equal(hostsDirOf('a', { hostsDirs }), `${hostsDirs[1]}/a`)
})

test('hasOwnDir() does not count _default', t => {
  const hostsDirs = roots(t, 'one/_default', 'one/a_5000_')
  assert.equal(hasOwnDir('a:5000', { hostsDirs }), true)
  for (const name of ['a', '_default', '.', '..', '', 'a_5000_'])
    assert.equal(hasOwnDir(name, { hostsDirs }), false, name)
})
