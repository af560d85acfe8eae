import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Body, readAll } from '../../src/registry/body.ts'

const kib = 1024

function source() {
  const calls: string[] = []
  return {
    calls,
    pause: () => void calls.push('pause'),
    resume: () => void calls.push('resume'),
    abort: () => void calls.push('abort'),
  }
}

function bytes(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + seed) % 251)
}

test('Body gathers small pieces into chunks of at least 256 KiB', async ({ mock }) => {
  mock.timers.enable({ apis: ['setTimeout'] }) // a busy machine must not look like a slow network
  const body = new Body(source())
  const all = bytes(2_000 * kib)
  void (async () => {
    for (let at = 0; at < all.length; at += 60 * kib) {
      body.push(all.subarray(at, at + 60 * kib))
      if (at % (180 * kib) === 0) await setImmediate()
    }
    body.end()
  })()
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  assert.ok(Buffer.concat(chunks).equals(all))
  assert.ok(chunks.slice(0, -1).every(({ length }) => length >= 256 * kib))
})

test('Body gives each chunk a buffer of its own', async () => {
  const body = new Body(source())
  body.push(bytes(1_500 * kib))
  body.end()
  const buffers = new Set<ArrayBufferLike>()
  let chunks = 0
  for await (const { buffer } of body) {
    buffers.add(buffer)
    chunks++
  }
  assert.ok(chunks > 1)
  assert.equal(buffers.size, chunks)
})

test('Body makes chunks of spare memory', async () => {
  const spare: ArrayBuffer[] = []
  const body = new Body(source(), undefined, spare)
  const chunks = body[Symbol.asyncIterator]()
  body.push(bytes(512 * kib))
  const { value: first } = await chunks.next()
  assert.ok(first)
  spare.push(first.buffer as ArrayBuffer)
  body.push(bytes(512 * kib, 1))
  const { value: second } = await chunks.next()
  assert.equal(second?.buffer, first.buffer)
  assert.deepEqual(Uint8Array.from(second ?? []), bytes(512 * kib, 1))
  body.push(bytes(512 * kib))
  assert.equal((await chunks.next()).value?.length, 512 * kib)
})

test('Body spends no more buffer on a short body than it is long', async () => {
  const body = new Body(source(), 100)
  body.push(bytes(40))
  body.push(bytes(60))
  body.end()
  for await (const chunk of body) assert.equal(chunk.buffer.byteLength, 100)
})

test('Body stops the sender while nobody reads, and lets it go on', async () => {
  const sender = source()
  const body = new Body(sender)
  body.push(bytes(1_024 * kib))
  assert.deepEqual(sender.calls, ['pause'])
  const chunks = body[Symbol.asyncIterator]()
  await chunks.next()
  assert.deepEqual(sender.calls, ['pause', 'resume'])
  await chunks.return()
  assert.deepEqual(sender.calls, ['pause', 'resume', 'abort'])
})

test('Body hands out what a slow sender has sent', async () => {
  const body = new Body(source())
  const chunks = body[Symbol.asyncIterator]()
  const first = chunks.next()
  body.push(bytes(10))
  assert.equal((await first).value?.length, 10)
  await chunks.return()
})

test('inFull() leaves no chunk with a buffer that is half empty, but for the last', async ({ mock }) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const body = new Body(source(), 600 * kib).inFull()
  const chunks = body[Symbol.asyncIterator]()
  const first = chunks.next()
  body.push(bytes(300 * kib))
  mock.timers.tick(1_000)
  await setImmediate()
  body.push(bytes(300 * kib))
  assert.equal((await first).value?.length, 512 * kib)
  body.end()
  const { value: last } = await chunks.next()
  assert.deepEqual([last?.length, last?.buffer.byteLength], [88 * kib, 88 * kib])
})

test('Body fails after the bytes that came before the failure', async () => {
  const body = new Body(source())
  body.push(bytes(10))
  body.fail(new Error('reset'))
  const chunks = body[Symbol.asyncIterator]()
  assert.equal((await chunks.next()).value?.length, 10)
  await assert.rejects(chunks.next(), /reset/)
})

test('Body drops what it holds when it is aborted', async () => {
  const body = new Body(source())
  body.push(bytes(10))
  body.abort(new Error('enough'))
  await assert.rejects(body[Symbol.asyncIterator]().next(), /enough/)
})

test('readAll() gives up, and closes, past its limit', async () => {
  const sender = source()
  const body = new Body(sender)
  body.push(bytes(11))
  assert.equal(await readAll(body, 10), undefined)
  assert.deepEqual(sender.calls, ['abort'])
})
