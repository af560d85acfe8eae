import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findUser } from '../../src/bundle/user.ts'
import { mergeLayers } from '../../src/layer/merge.ts'
import type { ImageTree } from '../../src/rootfs/image-tree.ts'
import { file, type Item, symlink } from '../rootfs/extract/stack.ts'
import { indexOf, tarOf } from '../support/layers.ts'

const passwd = [
  'root:x:0:0:root:/root:/bin/sh',
  '# a comment',
  'half:x',
  'negative:x:-1:4:::',
  'huge:x:4294967295:4:::',
  '7:x:70:71::/seven:',
  'bob:x:1001:1002:Bob:/home/bob:/bin/sh',
  'bob:x:5:5:the second of that name:/:',
  'nohome:x:1003:1003:::',
].join('\n')
const group = [
  'root:x:0:',
  'staff:x:50:alice,bob',
  'bob:x:1002:bob',
  'wheel:x:10:bob',
  'again:x:50:bob',
  'none:x:60:bobby',
].join('\n')

const accounts = [file('etc/passwd', passwd), file('etc/group', group)]

/** An image of one layer, whose content is in memory. */
function imageOf(items: readonly Item[]): ImageTree {
  const tar = tarOf(items)
  const content = ({ segments }: Parameters<ImageTree['content']>[0]) =>
    segments.map(({ tarOffset, length }) => tar.subarray(tarOffset, tarOffset + length))
  return { tree: mergeLayers([indexOf(tar)]), layers: [], content, close: () => {} }
}

const cases = {
  nothing: [undefined, { uid: 0, gid: 0, additionalGids: [], home: '/root' }],
  'an empty name': ['', { uid: 0, gid: 0, additionalGids: [], home: '/root' }],
  'a name': ['bob', { uid: 1001, gid: 1002, additionalGids: [50, 10], home: '/home/bob' }],
  'a name without a home': ['nohome', { uid: 1003, gid: 1003, additionalGids: [] }],
  'a number with an account': ['1001', { uid: 1001, gid: 1002, additionalGids: [], home: '/home/bob' }],
  'a number without one': ['4242', { uid: 4242, gid: 0, additionalGids: [] }],
  'a number that is a name too': ['7', { uid: 7, gid: 0, additionalGids: [] }],
  'a name and a group': ['bob:staff', { uid: 1001, gid: 50, additionalGids: [], home: '/home/bob' }],
  'a name and a number': ['bob:77', { uid: 1001, gid: 77, additionalGids: [], home: '/home/bob' }],
  'two numbers': ['4242:77', { uid: 4242, gid: 77, additionalGids: [] }],
  'a group alone': [':staff', { uid: 0, gid: 50, additionalGids: [], home: '/root' }],
} as const

for (const [what, [typed, expected]] of Object.entries(cases)) {
  test(`findUser() finds ${what}`, () => {
    assert.deepEqual(findUser(imageOf(accounts), typed), expected)
  })
}

test('findUser() refuses who isn’t there', () => {
  for (const name of ['eve', 'negative', 'huge', 'half', '-1', '4294967295', 'bob:nosuch', 'bob:bob:bob'])
    assert.throws(() => findUser(imageOf(accounts), name), { code: 'NOT_FOUND' }, name)
})

test('findUser() takes numbers where there are no accounts, and no names', () => {
  assert.deepEqual(findUser(imageOf([]), '5:6'), { uid: 5, gid: 6, additionalGids: [] })
  assert.deepEqual(findUser(imageOf([]), undefined), { uid: 0, gid: 0, additionalGids: [] })
  assert.throws(() => findUser(imageOf([]), 'root'), { code: 'NOT_FOUND' })
})

test('findUser() follows links inside the image, and never to the machine', () => {
  const inside = [symlink('etc/passwd', '../../../share/accounts'), file('share/accounts', passwd)]
  assert.equal(findUser(imageOf(inside), 'bob').uid, 1001)
  assert.throws(() => findUser(imageOf([symlink('etc/passwd', '/proc/self/root/etc/passwd')]), 'root'), {
    code: 'NOT_FOUND',
  })
  const device = { type: 'character', path: 'etc/passwd', major: 1, minor: 5 } as const
  assert.throws(() => findUser(imageOf([device]), 'root'), { code: 'NOT_FOUND' })
})

test('findUser() reads no accounts above its limit', () => {
  const large = file('etc/passwd', 'x'.repeat(4 * 1024 * 1024 + 1))
  assert.throws(() => findUser(imageOf([large]), 'bob'), { code: 'LIMIT_EXCEEDED' })
  const many = Array.from({ length: 65_537 }, (_, gid) => `g${gid}:x:${gid}:bob`).join('\n')
  const crowd = imageOf([file('etc/passwd', passwd), file('etc/group', many)])
  assert.throws(() => findUser(crowd, 'bob'), { code: 'LIMIT_EXCEEDED' })
})
