import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode } from '../../../src/errors.ts'
import { targetOf } from '../../../src/rootfs/extract/target.ts'
import type { Mount } from '../../../src/rootfs/mounts.ts'

test('targetOf() writes a bind in place', () => {
  const mount: Mount = { type: 'bind', source: '/s/1/fs', options: ['rbind', 'rw'] }
  assert.deepEqual(targetOf([mount]), { directory: '/s/1/fs', lowers: [], namespace: 'trusted' })
})

test('targetOf() writes an overlay through its upper directory, over the lower ones, nearest first', () => {
  const options = ['index=off', 'workdir=/s/3/work', 'upperdir=/s/3/fs', 'lowerdir=/s/2/fs:/s/1\\:\\\\x/fs']
  const mount: Mount = { type: 'overlay', source: 'overlay', options }
  const target = { directory: '/s/3/fs', lowers: ['/s/2/fs', '/s/1:\\x/fs'], namespace: 'trusted' }
  assert.deepEqual(targetOf([mount]), target)
  assert.equal(targetOf([{ ...mount, options: [...options, 'userxattr'] }]).namespace, 'user')
})

test('targetOf() refuses what can not be written', () => {
  const bind: Mount = { type: 'bind', source: '/s', options: ['ro'] }
  const overlay: Mount = { type: 'overlay', source: 'overlay', options: ['lowerdir=/a:/b'] }
  for (const mounts of [[], [bind], [overlay], [{ ...bind, type: 'erofs' as const, options: [] }], [bind, bind]]) {
    assert.throws(
      () => targetOf(mounts),
      error => hasCode(error, 'UNSUPPORTED'),
    )
  }
})
