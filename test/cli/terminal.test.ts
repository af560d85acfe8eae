import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isInteractive, screenOf } from '../../src/cli/terminal.ts'

const write = (): void => {}
const terminal = { isTTY: true, columns: 100, rows: 30, write }

test('screenOf() takes sizes as they are now, and defaults where a terminal has none', () => {
  const resized = { ...terminal }
  const screen = screenOf(resized, {})
  resized.columns = 40
  assert.equal(screen.columns, 40)
  assert.equal(screen.rows, 30)
  const sizeless = screenOf({ isTTY: true, columns: 0, rows: 0, write }, {})
  assert.deepEqual([sizeless.columns, sizeless.rows], [80, 24])
})

test('screenOf() allows colours on terminals, unless NO_COLOR or TERM forbid', () => {
  assert.equal(screenOf(terminal, {}).color, true)
  assert.equal(screenOf(terminal, { NO_COLOR: '' }).color, true)
  assert.equal(screenOf(terminal, { NO_COLOR: '1' }).color, false)
  assert.equal(screenOf(terminal, { TERM: 'dumb' }).color, false)
  assert.equal(screenOf({ write }, {}).color, false)
})

test('screenOf() allows Unicode where the locale does', () => {
  assert.equal(screenOf(terminal, { LANG: 'de_DE.UTF-8' }).unicode, true)
  assert.equal(screenOf(terminal, { LANG: 'C.utf8', LC_ALL: 'C' }).unicode, false)
  assert.equal(screenOf(terminal, {}).unicode, false)
})

test('isInteractive() is true before somebody, not in CI, not on dumb terminals', () => {
  assert.equal(isInteractive(terminal, {}), true)
  assert.equal(isInteractive(terminal, { CI: 'false' }), true)
  assert.equal(isInteractive(terminal, { CI: 'true' }), false)
  assert.equal(isInteractive(terminal, { TERM: 'dumb' }), false)
  assert.equal(isInteractive({ write }, {}), false)
})
