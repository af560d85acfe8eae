import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { mountPointsIn, mountsOf, readMountTable } from '../../src/rootfs/mount-table.ts'
import { isMounted, type Mount, mountAll, unmount } from '../../src/rootfs/mounts.ts'
import { formatOverlay, parseOverlay } from '../../src/rootfs/overlay-mount.ts'
import { systemError } from '../../src/system/sys/errno.ts'
import { openSys } from '../../src/system/sys/linux.ts'
import { makeScratch, mounted, needsRoot } from '../conformance/scratch.ts'

const scratch = makeScratch('mounts')
const skip = needsRoot

function makeDirectory(...names: readonly string[]): string {
  const path = join(scratch, ...names)
  mkdirSync(path, { recursive: true })
  return path
}

/** An overlay of `count` directories in `base`, the first the nearest, each with a file of its number. */
function overlayOf(base: string, count: number, { writable = false } = {}): Mount {
  const lower = Array.from({ length: count }, (_, n) => join(base, `${n}`))
  for (const [n, path] of lower.entries()) {
    mkdirSync(path, { recursive: true })
    writeFileSync(join(path, `${n}`), '')
    writeFileSync(join(path, 'nearest'), `${n}`)
  }
  const [upper, work] = [join(base, 'upper'), join(base, 'work')]
  for (const path of [upper, work]) mkdirSync(path)
  const options = ['index=off', ...formatOverlay(writable ? { lower, upper, work } : { lower })]
  return { type: 'overlay', source: base, options }
}

test('formatOverlay() and parseOverlay() agree, whatever the names', () => {
  for (const lower of [['/a'], ['/a:b', '/c\\d', '/e,f'], ['/a\\', '/:']]) {
    assert.deepEqual(parseOverlay(formatOverlay({ lower })), { lower })
    const all = { lower, upper: '/u', work: '/w' }
    assert.deepEqual(parseOverlay(['index=off', ...formatOverlay(all)]), all)
  }
  assert.deepEqual(formatOverlay({ lower: ['/near', '/far:1'] }), ['lowerdir=/near:/far\\:1'])
})

for (const [count, writable] of [
  [2, true],
  [60, false],
  [61, true],
  [128, true],
  [500, false],
  [500, true],
] as const) {
  test(`mountAll() lays ${count} layers, ${writable ? 'writable' : 'read-only'}`, { skip }, async () => {
    const overlay = overlayOf(makeDirectory(`layers-${count}-${writable}`), count, { writable })
    await mounted(scratch, [overlay], root => {
      assert.equal(readdirSync(root).length, count + 1)
      assert.equal(readFileSync(join(root, 'nearest'), 'utf8'), '0')
      if (writable) writeFileSync(join(root, 'new'), '')
      else assert.throws(() => writeFileSync(join(root, 'new'), ''), { code: 'EROFS' })
    })
  })
}

test('mountAll() says how many layers the kernel takes', { skip }, async () => {
  const overlay = overlayOf(makeDirectory('layers-501'), 501)
  await assert.rejects(
    mounted(scratch, [overlay], () => {}),
    { code: 'UNSUPPORTED', message: /501 layers.* 500$/ },
  )
})

for (const [what, name] of [
  ['a comma', 'a,b'],
  ['a colon', 'a:b'],
  ['a backslash', 'a\\b'],
  ['a space and a newline', 'a b\nc'],
] as const) {
  test(`mountAll() takes paths with ${what}`, { skip }, async () => {
    const overlay = overlayOf(makeDirectory('paths', name), 3, { writable: true })
    await mounted(scratch, [overlay], root => {
      assert.equal(readdirSync(root).length, 4)
      writeFileSync(join(root, 'new'), '')
      assert.equal(mountsOf(overlay.source).length, 1)
    })
  })
}

test('mountAll() takes many paths that are too long for one option', { skip }, async () => {
  const overlay = overlayOf(makeDirectory('long/'.repeat(60)), 20, { writable: true })
  await mounted(scratch, [overlay], root => assert.equal(readdirSync(root).length, 21))
})

test('mountAll() lays 200 layers where the kernel takes no option a layer', { skip }, async () => {
  const sys = openSys()
  const { mountWith } = sys
  sys.mountWith = () => {
    throw systemError(constants.errno.EINVAL, 'fsconfig')
  }
  try {
    await mounted(scratch, [overlayOf(makeDirectory('old-kernel'), 200, { writable: true })], root => {
      assert.equal(readdirSync(root).length, 201)
      writeFileSync(join(root, 'new'), '')
    })
    const tooMany = mounted(scratch, [overlayOf(makeDirectory('old-kernel-more'), 300)], () => {})
    await assert.rejects(tooMany, { code: 'UNSUPPORTED' })
  } finally {
    sys.mountWith = mountWith
  }
})

test('mountAll() refuses a link, a file and nothing as target', { skip }, () => {
  const directory = makeDirectory('target')
  symlinkSync(directory, join(scratch, 'link'))
  writeFileSync(join(scratch, 'file'), '')
  const bind: Mount = { type: 'bind', source: directory, options: ['ro'] }
  for (const name of ['link', 'file', 'absent']) {
    assert.throws(() => mountAll([bind], join(scratch, name)), { code: 'INVALID_ARGUMENT' })
  }
  assert.deepEqual(mountPointsIn(scratch), [])
})

test('mountAll() undoes the first mount when the second fails', { skip }, () => {
  const target = makeDirectory('two')
  const bind: Mount = { type: 'bind', source: makeDirectory('source'), options: ['rw', 'rbind'] }
  const bad: Mount = { type: 'overlay', source: 'bad', options: ['no_such_option', 'lowerdir=/:/usr'] }
  assert.throws(() => mountAll([bind, bad], target), { code: 'UNSUPPORTED' })
  assert(!isMounted(target))
})

test('unmount() tells nothing mounted from something in use', { skip }, async () => {
  const [target, source] = [makeDirectory('used'), makeDirectory('source')]
  assert.throws(() => unmount(target), { code: 'NOT_FOUND' })
  mountAll([{ type: 'bind', source, options: ['rw'] }], target)
  assert(isMounted(target))
  const before = process.cwd()
  process.chdir(target)
  try {
    assert.throws(() => unmount(target), { code: 'IN_USE' })
  } finally {
    process.chdir(before)
  }
  unmount(target)
  assert(!isMounted(target))
})

test('mountsOf() finds binds by what they show, overlays by source, and what is mounted inside', { skip }, async () => {
  const snapshot = makeDirectory('shown')
  const fs = makeDirectory('shown', 'fs')
  makeDirectory('shown-too')
  await mounted(scratch, [{ type: 'bind', source: fs, options: ['ro'] }], root => {
    assert.deepEqual(
      mountsOf(snapshot).map(entry => entry.point),
      [root],
    )
    assert.deepEqual(mountsOf(join(scratch, 'shown-too')), [])
  })
  mountAll([{ type: 'bind', source: makeDirectory('source'), options: ['rw'] }], fs)
  assert.deepEqual(
    mountsOf(snapshot).map(entry => entry.point),
    [fs],
  )
  unmount(fs)
  assert.deepEqual(mountsOf(snapshot), [])
})

test('readMountTable() finds the root', () => {
  assert(readMountTable().some(entry => entry.point === '/' && entry.type !== ''))
})
