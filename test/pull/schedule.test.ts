import assert from 'node:assert/strict'
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

test('take() stops waiting when the signal says so, and the turn goes to the next', async () => {
  const turns = new Turns(1)
  const abort = new AbortController()
  const first = turns.take(turn)
  const second = turns.take(turn, abort.signal)
  const third = turns.take(async () => 'third')
  abort.abort(new Error('enough'))
  await assert.rejects(second, { message: 'enough' })
  await first
  assert.equal(await third, 'third')
})
