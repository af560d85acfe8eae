import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IndexBuilder, type IndexLimits } from '../../src/layer/index-builder.ts'
import { kind, type LayerIndex } from '../../src/layer/layer-index.ts'
import type { TarEntry } from '../../src/layer/tar/entry.ts'

const plain: TarEntry = {
  type: 'file',
  path: Buffer.from('f'),
  link: Buffer.alloc(0),
  mode: 0o644,
  uid: 0,
  gid: 0,
  seconds: 0,
  nanoseconds: 0,
  size: 0,
  major: 0,
  minor: 0,
  xattrs: new Map(),
  segments: [],
}

type Entry = Partial<Omit<TarEntry, 'path' | 'link'>> & { readonly path: string; readonly link?: string }

function build(entries: readonly Entry[], limits?: IndexLimits): LayerIndex {
  const builder = new IndexBuilder(limits)
  for (const { path, link = '', ...rest } of entries) {
    builder.entry({ ...plain, ...rest, path: Buffer.from(path, 'latin1'), link: Buffer.from(link, 'latin1') })
  }
  return builder.finish()
}

function pathOf({ nodeParents, nameEnds, names }: LayerIndex, node: number): string {
  const parts: string[] = []
  for (let at = node; at !== 0; at = nodeParents[at] ?? 0) {
    parts.unshift(Buffer.from(names.subarray(nameEnds[at - 1], nameEnds[at])).toString('latin1'))
  }
  return parts.join('/')
}

const pathsOf = (index: LayerIndex) => [...index.node].map(node => pathOf(index, node))

test('IndexBuilder cleans paths and shares what they have in common', () => {
  const paths = ['./a/b', '/a//c', 'a/./b/', 'a/x/../../d', '../..', './', '\xff/\x01', 'a/..', 'a/x/.']
  const index = build(paths.map(path => ({ path, type: 'directory' })))
  assert.deepEqual(pathsOf(index), ['a/b', 'a/c', 'a/b', 'd', '', '', '\xff/\x01', '', 'a/x'])
  // The root, a, b, c, d, \xff, \x01 and x.
  assert.equal(index.nodeParents.length, 8)
})

test('IndexBuilder keeps what an entry says', () => {
  const looks = { mode: 0o4711, uid: 2 ** 32 - 2, gid: 7, seconds: 2 ** 34 - 2 ** 31 - 1, nanoseconds: 999_999_999 }
  const index = build([
    { path: 'f', size: 2 ** 40, segments: [{ tarOffset: 2 ** 41, fileOffset: 0, length: 2 ** 40 }], ...looks },
    { path: 's', type: 'symlink', link: 'to/../there', mode: 0o644 },
    { path: 'h', type: 'hardlink', link: './d/../f' },
    { path: 'c', type: 'character', major: 4095, minor: 2 ** 20 - 1 },
  ])
  assert.deepEqual([...index.kind], [kind.file, kind.symlink, kind.hardlink, kind.character])
  assert.deepEqual([index.mode[0], index.uid[0], index.gid[0]], [looks.mode, looks.uid, looks.gid])
  assert.deepEqual([index.seconds[0], index.nanoseconds[0]], [looks.seconds, looks.nanoseconds])
  assert.deepEqual([index.size[0], index.data[0]], [2 ** 40, 2 ** 41])
  assert.equal(Buffer.from(index.texts).toString(), 'to/../there')
  assert.equal(index.mode[1], 0o777, 'a symlink has all bits')
  assert.equal(pathOf(index, index.data[2] ?? 0), 'f')
  assert.equal(index.data[3], 4095 * 2 ** 20 + 2 ** 20 - 1)
})

test('IndexBuilder tells files in one piece from scattered ones', () => {
  const index = build([
    { path: 'empty' },
    { path: 'hole', size: 100 },
    { path: 'late', size: 100, segments: [{ tarOffset: 512, fileOffset: 50, length: 50 }] },
    {
      path: 'two',
      size: 1024,
      segments: [
        { tarOffset: 1024, fileOffset: 0, length: 10 },
        { tarOffset: 1034, fileOffset: 512, length: 20 },
      ],
    },
  ])
  assert.deepEqual([...index.kind], [kind.file, kind.scattered, kind.scattered, kind.scattered])
  assert.deepEqual([...index.scatteredEnds], [0, 1, 3])
  assert.deepEqual([...index.segmentTar], [512, 1024, 1034])
  assert.deepEqual([...index.segmentFile], [50, 0, 512])
  assert.deepEqual([...index.segmentLength], [50, 10, 20])
})

test('IndexBuilder takes marks for what they are about', () => {
  const index = build([
    { path: 'd/.wh.gone' },
    { path: 'd/.wh..wh..opq' },
    { path: '.wh..wh..opq' },
    { path: 'd/.when' },
  ])
  assert.deepEqual([...index.kind], [kind.whiteout, kind.opaque, kind.opaque, kind.file])
  assert.deepEqual(pathsOf(index), ['d/gone', 'd', '', 'd/.when'])
})

test('IndexBuilder keeps equal sets of attributes once', () => {
  const [a, b] = [Buffer.from([1, 0, 255]), Buffer.alloc(0)]
  const index = build([
    {
      path: 'x',
      xattrs: new Map([
        ['user.a', a],
        ['user.b', b],
      ]),
    },
    {
      path: 'y',
      xattrs: new Map([
        ['user.b', b],
        ['user.a', a],
      ]),
    },
    { path: 'z', xattrs: new Map([['user.a', b]]) },
    { path: 'none' },
  ])
  assert.deepEqual([...index.xattrs], [1, 1, 2, 0])
  assert.equal(index.xattrEnds.length, 2)
})

for (const [what, entry, code] of [
  ['a NUL in a path', { path: 'a\0b' }, 'MALFORMED'],
  ['a NUL in a link', { path: 'a', type: 'symlink', link: 'b\0' }, 'MALFORMED'],
  ['a whiteout of nothing', { path: 'd/.wh.' }, 'MALFORMED'],
  ['a root that is a file', { path: 'd/..' }, 'UNSAFE'],
  ['a root that is a hardlink', { path: '/', type: 'hardlink', link: 'x' }, 'UNSAFE'],
  ['a name of 256 bytes', { path: 'n'.repeat(256) }, 'LIMIT_EXCEEDED'],
  ['a path of 1,026 names', { path: 'n/'.repeat(1026) }, 'LIMIT_EXCEEDED'],
  ['an attribute of 64 KiB', { path: 'f', xattrs: new Map([['user.a', Buffer.alloc(65_536)]]) }, 'LIMIT_EXCEEDED'],
] satisfies [string, Entry, string][]) {
  test(`IndexBuilder refuses ${what}`, () => assert.throws(() => build([entry]), { code }))
}

test('IndexBuilder refuses more entries, and more text, than an index is to have', () => {
  const limits = { maxEntries: 3, maxTextBytes: 40 }
  const entries = [
    { path: 'name' },
    { path: 'link', type: 'symlink', link: '0123456789' },
    // Packed with five bytes of lengths.
    { path: 'file', xattrs: new Map([['user.a', Buffer.from('value')]]) },
  ] satisfies Entry[]
  build(entries, { ...limits, maxTextBytes: 38 })
  const refused = { code: 'LIMIT_EXCEEDED' }
  assert.throws(() => build([...entries, { path: 'name' }], limits), refused)
  assert.throws(() => build(entries, { ...limits, maxTextBytes: 37 }), refused)
})
