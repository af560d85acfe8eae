import assert from 'node:assert/strict'
import { writeSync } from 'node:fs'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { digestOf } from '../../../src/spec/digest.ts'
import { openFsStore } from '../../../src/store/content/fs.ts'
import { memoryLabels } from '../../../src/store/content/labels.ts'
import { lmdbLabels } from '../../../src/store/content/lmdb-labels.ts'
import { isIngest, type Want } from '../../../src/store/content/store.ts'
import { openDb } from '../../../src/store/db.ts'
import { openRoot } from '../../../src/store/root.ts'
import { openThreads } from '../../../src/system/threads.ts'
import type { Workers } from '../../../src/system/workers.ts'
import { contentStoreSuite } from '../../conformance/content-store.ts'
import { scratchDirectory } from '../scratch.ts'

const scratch = scratchDirectory()
const workers = openThreads()
after(() => workers.close())

contentStoreSuite('fs', openStore)

test('handOver() lets a stage write the file; commit() judges its verdict', async () => {
  const store = openStore()
  const bytes = Buffer.from('written by somebody else')
  const want = { digest: digestOf(bytes), size: bytes.length }
  const lie = { digest: digestOf('a lie'), size: bytes.length }

  const refused = await begin(want)
  writeSync(refused.handOver()?.fd ?? -1, bytes, 0)
  await assert.rejects(refused.commit({}, lie), { code: 'DIGEST_MISMATCH' })

  const first = await begin(want)
  writeSync(first.handOver()?.fd ?? -1, bytes.subarray(0, 10), 0)
  await first.close()
  const second = await begin(want)
  const handed = second.handOver()
  assert.equal(handed?.offset, 10)
  writeSync(handed.fd, bytes.subarray(10), 0, bytes.length - 10, 10)
  assert.equal((await second.commit({}, want)).size, bytes.length)
  await store.close()

  async function begin(wanted: Want) {
    const ingest = await store.ingest('key', wanted, { lockTimeoutMs: 0 })
    assert(isIngest(ingest))
    return ingest
  }
})

test('handOver() comes before the first write or not at all', async () => {
  const store = openStore()
  const ingest = await store.ingest('key', { digest: digestOf('abc') })
  assert(isIngest(ingest))
  await ingest.write(Buffer.from('a'))
  assert.throws(() => ingest.handOver(), /being written/)
  await store.close()
})

test('abort() lets go of the file only after the task that writes it has ended', async () => {
  let endTask: (reason: Error) => void = () => {}
  const result = new Promise<never>((_, reject) => {
    endTask = reject
  })
  const stuck: Workers = { run: () => ({ result, send: () => {}, end: () => {} }), close: async () => {} }
  const store = openFsStore({ layout: openRoot(scratch()), labels: memoryLabels(), workers: stuck })
  const ingest = await store.ingest('key', { digest: digestOf('abc') })
  assert(isIngest(ingest))
  await ingest.write(Buffer.alloc(1 << 20))
  const aborted = ingest.abort().then(() => 'ended')
  assert.equal(await Promise.race([aborted, sleep(100, 'waits')]), 'waits')
  endTask(new Error('aborted'))
  assert.equal(await aborted, 'ended')
})

for (const end of ['abort', 'close'] as const) {
  test(`${end}() during a commit waits for its end: one of them closes the file`, async () => {
    const store = openStore()
    const bytes = Buffer.from('abc')
    const want = { digest: digestOf(bytes), size: bytes.length }
    const ingest = await store.ingest('key', want)
    assert(isIngest(ingest))
    await ingest.write(bytes)
    const commit = ingest.commit()
    await ingest[end]()
    assert.equal((await commit).size, bytes.length)
    assert.equal((await store.info(want.digest)).size, bytes.length)
    await store.close()
  })
}

function openStore() {
  const layout = openRoot(scratch())
  const db = openDb(layout)
  const store = openFsStore({ layout, labels: lmdbLabels(db), workers })
  return {
    ...store,
    async close() {
      await store.close()
      await db.close()
    },
  }
}
