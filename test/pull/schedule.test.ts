import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { Turns } from '../../src/pull/schedule.ts'

const turn = () => new Promise<void>(setImmediate)

test('take() lets no more than the limit run, in order of asking', async () => {
  const turns = new Turns(2)
  const order: number[] = []
  let running = 0
  const work = (name: number) =>
    turns.take(async () => {
      order.push(name)
      assert(++running <= 2)
      await turn()
      running -= 1
    })
  await Promise.all([0, 1, 2, 3, 4].map(work))
  assert.deepEqual(order, [0, 1, 2, 3, 4])
})

test('take() gives the turn on when the work fails', async () => {
  const turns = new Turns(1)
  await assert.rejects(
    turns.take(() => Promise.reject(new Error('broken'))),
    { message: 'broken' },
  )
  assert.equal(await turns.take(async () => 'next'), 'next')
})

test('take() stops waiting when the signal says so, and what runs goes on', async () => {
  const abort = new AbortController()
  const turns = new Turns(1, abort.signal)
  const first = turns.take(turn)
  const others = [turns.take(turn), turns.take(turn)]
  abort.abort(new Error('enough'))
  for (const other of others) await assert.rejects(other, { message: 'enough' })
  await first
  await assert.rejects(turns.take(turn), { message: 'enough' })
})

test('take() listens once to the signal however many wait, and no more when nobody does', async () => {
  const { signal } = new AbortController()
  const turns = new Turns(1, signal)
  const running = Array.from({ length: 21 }, () => turns.take(turn))
  assert.equal(getEventListeners(signal, 'abort').length, 1)
  await Promise.all(running)
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})
