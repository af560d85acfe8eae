import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatBytes, formatDuration, formatProgress, formatTimeLeft, printable } from '../../src/progress/format.ts'

test('formatBytes() writes three digits and a decimal unit', () => {
  const table: readonly (readonly [number, string])[] = [
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [1234, '1.2 kB'],
    [99_949, '99.9 kB'],
    [99_950, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [52_400_000, '52.4 MB'],
    [1.5e9, '1.5 GB'],
    [2e18, '2000 PB'],
  ]
  for (const [bytes, text] of table) assert.equal(formatBytes(bytes), text)
})

test('formatProgress() writes both numbers in the unit of the larger', () => {
  assert.equal(formatProgress(500_000, 52_400_000), '0.5 / 52.4 MB')
  assert.equal(formatProgress(0, 0), '0 / 0 B')
})

test('formatDuration() grows coarser as time passes', () => {
  const table: readonly (readonly [number, string])[] = [
    [-5, '0.0s'],
    [0, '0.0s'],
    [440, '0.4s'],
    [9_940, '9.9s'],
    [9_950, '10s'],
    [59_499, '59s'],
    [59_500, '1m 00s'],
    [64_000, '1m 04s'],
    [7_380_000, '2h 03m'],
  ]
  for (const [ms, text] of table) assert.equal(formatDuration(ms), text)
})

test('formatTimeLeft() never says less than a second', () => {
  assert.equal(formatTimeLeft(3), '1s left')
  assert.equal(formatTimeLeft(3_001), '4s left')
  assert.equal(formatTimeLeft(61_000), '1m 01s left')
})

test('printable() leaves nothing that a terminal obeys', () => {
  assert.equal(printable('a\x1b[31mb\x07\x9b2J'), 'a[31mb2J')
  assert.equal(printable('one\r\ntwo\u2028three\tfour'), 'one two three four')
  assert.equal(printable('moc\u202eexe'), 'mocexe')
  assert.equal(printable('Grüße, 世界'), 'Grüße, 世界')
})
