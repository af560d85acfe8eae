import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dispatch, type Handler, inTurn, SkipDescriptor, StopHandlers } from '../../src/pull/dispatch.ts'
import type { Descriptor } from '../../src/spec/descriptor.ts'
import { digestOf } from '../../src/spec/digest.ts'

const node = (name: string): Descriptor => ({ mediaType: name, digest: digestOf(name), size: 1 })
const { signal } = new AbortController()

/** A handler that follows `graph` and notes what it saw. */
function follow(graph: Readonly<Record<string, readonly string[]>>, seen: string[]): Handler {
  return async ({ mediaType }) => {
    seen.push(mediaType)
    return (graph[mediaType] ?? []).map(node)
  }
}

test('dispatch() shows each descriptor once, though many lead to it', async () => {
  const seen: string[] = []
  await dispatch(follow({ a: ['b', 'c'], b: ['d'], c: ['d', 'd'] }, seen), node('a'), signal)
  assert.deepEqual(seen.toSorted(), ['a', 'b', 'c', 'd'])
})

test('dispatch() refuses a graph that is too deep', async () => {
  const deep = { a: ['b'], b: ['c'], c: ['d'], d: ['e'] }
  await assert.rejects(dispatch(follow(deep, []), node('a'), signal), { code: 'LIMIT_EXCEEDED' })
})

test('dispatch() refuses a graph that is too wide', async () => {
  const wide = { a: Array.from({ length: 10_001 }, (_, at) => `layer ${at}`) }
  await assert.rejects(dispatch(follow(wide, []), node('a'), signal), { code: 'LIMIT_EXCEEDED' })
})

test('dispatch() drops what a handler skips, with all below it', async () => {
  const seen: string[] = []
  const skip: Handler = async ({ mediaType }) => {
    if (mediaType === 'b') throw new SkipDescriptor()
    return []
  }
  await dispatch(inTurn(follow({ a: ['b', 'c'], b: ['d'] }, seen), skip), node('a'), signal)
  assert.deepEqual(seen.toSorted(), ['a', 'b', 'c'])
})

test('inTurn() keeps the children found before a handler stopped it', async () => {
  const stop: Handler = async () => {
    throw new StopHandlers()
  }
  const handler = inTurn(follow({ a: ['b'] }, []), stop, follow({ a: ['c'] }, []))
  assert.deepEqual(await handler(node('a'), signal), [node('b')])
})

test('dispatch() fails with a handler, after its siblings have ended', async () => {
  let ended = false
  const handler: Handler = async ({ mediaType }) => {
    if (mediaType === 'a') return [node('b'), node('c')]
    if (mediaType === 'b') throw new Error('broken')
    await new Promise(setImmediate)
    ended = true
    return []
  }
  await assert.rejects(dispatch(handler, node('a'), signal), { message: 'broken' })
  assert.equal(ended, true)
})
