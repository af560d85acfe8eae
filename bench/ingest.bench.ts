/**
 * How fast bytes from memory become a committed blob: `node build/bench/ingest.bench.js [MEBIBYTES] [INGESTS]`.
 * Prints MB/s until it is durable, MB/s until the last byte was accepted, and the growth of peak memory.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { digestFrom, newHash } from '../src/spec/digest.ts'
import { openFsStore } from '../src/store/content/fs.ts'
import { memoryLabels } from '../src/store/content/labels.ts'
import { isIngest } from '../src/store/content/store.ts'
import { openRoot } from '../src/store/root.ts'
import { openThreads } from '../src/system/threads.ts'

/** What a socket gives at a time. */
const CHUNK_BYTES = 64 << 10

const [mebibytes = 1024, ingests = 1] = process.argv.slice(2).map(Number)
const source = randomBytes(64 << 20)
const size = mebibytes * 2 ** 20

const hash = newHash()
for (let at = 0; at < size; at += source.length) hash.update(source.subarray(0, Math.min(source.length, size - at)))
const digest = digestFrom(hash)

const scratch = mkdtempSync(join(tmpdir(), 'davit-bench-'))
const workers = openThreads()
const idle = process.resourceUsage().maxRSS
const begun = performance.now()
const accepted = await Promise.all(Array.from({ length: ingests }, (_, index) => ingestOne(join(scratch, `${index}`))))
const ended = performance.now()
const rate = (until: number) => `${Math.round((size * ingests) / 1000 / (until - begun))} MB/s`
const grown = Math.round((process.resourceUsage().maxRSS - idle) / 1024)
console.log(
  `ingest ${ingests} × ${mebibytes} MiB: ${rate(ended)} durable, ${rate(Math.max(...accepted))} accepted, +${grown} MiB`,
)
await workers.close()
rmSync(scratch, { recursive: true })

/** Resolves to when the last byte was accepted. A store each, so that none finds the other's blob. */
async function ingestOne(root: string): Promise<number> {
  const store = openFsStore({ layout: openRoot(root), labels: memoryLabels(), workers })
  const ingest = await store.ingest('key', { digest, size })
  if (!isIngest(ingest)) throw new Error('The store should have been empty')
  while (ingest.offset < size) {
    const at = ingest.offset % source.length
    await ingest.write(source.subarray(at, Math.min(at + CHUNK_BYTES, at + size - ingest.offset)))
  }
  const now = performance.now()
  await ingest.commit()
  return now
}
