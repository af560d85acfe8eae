import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fzstd } from '../../../src/layer/compression/fzstd.ts'
import { zstd, zstdBy } from '../../../src/layer/compression/zstd.ts'
import { libzstd } from '../../../src/system/sys/libzstd.ts'
import { block, frame, skippable } from '../../support/zstd.ts'
import { collect, cutAt, outcomes } from './sources.ts'

const a = frame([block('hello ')])
const b = frame([block('wor', { last: false }), block('ld')])
const empty = frame([block('')])
/** As zstd(1) writes `davit ` fifty times: a compressed block and a checksum. */
const compressed = Buffer.from('KLUv/QRobQAAMGRhdml0IAEAI1FLEbKm02Q=', 'base64')

const rows: readonly [name: string, parts: Buffer[], expected: string][] = [
  ['one frame', [a], 'hello '],
  ['two frames', [a, b], 'hello world'],
  ['a run', [frame([block('x', { repeat: 100 })])], 'x'.repeat(100)],
  ['a single segment', [frame([block('hello')], [0x20, 5])], 'hello'],
  ['a content size of two bytes', [frame([block('x', { repeat: 256 })], [0x60, 0, 0])], 'x'.repeat(256)],
  ['a content size of four bytes', [frame([block('hello')], [0xa0, 5, 0, 0, 0])], 'hello'],
  ['a content size of eight bytes', [frame([block('hello')], [0xe0, 5, 0, 0, 0, 0, 0, 0, 0])], 'hello'],
  ['a dictionary 0, which is none', [frame([block('hello')], [0x21, 0, 5])], 'hello'],
  ['empty frames', [empty, a, empty, empty, b, empty], 'hello world'],
  ['skippable frames', [skippable('abc'), a, skippable(''), skippable('x', 15), b, skippable('end')], 'hello world'],
  ['skippable frames only', [skippable('abc')], ''],
  ['nothing', [], 'MALFORMED'],
  ['other bytes after a frame', [a, Buffer.from('x')], 'MALFORMED'],
  ['NULs after a frame', [a, Buffer.alloc(8)], 'MALFORMED'],
  ['a gzip member after a frame', [a, Buffer.from([0x1f, 0x8b, 8, 0])], 'MALFORMED'],
  ['part of a magic number after a frame', [a, a.subarray(0, 3)], 'MALFORMED'],
  ['a frame without its last byte', [a.subarray(0, -1)], 'MALFORMED'],
  ['a second frame cut off', [a, b.subarray(0, 8)], 'MALFORMED'],
  ['a frame without a last block', [frame([block('x', { last: false })])], 'MALFORMED'],
  ['a frame without its checksum', [frame([block('x')], [0x04, 0])], 'MALFORMED'],
  ['a skippable frame cut off', [a, skippable('abc').subarray(0, -1)], 'MALFORMED'],
  ['a block of the reserved type', [frame([Buffer.from([0x07, 0, 0])])], 'MALFORMED'],
  ['a block above 128 KiB', [frame([block('x', { repeat: 2 ** 17 + 1 })], [0, 8 << 3])], 'MALFORMED'],
  ['a block above the window', [frame([block('x'.repeat(1025))])], 'MALFORMED'],
  ['a reserved flag', [frame([block('x')], [0x08, 0])], 'MALFORMED'],
  ['a dictionary', [frame([block('x')], [0x21, 7, 1])], 'UNSUPPORTED'],
  ['a dictionary of four bytes', [frame([block('x')], [0x03, 0, 0, 0, 0, 1])], 'UNSUPPORTED'],
  ['a window of 2 GiB', [frame([block('x')], [0x00, 21 << 3])], 'LIMIT_EXCEEDED'],
  ['a window just above 128 MiB', [frame([block('x')], [0x00, (17 << 3) | 1])], 'LIMIT_EXCEEDED'],
  ['a single segment of 1 GiB', [frame([block('x')], [0xa0, 0, 0, 0, 0x40])], 'LIMIT_EXCEEDED'],
]

test('decompress() says what the library found wrong', {
  skip: libzstd() === undefined && 'no libzstd here',
}, async () => {
  const damaged = Buffer.from(compressed)
  damaged.writeUInt8(damaged.readUInt8(damaged.length - 1) ^ 1, damaged.length - 1)
  await assert.rejects(collect(zstd.decompress(cutAt(damaged, []))), /libzstd: Restored data doesn't match checksum/)
})

for (const [decoder, compression] of [
  ['the best decoder', zstd],
  ['fzstd', zstdBy(fzstd)],
] as const) {
  for (const [name, parts, expected] of rows) {
    test(`decompress() of ${name}, cut anywhere, ${decoder}: ${expected.slice(0, 20)}`, async () => {
      assert.deepEqual(await outcomes(compression, Buffer.concat(parts)), [expected])
    })
  }

  test(`decompress() of compressed blocks, cut anywhere, ${decoder}`, async () => {
    const text = 'davit '.repeat(50)
    assert.deepEqual(await outcomes(compression, Buffer.concat([compressed, a, compressed])), [`${text}hello ${text}`])
  })

  test(`decompress() gives large pieces, ${decoder}`, async () => {
    const long = frame(
      Array.from({ length: 40 }, (_, at) => block('x', { repeat: 100_000, last: at === 39 })),
      [0, 7 << 3],
    )
    const pieces: Uint8Array[] = []
    for await (const piece of compression.decompress(cutAt(Buffer.concat([long, long]), [100]))) pieces.push(piece)
    assert.equal(Buffer.concat(pieces).length, 8_000_000)
    assert.ok(pieces.slice(0, -1).every(({ length }) => length >= 2 ** 19))
  })

  test(`decompress() passes on what its source throws, ${decoder}`, async () => {
    const boom = new Error('boom')
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield a
      throw boom
    }
    await assert.rejects(collect(compression.decompress(failing())), error => error === boom)
  })
}
