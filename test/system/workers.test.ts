import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { hasCode } from '../../src/errors.ts'
import { inlineWorkers } from '../../src/system/inline.ts'
import { openProcess } from '../../src/system/process.ts'
import { openThreads } from '../../src/system/threads.ts'
import type { Workers } from '../../src/system/workers.ts'
import { fail, forever, size, sum, where } from './tasks.ts'

workersSuite('inline', inlineWorkers())
workersSuite('threads', openThreads({ size: 2 }))
workersSuite('process', await openProcess())

function workersSuite(name: string, workers: Workers): void {
  describe(`workers: ${name}`, () => {
    after(() => workers.close())

    test('run() passes messages both ways, in order, and gives the result', async () => {
      const heard: string[] = []
      const run = workers.run(sum, 1, { onMessage: message => heard.push(message) })
      for (const number of [2, 3, 4]) run.send(number)
      run.end()
      assert.equal(await run.result, 10)
      assert.deepEqual(heard, ['now 3', 'now 6', 'now 10'])
    })

    test('run() rejects with the ImageError that the task threw, details and hint included', async () => {
      await assert.rejects(workers.run(fail, 'image').result, error => {
        assert(hasCode(error, 'SIZE_MISMATCH'))
        assert.deepEqual(error.details, { expected: 1, actual: 2 })
        assert.equal(error.hint, 'try again')
        return true
      })
    })

    test('run() keeps the errno of system errors', async () => {
      await assert.rejects(workers.run(fail, 'system').result, { code: 'ENOSPC', errno: -28, syscall: 'write' })
      await assert.rejects(workers.run(fail, 'plain').result, { message: 'out of range' })
    })

    test('run() rejects with the reason of an abort, before and while it runs', async () => {
      const reason = new Error('enough')
      await assert.rejects(workers.run(forever, undefined, { signal: AbortSignal.abort(reason) }).result, reason)
      const abort = new AbortController()
      const { result } = workers.run(forever, undefined, { signal: abort.signal, onMessage: () => abort.abort(reason) })
      await assert.rejects(result, reason)
    })

    test('more tasks than carriers run at once', async () => {
      const runs = Array.from({ length: 9 }, (_, start) => workers.run(sum, start))
      for (const run of runs.toReversed()) {
        run.send(1)
        run.end()
      }
      assert.deepEqual(await Promise.all(runs.map(run => run.result)), [1, 2, 3, 4, 5, 6, 7, 8, 9])
    })
  })
}

test('threads: prepare() starts the thread that the next call takes, and no second one', async () => {
  const [earlier, prepared, later] = [openThreads(), openThreads(), openThreads()] as const
  const first = await earlier.run(where, undefined).result
  prepared.prepare?.(where)
  prepared.prepare?.({ module: 'file:///not/there.js', name: 'whatever' })
  const last = await later.run(where, undefined).result
  assert.equal(await prepared.run(where, undefined).result, first + 1)
  assert.equal(last, first + 2)
  await Promise.all([earlier, prepared, later].map(threads => threads.close()))
})

test('threads: chunks are transferred, not copied', async () => {
  const workers = openThreads({ size: 1 })
  const chunk = new Uint8Array(1 << 20)
  let back = 0
  const run = workers.run(size, undefined, {
    onMessage: message => {
      back = message.byteLength
    },
  })
  run.send(chunk, [chunk.buffer])
  assert.equal(chunk.byteLength, 0)
  assert.equal(await run.result, 1 << 20)
  assert.equal(back, 1 << 20)
  await workers.close()
})

test('threads: close() rejects what still runs', async () => {
  const workers = openThreads({ size: 1 })
  const { result } = workers.run(forever, undefined)
  const rejected = assert.rejects(result, { message: /ended before its task/ })
  await workers.close()
  await rejected
})
