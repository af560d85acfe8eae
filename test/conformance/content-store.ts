import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { type Algorithm, type Digest, digestOf } from '../../src/spec/digest.ts'
import {
  type BlobInfo,
  type ContentStore,
  type Ingest,
  type IngestOptions,
  isIngest,
  type Want,
} from '../../src/store/content/store.ts'

const MiB = 1 << 20

/** What every content store does. `open` makes an empty one; the suite closes it. */
export function contentStoreSuite(name: string, open: () => ContentStore): void {
  const onStore = (title: string, body: (store: ContentStore) => Promise<void>) =>
    test(title, async () => {
      const store = open()
      try {
        await body(store)
      } finally {
        await store.close()
      }
    })

  describe(`content store: ${name}`, () => {
    for (const algorithm of ['sha256', 'sha512'] as const) {
      for (const length of [0, 1, 700, 256 << 10, 512 << 10, (512 << 10) + 1, 3 * MiB + 5]) {
        onStore(`commit() publishes ${length} bytes named by ${algorithm}`, async store => {
          const { bytes, want } = sample(length, algorithm)
          const before = Date.now()
          const ingest = await begin(store, 'key', want)
          await writeAll(ingest, bytes, 100_000)
          assert.equal(ingest.offset, length)
          await assertAbsent(store, want.digest)
          const info = await ingest.commit({ label: 'value' })
          assert.deepEqual([info.digest, info.size, info.labels], [want.digest, length, { label: 'value' }])
          assert(Math.abs(info.createdAt.getTime() - before) < 60_000)
          assert.deepEqual(await store.info(want.digest), info)
          assert.deepEqual(await readAll(store, want.digest), bytes)
          assert.deepEqual(await collect(store.ingests()), [])
        })
      }
    }

    onStore('commit() of 64 MiB', async store => {
      const bytes = Buffer.alloc(64 * MiB, randomBytes(MiB))
      const want = { digest: digestOf(bytes), size: bytes.length }
      const ingest = await begin(store, 'key', want)
      await writeAll(ingest, bytes, 2 * MiB + 17)
      assert.equal((await ingest.commit()).size, bytes.length)
    })

    onStore('write() leaves the chunk to its owner', async store => {
      const { bytes, want } = sample(2 * MiB)
      const ingest = await begin(store, 'key', want)
      const reused = Buffer.alloc(64 << 10)
      for (let at = 0; at < bytes.length; at += reused.length) {
        bytes.copy(reused, 0, at)
        await ingest.write(reused)
      }
      await ingest.commit()
      assert.deepEqual(await readAll(store, want.digest), bytes)
    })

    for (const isCold of [false, true]) {
      for (const length of [700, 400 << 10, 512 << 10, 3 * MiB + 5, 16 * MiB]) {
        onStore(
          `write() gives back the memory of ${length} bytes${isCold ? ' that are only kept' : ''}`,
          async store => {
            const { bytes, want } = sample(length)
            const ingest = await store.ingest('key', want, { isCold })
            assert(isIngest(ingest))
            const back: number[] = []
            let sent = 0
            for (let at = 0; at < length; sent++) {
              // Large and small ones by turns, none where its memory begins.
              const chunk = new Uint8Array(new ArrayBuffer(400_000), 1).subarray(0, sent % 3 === 1 ? 5000 : 390_000)
              const size = bytes.copy(chunk, 0, at)
              at += size
              await ingest.write(chunk.subarray(0, size), memory => back.push(memory.byteLength))
            }
            await ingest.commit()
            assert.deepEqual(await readAll(store, want.digest), bytes)
            assert.deepEqual(back, Array(sent).fill(400_000))
          },
        )
      }
    }

    onStore('commit() accepts a blob of unknown size', async store => {
      const { bytes, want } = sample(MiB)
      const ingest = await begin(store, 'key', { digest: want.digest })
      await ingest.write(bytes)
      assert.equal((await ingest.commit()).size, MiB)
    })

    onStore('ingest() answers with the blob that is there', async store => {
      const { want } = await put(store, 300)
      const found = await store.ingest('another key', want)
      assert(!isIngest(found))
      assert.equal(found.size, 300)
    })

    onStore('commit() of a blob that came in meanwhile succeeds and adds its labels', async store => {
      const { bytes, want } = sample(5000)
      const [one, two] = [await begin(store, 'one', want), await begin(store, 'two', want)]
      for (const ingest of [one, two]) await ingest.write(bytes)
      await one.commit({ first: '1', both: '1' })
      const info = await two.commit({ second: '2', both: '2' })
      assert.deepEqual(info.labels, { first: '1', second: '2', both: '2' })
      assert.deepEqual(await collect(store.ingests()), [])
    })

    for (const length of [700, 2 * MiB]) {
      onStore(`commit() refuses ${length} bytes with a wrong digest and keeps nothing`, async store => {
        const { bytes, want } = sample(length)
        const ingest = await begin(store, 'key', want)
        bytes[length - 1] = (bytes[length - 1] ?? 0) ^ 1
        await ingest.write(bytes)
        await assert.rejects(ingest.commit(), { code: 'DIGEST_MISMATCH' })
        await assertGone(store, want)
      })

      onStore(`commit() refuses ${length} bytes where one more was promised and keeps nothing`, async store => {
        const { bytes, want } = sample(length)
        const promised = { ...want, size: length + 1 }
        const ingest = await begin(store, 'key', promised)
        await ingest.write(bytes)
        await assert.rejects(ingest.commit(), {
          code: 'SIZE_MISMATCH',
          details: { expected: length + 1, actual: length },
        })
        await assertGone(store, promised)
      })

      onStore(`write() refuses the first byte past ${length} at once`, async store => {
        const { bytes, want } = sample(length)
        const ingest = await begin(store, 'key', want)
        await ingest.write(bytes)
        await assert.rejects(ingest.write(Buffer.alloc(1)), { code: 'SIZE_MISMATCH' })
        await ingest.abort()
        await assertGone(store, want)
      })
    }

    for (const length of [700, 2 * MiB]) {
      onStore(`close() keeps ${length} bytes, ingest() resumes them`, async store => {
        const { bytes, want } = sample(2 * length)
        const first = await begin(store, 'key', want)
        await writeAll(first, bytes.subarray(0, length), 50_000)
        await first.close()
        const [status] = await collect(store.ingests())
        assert.deepEqual([status?.key, status?.offset], ['key', length])
        const second = await begin(store, 'key', want)
        assert.equal(second.offset, length)
        await writeAll(second, bytes.subarray(length), 50_000)
        await second.commit()
        assert.deepEqual(await readAll(store, want.digest), bytes)
      })

      onStore(`ingest() resumes a complete partial of ${length} bytes, ready for commit()`, async store => {
        const { bytes, want } = sample(length)
        const first = await begin(store, 'key', want)
        await first.write(bytes)
        await first.close()
        const second = await begin(store, 'key', want)
        assert.equal(second.offset, length)
        await second.commit()
        assert.deepEqual(await readAll(store, want.digest), bytes)
      })
    }

    onStore('resumed bytes are hashed again: bad ones are found, and gone afterwards', async store => {
      const { bytes, want } = sample(3 * MiB)
      const first = await begin(store, 'key', want)
      await first.write(Buffer.alloc(MiB))
      await first.close()
      const second = await begin(store, 'key', want)
      await second.write(bytes.subarray(MiB))
      await assert.rejects(second.commit(), { code: 'DIGEST_MISMATCH' })
      await assertGone(store, want)
    })

    onStore('ingest() starts over when more bytes are there than the blob has', async store => {
      const first = await begin(store, 'key', { digest: sample(10).want.digest })
      await first.write(Buffer.alloc(2000))
      await first.close()
      const { bytes, want } = sample(1000)
      const second = await begin(store, 'key', want)
      assert.equal(second.offset, 0)
      await second.write(bytes)
      await second.commit()
      assert.deepEqual(await readAll(store, want.digest), bytes)
    })

    for (const length of [700, 2 * MiB]) {
      onStore(`reset() starts over after ${length} bytes`, async store => {
        const { bytes, want } = sample(length)
        const ingest = await begin(store, 'key', want)
        await ingest.write(Buffer.alloc(length))
        await ingest.reset()
        assert.equal(ingest.offset, 0)
        await ingest.write(bytes)
        await ingest.commit()
        assert.deepEqual(await readAll(store, want.digest), bytes)
      })

      onStore(`abort() removes ${length} bytes`, async store => {
        const { bytes, want } = sample(length)
        const ingest = await begin(store, 'key', want)
        await ingest.write(bytes)
        await ingest.abort()
        await assertGone(store, want)
      })
    }

    onStore('an ended ingest takes nothing more; close() and abort() may come again', async store => {
      const { bytes, want } = sample(100)
      const ingest = await begin(store, 'key', want)
      await ingest.write(bytes)
      await ingest.commit()
      await assert.rejects(ingest.write(bytes), /has ended/)
      await assert.rejects(ingest.commit(), /has ended/)
      await ingest.close()
      await ingest.abort()
      assert.equal((await store.info(want.digest)).size, 100)
    })

    onStore('a second ingest() of a key waits, says so once, and finds the blob', async store => {
      const { bytes, want } = sample(900)
      const first = await begin(store, 'key', want)
      let waits = 0
      const waiting = waitingFor(
        options => store.ingest('key', want, options),
        () => waits++,
      )
      await waiting.begun
      await first.write(bytes)
      await first.commit()
      const found = await waiting.result
      assert(!isIngest(found))
      assert.equal(found.digest, want.digest)
      assert.equal(waits, 1)
    })

    onStore('a second ingest() takes over what the first left', async store => {
      const { bytes, want } = sample(900)
      const first = await begin(store, 'key', want)
      const waiting = waitingFor(options => store.ingest('key', want, options))
      await waiting.begun
      await first.write(bytes.subarray(0, 500))
      await first.close()
      const second = await waiting.result
      assert(isIngest(second))
      assert.equal(second.offset, 500)
      await second.write(bytes.subarray(500))
      await second.commit()
    })

    onStore('a second ingest() begins anew after abort() of the first', async store => {
      const { bytes, want } = sample(900)
      const first = await begin(store, 'key', want)
      const waiting = waitingFor(options => store.ingest('key', want, options))
      await waiting.begun
      await first.write(bytes)
      await first.abort()
      const second = await waiting.result
      assert(isIngest(second))
      assert.equal(second.offset, 0)
      await second.write(bytes)
      await second.commit()
      assert.deepEqual(await readAll(store, want.digest), bytes)
    })

    onStore('many ingests of one key: one writes, all have the blob', async store => {
      const { bytes, want } = sample(MiB)
      let writers = 0
      const all = Array.from({ length: 8 }, async () => {
        const ingest = await store.ingest('key', want)
        if (!isIngest(ingest)) return ingest
        writers += 1
        await writeAll(ingest, bytes, 300_000)
        return await ingest.commit()
      })
      for (const info of await Promise.all(all)) assert.equal(info.size, MiB)
      assert.equal(writers, 1)
    })

    onStore('waiting can be cancelled and limited', async store => {
      const { want } = sample(900)
      const first = await begin(store, 'key', want)
      const abort = new AbortController()
      const onWait = () => abort.abort(new Error('enough'))
      await assert.rejects(store.ingest('key', want, { signal: abort.signal, onWait }), { message: 'enough' })
      await assert.rejects(store.ingest('key', want, { lockTimeoutMs: 60 }), { code: 'LOCKED' })
      await first.close()
    })

    onStore('keys may hold any character, and are listed as given', async store => {
      const keys = ['layer-sha256:ab', '../..', '.', 'a/b', 'ü %2F', '..']
      for (const key of keys) {
        const ingest = await begin(store, key, { ...sample(10).want })
        await ingest.write(Buffer.alloc(3))
        await ingest.close()
      }
      assert.deepEqual((await collect(store.ingests())).map(status => status.key).toSorted(), keys.toSorted())
    })

    onStore('ingests() tells offset, total and times while bytes arrive', async store => {
      const { want } = sample(5000)
      const ingest = await begin(store, 'key', want)
      const [status] = await collect(store.ingests())
      assert.equal(status?.total, 5000)
      assert(status.updatedAt >= status.startedAt)
      await ingest.close()
    })

    onStore('abort(key) removes what nobody holds', async store => {
      const { want } = sample(500)
      await assert.rejects(store.abort('key'), { code: 'NOT_FOUND' })
      const ingest = await begin(store, 'key', want)
      await assert.rejects(store.abort('key'), { code: 'LOCKED' })
      await ingest.close()
      await store.abort('key')
      await assertGone(store, want)
    })

    onStore('close() keeps what is still held', async store => {
      const ingest = await begin(store, 'key', sample(2 * MiB).want)
      await ingest.write(Buffer.alloc(MiB))
      await store.close()
      assert.deepEqual(
        (await collect(store.ingests())).map(status => status.offset),
        [MiB],
      )
    })

    onStore('label() sets, replaces, removes and leaves labels', async store => {
      const { want } = await put(store, 100, { a: '1', b: '2' })
      const { labels } = await store.label(want.digest, { b: '3', c: '4', a: undefined })
      assert.deepEqual(labels, { b: '3', c: '4' })
      assert.deepEqual((await store.info(want.digest)).labels, { b: '3', c: '4' })
    })

    onStore('labels of many writers at once all stay', async store => {
      const { want } = await put(store, 100)
      const numbers = Array.from({ length: 20 }, (_, index) => String(index))
      await Promise.all(numbers.map(number => store.label(want.digest, { [`n${number}`]: number })))
      assert.equal(Object.keys((await store.info(want.digest)).labels).length, 20)
    })

    onStore('labels past 4,096 bytes with their key are refused', async store => {
      const { want } = await put(store, 100)
      await store.label(want.digest, { abcd: 'x'.repeat(4092) })
      await assert.rejects(store.label(want.digest, { abcd: 'x'.repeat(4093) }), { code: 'LIMIT_EXCEEDED' })
    })

    onStore('what is not there is NOT_FOUND', async store => {
      const { digest } = sample(100).want
      const missing = { code: 'NOT_FOUND' }
      await assert.rejects(store.info(digest), missing)
      await assert.rejects(store.open(digest), missing)
      await assert.rejects(store.label(digest, {}), missing)
      await assert.rejects(store.delete(digest), missing)
    })

    onStore('walk() yields every blob with its labels', async store => {
      const puts = [await put(store, 10, { n: '1' }), await put(store, 20, { n: '2' }, 'sha512')]
      const found = await collect(store.walk())
      const facts = (info: BlobInfo) => `${info.digest} ${info.size} ${info.labels['n']}`
      assert.deepEqual(found.map(facts).toSorted(), puts.map(({ info }) => facts(info)).toSorted())
    })

    onStore('delete() removes a blob and its labels', async store => {
      const { bytes, want } = await put(store, 100, { rooted: 'yes' })
      await store.delete(want.digest)
      await assertGone(store, want)
      const ingest = await begin(store, 'key', want)
      await ingest.write(bytes)
      assert.deepEqual((await ingest.commit()).labels, {})
    })

    onStore('read() gives the bytes asked for, fewer only at the end', async store => {
      const { bytes, want } = await put(store, 1000)
      const reader = await store.open(want.digest)
      assert.equal(reader.size, 1000)
      assert.deepEqual(Buffer.from(await reader.read(10, 20)), bytes.subarray(10, 30))
      assert.deepEqual(Buffer.from(await reader.read(990, 20)), bytes.subarray(990))
      assert.equal((await reader.read(1000, 20)).length, 0)
      await reader.close()
    })
  })
}

