import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Body, readAll } from '../../src/registry/body.ts'
import { Memory } from '../../src/registry/memory.ts'

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
  const memory = new Memory(512 * kib)
  const body = new Body(source(), undefined, memory)
  const chunks = body[Symbol.asyncIterator]()
  body.push(bytes(512 * kib))
  const { value: first } = await chunks.next()
  assert.ok(first)
  memory.give(first.buffer as ArrayBuffer)
  body.push(bytes(512 * kib, 1))
  const { value: second } = await chunks.next()
  assert.equal(second?.buffer, first.buffer)
  assert.deepEqual(Uint8Array.from(second ?? []), bytes(512 * kib, 1))
  body.push(bytes(512 * kib))
  assert.equal((await chunks.next()).value?.length, 512 * kib)
})

/** A socket that reads, without one: what `send` brings goes to `body`, as an HTTP client would pass it on. */
function socketOf(memory: Memory, bodyOf: () => Body) {
  const { buffer, callback } = memory.reading()
  assert.ok(typeof buffer === 'function')
  let into = buffer()
  return {
    /** `skip`: bytes that are no part of the body: a head, or the length of an HTTP chunk. */
    send(bytes: Uint8Array, skip = 0): void {
      into.set(bytes, skip)
      const pushed: Uint8Array[] = []
      callback.call({ push: (read: Uint8Array) => pushed.push(read) } as never, skip + bytes.length, into)
      into = buffer()
      for (const read of pushed) bodyOf().push(read.subarray(skip))
    },
    get room() {
      return into.length
    },
  }
}

/** As a receiver in another thread has it: what shared memory with it is gone. */
function moved({ buffer, byteOffset, length }: Uint8Array): Uint8Array {
  const memory = structuredClone(buffer as ArrayBuffer, { transfer: [buffer as ArrayBuffer] })
  return new Uint8Array(memory, byteOffset, length)
}

async function all(body: Body): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(moved(chunk))
  return Buffer.concat(chunks)
}

test('Body hands on the chunk that a socket has filled, as it is', async () => {
  const memory = new Memory()
  const body = new Body(source(), undefined, memory)
  const socket = socketOf(memory, () => body)
  const sent: Uint8Array[] = []
  const send = (length: number, skip?: number) => {
    sent.push(bytes(length, sent.length))
    socket.send(sent.at(-1) ?? bytes(0), skip)
  }
  send(100, 300)
  send(200 * kib)
  send(socket.room)
  send(10)
  body.end()
  const lengths: number[] = []
  const chunks: Uint8Array[] = []
  for await (const chunk of body) {
    lengths.push(chunk.buffer.byteLength)
    chunks.push(chunk)
  }
  assert.ok(Buffer.concat(chunks).equals(Buffer.concat(sent)))
  assert.deepEqual(lengths, [512 * kib, 10], 'the rest alone is copied')
})

test('Body leaves out what lies between its bytes in a chunk', async () => {
  const memory = new Memory()
  const body = new Body(source(), undefined, memory)
  const socket = socketOf(memory, () => body)
  const sent = [bytes(1000, 1), bytes(2000, 2), bytes(70 * kib, 3), bytes(400 * kib, 4), bytes(5, 5)]
  for (const piece of sent) socket.send(piece, 7)
  body.end()
  assert.ok(Buffer.from(await all(body)).equals(Buffer.concat(sent)))
})

test('Body keeps its end when the next answer comes in the same chunk', async () => {
  const memory = new Memory()
  const bodies = [new Body(source(), undefined, memory), new Body(source(), undefined, memory)] as const
  let current = 0
  const socket = socketOf(memory, () => bodies[current === 0 ? 0 : 1])
  socket.send(bytes(1000, 1))
  bodies[0].end()
  current = 1
  socket.send(bytes(socket.room - 300, 2), 300)
  bodies[1].end()
  assert.equal((await all(bodies[1])).length, 512 * kib - 1300)
  assert.deepEqual(Uint8Array.from(await all(bodies[0])), bytes(1000, 1))
})

test('Body gives no chunk away that its socket may read into', async ({ mock }) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  const memory = new Memory()
  const body = new Body(source(), undefined, memory)
  const socket = socketOf(memory, () => body)
  const chunks = body[Symbol.asyncIterator]()
  socket.send(bytes(1000, 1))
  const first = chunks.next()
  mock.timers.tick(50)
  assert.deepEqual(Uint8Array.from(moved((await first).value ?? bytes(0))), bytes(1000, 1))
  socket.send(bytes(2000, 2))
  body.end()
  assert.deepEqual(Uint8Array.from((await chunks.next()).value ?? []), bytes(2000, 2))
})

test('Memory of chunks that came back is read into again', () => {
  const memory = new Memory(512 * kib)
  const { buffer } = memory.reading()
  assert.ok(typeof buffer === 'function')
  const first = buffer()
  memory.give(first.buffer as ArrayBuffer)
  memory.give(new ArrayBuffer(512 * kib))
  const again = buffer()
  assert.equal(again.buffer, first.buffer)
  assert.notEqual(buffer().buffer, first.buffer)
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
