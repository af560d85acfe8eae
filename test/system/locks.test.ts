import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { writeFileDurably } from '../../src/system/files.ts'
import { lock } from '../../src/system/locks.ts'

const scratch = mkdtempSync(join(tmpdir(), 'davit-locks-'))
after(() => rmSync(scratch, { recursive: true, force: true }))

test('lock() excludes, times out with LOCKED, and says when it waits', async () => {
  const path = join(scratch, 'exclusive')
  const held = await lock(path)
  let waits = 0
  await assert.rejects(lock(path, { timeoutMs: 150, onWait: () => waits++ }), { code: 'LOCKED' })
  assert.equal(waits, 1)
  held.release()
  ;(await lock(path, { timeoutMs: 0 })).release()
})

test('lock() shares when asked to', async () => {
  const path = join(scratch, 'shared')
  const [one, two] = [await lock(path, { shared: true }), await lock(path, { shared: true, timeoutMs: 0 })]
  await assert.rejects(lock(path, { timeoutMs: 0 }), { code: 'LOCKED' })
  one.release()
  two.release()
})

test('lock() stops waiting when the signal says so', async () => {
  const path = join(scratch, 'cancelled')
  const held = await lock(path)
  const abort = new AbortController()
  const waiting = lock(path, { signal: abort.signal, onWait: () => abort.abort(new Error('enough')) })
  await assert.rejects(waiting, { message: 'enough' })
  held.release()
})

test('lock() is free again when its holder is killed', async () => {
  const path = join(scratch, 'killed')
  const module = new URL('../../src/system/locks.js', import.meta.url).href
  const script = `const { lock } = await import(${JSON.stringify(module)}); await lock(${JSON.stringify(path)}); console.log('held'); setInterval(() => {}, 1e6)`
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(holder.stdout, 'data')
  await assert.rejects(lock(path, { timeoutMs: 0 }), { code: 'LOCKED' })
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  ;(await lock(path, { timeoutMs: 1000 })).release()
})

test('writeFileDurably() replaces the file whole and leaves nothing else', () => {
  const path = join(scratch, 'file')
  writeFileDurably(path, 'one')
  writeFileDurably(path, 'two')
  assert.equal(readFileSync(path, 'utf8'), 'two')
})
