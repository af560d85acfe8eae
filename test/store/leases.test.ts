import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openFsLeases } from '../../src/store/fs-leases.ts'
import { openMemoryLeases } from '../../src/store/memory-leases.ts'
import { openRoot } from '../../src/store/root.ts'
import { leasesSuite } from '../conformance/leases.ts'
import { scratchDirectory } from './scratch.ts'

const scratch = scratchDirectory()

leasesSuite('fs', () => openFsLeases(openRoot(scratch())))
leasesSuite('memory', openMemoryLeases)

test('a lease ends with its process, and the next collection removes it', async () => {
  const layout = openRoot(scratch())
  const leases = openFsLeases(layout)
  const source = (file: string) => JSON.stringify(new URL(`../../src/store/${file}`, import.meta.url).href)
  const script = `
    const { openFsLeases } = await import(${source('fs-leases.js')})
    const { openRoot } = await import(${source('root.js')})
    const lease = await openFsLeases(openRoot(${JSON.stringify(layout.root)})).hold()
    await lease.add({ kind: 'content', id: 'sha256:abc' })
    console.log('held')
    setInterval(() => {}, 1e6)`
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(holder.stdout, 'data')
  assert.deepEqual(await leases.live(), [{ kind: 'content', id: 'sha256:abc' }])
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  assert.deepEqual(await leases.live(), [])
  const remembered = await leases.remember()
  assert.deepEqual(await remembered.resources(), [])
  assert.deepEqual(readdirSync(layout.leases), [])
  await remembered.forget()
})

test('end() leaves its file to a collection that runs, which removes it', async () => {
  const layout = openRoot(scratch())
  const leases = openFsLeases(layout)
  const lease = await leases.hold()
  const remembered = await leases.remember()
  await lease.end()
  assert.equal(readdirSync(layout.leases).length, 1)
  await remembered.forget()
  assert.deepEqual(readdirSync(layout.leases), [])
})

test('end() of a lease whose file can’t be removed frees what it held', async () => {
  const layout = openRoot(scratch())
  const leases = openFsLeases(layout)
  const lease = await leases.hold()
  await lease.add({ kind: 'content', id: 'sha256:abc' })
  for (const name of readdirSync(layout.leases)) rmSync(join(layout.leases, name))
  await lease.end()
  assert.deepEqual(await leases.live(), [])
})
