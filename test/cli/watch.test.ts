import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Context } from '../../src/cli/context.ts'
import { watched } from '../../src/cli/watch.ts'
import { alpine, FakeScreen } from '../progress/fake-screen.ts'

test('watched() shows a warning once an image, and ends the renderer when the work fails', async () => {
  const screen = new FakeScreen()
  const context = { screen, interactive: false } as unknown as Context
  const work = watched(context, 'auto', async onProgress => {
    for (const reference of [alpine, alpine, 'ghcr.io/a/b:1']) {
      onProgress({ type: 'warning', reference, message: 'owners are lost' })
    }
    throw new Error('broken')
  })
  await assert.rejects(work, /broken/)
  assert.deepEqual(screen.text, [`${alpine}: warning: owners are lost`, 'ghcr.io/a/b:1: warning: owners are lost'])
})
