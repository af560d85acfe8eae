import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode } from '../../src/errors.ts'
import { findNode } from '../../src/layer/find-node.ts'
import { mergeLayers } from '../../src/layer/merge.ts'
import { pathOf } from '../../src/layer/walk.ts'
import { directory, file, hardlink, type Item, symlink } from '../rootfs/extract/stack.ts'
import { indexOf, tarOf } from '../support/layers.ts'

const layers: readonly (readonly Item[])[] = [
  [
    directory('usr/bin'),
    file('usr/bin/sh'),
    symlink('bin', 'usr/bin'),
    symlink('etc', '/usr/../conf'),
    directory('conf'),
  ],
  [
    file('conf/motd'),
    hardlink('same', 'conf/motd'),
    symlink('up', '../../../../conf/motd'),
    symlink('loop', 'pool'),
    symlink('pool', 'loop'),
    symlink('nowhere', 'gone'),
    symlink('chain', 'up'),
    file('conf/-'),
    file('conf/motd.old'),
  ],
]
const tree = mergeLayers(layers.map(items => indexOf(tarOf(items))))

function found(path: string, follow = true): string {
  return pathOf(tree, findNode(tree, Buffer.from(path), { follow })).toString()
}

test('findNode() goes through symlinks, and never out of the root', () => {
  for (const [path, expected] of [
    ['', '/'],
    ['/', '/'],
    ['/..//../.', '/'],
    ['bin/sh', '/usr/bin/sh'],
    ['/bin//./sh', '/usr/bin/sh'],
    ['bin/../bin/sh', '/usr/bin/sh'],
    ['bin', '/usr/bin'],
    ['etc/motd', '/conf/motd'],
    ['up', '/conf/motd'],
    ['chain', '/conf/motd'],
    ['same', '/same'],
    ['conf/', '/conf'],
    ['etc/.', '/conf'],
  ] as const) {
    assert.equal(found(path), expected, path)
  }
})

test('findNode() leaves the last symlink alone when it is told so, unless a slash follows', () => {
  assert.equal(found('chain', false), '/chain')
  assert.equal(found('etc', false), '/etc')
  assert.equal(found('etc/', false), '/conf')
  assert.equal(found('bin/sh', false), '/usr/bin/sh')
  assert.equal(found('loop', false), '/loop')
})

test('findNode() says why there is nothing', () => {
  for (const [path, reason] of [
    ['gone', /no such file/],
    ['nowhere', /no such file/],
    ['conf/mot', /no such file/],
    ['loop', /too many symlinks/],
    ['loop/x', /too many symlinks/],
    ['usr/bin/sh/', /no directory/],
    ['usr/bin/sh/..', /no directory/],
  ] as const) {
    assert.throws(
      () => found(path),
      error => hasCode(error, 'NOT_FOUND') && reason.test(error.message),
      path,
    )
  }
})
