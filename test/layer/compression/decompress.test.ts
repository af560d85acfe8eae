import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { decompress } from '../../../src/layer/compression/decompress.ts'
import { Chunks } from '../../../src/system/chunks.ts'
import { isal } from '../../../src/system/sys/isal.ts'
import { libzstd } from '../../../src/system/sys/libzstd.ts'

const content = randomBytes(3 << 20)
const [head, tail] = [content.subarray(0, 1 << 20), content.subarray(1 << 20)]

/** By name: a packed stream, and whether its decoder gives its input back. */
const streams = {
  gzip: [Buffer.concat([gzipSync(head), gzipSync(tail), Buffer.alloc(1000)]), isal() !== undefined],
  zstd: [Buffer.concat([frame(head), frame(tail)]), libzstd() !== undefined],
  none: [content, true],
} as const

for (const [name, [packed, gives]] of Object.entries(streams)) {
  test(`decompress() gives ${name} chunks back once nobody looks at them any more`, async () => {
    const given = new Set<ArrayBuffer>()
    const chunks = new Chunks({
      giveBack: memory => {
        assert.ok(!given.has(memory))
        given.add(memory)
        // As the next user would.
        new Uint8Array(memory).fill(0xff)
      },
    })
    const unpacked: Buffer[] = []
    for await (const piece of decompress(cut(packed), chunks)) {
      unpacked.push(Buffer.from(piece))
      chunks.give(piece)
    }
    assert.ok(Buffer.concat(unpacked).equals(content))
    // The last may go to the collector.
    if (gives) assert.ok(given.size >= 4, `${given.size} chunks given back`)
  })
}

/** A frame of raw blocks, with a window of 1 MiB. */
function frame(bytes: Uint8Array): Buffer {
  const parts = [Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x50])]
  for (let at = 0; at < bytes.length; at += 1 << 17) {
    const block = bytes.subarray(at, at + (1 << 17))
    const header = Buffer.alloc(3)
    header.writeUIntLE((block.length << 3) | (at + block.length === bytes.length ? 1 : 0), 0, 3)
    parts.push(header, Buffer.from(block))
  }
  return Buffer.concat(parts)
}

/** Chunks of 600 KiB with memory of their own. */
async function* cut(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 600 << 10) yield Uint8Array.from(bytes.subarray(at, at + (600 << 10)))
}
