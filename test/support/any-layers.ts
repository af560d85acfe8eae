import fc from 'fast-check'
import type { Item } from '../rootfs/extract/stack.ts'

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
  uid: fc.constantFrom(0, 1, 1000, 70_000),
  gid: fc.constantFrom(0, 1, 2 ** 32 - 2),
  // Within what ext4 can hold: at the very ends Linux drops the nanoseconds.
  seconds: fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 34 - 2 ** 31 - 2 }),
  nanoseconds: fc.constantFrom(0, 1, 999_999_999),
}
const xattrs = fc.constantFrom({}, {}, { 'user.k': 'v' }, { 'trusted.t': 'w', 'user.k': 'v' })
const mark = (as: string) => path.map((to): Item => ({ path: to.replace(/[^/]+$/, as) }))

const item: fc.Arbitrary<Item> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('file'),
      path,
      content: fc.constantFrom('', '1', '22'),
      xattrs,
      ...looks,
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('directory'), path, xattrs, ...looks }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('symlink'), path, link: target, ...looks }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('hardlink'), path, link: path }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('fifo'), path, ...looks }) },
  { weight: 3, arbitrary: mark('.wh.$&') },
  { weight: 1, arbitrary: mark('.wh..wh..opq') },
)

/** Small layers, base first, in which everything happens that can. */
export const anyLayers = fc.array(fc.array(item, { maxLength: 8 }), { minLength: 1, maxLength: 4 })
