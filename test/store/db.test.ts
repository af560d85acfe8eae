import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { digestOf } from '../../src/spec/digest.ts'
import { lmdbLabels } from '../../src/store/content/lmdb-labels.ts'
import { openDb } from '../../src/store/db.ts'
import { checkDbFile } from '../../src/store/db-file.ts'
import { openRoot } from '../../src/store/root.ts'
import { needsRoot } from '../conformance/scratch.ts'
import { command } from '../support/command.ts'
import { scratchDirectory } from './scratch.ts'

const scratch = scratchDirectory()
const digest = digestOf('blob')

test('openDb() keeps what was written, and loads nothing before it is asked', async () => {
  const layout = openRoot(scratch())
  const unused = openDb(layout)
  await unused.close()
  const first = openDb(layout)
  await lmdbLabels(first).change(digest, { a: '1' })
  await first.close()
  const second = openDb(layout)
  assert.deepEqual(await lmdbLabels(second).get(digest), { a: '1' })
  await second.close()
})

test('openDb() says which directory is damaged', async () => {
  const layout = openRoot(scratch())
  for (const content of [Buffer.alloc(20_000, 'junk'), Buffer.alloc(20_000), Buffer.alloc(100)]) {
    writeFileSync(join(layout.db, 'data.mdb'), content)
    const db = openDb(layout)
    await assert.rejects(lmdbLabels(db).get(digest), { code: 'MALFORMED', details: { what: layout.db } })
    await db.close()
  }
})

test('openDb() refuses a file that was cut short anywhere, and leaves the process alive', async () => {
  const layout = openRoot(scratch())
  const db = openDb(layout)
  const labels = lmdbLabels(db)
  await Promise.all(Array.from({ length: 200 }, (_, at) => labels.change(digestOf(String(at)), { a: 'x'.repeat(99) })))
  await db.close()
  const file = join(layout.db, 'data.mdb')
  const whole = readFileSync(file)
  assert.ok(whole.length > 10 * 4096)
  for (let size = 4096; size < whole.length; size += 4096) {
    writeFileSync(file, whole.subarray(0, size))
    const cut = openDb(layout)
    await assert.rejects(lmdbLabels(cut).get(digest), { code: 'MALFORMED', hint: /davit rebuild/ })
    await cut.close()
  }
})

test('checkDbFile() takes no file that another process is adding to for one that was cut short', async () => {
  const layout = openRoot(scratch())
  const source = JSON.stringify(new URL('../../src/store/', import.meta.url).href)
  const script = `
    const { openDb } = await import(${source} + 'db.js')
    const { openRoot } = await import(${source} + 'root.js')
    const db = openDb(openRoot(${JSON.stringify(layout.root)}), { durable: false })
    const table = await db.table('t')
    console.log('made')
    for (let at = 0; at < 400; at++) await db.transaction(() => table.put('k' + at, 'x'.repeat(6000)))
    await db.close()`
  const adding = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(adding, 'exit')
  await once(adding.stdout, 'data')
  while (adding.exitCode === null) {
    for (let check = 0; check < 200; check++) checkDbFile(layout.db)
    await setImmediate()
  }
  assert.deepEqual(await ended, [0, null])
})

test('labels are shared between processes', async () => {
  const layout = openRoot(scratch())
  const db = openDb(layout)
  const labels = lmdbLabels(db)
  await labels.change(digest, { a: '1' })
  const source = (file: string) => JSON.stringify(new URL(`../../src/store/${file}`, import.meta.url).href)
  const script = `
    const { openDb } = await import(${source('db.js')})
    const { openRoot } = await import(${source('root.js')})
    const { lmdbLabels } = await import(${source('content/lmdb-labels.js')})
    const db = openDb(openRoot(${JSON.stringify(layout.root)}))
    await lmdbLabels(db).change(${JSON.stringify(digest)}, { b: '2' })
    process.kill(process.pid, 'SIGKILL')`
  spawnSync(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' })
  assert.deepEqual(await labels.get(digest), { a: '1', b: '2' })
  await labels.change(digest, { c: '3' })
  await db.close()
})

test('openDb() on a full disk makes nothing, and ends with NO_SPACE', { skip: needsRoot }, async () => {
  const disk = scratch()
  mkdirSync(disk)
  command('mount', '-t', 'tmpfs', '-o', 'size=200k', 'davit-test', disk)
  const layout = openRoot(join(disk, 'store'))
  const db = openDb(layout)
  try {
    await assert.rejects(lmdbLabels(db).get(digest), { code: 'NO_SPACE' })
    assert.deepEqual(readdirSync(layout.db), [])
  } finally {
    await db.close()
    command('umount', disk)
  }
})

test('transaction() on a full disk ends with NO_SPACE, also when LMDB is the first to notice', {
  skip: needsRoot,
}, async () => {
  const disk = scratch()
  mkdirSync(disk)
  command('mount', '-t', 'tmpfs', '-o', 'size=400k', 'davit-test', disk)
  const db = openDb(openRoot(join(disk, 'store')))
  try {
    const table = await db.table<string, string>('labels')
    const fill = async (options: { removes: boolean }) => {
      for (let key = 0; key < 200; key++)
        await db.transaction(() => void table.put(String(key), 'x'.repeat(3_000)), options)
    }
    await assert.rejects(fill({ removes: false }), { code: 'NO_SPACE' })
    await assert.rejects(fill({ removes: true }), { code: 'NO_SPACE' })
  } finally {
    await db.close()
    command('umount', disk)
  }
})
