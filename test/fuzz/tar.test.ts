import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeScratch } from '../conformance/scratch.ts'
import { gnu, python } from './peers.ts'
import { tarRound } from './tar-round.ts'

test('TarReader accepts what GNU tar and tarfile agree on, and refuses what they do not', () => {
  const { counts, findings } = tarRound(makeScratch('fuzz'), [gnu, python], 1, 300)
  assert.deepEqual(findings, [])
  // As many are good as bad, or the sample shows little.
  assert.ok((counts.agreed ?? 0) >= 60, JSON.stringify(counts))
  assert.ok((counts['refused by all'] ?? 0) >= 20, JSON.stringify(counts))
})
