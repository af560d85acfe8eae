import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { needsRoot } from '../../conformance/scratch.ts'
import { assertSameTree } from '../../support/tree.ts'
import { flatTree, type Item, overlayTree } from './stack.ts'

const numRuns = Number(process.env['DAVIT_RUNS'] ?? 150)

/** Few names, so that entries meet. */
const name = fc.constantFrom('a', 'b', 'c')
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map(names => names.join('/'))
const target = fc.oneof(
  path,
  path.map(to => `/${to}`),
  path.map(to => `../../${to}`),
  fc.constantFrom('.', '/', '..', 'nowhere/at/all'),
)
const looks = {
  mode: fc.constantFrom(0o755, 0o644, 0o700, 0o4711, 0o2775, 0o1777),
  uid: fc.nat(3),
  gid: fc.nat(3),
  seconds: fc.nat(1_000_000_000),
}
const xattrs = fc.constantFrom({}, {}, { 'user.k': 'v' }, { 'trusted.t': 'w' })

const item: fc.Arbitrary<Item> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('file'), path, content: fc.constantFrom('1', '22'), xattrs, ...looks }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('directory'), path, xattrs, ...looks }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('symlink'), path, link: target, ...looks }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('hardlink'), path, link: path }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('fifo'), path, ...looks }) },
  { weight: 3, arbitrary: path.map(to => ({ path: to.replace(/[^/]+$/, '.wh.$&') })) },
  { weight: 1, arbitrary: path.map(to => ({ path: to.replace(/[^/]+$/, '.wh..wh..opq') })) },
)
const layers = fc.array(fc.array(item, { maxLength: 8 }), { minLength: 1, maxLength: 4 })

test('the overlay of any layers shows the tree that they make in one directory', { skip: needsRoot }, () => {
  fc.assert(
    fc.property(layers, stack => {
      const base = mkdtempSync(join(tmpdir(), 'davit-agree-'))
      try {
        // A hardlink to nothing is refused, in both or in neither; the rest goes on.
        const refused: Record<'overlay' | 'flat', string[]> = { overlay: [], flat: [] }
        const overlay = overlayTree(base, stack, refused.overlay)
        assertSameTree(overlay, flatTree(base, stack, refused.flat), 'overlay and flat')
        assert.deepEqual(refused.overlay, refused.flat)
      } finally {
        rmSync(base, { recursive: true, force: true })
      }
    }),
    { numRuns },
  )
})

test('where in a layer its marks stand changes nothing', { skip: needsRoot }, () => {
  // Links decide where later entries go: with them, order is meaning.
  const linkless = item.filter(({ type }) => type !== 'symlink' && type !== 'hardlink')
  const layer = fc.array(linkless, { maxLength: 8 })
  fc.assert(
    fc.property(layer, layer, fc.infiniteStream(fc.nat()), (lower, upper, places) => {
      const marks = upper.filter(isMark)
      const moved = upper.filter(one => !isMark(one))
      for (const mark of marks) moved.splice((places.next().value ?? 0) % (moved.length + 1), 0, mark)
      const base = mkdtempSync(join(tmpdir(), 'davit-order-'))
      try {
        const expected = flatTree(join(base, 'a'), [lower, upper])
        assertSameTree(flatTree(join(base, 'b'), [lower, moved]), expected, 'orders')
      } finally {
        rmSync(base, { recursive: true, force: true })
      }
    }),
    { numRuns },
  )
})

function isMark({ path }: Item): boolean {
  return path.toString().includes('.wh.')
}
