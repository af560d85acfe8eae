import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { digestOf } from '../../src/spec/digest.ts'
import { ingestKey, type Layout, layoutOf } from '../../src/store/layout.ts'
import { openRoot } from '../../src/store/root.ts'
import { lock } from '../../src/system/locks.ts'
import { scratchDirectory } from './scratch.ts'

const scratch = scratchDirectory()

test('openRoot() makes a store, parents included, for its owner only', () => {
  const layout = openRoot(join(scratch(), 'a', 'b'))
  assert.equal(readFileSync(layout.version, 'utf8'), '1\n')
  for (const directory of [layout.root, ...layout.directories]) assert.equal(statSync(directory).mode & 0o777, 0o700)
})

test('openRoot() makes an empty directory its own, and finishes what a crash left unfinished', () => {
  const root = scratch()
  mkdirSync(join(root, 'blobs'), { recursive: true, mode: 0o755 })
  chmodSync(root, 0o755)
  writeFileSync(join(root, 'version.0123456789ab.new'), '')
  openRoot(root)
  assert.equal(statSync(root).mode & 0o777, 0o700)
  assert.equal(readFileSync(join(root, 'version'), 'utf8'), '1\n')
})

test('openRoot() only reads a store that exists', () => {
  const { root } = openRoot(scratch())
  chmodSync(root, 0o750)
  const before = statSync(root)
  openRoot(root)
  assert.deepEqual([statSync(root).mode, statSync(root).mtimeMs], [before.mode, before.mtimeMs])
})

test('openRoot() refuses a newer format and touches nothing', () => {
  const { root, version } = openRoot(scratch())
  writeFileSync(version, '2\n')
  const before = readdirSync(root, { recursive: true })
  assert.throws(() => openRoot(root), { code: 'UNSUPPORTED' })
  assert.deepEqual(readdirSync(root, { recursive: true }), before)
})

test('openRoot() migrates an older format when nobody uses it, and stays at the old one when that breaks off', async () => {
  const layout = openRoot(scratch())
  writeFileSync(layout.version, '0\n')
  const done: string[] = []
  const broken = new Map([[0, () => assert.fail('broke off')]])
  assert.throws(() => openRoot(layout.root, { migrations: broken }), /broke off/)
  assert.equal(readFileSync(layout.version, 'utf8'), '0\n')
  const migrations = new Map([[0, ({ root }: Layout) => void done.push(root)]])
  const user = await lock(layout.lock('users'), { shared: true })
  assert.throws(() => openRoot(layout.root, { migrations }), { code: 'LOCKED' })
  user.release()
  openRoot(layout.root, { migrations })
  openRoot(layout.root, { migrations })
  assert.deepEqual([done, readFileSync(layout.version, 'utf8')], [[layout.root], '1\n'])
})

test('openRoot() refuses a version it cannot read', () => {
  const { root, version } = openRoot(scratch())
  for (const text of ['', '1', 'one\n', '0\n', '-1\n', '1.5\n', '99999999999\n']) {
    writeFileSync(version, text)
    assert.throws(() => openRoot(root), { code: 'MALFORMED' })
  }
})

test('openRoot() refuses a directory with something else in it', () => {
  const root = scratch()
  mkdirSync(root)
  writeFileSync(join(root, 'letter.txt'), 'dear')
  assert.throws(() => openRoot(root), { code: 'INVALID_ARGUMENT' })
  assert.deepEqual(readdirSync(root), ['letter.txt'])
})

test('openRoot() refuses network file systems, before and after', () => {
  const nfs = { fileSystemType: () => 0x6969 }
  const root = scratch()
  assert.throws(() => openRoot(root, nfs), { code: 'UNSUPPORTED', message: /NFS/ })
  assert.deepEqual(readdirSync(root), [])
  openRoot(root)
  assert.throws(() => openRoot(root, nfs), { code: 'UNSUPPORTED' })
})

test('openRoot() says which option chooses another directory when access is denied', () => {
  const file = scratch('file')
  writeFileSync(file, '')
  assert.throws(() => openRoot(join(file, 'root')), { code: 'DENIED', hint: /--root/ })
})

test('openRoot() by many processes at once makes one store', () => {
  const root = scratch()
  const module = new URL('../../src/store/root.js', import.meta.url).href
  const script = `const { openRoot } = await import(${JSON.stringify(module)}); openRoot(${JSON.stringify(root)})`
  const shell =
    'for i in 1 2 3 4 5 6; do "$0" --input-type=module -e "$1" & all="$all $!"; done; for one in $all; do wait $one || exit; done'
  assert.equal(spawnSync('bash', ['-c', shell, process.execPath, script], { stdio: 'inherit' }).status, 0)
  assert.deepEqual(readdirSync(root).toSorted(), [
    'blobs',
    'db',
    'images',
    'indexes',
    'ingest',
    'locks',
    'snapshots',
    'version',
  ])
})

test('Layout.ingest() keeps any key inside its directory, and ingestKey() reads it again', () => {
  const layout = layoutOf('/r')
  for (const key of [`layer-${digestOf('')}`, '.', '..', '../x', 'a/b', '%2E', 'ü']) {
    const path = layout.ingest(key)
    assert.equal(join(path, '..'), layout.ingests)
    assert.equal(ingestKey(path.slice(layout.ingests.length + 1)), key)
  }
  assert.equal(ingestKey('%zz'), undefined)
  assert.equal(ingestKey('a.b'), undefined)
})
