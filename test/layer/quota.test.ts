import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode } from '../../src/errors.ts'
import { defaultQuotas, ImageMeter, LayerMeter, type Quotas } from '../../src/layer/quota.ts'
import { TarReader } from '../../src/layer/tar/reader.ts'
import { archive, pax, rawEntry } from '../support/tar.ts'

const idle = { entry() {}, data() {}, done() {} }

/** Reads a layer of one file in a directory, which is sparse, under quotas. */
function read(quotas: Partial<Quotas>, used = { bytes: 0, entries: 0 }): void {
  const meter = new LayerMeter({ quotas: { ...defaultQuotas, ...quotas }, used })
  const reader = new TarReader(meter.sink(idle))
  const tar = archive(
    rawEntry({ name: 'd/', type: '5' }),
    pax(['GNU.sparse.numblocks', '1'], ['GNU.sparse.map', '0,1'], ['GNU.sparse.size', '10000']),
    rawEntry({ name: 'd/./f' }, 'x'),
  )
  meter.unpacked(tar.length)
  reader.push(tar)
  reader.end()
}

function isOver(limit: string, max: number, actual: number): (error: unknown) => boolean {
  return error => {
    assert.ok(hasCode(error, 'LIMIT_EXCEEDED'), String(error))
    assert.deepEqual(error.details, { limit, max, actual })
    return true
  }
}

test('LayerMeter lets pass what is just within each quota, and nothing more', () => {
  read({ layerBytes: 10_000, imageBytes: 10_000, layerEntries: 2, imageEntries: 2, depth: 2 })
  // Holes count: the tar has 3,584 bytes.
  assert.throws(() => read({ layerBytes: 9_999 }), isOver('layer-bytes', 9_999, 10_000))
  assert.throws(() => read({ layerBytes: 3_583 }), isOver('layer-bytes', 3_583, 3_584))
  assert.throws(() => read({ imageBytes: 9_999 }), isOver('image-bytes', 9_999, 10_000))
  assert.throws(() => read({ layerEntries: 1 }), isOver('layer-entries', 1, 2))
  assert.throws(() => read({ imageEntries: 1 }), isOver('image-entries', 1, 2))
  assert.throws(() => read({ depth: 1 }), isOver('depth', 1, 2))
})

test('LayerMeter counts what other layers have used', () => {
  read({ imageBytes: 10_007, imageEntries: 5 }, { bytes: 7, entries: 3 })
  assert.throws(() => read({ imageBytes: 10_006 }, { bytes: 7, entries: 3 }), isOver('image-bytes', 10_006, 10_007))
  assert.throws(() => read({ imageEntries: 4 }, { bytes: 7, entries: 3 }), isOver('image-entries', 4, 5))
})

test('LayerMeter holds layers above a GiB to the ratio, by what has come so far', async () => {
  async function meterOf(compressed: number): Promise<LayerMeter> {
    const meter = new LayerMeter()
    for await (const _ of meter.compressed(once(Buffer.alloc(compressed))));
    return meter
  }
  const bomb = await meterOf(1000)
  bomb.unpacked(2 ** 30)
  assert.throws(() => bomb.unpacked(1), isOver('ratio', 1000, 1_073_742))
  new LayerMeter().stored(2 ** 31)
  const dense = await meterOf(2 ** 21)
  dense.unpacked(2 ** 21 * 1000)
  assert.throws(() => dense.unpacked(1), isOver('ratio', 1000, 1001))
})

test('ImageMeter adds layers up, and tells the next one', () => {
  const meter = new ImageMeter({ imageBytes: 10, imageEntries: 5 })
  meter.add({ bytes: 6, entries: 2 })
  assert.deepEqual(meter.allowance().used, { bytes: 6, entries: 2 })
  assert.equal(meter.allowance().quotas.depth, 1024)
  assert.throws(() => meter.add({ bytes: 5, entries: 0 }), isOver('image-bytes', 10, 11))
  assert.throws(() => new ImageMeter({ imageEntries: 5 }).add({ bytes: 0, entries: 6 }), isOver('image-entries', 5, 6))
})

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
