import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { Connections } from '../../src/registry/connections.ts'

test('take() gives places to whoever asked first, to each host as many as it may have', async () => {
  const connections = new Connections(1, 2)
  const first = await connections.take('a')
  const order: string[] = []
  const waiting = ['second', 'third'].map(async name => {
    const place = await connections.take('a')
    order.push(name)
    place.release()
  })
  // Nobody waits for another host.
  ;(await connections.take('b')).release()
  assert.equal(connections.tryTake('a'), undefined)
  first.release()
  first.release()
  await Promise.all(waiting)
  assert.deepEqual(order, ['second', 'third'])
  assert.ok(connections.tryTake('a'))
})

test('take() listens once to a signal, however many wait with it, and not any more when nobody does', async () => {
  const connections = new Connections(1, 1)
  const place = await connections.take('a')
  const abort = new AbortController()
  const listeners = () => getEventListeners(abort.signal, 'abort').length
  const waiting = Array.from({ length: 20 }, () => connections.take('a', abort.signal))
  const other = connections.take('a', new AbortController().signal)
  assert.equal(listeners(), 1)
  place.release()
  const second = await waiting[0]
  assert.equal(listeners(), 1)

  const reason = new Error('enough')
  abort.abort(reason)
  const outcomes = await Promise.allSettled(waiting.slice(1))
  assert.ok(outcomes.every(outcome => outcome.status === 'rejected' && outcome.reason === reason))
  assert.equal(listeners(), 0)
  second?.release()
  await other
  await assert.rejects(connections.take('a', abort.signal), reason)
})
