import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../src/spec/digest.ts'
import { openRoot } from '../../src/store/root.ts'
import { type Errno, type Fault, runAt } from '../crash/at-call.ts'
import { scratchDirectory } from './scratch.ts'

const scratch = scratchDirectory()
const source = (file: string) => JSON.stringify(new URL(`../../src/store/${file}`, import.meta.url).href)

/** Changes a label twice in one commit, and once in the next, then says how that ended. */
const script = (root: string, label: string) => `
  const { setImmediate } = await import('node:timers/promises')
  const { openDb } = await import(${source('db.js')})
  const { openRoot } = await import(${source('root.js')})
  const { lmdbLabels } = await import(${source('content/lmdb-labels.js')})
  const db = openDb(openRoot(${JSON.stringify(root)}))
  const change = value => lmdbLabels(db).change(${JSON.stringify(digestOf('blob'))}, { ${label}: value })
  const ended = await Promise.allSettled([change('1'), change('2'), setImmediate().then(() => change('3'))])
  await db.close()
  console.log(...new Set(ended.map(({ reason }) => reason?.code ?? reason?.message ?? 'done')))`

const expected: Partial<Record<Errno, string>> = { ENOSPC: 'NO_SPACE', EDQUOT: 'NO_SPACE', EIO: 'EIO' }

for (const [what, code] of Object.entries(expected) as [Errno, string][]) {
  test(`transaction() that ends in ${what} says ${code}, and nothing else is left to fail`, async () => {
    const root = scratch()
    openRoot(root)
    const change = (label: string, fault?: Fault) =>
      runAt([process.execPath, '--input-type=module', '-e', script(root, label)], {
        report: `${root}/report`,
        ...(fault && { fault }),
      })
    await change('made')
    const { calls } = await change('counted')
    let reached = 0
    for (let at = 1; at <= calls; at++) {
      const { hit, status, stdout, stderr } = await change(`l${at}`, { at, what, on: true })
      // Opening it is another matter: LMDB itself dies when that fails half-way.
      if (hit?.path !== `${root}/db/data.mdb` || hit.name === 'openat') continue
      reached++
      assert.deepEqual([status, stdout], [0, `${code}\n`], `${hit.name}: ${stderr}`)
    }
    assert.ok(reached > 0)
  })
}
