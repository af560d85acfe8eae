import assert from 'node:assert/strict'
import { test } from 'node:test'
import { json } from '../../src/progress/json.ts'
import { alpine, blobEvent, FakeScreen, layerDigest } from './fake-screen.ts'

test('json writes one versioned object a line, with times as ISO 8601', () => {
  const screen = new FakeScreen()
  const renderer = json(screen)
  renderer.show({ ...blobEvent(1, 'done', 20e6), startedAt: new Date(0), completedAt: new Date(1500) })
  renderer.end()
  assert.equal(screen.writes.length, 1)
  const { time, ...event } = JSON.parse(screen.writes[0] ?? '')
  assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000)
  assert.deepEqual(event, {
    v: 1,
    type: 'blob',
    reference: alpine,
    digest: layerDigest(1),
    kind: 'layer',
    state: 'done',
    offset: 20e6,
    total: 20e6,
    startedAt: '1970-01-01T00:00:00.000Z',
    completedAt: '1970-01-01T00:00:01.500Z',
  })
})

test('json stays one line whatever a message holds', () => {
  const screen = new FakeScreen()
  json(screen).show({ type: 'warning', reference: alpine, message: 'a\nb\x1b[2J' })
  assert.match(screen.writes.join(''), /^[\x20-\x7e]+\n$/)
})
