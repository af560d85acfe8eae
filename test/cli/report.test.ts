import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorJson, errorLine, errorStack } from '../../src/cli/report.ts'
import { ImageError } from '../../src/errors.ts'

const missing = new ImageError('NOT_FOUND', 'Cannot find a', { what: 'image', name: 'a' }, { hint: 'davit pull a' })

test('errorLine() is one line: what failed, then the hint', () => {
  assert.equal(errorLine(missing), 'davit: Cannot find a (davit pull a)\n')
  assert.equal(errorLine(new Error('EIO: i/o error, read')), 'davit: EIO: i/o error, read\n')
  assert.equal(errorLine('thrown text'), 'davit: thrown text\n')
  assert.equal(errorLine(new TypeError()), 'davit: TypeError\n')
})

test('errorLine() advises on full disks and lacking permission', () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  assert.match(errorLine(full), /^davit: ENOSPC.*\(davit gc frees.*\)\n$/)
  assert.match(errorLine(new ImageError('DENIED', 'Cannot mount', { what: 'mount' })), /--root DIR/)
})

test('errorLine() shows nothing that a terminal obeys', () => {
  const hostile = new ImageError(
    'MALFORMED',
    'Cannot read\n\x1b[2J\x1b]0;owned\x07\u009b31m',
    { what: 'a' },
    { hint: 'x\ny' },
  )
  assert.equal(errorLine(hostile), 'davit: Cannot read [2J]0;owned31m (x y)\n')
})

test('errorJson() says the same as a versioned object', () => {
  const { time, ...rest } = JSON.parse(errorJson(missing))
  assert.ok(Date.parse(time) > 0)
  assert.deepEqual(rest, {
    v: 1,
    type: 'error',
    status: 3,
    message: 'Cannot find a',
    hint: 'davit pull a',
    code: 'NOT_FOUND',
    details: { what: 'image', name: 'a' },
  })
})

test('errorStack() names causes, without control characters', () => {
  const error = new ImageError('UNAVAILABLE', 'Cannot reach', { host: 'a' }, { cause: new Error('reset \x1b[31m') })
  const text = errorStack(error)
  assert.match(text, /report\.test/)
  assert.match(text, /reset/)
  assert.doesNotMatch(text, /\x1b/)
})
