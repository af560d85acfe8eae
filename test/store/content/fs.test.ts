import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { openFsStore } from '../../../src/store/content/fs.ts'
import { lmdbLabels } from '../../../src/store/content/lmdb-labels.ts'
import { openDb } from '../../../src/store/db.ts'
import { openRoot } from '../../../src/store/root.ts'
import { openThreads } from '../../../src/system/threads.ts'
import { contentStoreSuite } from '../../conformance/content-store.ts'

const scratch = mkdtempSync(join(tmpdir(), 'davit-store-'))
const workers = openThreads()
after(async () => {
  await workers.close()
  rmSync(scratch, { recursive: true, force: true })
})

let roots = 0
contentStoreSuite('fs', () => {
  const layout = openRoot(join(scratch, `root${roots++}`))
  const db = openDb(layout)
  const store = openFsStore({ layout, labels: lmdbLabels(db), workers })
  return {
    ...store,
    async close() {
      await store.close()
      await db.close()
    },
  }
})
