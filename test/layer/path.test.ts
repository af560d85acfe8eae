import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode } from '../../src/errors.ts'
import { cleanPath } from '../../src/layer/path.ts'

const rows: readonly [path: string, clean: string][] = [
  ['', ''],
  ['.', ''],
  ['/', ''],
  ['./', ''],
  ['a', 'a'],
  ['a/', 'a'],
  ['/a//b/', 'a|b'],
  ['./a/./b', 'a|b'],
  ['..', ''],
  ['../../x', 'x'],
  ['/../x', 'x'],
  ['a/..', ''],
  ['a/../../x', 'x'],
  ['a/b/../c', 'a|c'],
  ['...', '...'],
  ['.a/..b/a..', '.a|..b|a..'],
  ['..\n', '..\n'],
]

for (const [path, clean] of rows) {
  test(`cleanPath() of ${JSON.stringify(path)}`, () => {
    assert.equal(cleanPath(Buffer.from(path)).join('|'), clean)
  })
}

test('cleanPath() keeps bytes that are no text apart', () => {
  assert.deepEqual(cleanPath(Buffer.from([0x61, 0x2f, 0xff, 0xfe])), [Buffer.from('a'), Buffer.from([0xff, 0xfe])])
})

test('cleanPath() takes names of 255 bytes and depth 1,024, and no more', () => {
  assert.equal(cleanPath(Buffer.alloc(255, 'x')).length, 1)
  assert.throws(
    () => cleanPath(Buffer.alloc(256, 'x')),
    error => hasCode(error, 'LIMIT_EXCEEDED'),
  )
  assert.equal(cleanPath(Buffer.from('d/'.repeat(1024))).length, 1024)
  assert.throws(
    () => cleanPath(Buffer.from('d/'.repeat(1025))),
    error => hasCode(error, 'LIMIT_EXCEEDED'),
  )
})
