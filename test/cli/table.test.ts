import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAgo, formatFields, formatTable, shortDigest } from '../../src/cli/table.ts'

test('formatTable() lines columns up and leaves no blanks at the ends', () => {
  assert.equal(
    formatTable([
      ['A', 'BB'],
      ['long', ''],
      ['x', 'y'],
    ]),
    'A     BB\nlong\nx     y\n',
  )
  assert.equal(formatTable([['A', 'B']]), 'A  B\n')
})

test('formatTable() and formatFields() show nothing that a terminal obeys', () => {
  assert.equal(formatTable([['A'], ['x\x1b[2J\n']]), 'A\nx[2J\n')
  assert.equal(formatFields({ a: 'x\x1b\ny' }), 'a  x y\n')
})

test('formatFields() gives lists a line each, and leaves out what is not there', () => {
  assert.equal(
    formatFields({ name: 'x', none: undefined, empty: [], env: ['A=1', 'B=2'] }),
    'name  x\nenv   A=1\n      B=2\n',
  )
})

test('formatAgo() is as coarse as people are', () => {
  const now = new Date('2026-01-10T00:00:00Z')
  const ago = (minutes: number): string => formatAgo(new Date(now.getTime() - minutes * 60_000), now)
  assert.deepEqual([0, 1, 59, 60, 2879, 2880].map(ago), [
    'just now',
    '1 minute ago',
    '59 minutes ago',
    '1 hour ago',
    '47 hours ago',
    '2 days ago',
  ])
})

test('shortDigest() keeps the algorithm and twelve digits', () => {
  assert.equal(shortDigest(`sha256:${'0123456789abcdef'.repeat(4)}`), 'sha256:0123456789ab')
})
