import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { keysOf, type Subject } from './snapshotter.ts'

const source = (path: string) => JSON.stringify(new URL(`../../src/${path}.js`, import.meta.url).href)

/** Other processes: several at once, and such as die in the middle. */
export function crashTests({ name, takes, tars, layer, open }: Subject): void {
  /** Starts a process that runs `script` with `snapshotter` over `directory`, and `fs` to set traps in. */
  function start(directory: string, script: string) {
    const program = `
      import fs from 'node:fs'
      import { syncBuiltinESMExports } from 'node:module'
      import { openSnapshotter } from ${source('rootfs/index')}
      import { inlineWorkers } from ${source('system/inline')}
      const die = () => process.kill(process.pid, 'SIGKILL')
      const dieAt = (call, which) => {
        const real = fs[call]
        fs[call] = (...words) => which(words) ? die() : real(...words)
        syncBuiltinESMExports()
      }
      const directory = ${JSON.stringify(directory)}
      const inline = inlineWorkers()
      const isImage = fd => fs.readlinkSync('/proc/self/fd/' + fd).endsWith('rootfs.erofs')
      const dieAtTask = name => { workers.run = (task, ...rest) => task.name === name ? die() : inline.run(task, ...rest) }
      const workers = { ...inline }
      const place = kind => diffId => ${JSON.stringify(tars.directory)} + '/' + kind + '/' + diffId.slice('sha256:'.length)
      const options = { directory, workers, tar: place('tars'), index: place('indexes') }
      const snapshotter = await openSnapshotter(${JSON.stringify(name)}, options)
      const diffIds = ${JSON.stringify([layer('file')])}
      ${script}`
    return spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['pipe', 'pipe', 'inherit'] })
  }

  async function crash(directory: string, script: string): Promise<void> {
    const [, signal] = await once(start(directory, script), 'exit')
    assert.equal(signal, 'SIGKILL', 'the trap was not reached')
  }

  const transient = (directory: string) => readdirSync(directory).filter(entry => /^(new|rm)-/.test(entry))

  test('turn() is one at a time for a name, ends with its process, and cleanup() removes what that left', async () => {
    const { snapshotter, directory } = open()
    const turns = () => readdirSync(directory).filter(entry => entry.startsWith('.turn-'))
    await crash(directory, `await snapshotter.turn('name'); die()`)
    assert.equal(turns().length, 1)
    const turn = await snapshotter.turn('name', { timeoutMs: 0 })
    await assert.rejects(snapshotter.turn('name', { timeoutMs: 0 }), { code: 'LOCKED' })
    await snapshotter.cleanup()
    await assert.rejects(snapshotter.turn('name', { timeoutMs: 0 }), { code: 'LOCKED' })
    const other = await snapshotter.turn('other', { timeoutMs: 0 })
    for (const one of [turn, other]) one.release()
    assert.deepEqual(turns(), [])
    await crash(directory, `await snapshotter.turn('name'); die()`)
    await snapshotter.cleanup()
    assert.deepEqual(turns(), [])
  })

  test('prepare() that dies before its rename leaves nothing visible, and cleanup() removes it', async () => {
    const { snapshotter, directory } = open()
    await crash(
      directory,
      `dieAt('renameSync', ([from]) => /new-[0-9a-f]+$/.test(from)); await snapshotter.prepare('key')`,
    )
    assert.deepEqual(await keysOf(snapshotter), [])
    assert.equal(transient(directory).length, 1)
    assert.equal(await snapshotter.cleanup(), 1)
    assert.deepEqual(transient(directory), [])
    await snapshotter.prepare('key', undefined)
  })

  test('commit() that dies at any step leaves the active snapshot, which commits again', async () => {
    const steps = [
      ...(takes === 'layers'
        ? [`dieAtTask('buildImageTask')`, `dieAt('fsyncSync', () => true)`, `dieAt('fsyncSync', ([fd]) => isImage(fd))`]
        : [`dieAtTask('syncFileSystemTask')`]),
      `dieAt('renameSync', ([from]) => from.includes('record.json'))`,
      `dieAt('renameSync', ([from]) => /\\/[0-9a-f]{32}$/.test(from))`,
    ]
    for (const step of steps) {
      const { snapshotter, directory } = open()
      await snapshotter.prepare('key', undefined, { labels: { a: '1' } })
      await crash(directory, `${step}; await snapshotter.commit('name', 'key', { labels: { b: '2' }, diffIds })`)
      const { kind, labels } = await snapshotter.stat('key')
      assert.deepEqual([kind, labels], ['active', { a: '1' }], step)
      assert.deepEqual(await keysOf(snapshotter), ['key'], step)
      await snapshotter.cleanup()
      await snapshotter.commit('name', 'key', { diffIds: [layer('file')] })
      assert.deepEqual(await keysOf(snapshotter), ['name'], step)
    }
  })

  test('remove() that dies while deleting has removed', async () => {
    const { snapshotter, directory, commitFile } = open()
    await commitFile('name')
    await crash(directory, `dieAtTask('removeTreeTask'); await snapshotter.remove('name')`)
    assert.deepEqual(await keysOf(snapshotter), [])
    assert.equal(await snapshotter.cleanup(), 1)
    assert.deepEqual(transient(directory), [])
  })

  test('cleanup() leaves what a living process is making', async () => {
    const { snapshotter, directory } = open()
    const script = `
      const { openStaging } = await import(${source('rootfs/staging')})
      openStaging(directory)
      console.log('made')
      process.stdin.resume()`
    const maker = start(directory, script)
    await once(maker.stdout, 'data')
    assert.equal(await snapshotter.cleanup(), 0)
    assert.equal(transient(directory).length, 1)
    maker.kill('SIGKILL')
    await once(maker, 'exit')
    assert.equal(await snapshotter.cleanup(), 1)
  })

  test('a directory whose record is none is no snapshot, and gives way', async () => {
    const { snapshotter, directory } = open()
    await snapshotter.prepare('key', undefined)
    const [id = ''] = readdirSync(directory).filter(entry => /^[0-9a-f]{32}$/.test(entry))
    for (const record of ['', '{', '{}', JSON.stringify({ key: 'other' })]) {
      writeFileSync(join(directory, id, 'record.json'), record)
      await assert.rejects(snapshotter.stat('key'), { code: 'NOT_FOUND' })
      await snapshotter.prepare('key', undefined)
    }
    mkdirSync(join(directory, 'f'.repeat(32)))
    assert.equal(await snapshotter.cleanup(), 5)
    assert.deepEqual(await keysOf(snapshotter), ['key'])
  })

  test('of two processes that commit one name, one gets ALREADY_EXISTS and keeps its snapshot', async () => {
    const { snapshotter, directory } = open()
    const script = (key: string) => `
      await snapshotter.prepare('${key}')
      console.log('ready')
      await new Promise(resolve => process.stdin.once('data', resolve))
      await snapshotter.commit('name', '${key}', { diffIds }).then(() => console.log('won'), error => console.log(error.code))
      process.exit()`
    const racers = ['one', 'two'].map(key => start(directory, script(key)))
    await Promise.all(racers.map(racer => once(racer.stdout, 'data')))
    const outcomes = Promise.all(racers.map(async racer => String((await once(racer.stdout, 'data'))[0]).trim()))
    for (const racer of racers) racer.stdin.write('go\n')
    const words = await outcomes
    assert.deepEqual([...words].sort(), ['ALREADY_EXISTS', 'won'])
    const loser = words[0] === 'won' ? 'two' : 'one'
    assert.deepEqual(await keysOf(snapshotter), ['name', loser].sort())
    await snapshotter.remove(loser)
  })
}
