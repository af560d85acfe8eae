import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { digestOf, hexOf } from '../../src/spec/digest.ts'
import { openFsStore } from '../../src/store/content/fs.ts'
import { memoryLabels } from '../../src/store/content/labels.ts'
import { isIngest } from '../../src/store/content/store.ts'
import { sweepLayerIndexes, writeLayerIndex } from '../../src/store/layer-indexes.ts'
import { openRoot } from '../../src/store/root.ts'
import { inlineWorkers } from '../../src/system/inline.ts'
import { LOCK_EX, LOCK_NB } from '../../src/system/sys/constants.ts'
import { openSys } from '../../src/system/sys/linux.ts'
import { scratchDirectory } from './scratch.ts'

const fresh = scratchDirectory()
const all = () => true

function scratch(): string {
  const directory = fresh()
  mkdirSync(directory)
  return directory
}

test('writeLayerIndex() replaces the index, and leaves nothing else', () => {
  const directory = scratch()
  const path = join(directory, 'index')
  writeLayerIndex(path, [Buffer.from('one')])
  writeLayerIndex(path, [Buffer.from('an'), Buffer.from('other')])
  assert.deepEqual([readdirSync(directory), readFileSync(path, 'utf8')], [['index'], 'another'])
})

test('writeLayerIndex() that fails leaves nothing', () => {
  const directory = scratch()
  const path = join(directory, 'index')
  mkdirSync(join(path, 'in the way'), { recursive: true })
  assert.throws(() => writeLayerIndex(path, [Buffer.from('one')]))
  assert.deepEqual(readdirSync(directory), ['index'])
})

test('a writer that is killed leaves a file that sweepLayerIndexes() removes', () => {
  const directory = scratch()
  const source = JSON.stringify(new URL('../../src/store/layer-indexes.js', import.meta.url).href)
  const program = `
    import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    import { writeLayerIndex } from ${source}
    fs.renameSync = () => process.kill(process.pid, 'SIGKILL')
    syncBuiltinESMExports()
    writeLayerIndex(${JSON.stringify(join(directory, 'index'))}, [Buffer.from('index')])`
  const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', program])
  assert.equal(signal, 'SIGKILL')
  assert.equal(readdirSync(directory).length, 1)
  assert.equal(sweepLayerIndexes(directory, all), 1)
  assert.deepEqual(readdirSync(directory), [])
})

test('sweepLayerIndexes() leaves what is being written, and takes what nobody needs', () => {
  const directory = scratch()
  for (const name of ['needed', 'orphan']) writeLayerIndex(join(directory, name), [Buffer.from(name)])
  const held = openSync(join(directory, 'needed.abc.new'), 'wx')
  openSys().flock(held, LOCK_EX | LOCK_NB)
  try {
    assert.equal(
      sweepLayerIndexes(directory, name => name === 'needed'),
      1,
    )
    assert.deepEqual(readdirSync(directory).sort(), ['needed', 'needed.abc.new'])
  } finally {
    closeSync(held)
  }
})

test('the content store’s cleanup() keeps the indexes of its blobs alone', async () => {
  const layout = openRoot(fresh())
  const store = openFsStore({ layout, labels: memoryLabels(), workers: inlineWorkers() })
  const digest = digestOf('tar')
  const ingest = await store.ingest('tar', { digest })
  assert(isIngest(ingest))
  await ingest.write(Buffer.from('tar'))
  await ingest.commit()
  writeLayerIndex(layout.index(digest), [Buffer.from('index')])
  writeLayerIndex(layout.index(digestOf('gone')), [Buffer.from('index')])
  writeFileSync(`${layout.index(digest)}.abc.new`, 'half')
  assert.equal(await store.cleanup(), 2)
  assert.deepEqual(readdirSync(layout.indexes('sha256')), [hexOf(digest)])
})
