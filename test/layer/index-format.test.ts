import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { ImageError } from '../../src/errors.ts'
import { decodeIndex, encodeIndex } from '../../src/layer/index-format.ts'
import type { LayerIndex } from '../../src/layer/layer-index.ts'
import { mergeLayers } from '../../src/layer/merge.ts'
import { writeErofs } from '../../src/rootfs/erofs/writer.ts'
import { directory, file, hardlink, symlink } from '../rootfs/extract/stack.ts'
import { anyLayers } from '../support/any-layers.ts'
import { indexOf, tarOf } from '../support/layers.ts'

const sample = indexOf(
  tarOf([
    directory('d', { xattrs: { 'user.a': 'b', 'user.c': '' } }),
    file('d/f', 'content'),
    symlink('s', 'd/f'),
    hardlink('h', 'd/f'),
    file('.wh.gone', ''),
    { type: 'block', path: 'b', major: 8, minor: 1 },
  ]),
)

function encoded(index: LayerIndex): Uint8Array {
  return Uint8Array.from(Buffer.concat(encodeIndex(index)))
}

test('decodeIndex() undoes encodeIndex(), for any layer', () => {
  fc.assert(
    fc.property(anyLayers, layers => {
      for (const items of layers) {
        const index = indexOf(tarOf(items))
        assert.deepEqual(decodeIndex(encoded(index)), index)
      }
    }),
    { numRuns: 100 },
  )
})

test('decodeIndex() reads bytes wherever they lie', () => {
  const bytes = encoded(sample)
  const moved = new Uint8Array(bytes.length + 3)
  moved.set(bytes, 3)
  assert.deepEqual(decodeIndex(moved.subarray(3)), sample)
})

test('decodeIndex() refuses what is cut off, longer, another version, or changed in one bit', () => {
  const bytes = encoded(sample)
  const refused = (damaged: Uint8Array) => assert.throws(() => decodeIndex(damaged), { code: 'MALFORMED' })
  for (const length of [0, 8, 100, bytes.length - 8]) refused(bytes.slice(0, length))
  refused(Buffer.concat([bytes, Buffer.alloc(8)]))
  for (let at = 0; at < bytes.length; at += 7) {
    const flipped = bytes.slice()
    flipped[at] = (flipped[at] ?? 0) ^ 4
    refused(flipped)
  }
})

test('an index of any numbers is refused, or harmless', async () => {
  const names = Object.keys(sample) as (keyof LayerIndex)[]
  const change = fc.record({
    name: fc.constantFrom(...names),
    at: fc.nat(200),
    value: fc.oneof(fc.nat(300), fc.constantFrom(-1, 0.5, Number.NaN, 2 ** 32 - 1, 2 ** 53, 2 ** 40)),
  })
  const property = fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async changes => {
    const bytes = encoded(sample)
    const index = decodeIndex(bytes)
    for (const { name, at, value } of changes) index[name][at % index[name].length] = value
    new Uint32Array(bytes.buffer)[3] = crc32(bytes.subarray(16))
    try {
      const tree = mergeLayers([decodeIndex(bytes), decodeIndex(bytes)])
      for await (const _ of writeErofs(tree, {
        tags: [],
        readTar: (_layer, _offset, length) => new Uint8Array(length),
      }));
    } catch (error) {
      assert(error instanceof ImageError, error instanceof Error ? error.stack : String(error))
    }
  })
  await fc.assert(property, { numRuns: Number(process.env['DAVIT_RUNS'] ?? 1000) })
})
