import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeInTurn } from '../../src/pull/unpack.ts'
import { openNative } from '../../src/rootfs/native.ts'
import { inlineWorkers } from '../../src/system/inline.ts'
import { makeScratch } from '../conformance/scratch.ts'

const scratch = makeScratch('pull-unpack')
const { signal } = new AbortController()

function openSnapshotter(name: string) {
  const snapshotter = openNative({ directory: join(scratch, name), workers: inlineWorkers() })
  const keep = { hold: async () => {}, labels: {} }
  let made = 0
  const make = (fails = false) =>
    makeInTurn({ snapshotter, keep, lockTimeoutMs: 60_000 }, 'layer', signal, async () => {
      made += 1
      if (fails) throw new Error('broken')
      await snapshotter.prepare(`key ${made}`, undefined)
      await snapshotter.commit('layer', `key ${made}`)
    })
  return { make, made: () => made, snapshotter }
}

test('makeInTurn() lets one of many make a snapshot, and the others find it', async () => {
  const { make, made } = openSnapshotter('many')
  const results = await Promise.all([make(), make(), make()])
  assert.deepEqual([results.filter(isMade => isMade).length, made()], [1, 1])
})

test('makeInTurn() gives the turn on when making fails', async () => {
  const { make, made } = openSnapshotter('failing')
  await assert.rejects(make(true), { message: 'broken' })
  assert.deepEqual([await make(), made()], [true, 2])
})
