import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import type { ProgressEvent } from '../../src/progress/events.ts'
import { tty } from '../../src/progress/tty.ts'
import { alpine, blobEvent, FakeScreen, layerDigest, resolveEvent, totalEvent, unpackEvent } from './fake-screen.ts'

function hex(number: number): string {
  return layerDigest(number).slice(7, 19)
}

/** Shows `events`, a second apart. */
function showAll(screen: FakeScreen, events: readonly ProgressEvent[]): ReturnType<typeof tty> {
  const renderer = tty(screen)
  for (const event of events) {
    renderer.show(event)
    screen.time += 1_000
  }
  return renderer
}

test('tty shows the total with rate and time left, then the layers that move', () => {
  const screen = new FakeScreen()
  const renderer = showAll(screen, [
    resolveEvent('done'),
    blobEvent(1, 'downloading', 2e6),
    blobEvent(2, 'waiting'),
    blobEvent(3, 'done', 20e6),
    unpackEvent(3, 'unpacking', 5e6),
    totalEvent('running', 0),
    totalEvent('running', 14e6),
    totalEvent('running', 22e6, 5e6),
  ])
  assert.deepEqual(screen.text, [
    `███████░░░░░░░░░░░░░  33%  22.0 / 40.0 MB  8.0 MB/s  3s left  ${alpine}`.slice(0, 79),
    `  ${hex(1)}  downloading  2.0 / 20.0 MB`,
    `  ${hex(3)}  unpacking    5.0 / 20.0 MB`,
  ])
  renderer.end()
  assert.deepEqual(screen.text, [])
})

test('tty shows a resolve that runs', () => {
  const screen = new FakeScreen()
  const renderer = showAll(screen, [resolveEvent('started')])
  assert.deepEqual(screen.text, [alpine, '  resolving'])
  renderer.show(resolveEvent('started', 'ghcr.io/a/b:1'))
  assert.deepEqual(screen.text, ['2 images', `  resolving ${alpine}`, '  resolving ghcr.io/a/b:1'])
  renderer.end()
})

test('tty leaves one line of a finished pull, and goes on with the others', () => {
  const screen = new FakeScreen()
  const other = 'ghcr.io/a/b:1'
  const renderer = showAll(screen, [
    blobEvent(1, 'downloading', 2e6),
    totalEvent('running', 2e6),
    blobEvent(2, 'downloading', 1e6, other),
    totalEvent('running', 1e6, 0, other),
  ])
  assert.match(screen.text[0] ?? '', / {2}2 images$/)
  renderer.show(totalEvent('done', 40e6, 40e6))
  screen.time += 1_000
  renderer.show(totalEvent('running', 3e6, 0, other))
  assert.equal(screen.text[0], `${alpine}: 40.0 MB fetched, 4.0s`)
  assert.match(screen.text[1] ?? '', / {2}ghcr\.io\/a\/b:1$/)
  assert.equal(screen.text.length, 3)
  renderer.end()
  assert.deepEqual(screen.text, [`${alpine}: 40.0 MB fetched, 4.0s`])
})

test('tty draws at most every 100 ms, and draws what came last', () => {
  mock.timers.enable({ apis: ['setInterval'] })
  const screen = new FakeScreen()
  const renderer = tty(screen)
  for (let offset = 0; offset < 50; offset++) {
    renderer.show(totalEvent('running', offset * 1e5))
    screen.time += 1
  }
  assert.equal(screen.writes.length, 1)
  screen.time = 100
  mock.timers.tick(100)
  assert.equal(screen.writes.length, 2)
  assert.match(screen.text[0] ?? '', /4\.9 \/ 40\.0 MB/)
  renderer.end()
  mock.timers.reset()
})

test('tty fits the terminal: never wraps, never more than rows−1 lines', () => {
  for (const [columns, rows] of [
    [80, 24],
    [30, 6],
    [8, 3],
    [2, 2],
    [1, 1],
  ] as const) {
    const screen = Object.assign(new FakeScreen(), { columns, rows })
    const layers = Array.from({ length: 40 }, (_, number) => blobEvent(number, 'downloading', number * 1e5))
    const renderer = showAll(screen, [totalEvent('running', 0), ...layers, totalEvent('running', 1e6)])
    assert.ok(screen.text.length <= rows - 1, `${columns}x${rows}: ${screen.text.length} lines`)
    assert.ok(screen.text.every(line => line.length < columns || columns === 1))
    if (rows === 6) assert.match(screen.text[4] ?? '', /and 37 more/)
    renderer.end()
    assert.deepEqual(screen.text, [])
  }
})

test('tty redraws from the top of a frame that a narrower terminal has broken', () => {
  const screen = new FakeScreen()
  const renderer = showAll(screen, [totalEvent('running', 0), totalEvent('running', 1e6)])
  screen.resize(20)
  renderer.show(totalEvent('running', 2e6))
  assert.equal(screen.text.length, 1)
  renderer.end()
  assert.deepEqual(screen.text, [])
})

test('tty uses colours and block characters only where allowed', () => {
  const drawn = (color: boolean, unicode: boolean): string => {
    const screen = Object.assign(new FakeScreen(), { color, unicode })
    showAll(screen, [totalEvent('running', 20e6)]).end()
    return screen.writes.join('')
  }
  assert.doesNotMatch(drawn(false, true), /\x1b\[[\d;]*m/)
  assert.match(drawn(true, true), /\x1b\[32m█+\x1b\[0m/)
  assert.match(drawn(false, false), /#{5}\.{15}/)
  assert.doesNotMatch(drawn(true, false), /[^\x00-\x7f]/)
})

test('tty shows warnings above the frame, without what a terminal would obey', () => {
  const screen = new FakeScreen()
  const renderer = showAll(screen, [
    totalEvent('running', 0),
    { type: 'warning', reference: alpine, message: 'no \x1b[2Jxattrs\nhere' },
    totalEvent('running', 1e6),
  ])
  assert.equal(screen.text[0], `${alpine}: warning: no [2Jxattrs here`)
  renderer.end()
  assert.deepEqual(screen.text, [`${alpine}: warning: no [2Jxattrs here`])
})
