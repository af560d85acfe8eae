import assert from 'node:assert/strict'
import { test } from 'node:test'
import { streamRound, zstdSamples } from './stream-round.ts'

test('decoders unpack damaged streams to the same bytes, or refuse them all', async () => {
  const { counts, findings } = await streamRound(zstdSamples(), 1, 800)
  assert.deepEqual(findings, [])
  assert.ok(counts.unpacked >= 150 && counts.refused >= 150, JSON.stringify(counts))
})
