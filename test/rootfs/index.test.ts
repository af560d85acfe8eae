import assert from 'node:assert/strict'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openSnapshotter, snapshotterNames } from '../../src/rootfs/index.ts'
import type { Mount } from '../../src/rootfs/mounts.ts'
import { formatOverlay } from '../../src/rootfs/overlay-mount.ts'
import { overlayObstacle } from '../../src/rootfs/overlay-support.ts'
import { inlineWorkers } from '../../src/system/inline.ts'
import { asRoot, makeScratch, mounted, needsRoot } from '../conformance/scratch.ts'

const scratch = makeScratch('snapshotters')
const workers = inlineWorkers()

test('openSnapshotter() opens each by its name, and refuses others', () => {
  for (const name of snapshotterNames) {
    assert.equal(openSnapshotter(name, { directory: join(scratch, name), workers }).name, name)
  }
  for (const name of ['', 'zfs', 'toString']) {
    assert.throws(() => openSnapshotter(name, { directory: scratch, workers }), {
      code: 'INVALID_ARGUMENT',
      hint: 'there are overlayfs, native',
    })
  }
})

test('openSnapshotter() without a name takes overlayfs where root can mount it, else native', () => {
  const directory = join(scratch, 'best')
  assert.equal(openSnapshotter(undefined, { directory, workers }).name, asRoot ? 'overlayfs' : 'native')
  assert.deepEqual(readdirSync(directory), [])
})

test('openSnapshotter() says why root gets native', { skip: needsRoot }, async () => {
  const [lower = '', upper = '', work = ''] = ['lower', 'upper', 'work'].map(name => join(scratch, name))
  for (const path of [lower, upper, work]) mkdirSync(path)
  const overlay: Mount = { type: 'overlay', source: 'overlay', options: formatOverlay({ lower: [lower], upper, work }) }
  // An overlay can't have its upper directory on another.
  await mounted(scratch, [overlay], root => {
    const warnings: string[] = []
    const options = { directory: join(root, 'snapshots'), workers, onWarning: (line: string) => warnings.push(line) }
    assert.equal(openSnapshotter(undefined, options).name, 'native')
    assert.match(warnings.join('\n'), /^native snapshots, for overlays can't be kept in .*: Cannot mount/)
  })
})

test('two snapshotters share a directory and not their keys', async () => {
  const directory = join(scratch, 'shared')
  const [one, two] = [
    openSnapshotter('overlayfs', { directory, workers }),
    openSnapshotter('native', { directory, workers }),
  ]
  await one.prepare('key', undefined)
  await assert.rejects(two.stat('key'), { code: 'NOT_FOUND' })
  await two.prepare('key', undefined)
  await one.remove('key')
  assert.equal(await one.cleanup(), 0)
  assert.equal((await two.stat('key')).kind, 'active')
})

test('overlayObstacle() tells ordinary users what they lack', { skip: asRoot ? 'this is root' : false }, () => {
  assert.equal(overlayObstacle(scratch), 'mounting needs root')
})
