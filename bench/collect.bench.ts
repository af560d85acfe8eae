/**
 * How long a collection keeps pulls waiting: one thread leases, over and over, while a large store is collected.
 *
 * usage: node build/bench/collect.bench.js [--images N] [--strays N] [--rounds N] [--scratch DIR]
 *
 * Each image has a manifest, a config and five layers of its own; strays are blobs that nobody needs. Prints the longest
 * wait for a lease, in ms, and how long the collections took.
 */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { digestOf } from '../src/spec/digest.ts'
import { mediaTypes } from '../src/spec/media-types.ts'
import { openFsStore } from '../src/store/content/fs.ts'
import { lmdbLabels } from '../src/store/content/lmdb-labels.ts'
import { openDb } from '../src/store/db.ts'
import { openFsImages } from '../src/store/fs-images.ts'
import { openFsLeases } from '../src/store/fs-leases.ts'
import { collect } from '../src/store/gc/sweep.ts'
import { openRoot } from '../src/store/root.ts'
import { inlineWorkers } from '../src/system/inline.ts'

const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '300' },
    strays: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '5' },
    scratch: { type: 'string', default: '/tmp/davit-bench' },
  },
})
const LEASE_EVERY_MS = 2
const root = join(values.scratch, 'collect')
rmSync(root, { recursive: true, force: true })
const layout = openRoot(root)
const db = openDb(layout)
const labels = lmdbLabels(db)
const store = openFsStore({ layout, labels, workers: inlineWorkers() })
const [images, leases] = [openFsImages(layout, { durable: false }), openFsLeases(layout)]

function put(text: string) {
  const digest = digestOf(text)
  writeFileSync(layout.blob(digest), text)
  return { mediaType: mediaTypes.ociLayer, digest, size: text.length }
}

for (let at = 0; at < Number(values.images); at++) {
  const config = put(`config ${at}`)
  const layers = Array.from({ length: 5 }, (_, n) => put(`layer ${at} ${n}`))
  const manifest = { ...put(JSON.stringify({ schemaVersion: 2, config, layers })), mediaType: mediaTypes.ociManifest }
  const platform = { os: 'linux', architecture: 'amd64' }
  await images.set({ reference: `localhost/image:${at}`, platform, manifest, target: manifest, size: 5 })
}

/** The longest wait for a lease, in ms, until `work` is done. */
async function longestWait(work: Promise<unknown>): Promise<number> {
  let [isDone, longest] = [false, 0]
  void work.finally(() => {
    isDone = true
  })
  const lease = await leases.hold()
  for (let at = 0; !isDone; at++) {
    const begun = performance.now()
    await lease.add({ kind: 'content', id: digestOf(`wanted ${at}`) })
    longest = Math.max(longest, performance.now() - begun)
    await sleep(LEASE_EVERY_MS)
  }
  await lease.end()
  return longest
}

const waits: number[] = []
for (let round = 0; round < Number(values.rounds); round++) {
  for (let at = 0; at < Number(values.strays); at++) {
    const { digest } = put(`stray ${round} ${at}`)
    await labels.change(digest, { stray: String(at) })
  }
  const begun = performance.now()
  const collecting = collect({ store, images, leases, snapshotters: [] })
  const wait = await longestWait(collecting)
  const { blobs } = await collecting
  waits.push(wait)
  console.error(
    `${blobs.length} blobs went in ${(performance.now() - begun).toFixed(0)} ms; waited ${wait.toFixed(0)} ms`,
  )
}
await db.close()
rmSync(root, { recursive: true, force: true })
console.log(`a lease waits ${Math.max(...waits).toFixed(0)} ms at most`)
