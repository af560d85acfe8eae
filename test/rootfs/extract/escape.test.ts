import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { hasCode, ImageError } from '../../../src/errors.ts'
import type { Target } from '../../../src/rootfs/extract/target.ts'
import { needsRoot } from '../../conformance/scratch.ts'
import { assertSameTree, dumpTree } from '../../support/tree.ts'
import { directory, extract, file, hardlink, type Item, scratch, symlink } from './stack.ts'

/** Layers that reach for `outside`, a directory beside the root. */
const attacks: Readonly<Record<string, (outside: string) => Item[][]>> = {
  'names that climb': () => [[file('../outside/new'), file('a/../../../outside/new'), file('/../outside/new')]],
  'names that begin at the root': outside => [[file(`${outside}/new`), file(`//${outside}/secret`)]],
  'a write through an absolute link': outside => [[symlink('l', outside), file('l/new'), file('l/secret')]],
  'a write through a climbing link': () => [[symlink('l', '../outside'), file('l/new'), file('l/secret')]],
  'a write through a chain of links': () => [
    [symlink('a', '..'), symlink('b', 'a/..'), symlink('c', 'b/../outside'), file('c/new'), file('c/secret')],
  ],
  'a write through a link of a lower layer': outside => [[symlink('l', outside)], [file('l/new'), file('l/secret')]],
  'a file over a link to a file': outside => [[symlink('l', `${outside}/secret`), file('l', 'overwritten')]],
  'a directory over a link to a directory': outside => [
    [symlink('l', outside), directory('l', { mode: 0o777, uid: 99, seconds: 1 })],
    [symlink('m', outside)],
    [directory('m', { mode: 0o777, uid: 99, seconds: 1 }), file('m/new')],
  ],
  'a directory that becomes a link while it is written': outside => [
    [directory('d'), file('d/a'), symlink('d', outside), file('d/new'), file('d/secret')],
  ],
  'a hardlink by climbing': () => [[hardlink('l', '../outside/secret')], [hardlink('l', '../../outside/secret')]],
  'a hardlink by an absolute name': outside => [[hardlink('l', `${outside}/secret`)]],
  'a hardlink through a link': outside => [
    [symlink('l', outside), hardlink('h', 'l/secret'), file('h', 'overwritten')],
    [hardlink('h', 'l/secret')],
  ],
  'a hardlink to a link, then a write': outside => [
    [symlink('l', `${outside}/secret`), hardlink('h', 'l'), file('h', 'overwritten')],
  ],
  'a whiteout through a link': outside => [[symlink('l', outside)], [file('l/.wh.secret'), file('l/.wh.sub')]],
  'an opaque mark through a link': outside => [[symlink('l', outside)], [file('l/.wh..wh..opq')]],
  'a whiteout that climbs': () => [[file('../outside/.wh.secret'), file('../.wh.outside'), file('..//.wh.outside')]],
  'a whiteout of a directory full of links': outside => [
    [symlink('d/l', outside), symlink('d/m', `${outside}/secret`)],
    [file('.wh.d')],
  ],
  'a file over a directory full of links': outside => [[symlink('d/l', outside), directory('d/l/x')], [file('d')]],
  'devices and fifos through a link': outside => [
    [
      symlink('l', outside),
      { type: 'fifo', path: 'l/secret' },
      { type: 'character', path: 'l/new', major: 1, minor: 3 },
    ],
  ],
  'a link to the process': () => [
    [symlink('l', '/proc/self/cwd'), symlink('m', '/proc/1/root'), file('l/new'), file('m/new')],
  ],
  'attributes through a link': outside => [
    [{ ...symlink('l', `${outside}/secret`), mode: 0o777, uid: 99, xattrs: { 'trusted.x': 'x' } }],
  ],
}

for (const [name, layers] of Object.entries(attacks)) {
  for (const where of ['flat', 'overlay'] as const) {
    test(`${where}: ${name} stays inside`, { skip: needsRoot }, t => {
      const base = scratch(t)
      const outside = victim(base)
      const before = dumpTree(outside)
      const targets: Target[] = []
      for (const [index, items] of layers(outside).entries()) {
        const target = where === 'flat' ? flat(base) : overlay(base, index, targets)
        targets.push(target)
        try {
          extract(items, target, [])
        } catch (error) {
          // Entries may be refused; they must not get out.
          if (!(error instanceof ImageError)) throw error
        }
      }
      assertSameTree(dumpTree(outside), before, 'the outside')
      const roots = new Set([...targets.map(target => target.directory), outside])
      const top = dumpTree(base).filter(({ path }) => path !== '.' && !path.includes('/'))
      assert.deepEqual(top.map(({ path }) => join(base, path)).sort(), [...roots].sort())
    })
  }
}

test('links that others put into the directory lead nowhere else', t => {
  const base = scratch(t)
  const outside = victim(base)
  const before = dumpTree(outside)
  const target = flat(base)
  symlinkSync(outside, join(target.directory, 'l'))
  symlinkSync(join(outside, 'secret'), join(target.directory, 'f'))
  extract([file('l/new'), file('l/.wh.secret'), file('f', 'overwritten'), directory('l', { mode: 0o777 })], target)
  assertSameTree(dumpTree(outside), before, 'the outside')
})

test('a root that is no directory is refused', t => {
  for (const path of ['.', './', '/', 'a/..', '']) {
    for (const type of ['symlink', 'file', 'hardlink', 'fifo'] as const) {
      assert.throws(
        () => extract([{ type, path, link: '/etc' }], flat(scratch(t))),
        error => hasCode(error, 'UNSAFE'),
      )
    }
  }
})

test('links in a circle are refused', t => {
  const layer = [symlink('a', 'b'), symlink('b', 'a'), file('a/x')]
  assert.throws(
    () => extract(layer, flat(scratch(t))),
    error => hasCode(error, 'MALFORMED'),
  )
})

function victim(base: string): string {
  const outside = join(base, 'outside')
  mkdirSync(join(outside, 'sub'), { recursive: true })
  writeFileSync(join(outside, 'secret'), 'secret')
  writeFileSync(join(outside, 'sub/suid'), 'suid')
  chmodSync(join(outside, 'sub/suid'), 0o4755)
  symlinkSync('secret', join(outside, 'link'))
  return outside
}

function flat(base: string): Target {
  mkdirSync(join(base, 'root'), { recursive: true })
  return { directory: join(base, 'root'), lowers: [], namespace: 'trusted' }
}

function overlay(base: string, index: number, below: readonly Target[]): Target {
  mkdirSync(join(base, `layer${index}`))
  return {
    directory: join(base, `layer${index}`),
    lowers: below.map(target => target.directory).toReversed(),
    namespace: 'trusted',
  }
}
