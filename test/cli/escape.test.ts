import assert from 'node:assert/strict'
import { test } from 'node:test'
import { escapeName } from '../../src/cli/escape.ts'

test('escapeName() writes names as ls -b does', () => {
  for (const [name, expected] of [
    ['plain-1.2_3', 'plain-1.2_3'],
    ['ä 名', 'ä\\ 名'],
    ['a\nb\tc\x1b[31m\x7f', 'a\\nb\\tc\\033[31m\\177'],
    ['back\\slash', 'back\\\\slash'],
    // A right-to-left override.
    ['a\u202etxt', 'a\\342\\200\\256txt'],
    ['\u0085', '\\302\\205'],
  ] as const) {
    assert.equal(escapeName(Buffer.from(name)), expected)
  }
  assert.equal(escapeName(Buffer.from([0x61, 0xff, 0x20, 0x5c, 0xc3, 0xa4])), 'a\\377\\ \\\\\\303\\244')
})
