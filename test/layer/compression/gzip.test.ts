import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { hasCode } from '../../../src/errors.ts'
import { gzip as best, gzipBy, inflateByNode } from '../../../src/layer/compression/gzip.ts'
import { collect, cutAt, outcomes } from './sources.ts'

const a = gzipSync('hello ')
const b = gzipSync('world')
const empty = gzipSync('')
const nuls = Buffer.alloc(5)

/** Every optional field of a header: extra, name, comment, header checksum. */
function withAllFields(member: Buffer): Buffer {
  const header = Buffer.concat([member.subarray(0, 3), Buffer.from([0x1c]), member.subarray(4, 10)])
  return Buffer.concat([header, Buffer.from('\x02\x00xyname\0comment\0', 'latin1'), member.subarray(10)])
}

function changed(member: Buffer, at: number, byte: number): Buffer {
  const copy = Buffer.from(member)
  copy[at < 0 ? copy.length + at : at] = byte
  return copy
}

const rows: readonly [name: string, parts: Buffer[], expected: string][] = [
  ['one member', [a], 'hello '],
  ['two members', [a, b], 'hello world'],
  ['empty members', [empty, a, empty, empty, b, empty], 'hello world'],
  ['a header with every field', [withAllFields(a), withAllFields(b)], 'hello world'],
  ['NULs after a member', [a, nuls], 'hello '],
  ['one NUL after a member', [a, nuls.subarray(1, 2)], 'hello '],
  ['NULs between members', [a, nuls, b, nuls, b], 'hello worldworld'],
  ['NULs in front', [nuls, a], 'MALFORMED'],
  ['nothing', [], 'MALFORMED'],
  ['other bytes after a member', [a, Buffer.from('x')], 'MALFORMED'],
  ['more of other bytes after a member', [a, Buffer.from('xyz, not a member')], 'MALFORMED'],
  ['other bytes after NULs', [a, nuls, Buffer.from('x')], 'MALFORMED'],
  ['the beginning of a member after a member', [a, b.subarray(0, 1)], 'MALFORMED'],
  ['the beginning of a member after NULs', [a, nuls, b.subarray(0, 2)], 'MALFORMED'],
  ['a second member without its trailer', [a, b.subarray(0, -8)], 'MALFORMED'],
  ['a member without its last byte', [a.subarray(0, -1)], 'MALFORMED'],
  ['a header only', [a.subarray(0, 10)], 'MALFORMED'],
  ['a wrong checksum', [changed(a, -8, 1)], 'MALFORMED'],
  ['a wrong length', [changed(a, -1, 1)], 'MALFORMED'],
  ['a wrong checksum in a second member', [a, changed(b, -8, 1)], 'MALFORMED'],
  ['corrupt data', [changed(a, 10, 0xff)], 'MALFORMED'],
  ['an unknown flag', [changed(a, 3, 0x20)], 'MALFORMED'],
  ['an unknown flag in a second member', [a, changed(b, 3, 0x80)], 'MALFORMED'],
  ['an unknown method', [changed(a, 2, 7)], 'MALFORMED'],
]

for (const [decoder, gzip] of [
  ['the best decoder', best],
  ['zlib', gzipBy(inflateByNode)],
] as const) {
  for (const [name, parts, expected] of rows) {
    test(`decompress() of ${name}, cut anywhere, ${decoder}: ${expected}`, async () => {
      assert.deepEqual(await outcomes(gzip, Buffer.concat(parts)), [expected])
    })
  }

  test(`decompress() gives large pieces, each in memory of its own, ${decoder}`, async () => {
    const plain = Buffer.concat([randomBytes(3_000_000), Buffer.alloc(9_000_000, 'text ')])
    const packed = Buffer.concat([gzipSync(plain.subarray(0, 5_000_000)), gzipSync(plain.subarray(5_000_000))])
    const pieces: Uint8Array[] = []
    const cuts = Array.from({ length: Math.floor(packed.length / 10_000) }, (_, at) => (at + 1) * 10_000)
    for await (const piece of gzip.decompress(cutAt(packed, cuts))) pieces.push(piece)
    assert.ok(Buffer.concat(pieces).equals(plain))
    assert.ok(pieces.slice(0, -1).every(({ length }) => length >= 2 ** 19))
    assert.equal(new Set(pieces.map(({ buffer }) => buffer)).size, pieces.length)
  })

  test(`decompress() goes on right behind a member, whose last byte may be any, ${decoder}`, async () => {
    // The trailer ends in the high byte of the length: 1 from 16 MiB on.
    const packed = Buffer.concat([gzipSync(Buffer.alloc(2 ** 24)), nuls, b])
    const plain = await collect(gzip.decompress(cutAt(packed, [])))
    assert.equal(plain.toString('latin1', 2 ** 24), 'world')
  })

  test(`decompress() refuses thousands of members between NULs, ${decoder}`, async () => {
    const packed = Buffer.concat(Array.from({ length: 4100 }, () => Buffer.concat([empty, nuls])))
    await assert.rejects(collect(gzip.decompress(cutAt(packed, []))), error => hasCode(error, 'LIMIT_EXCEEDED'))
  })

  test(`decompress() passes on what its source throws, ${decoder}`, async () => {
    const boom = new Error('boom')
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield a.subarray(0, 12)
      throw boom
    }
    await assert.rejects(collect(gzip.decompress(failing())), error => error === boom)
  })

  test(`decompress() ends its source when the receiver has enough, and when the data is bad, ${decoder}`, async () => {
    let ended = 0
    async function* endless(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
      try {
        for (;;) {
          yield chunk
          await new Promise(resolve => setImmediate(resolve))
        }
      } finally {
        ended++
      }
    }
    for await (const _ of gzip.decompress(endless(gzipSync(randomBytes(2 ** 20))))) break
    await assert.rejects(collect(gzip.decompress(endless(Buffer.from('junk')))))
    await new Promise(resolve => setTimeout(resolve, 20))
    assert.equal(ended, 2)
  })

  test(`decompress() takes tens of thousands of members, ${decoder}`, async () => {
    const member = gzipSync('x')
    const packed = Buffer.concat(Array.from({ length: 30_000 }, () => member))
    const plain = await collect(gzip.decompress(cutAt(packed, [100_001])))
    assert.equal(plain.length, 30_000)
  })
}
