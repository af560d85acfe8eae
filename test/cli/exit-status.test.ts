import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exitMeanings, exitStatus, Interruption, statusOf, statusOfCode } from '../../src/cli/exit-status.ts'
import { type ErrorCode, type ErrorDetails, ImageError } from '../../src/errors.ts'

/** The numbers that scripts rely on. */
const promised = {
  INVALID_ARGUMENT: 2,
  ALREADY_EXISTS: 2,
  NOT_FOUND: 3,
  UNAUTHORIZED: 4,
  UNAVAILABLE: 5,
  INVALID_RESPONSE: 5,
  RATE_LIMITED: 6,
  DIGEST_MISMATCH: 7,
  SIZE_MISMATCH: 7,
  MALFORMED: 7,
  UNSAFE: 7,
  LIMIT_EXCEEDED: 7,
  UNSUPPORTED: 8,
  NO_MATCHING_PLATFORM: 8,
  NO_SPACE: 9,
  LOCKED: 10,
  IN_USE: 10,
  DENIED: 11,
} as const satisfies Record<ErrorCode, number>

test('statusOf() gives each code its promised status', () => {
  assert.deepEqual({ ...statusOfCode }, promised)
  for (const [code, status] of Object.entries(promised)) {
    const error = new ImageError(code as ErrorCode, 'text', {} as ErrorDetails[ErrorCode])
    assert.equal(statusOf(error), status, code)
  }
})

test('statusOf() knows the operating system’s errors', () => {
  const statuses = { ENOSPC: 9, EDQUOT: 9, EACCES: 11, EPERM: 11, EROFS: 11, EIO: 1 }
  for (const [code, status] of Object.entries(statuses)) {
    assert.equal(statusOf(Object.assign(new Error('text'), { code })), status, code)
  }
})

test('statusOf() of anything else is 1, of interruptions 130 and 143', () => {
  assert.equal(statusOf(new TypeError('text')), 1)
  assert.equal(statusOf('text'), 1)
  assert.equal(statusOf(new Interruption('SIGINT')), 130)
  assert.equal(statusOf(new Interruption('SIGTERM')), 143)
})

test('exitStatus has no number twice, and a meaning for each', () => {
  const numbers = Object.values(exitStatus)
  assert.equal(new Set(numbers).size, numbers.length)
  assert.deepEqual(Object.keys(exitMeanings), Object.keys(exitStatus))
})