function sample(length: number, algorithm: Algorithm = 'sha256'): { bytes: Buffer; want: Required<Want> } {
  const bytes = randomBytes(length)
  return { bytes, want: { digest: digestOf(bytes, algorithm), size: length } }
}

async function put(store: ContentStore, length: number, labels = {}, algorithm: Algorithm = 'sha256') {
  const { bytes, want } = sample(length, algorithm)
  const ingest = await begin(store, `put-${want.digest}`, want)
  await ingest.write(bytes)
  return { bytes, want, info: await ingest.commit(labels) }
}

async function begin(store: ContentStore, key: string, want: Want): Promise<Ingest> {
  const ingest = await store.ingest(key, want, { lockTimeoutMs: 1000 })
  assert(isIngest(ingest), 'the blob should not be there yet')
  return ingest
}

/** Starts something that has to wait: `begun` when it does, `result` when it has ended. */
function waitingFor<T>(start: (options: IngestOptions) => Promise<T>, onWait = () => {}) {
  let wake = () => {}
  const begun = new Promise<void>(resolve => {
    wake = resolve
  })
  const result = start({
    onWait: () => {
      onWait()
      wake()
    },
  })
  return { begun, result }
}

async function writeAll(ingest: Ingest, bytes: Uint8Array, chunk: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += chunk) await ingest.write(bytes.subarray(at, at + chunk))
}

async function readAll(store: ContentStore, digest: Digest): Promise<Buffer> {
  const reader = await store.open(digest)
  try {
    return Buffer.from(await reader.read(0, reader.size))
  } finally {
    await reader.close()
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

async function assertAbsent(store: ContentStore, digest: Digest): Promise<void> {
  await assert.rejects(store.info(digest), { code: 'NOT_FOUND' })
  assert.deepEqual(await collect(store.walk()), [])
}

async function assertGone(store: ContentStore, want: Want): Promise<void> {
  await assertAbsent(store, want.digest)
  assert.deepEqual(await collect(store.ingests()), [])
}
