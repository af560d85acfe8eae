/**
 * How near `davit verify` comes to this machine's SHA-256: the same blobs hashed from memory, on as many threads as there
 * are cores, and verified as a store, side by side.
 *
 * usage: node build/bench/verify.bench.js [--scratch DIR] [--megabytes N] [--rounds N]
 *
 * Prints MB/s of both, and their ratio, the best of the rounds.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { verifyStore } from '../src/pull/verify.ts'
import { digestOf } from '../src/spec/digest.ts'
import { openFsStore } from '../src/store/content/fs.ts'
import { memoryLabels } from '../src/store/content/labels.ts'
import { openRoot } from '../src/store/root.ts'
import { openThreads } from '../src/system/threads.ts'

const { values } = parseArgs({
  options: {
    scratch: { type: 'string', default: '/tmp/davit-bench' },
    megabytes: { type: 'string', default: '1024' },
    rounds: { type: 'string', default: '5' },
  },
})
const BLOB_BYTES = 64e6
const blobs = Math.ceil((Number(values.megabytes) * 1e6) / BLOB_BYTES)
const root = join(values.scratch, 'verify')
rmSync(root, { recursive: true, force: true })
mkdirSync(root, { recursive: true, mode: 0o700 })
const layout = openRoot(root)
for (let at = 0; at < blobs; at++) {
  const bytes = Buffer.alloc(BLOB_BYTES, `blob ${at} `)
  writeFileSync(join(root, 'blob'), bytes)
  renameSync(join(root, 'blob'), layout.blob(digestOf(bytes)))
}

/** Hashes `count` megabytes of one warm buffer, a MiB at a time. */
const hashing = `
  const { createHash } = require('node:crypto')
  const { parentPort, workerData } = require('node:worker_threads')
  const buffer = Buffer.alloc(1 << 20, 7)
  const hash = createHash('sha256')
  for (let done = 0; done < workerData; done += buffer.length) hash.update(buffer)
  parentPort.postMessage(hash.digest('hex'))`

async function hashInMemory(total: number): Promise<number> {
  const cores = availableParallelism()
  const started = performance.now()
  await Promise.all(
    Array.from(
      { length: cores },
      () =>
        new Promise((resolve, reject) => {
          const worker = new Worker(hashing, { eval: true, workerData: total / cores })
          worker.once('message', resolve).once('error', reject)
        }),
    ),
  )
  return performance.now() - started
}

const workers = openThreads()
const contentStore = openFsStore({ layout, labels: memoryLabels(), workers })
const total = blobs * BLOB_BYTES
const ratios: number[] = []
for (let round = 0; round < Number(values.rounds); round++) {
  const memoryMs = await hashInMemory(total)
  const started = performance.now()
  const { findings } = await verifyStore({ layout, contentStore, snapshotters: [], workers })
  const verifyMs = performance.now() - started
  if (findings.length > 0) throw new Error(JSON.stringify(findings))
  ratios.push(memoryMs / verifyMs)
  const speed = (ms: number) => `${(total / 1000 / ms).toFixed(0)} MB/s`
  console.error(`hash loop ${speed(memoryMs)}  verify ${speed(verifyMs)}  ${(memoryMs / verifyMs).toFixed(2)}`)
}
await workers.close()
rmSync(root, { recursive: true, force: true })
console.log(`verify reaches ${Math.max(...ratios).toFixed(2)} of the speed of SHA-256 on all cores`)
