/**
 * A process that brings one blob into a store: `node ingest-child.js ROOT MEBIBYTES [STOP_AFTER]`. Prints a JSON line
 * for what it finds and one for how it ends; after STOP_AFTER mebibytes it hangs with the rest unwritten.
 */
import { hasCode, ImageError } from '../../../src/errors.ts'
import { digestFrom, newHash } from '../../../src/spec/digest.ts'
import { openFsStore } from '../../../src/store/content/fs.ts'
import { lmdbLabels } from '../../../src/store/content/lmdb-labels.ts'
import { isIngest, type Want } from '../../../src/store/content/store.ts'
import { openDb } from '../../../src/store/db.ts'
import { openRoot } from '../../../src/store/root.ts'
import { openThreads } from '../../../src/system/threads.ts'

const MiB = 1 << 20

export function pattern(mebibyte: number): Buffer {
  return Buffer.alloc(MiB, `mebibyte ${mebibyte}.`)
}

export function patternBlob(mebibytes: number): Required<Want> {
  const hash = newHash()
  for (let index = 0; index < mebibytes; index += 1) hash.update(pattern(index))
  return { digest: digestFrom(hash), size: mebibytes * MiB }
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

async function main(root: string, mebibytes: number, stopAfter: number): Promise<void> {
  const layout = openRoot(root)
  const workers = openThreads({ size: 1 })
  const db = openDb(layout)
  const store = openFsStore({ layout, labels: lmdbLabels(db), workers })
  const ingest = await store.ingest('key', patternBlob(mebibytes), { onWait: () => say({ waiting: true }) })
  if (isIngest(ingest)) {
    say({ offset: ingest.offset })
    while (ingest.offset < mebibytes * MiB) {
      if (ingest.offset >= stopAfter * MiB) await new Promise(() => setInterval(() => {}, 1000))
      const mebibyte = Math.floor(ingest.offset / MiB)
      await ingest.write(pattern(mebibyte).subarray(ingest.offset % MiB))
    }
    await ingest.commit({ by: String(process.pid) })
  }
  say({ done: isIngest(ingest) ? 'written' : 'found' })
  await workers.close()
  await db.close()
}

const [, program, root = '', mebibytes = '', stopAfter = 'Infinity'] = process.argv
if (program?.endsWith('ingest-child.js')) {
  await main(root, Number(mebibytes), Number(stopAfter)).catch(error => {
    say({ failed: error instanceof ImageError ? error.code : String(error), full: hasCode(error, 'NO_SPACE') })
    process.exit(1)
  })
}
