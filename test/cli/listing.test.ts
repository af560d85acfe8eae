import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatMode } from '../../src/cli/listing.ts'

test('formatMode() writes modes as ls -l does', () => {
  for (const [type, mode, expected] of [
    ['file', 0o644, '-rw-r--r--'],
    ['directory', 0o1777, 'drwxrwxrwt'],
    ['directory', 0o2750, 'drwxr-s---'],
    ['file', 0o4755, '-rwsr-xr-x'],
    ['file', 0o7000, '---S--S--T'],
    ['symlink', 0o777, 'lrwxrwxrwx'],
    ['character', 0o620, 'crw--w----'],
    ['block', 0o660, 'brw-rw----'],
    ['fifo', 0o1, 'p--------x'],
  ] as const) {
    assert.equal(formatMode({ type, mode }), expected)
  }
})
