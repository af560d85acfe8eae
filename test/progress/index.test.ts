import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseRenderer, renderers } from '../../src/progress/index.ts'
import { blobEvent, FakeScreen } from './fake-screen.ts'

test('chooseRenderer() redraws only before somebody', () => {
  assert.equal(chooseRenderer('auto', { interactive: true }), 'tty')
  assert.equal(chooseRenderer('auto', { interactive: false }), 'plain')
  assert.equal(chooseRenderer('json', { interactive: true }), 'json')
})

test('quiet writes nothing', () => {
  const screen = new FakeScreen()
  const renderer = renderers.quiet(screen)
  renderer.show(blobEvent(1, 'downloading'))
  renderer.show({ type: 'warning', reference: 'a', message: 'b' })
  renderer.end()
  assert.deepEqual(screen.writes, [])
})

for (const [name, open] of Object.entries(renderers)) {
  test(`${name} can end before anything began`, () => {
    const screen = new FakeScreen()
    open(screen).end()
    assert.deepEqual(screen.text, [])
  })
}
