import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode } from '../../src/errors.ts'
import { whiteoutOf } from '../../src/layer/whiteout.ts'

test('whiteoutOf() tells marks from files', () => {
  for (const name of ['', 'a', '.wh', 'wh.a', 'a.wh.', '.WH.a', '.wha']) {
    assert.equal(whiteoutOf(Buffer.from(name)), undefined, name)
  }
  assert.deepEqual(whiteoutOf(Buffer.from('.wh.a')), { kind: 'whiteout', name: Buffer.from('a') })
  assert.deepEqual(whiteoutOf(Buffer.from('.wh....')), { kind: 'whiteout', name: Buffer.from('...') })
  assert.deepEqual(whiteoutOf(Buffer.from('.wh..wh..opq')), { kind: 'opaque' })
})

test("whiteoutOf() takes aufs's bookkeeping for a whiteout of what can't be there", () => {
  assert.deepEqual(whiteoutOf(Buffer.from('.wh..wh.plnk')), { kind: 'whiteout', name: Buffer.from('.wh.plnk') })
})

for (const name of ['.wh.', '.wh..', '.wh...']) {
  test(`whiteoutOf() refuses ${name}`, () => {
    assert.throws(
      () => whiteoutOf(Buffer.from(name)),
      error => hasCode(error, 'MALFORMED'),
    )
  })
}
