import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { release } from 'node:os'
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

/** For snapshots of layers: none are asked for here. */
const layers = { tar: () => '', index: () => '' }

/** As if this kernel had been seen to refuse EROFS there. */
function withoutErofs(directory: string): string {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, '.erofs'), JSON.stringify({ kernel: release(), obstacle: 'not today' }))
  return directory
}

test('openSnapshotter() opens each by its name, and refuses others', async () => {
  for (const name of snapshotterNames) {
    assert.equal((await openSnapshotter(name, { directory: join(scratch, name), workers, ...layers })).name, name)
  }
  for (const name of ['', 'zfs', 'toString']) {
    await assert.rejects(openSnapshotter(name, { directory: scratch, workers, ...layers }), {
      code: 'INVALID_ARGUMENT',
      hint: 'there are erofs, overlayfs, native',
    })
  }
})

test('openSnapshotter() without a name takes erofs, and remembers how this kernel mounts it', async () => {
  const directory = join(scratch, 'best')
  assert.equal((await openSnapshotter(undefined, { directory, workers, ...layers })).name, 'erofs')
  assert.deepEqual(
    readdirSync(directory).filter(name => name !== '.lock'),
    asRoot ? ['.erofs'] : [],
  )
})

test('openSnapshotter() says why root gets overlayfs', { skip: needsRoot }, async () => {
  const warnings: string[] = []
  const directory = withoutErofs(join(scratch, 'no-erofs'))
  const options = { directory, workers, ...layers, onWarning: (line: string) => warnings.push(line) }
  assert.equal((await openSnapshotter(undefined, options)).name, 'overlayfs')
  assert.match(warnings.join('\n'), /^overlayfs snapshots, for this kernel can't mount erofs .*not today/)
})

test('openSnapshotter() says why root gets native', { skip: needsRoot }, async () => {
  const [lower = '', upper = '', work = ''] = ['lower', 'upper', 'work'].map(name => join(scratch, name))
  for (const path of [lower, upper, work]) mkdirSync(path)
  const overlay: Mount = { type: 'overlay', source: 'overlay', options: formatOverlay({ lower: [lower], upper, work }) }
  // An overlay can't have its upper directory on another.
  await mounted(scratch, [overlay], async root => {
    const warnings: string[] = []
    const directory = withoutErofs(join(root, 'snapshots'))
    const options = { directory, workers, ...layers, onWarning: (line: string) => warnings.push(line) }
    assert.equal((await openSnapshotter(undefined, options)).name, 'native')
    assert.match(warnings.join('\n'), /^native snapshots, .*nor overlays: Cannot mount/)
  })
})

test('two snapshotters share a directory and not their keys', async () => {
  const directory = join(scratch, 'shared')
  const [one, two] = [
    await openSnapshotter('overlayfs', { directory, workers, ...layers }),
    await openSnapshotter('native', { directory, workers, ...layers }),
  ]
  await one.prepare('key', undefined)
  await assert.rejects(two.stat('key'), { code: 'NOT_FOUND' })
  await two.prepare('key', undefined)
  await one.remove('key')
  assert.equal(await one.cleanup(), 0)
  assert.equal((await two.stat('key')).kind, 'active')
})

test('overlayObstacle() tells ordinary users what they lack', () => {
  if (asRoot) process.seteuid?.(65_534)
  try {
    assert.equal(overlayObstacle(join(scratch, 'theirs')), 'mounting needs root')
  } finally {
    if (asRoot) process.seteuid?.(0)
  }
})
