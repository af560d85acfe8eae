import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

test('docs/cli.md and docs/errors.md say what the code says', () => {
  const tool = fileURLToPath(new URL('../../../tools/docs.js', import.meta.url))
  const { status, stderr } = spawnSync(process.execPath, [tool, '--check'], { encoding: 'utf8' })
  assert.deepEqual([status, stderr], [0, ''])
})
