import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { Interruption } from '../../src/cli/exit-status.ts'
import { ask } from '../../src/cli/prompt.ts'

/** A terminal at which `keys` are typed, chunk by chunk, once raw mode is on. */
function typing(...keys: readonly string[]) {
  const events = new EventEmitter()
  const seen = { raw: [] as boolean[], shown: '' }
  const terminal = Object.assign(events, {
    isTTY: true as const,
    setRawMode(on: boolean) {
      seen.raw.push(on)
      return terminal
    },
    resume() {
      setImmediate(() => keys.forEach(key => void events.emit('data', Buffer.from(key))))
      return terminal
    },
    pause: () => terminal,
  })
  const screen = {
    write(text: string) {
      seen.shown += text
    },
  }
  return {
    seen,
    asked: (options: { secret?: boolean; signal?: AbortSignal } = {}) =>
      ask(terminal as unknown as Parameters<typeof ask>[0], screen, 'Password', options),
    listeners: () => events.listenerCount('data'),
  }
}

test('ask() shows what is typed, and no secret', async () => {
  const open = typing('a', 'dä\r')
  assert.equal(await open.asked(), 'adä')
  assert.equal(open.seen.shown, 'Password: adä\n')
  const hidden = typing('hunter2\r')
  assert.equal(await hidden.asked({ secret: true }), 'hunter2')
  assert.equal(hidden.seen.shown, 'Password: \n')
})

test('ask() leaves the terminal as it was, however it ends', async () => {
  const abort = new AbortController()
  const reason = new Error('enough')
  for (const [keys, options, fails] of [
    ['x\r', {}, undefined],
    ['x\x03', {}, Interruption],
    ['x', { signal: abort.signal }, reason],
  ] as const) {
    const { asked, seen, listeners } = typing(keys)
    const answer = asked(options)
    setImmediate(() => setImmediate(() => abort.abort(reason)))
    if (fails === undefined) await answer
    else await assert.rejects(answer, fails)
    assert.deepEqual(seen.raw, [true, false])
    assert.equal(listeners(), 0)
  }
})

test('ask() takes back what is erased, and ends with the line or the input', async () => {
  assert.equal(await typing('ab\x7f\x7f\x7fc\bd\n').asked({ secret: true }), 'd')
  assert.equal(await typing('abc\x15de\r').asked({ secret: true }), 'de')
  assert.equal(await typing('abc\x04').asked(), 'abc')
  assert.equal(await typing('a\x1b\x00b\r').asked(), 'ab')
})

test('ask() refuses where nobody sits', async () => {
  const pipe = { isTTY: false } as unknown as Parameters<typeof ask>[0]
  await assert.rejects(ask(pipe, { write: () => {} }, 'Username'), {
    code: 'INVALID_ARGUMENT',
    message: 'Cannot ask for Username: stdin is no terminal',
    hint: /--password-stdin/,
  })
})
