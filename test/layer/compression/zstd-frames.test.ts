import assert from 'node:assert/strict'
import { test } from 'node:test'
import { zstdFrames } from '../../../src/layer/compression/zstd-frames.ts'
import { block, frame, skippable } from '../../support/zstd.ts'
import { cutAt } from './sources.ts'

/** The frames in `bytes`, cut in two at `cut`. */
async function framesOf(bytes: Buffer, cut: number): Promise<Buffer[]> {
  const frames: Buffer[] = []
  let pieces: Uint8Array[] = []
  for await (const piece of zstdFrames(cutAt(bytes, [cut]))) {
    pieces.push(piece.bytes)
    if (!piece.last) continue
    frames.push(Buffer.concat(pieces))
    pieces = []
  }
  return frames
}

test('zstdFrames() gives each frame from its first byte to its last, and no skippable ones, cut anywhere', async () => {
  const a = frame([block('hello ', { last: false }), block('x', { repeat: 1000 })])
  const b = frame([block('world')], [0x24, 5])
  const checked = Buffer.concat([b, Buffer.from('summ')])
  const stream = Buffer.concat([skippable('abc'), a, skippable('', 15), checked, a, skippable('end')])
  for (const cut of stream.keys()) assert.deepEqual(await framesOf(stream, cut), [a, checked, a])
})

/** What no decoder is asked about: they differ in what they take. */
for (const [what, bytes, code] of [
  ['an unknown flag', frame([block('x')], [0x08, 0]), 'MALFORMED'],
  ['a block of the reserved type', frame([Buffer.from([0x07, 0, 0])]), 'MALFORMED'],
  ['a block above 128 KiB', frame([block('x', { repeat: 2 ** 17 + 1 })], [0, 8 << 3]), 'MALFORMED'],
  ['bytes that are no frame', Buffer.from('none'), 'MALFORMED'],
  ['a dictionary behind a window', frame([block('x')], [0x01, 0, 7]), 'UNSUPPORTED'],
  ['a segment of 1 GiB behind dictionary 0', frame([block('x')], [0xa1, 0, 0, 0, 0, 0x40]), 'LIMIT_EXCEEDED'],
  ['a segment of 1 TiB', frame([block('x')], [0xe0, 0, 0, 0, 0, 0, 1, 0, 0]), 'LIMIT_EXCEEDED'],
] as const) {
  test(`zstdFrames() refuses ${what}`, async () => {
    for (const cut of bytes.keys()) await assert.rejects(framesOf(bytes, cut), { code })
  })
}
