import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { makeScratch, needsRoot } from '../conformance/scratch.ts'
import type { Escapes } from './naive-run.ts'

const program = fileURLToPath(new URL('naive-run.js', import.meta.url))
// Tests run from build/, where only compiled files are.
const jail = fileURLToPath(new URL('../../../test/support/jail.sh', import.meta.url))

test('NaiveExtractor is led out of its root by every attack that says so', { skip: needsRoot }, () => {
  const scratch = makeScratch('naive')
  const words = ['-m', 'sh', jail, scratch, process.execPath, program, scratch]
  const { stdout, stderr, status } = spawnSync('unshare', words, { encoding: 'utf8', timeout: 120_000 })
  assert.equal(status, 0, stderr)
  const escapes: Escapes = JSON.parse(stdout)
  assert.deepEqual(
    Object.entries(escapes).filter(([, escaped]) => !escaped),
    [],
  )
  assert.ok(Object.keys(escapes).length >= 80)
})
