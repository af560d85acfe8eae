import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode, ImageError } from '../../src/errors.ts'
import { Jobs } from '../../src/pull/jobs.ts'
import { explainNoSpace } from '../../src/pull/no-space.ts'
import { digestOf } from '../../src/spec/digest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'

const full = new ImageError('NO_SPACE', 'Cannot write /x: no space left', { path: '/x' }, { hint: 'make room' })

/** One that is here, one of which a part is, and one of which nothing is. */
function jobsHalfWay() {
  const jobs = new Jobs()
  const add = (name: string) => jobs.add({ mediaType: mediaTypes.ociLayer, digest: digestOf(name), size: 1_000_000 })
  add('done').state = 'done'
  add('begun').offset = 400_000
  add('waiting')
  return jobs.all()
}

test('explainNoSpace() says how much was still to come, and what would free how much', async () => {
  const error = await explainNoSpace(full, jobsHalfWay(), async () => ({ unneeded: 5_000, unused: 7_000_000 }))
  assert(hasCode(error, 'NO_SPACE'))
  assert.equal(error.message, 'Cannot write /x: no space left; still to come: 1.6 MB, and what the layers unpack to')
  assert.equal(error.hint, 'davit gc would free 5.0 kB, davit images prune 7.0 MB')
  assert.deepEqual(error.details, { path: '/x', neededBytes: 1_600_000, freeableBytes: 5_000 })
  assert.equal(error.cause, full)
})

test('explainNoSpace() keeps the error and its hint when it can’t be told what could be freed', async () => {
  const error = await explainNoSpace(full, [], () => Promise.reject(new Error('nor can that be read')))
  assert(hasCode(error, 'NO_SPACE'))
  assert.equal(error.message, 'Cannot write /x: no space left; still to come: what the layers unpack to')
  assert.equal(error.hint, 'make room')
  assert.deepEqual(error.details, { path: '/x', neededBytes: 0 })
})

test('explainNoSpace() leaves other errors alone, and asks nothing', async () => {
  const other = new Error('other')
  const find = () => assert.fail('asked')
  assert.equal(await explainNoSpace(other, [], find), other)
})
