import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sniff } from '../../../src/layer/compression/index.ts'
import { none } from '../../../src/layer/compression/none.ts'
import { archive, rawHeader } from '../../support/tar.ts'
import { cutAt } from './sources.ts'

const heads: readonly [head: readonly number[], name: string][] = [
  [[0x1f, 0x8b, 0x08, 0, 0, 0], 'gzip'],
  [[0x28, 0xb5, 0x2f, 0xfd, 0x24, 0], 'zstd'],
  [[0x50, 0x2a, 0x4d, 0x18, 0, 0], 'zstd'],
  [[0x5f, 0x2a, 0x4d, 0x18, 0, 0], 'zstd'],
  [[0x60, 0x2a, 0x4d, 0x18, 0, 0], 'none'],
  [[0x1f, 0x8b, 0x07, 0, 0, 0], 'none'],
  [[0x1f, 0x8b], 'none'],
  [[0x28, 0xb5, 0x2f], 'none'],
  [[], 'none'],
  [[0, 0, 0, 0, 0, 0], 'none'],
]

test('sniff() goes by the first bytes', () => {
  for (const [head, name] of heads) assert.equal(sniff(Uint8Array.from(head)).name, name, head.join())
  assert.equal(sniff(archive(rawHeader({})).subarray(0, 6)).name, 'none')
})

test('none.decompress() passes all bytes on, small chunks together', async () => {
  const bytes = Buffer.alloc(3_000_000, 'abc')
  const cuts = Array.from({ length: 29 }, (_, at) => (at + 1) * 60_000)
  const pieces: Uint8Array[] = []
  for await (const piece of none.decompress(cutAt(bytes, cuts))) pieces.push(piece)
  assert.ok(Buffer.concat(pieces).equals(bytes))
  assert.ok(pieces.slice(0, -1).every(({ length }) => length >= 2 ** 19))
  assert.equal(new Set(pieces.map(({ buffer }) => buffer)).size, pieces.length)
})
