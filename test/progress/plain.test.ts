import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProgressEvent } from '../../src/progress/events.ts'
import { plain } from '../../src/progress/plain.ts'
import { digestOf } from '../../src/spec/digest.ts'
import { alpine, blobEvent, FakeScreen, layerDigest, resolveEvent, totalEvent, unpackEvent } from './fake-screen.ts'

function linesOf(events: readonly ProgressEvent[], stepMs = 1_000): string[] {
  const screen = new FakeScreen()
  const renderer = plain(screen)
  for (const event of events) {
    renderer.show(event)
    screen.time += stepMs
  }
  renderer.end()
  return screen.text.map(line => line.replace(`${alpine}: `, ''))
}

test('plain writes a line a phase', () => {
  assert.deepEqual(
    linesOf([
      resolveEvent('started'),
      resolveEvent('done'),
      // The manifest is under way.
      totalEvent('running', 0),
      blobEvent(1, 'waiting'),
      blobEvent(2, 'waiting'),
      blobEvent(1, 'downloading', 1e6),
      totalEvent('running', 1e6),
      totalEvent('running', 30e6, 10e6),
      totalEvent('running', 40e6, 30e6),
      unpackEvent(2, 'unpacking', 1e6),
      totalEvent('running', 40e6, 40e6),
      totalEvent('done', 40e6, 40e6),
    ]),
    [
      `resolved ${digestOf('manifest')}`,
      'fetching 2 layers, 40.0 MB',
      'unpacking 40.0 MB',
      'done in 11s, 40.0 MB fetched',
    ],
  )
})

test('plain says in a long phase, every 10 s, that it goes on', () => {
  const long = Array.from({ length: 26 }, (_, second) => totalEvent('running', second * 1e6))
  assert.deepEqual(linesOf([blobEvent(1, 'downloading'), ...long]), [
    'fetching 1 layer, 40.0 MB',
    'fetched 10.0 / 40.0 MB, 1.0 MB/s, 30s left',
    'fetched 20.0 / 40.0 MB, 1.0 MB/s, 20s left',
  ])
})

test('plain says what it waits for and what it warns of', () => {
  assert.deepEqual(
    linesOf([blobEvent(1, 'locked'), { type: 'warning', reference: alpine, message: 'no \x1b[31mxattrs' }]),
    [`waiting for another process at ${layerDigest(1)}`, 'warning: no [31mxattrs'],
  )
})

test('plain tells what was here already or resumed, and keeps several references apart', () => {
  const screen = new FakeScreen()
  const renderer = plain(screen)
  renderer.show(blobEvent(1, 'waiting'))
  renderer.show({ ...totalEvent('running', 0), reused: 12e6 })
  renderer.show({ ...blobEvent(1, 'waiting'), reference: 'ghcr.io/a/b:1' })
  renderer.show(totalEvent('running', 0, 0, 'ghcr.io/a/b:1'))
  renderer.show({ ...totalEvent('done', 40e6, 40e6), reused: 12e6, resumed: 30e6 })
  assert.deepEqual(screen.text, [
    `${alpine}: fetching 1 layer, 40.0 MB, 12.0 MB here already`,
    'ghcr.io/a/b:1: fetching 1 layer, 40.0 MB',
    `${alpine}: done in 0.0s, 10.0 MB fetched, 30.0 MB resumed, 12.0 MB here already`,
  ])
})
