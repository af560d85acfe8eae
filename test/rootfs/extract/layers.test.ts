import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { hasCode } from '../../../src/errors.ts'
import { openSys } from '../../../src/system/sys/linux.ts'
import { needsRoot } from '../../conformance/scratch.ts'
import { assertSameTree, type TreeNode } from '../../support/tree.ts'
import { directory, extract, file, flatTree, hardlink, type Item, overlayTree, scratch, symlink } from './stack.ts'

interface Case {
  readonly name: string
  readonly layers: readonly (readonly Item[])[]
  /** Paths and what is there: content, `/` for a directory, `-> target`. The root aside, nothing else is. */
  readonly tree: Readonly<Record<string, string>>
  /** What else of some nodes. */
  readonly nodes?: Readonly<Record<string, Partial<TreeNode>>>
}

const lower = [
  directory('d', { mode: 0o750, uid: 7, gid: 8, seconds: 1000, xattrs: { 'user.a': 'lower' } }),
  file('d/x', 'x'),
  directory('d/sub', { mode: 0o700, uid: 5 }),
  file('d/sub/y', 'y'),
  symlink('link', 'd'),
  file('f', 'f'),
]
const below = { 'd/': '', 'd/x': 'x', 'd/sub/': '', 'd/sub/y': 'y', link: '-> d', f: 'f' }
const mark = (path: string): Item => file(path, '')
const nobody = { mode: '755', owner: '0:0', time: '0.000000000', xattrs: {} }

const cases: readonly Case[] = [
  { name: 'a layer adds to the ones below', layers: [lower, [file('g', 'g')]], tree: { ...below, g: 'g' } },
  {
    name: 'a directory that the layer only writes in keeps the attributes that it has below',
    layers: [lower, [file('d/new', 'n')]],
    tree: { ...below, 'd/new': 'n' },
    nodes: { d: { mode: '750', owner: '7:8', time: '1000.123456789', xattrs: { 'user.a': 'lower' } } },
  },
  {
    name: 'a directory over a directory replaces attributes, extended ones too',
    layers: [lower, [directory('d', { mode: 0o2711, gid: 3 })]],
    tree: below,
    nodes: { d: { mode: '2711', owner: '0:3', xattrs: {}, time: '1500000000.123456789' } },
  },
  {
    name: 'a parent that nobody made is 0755 0:0',
    layers: [[file('p/q/r', 'r')]],
    tree: { 'p/': '', 'p/q/': '', 'p/q/r': 'r' },
    nodes: { p: nobody, 'p/q': nobody },
  },
  {
    name: 'a file over a directory replaces it with all that is in it',
    layers: [lower, [file('d', 'file')]],
    tree: { d: 'file', link: '-> d', f: 'f' },
  },
  {
    name: 'a directory over a file and over a symlink replaces it',
    layers: [lower, [directory('f'), directory('link'), file('link/z', 'z')]],
    tree: { 'd/': '', 'd/x': 'x', 'd/sub/': '', 'd/sub/y': 'y', 'f/': '', 'link/': '', 'link/z': 'z' },
  },
  {
    name: 'a directory that comes after a file of the same name in one layer is empty',
    layers: [lower, [file('d'), directory('d')]],
    tree: { 'd/': '', link: '-> d', f: 'f' },
  },
  {
    name: 'a parent that is no directory is replaced by one that nobody made',
    layers: [lower, [file('f/in', 'in')]],
    tree: { 'd/': '', 'd/x': 'x', 'd/sub/': '', 'd/sub/y': 'y', link: '-> d', 'f/': '', 'f/in': 'in' },
    nodes: { f: nobody },
  },
  {
    name: 'a parent resolves through the links below, and stays in the root',
    layers: [
      [directory('usr/lib'), symlink('lib', 'usr/lib'), symlink('up', '../../../usr')],
      [file('lib/a', 'a'), file('up/lib/b', 'b'), file('lib/../c', 'c')],
    ],
    tree: {
      'usr/': '',
      'usr/lib/': '',
      lib: '-> usr/lib',
      up: '-> ../../../usr',
      'usr/lib/a': 'a',
      'usr/lib/b': 'b',
      c: 'c',
    },
  },
  {
    name: 'a parent behind a dangling link is made where the link leads',
    layers: [[symlink('l', '/some/where')], [file('l/x', 'x')]],
    tree: { l: '-> /some/where', 'some/': '', 'some/where/': '', 'some/where/x': 'x' },
    nodes: { some: nobody },
  },
  {
    name: 'an absolute link begins at the root, wherever it lies',
    layers: [[symlink('a/l', '/b'), file('a/l/x', 'x')]],
    tree: { 'a/': '', 'a/l': '-> /b', 'b/': '', 'b/x': 'x' },
  },
  {
    name: 'an entry may replace the link that led to it',
    layers: [[symlink('b', '.')], [file('b/b', 'b'), file('b/a', 'a')]],
    tree: { 'b/': '', 'b/a': 'a' },
    nodes: { b: nobody },
  },
  {
    name: 'whiteouts in a directory that then hides all leave nothing to be seen',
    layers: [lower, [mark('d/.wh.x'), file('d/sub/new', 'n'), mark('d/sub/.wh.y'), mark('d/.wh..wh..opq')]],
    tree: { 'd/': '', 'd/sub/': '', 'd/sub/new': 'n', link: '-> d', f: 'f' },
  },
  {
    name: 'a hardlink below keeps all its names together',
    layers: [[file('a', 'a'), hardlink('b', 'a'), hardlink('d/c', 'a')], [hardlink('e', 'a')], [mark('.wh.a')]],
    tree: { b: 'a', 'd/': '', 'd/c': 'a', e: 'a' },
    nodes: { 'd/c': { sameAs: 'b' }, e: { sameAs: 'b' } },
  },
  {
    name: 'a whiteout removes a file, a link and a directory',
    layers: [lower, [mark('.wh.f'), mark('.wh.link'), mark('d/.wh.sub')]],
    tree: { 'd/': '', 'd/x': 'x' },
    nodes: { d: { mode: '750', time: '1000.123456789' } },
  },
  {
    name: 'a whiteout of nothing does nothing, and makes no directories',
    layers: [lower, [mark('.wh.none'), mark('no/such/.wh.dir'), mark('f/.wh.x'), mark('no/.wh..wh..opq')]],
    tree: below,
  },
  ...orders('a whiteout spares what its own layer wrote under that name', [file('f', 'new'), mark('.wh.f')]).map(
    ([name, layer]) => ({ name, layers: [lower, layer], tree: { ...below, f: 'new' } }),
  ),
  ...orders('a whiteout leaves of a directory what its own layer wrote', [mark('.wh.d'), file('d/sub/new', 'n')]).map(
    ([name, layer]) => ({
      name,
      layers: [lower, layer],
      tree: { 'd/': '', 'd/sub/': '', 'd/sub/new': 'n', link: '-> d', f: 'f' },
      nodes: { d: nobody, 'd/sub': nobody },
    }),
  ),
  ...orders('a whiteout and a directory of one name: an empty directory', [
    mark('.wh.d'),
    directory('d', { mode: 0o711 }),
  ]).map(([name, layer]) => ({
    name,
    layers: [lower, layer],
    tree: { 'd/': '', link: '-> d', f: 'f' },
    nodes: { d: { mode: '711', xattrs: {} } },
  })),
  ...orders('an opaque mark spares siblings', [mark('d/.wh..wh..opq'), file('d/new', 'n'), file('d/sub/z', 'z')]).map(
    ([name, layer]) => ({
      name,
      layers: [lower, layer],
      tree: { 'd/': '', 'd/new': 'n', 'd/sub/': '', 'd/sub/z': 'z', link: '-> d', f: 'f' },
      nodes: { d: { mode: '750', owner: '7:8' }, 'd/sub': nobody },
    }),
  ),
  ...orders('an opaque directory within a whiteout', [mark('.wh.d'), mark('d/.wh..wh..opq')]).map(([name, layer]) => ({
    name,
    layers: [lower, layer],
    tree: { link: '-> d', f: 'f' },
  })),
  {
    name: 'an opaque mark of the root hides everything below',
    layers: [lower, [mark('.wh..wh..opq'), file('only', 'o')]],
    tree: { only: 'o' },
  },
  {
    name: 'what a layer hides, the next may bring back',
    layers: [lower, [mark('.wh.d')], [file('d/again', 'a')], [mark('d/.wh.again'), file('d/more', 'm')]],
    tree: { 'd/': '', 'd/more': 'm', link: '-> d', f: 'f' },
    nodes: { d: nobody },
  },
  {
    name: 'a hardlink adds a name',
    layers: [[file('a', 'a', { mode: 0o600 }), hardlink('b', 'a'), hardlink('c', '/b')]],
    tree: { a: 'a', b: 'a', c: 'a' },
    nodes: { b: { mode: '600', sameAs: 'a' }, c: { sameAs: 'a' } },
  },
  {
    name: 'a hardlink to a file below, whose attributes stay',
    layers: [
      [
        directory('d', { seconds: 5 }),
        file('d/a', 'a', { mode: 0o4711, uid: 3, seconds: 9, xattrs: { 'user.k': 'v' } }),
      ],
      [hardlink('b', 'd/a')],
    ],
    tree: { 'd/': '', 'd/a': 'a', b: 'a' },
    nodes: {
      b: { mode: '4711', owner: '3:0', time: '9.123456789', xattrs: { 'user.k': 'v' } },
      'd/a': { sameAs: 'b' },
      d: { time: '5.123456789' },
    },
  },
  {
    name: 'a hardlink to a symlink links the symlink, below and in the same layer',
    layers: [[symlink('s', 'nowhere')], [hardlink('t', 's'), symlink('u', 'nowhere'), hardlink('v', 'u')]],
    tree: { s: '-> nowhere', t: '-> nowhere', u: '-> nowhere', v: '-> nowhere' },
    nodes: { t: { sameAs: 's' }, v: { sameAs: 'u' } },
  },
  {
    name: 'a hardlink takes the place of what is there, and of itself',
    layers: [lower, [file('a', 'a'), hardlink('d', 'a'), hardlink('a', 'a'), hardlink('f', 'a'), hardlink('f', 'a')]],
    tree: { a: 'a', d: 'a', f: 'a', link: '-> d' },
  },
  ...orders('a linked file below that is whited out lives on as the link', [hardlink('g', 'f'), mark('.wh.f')])
    .slice(0, 1)
    .map(([name, layer]) => ({
      name,
      layers: [lower, layer],
      tree: { 'd/': '', 'd/x': 'x', 'd/sub/': '', 'd/sub/y': 'y', link: '-> d', g: 'f' },
    })),
  {
    name: 'the root entry gives the root its attributes, and later layers keep them',
    layers: [[directory('./', { mode: 0o1711, uid: 4, seconds: 77, xattrs: { 'user.r': 'root' } })], [file('a', 'a')]],
    tree: { a: 'a' },
    nodes: { '.': { mode: '1711', owner: '4:0', time: '77.123456789', xattrs: { 'user.r': 'root' } } },
  },
  {
    name: 'special bits, devices, fifos, times and capabilities are as in the archive',
    layers: [
      [
        file('suid', 's', { mode: 0o6755, uid: 1000, gid: 1000, seconds: -5, nanoseconds: 1 }),
        file('cap', 'c', {
          mode: 0o755,
          uid: 9,
          xattrs: { 'security.capability': '\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0' },
        }),
        { type: 'character', path: 'null', major: 1, minor: 3, mode: 0o666 },
        { type: 'block', path: 'disk', major: 259, minor: 70_000, mode: 0o660, gid: 6 },
        { type: 'fifo', path: 'pipe', mode: 0o1622 },
        { ...symlink('s', 'suid'), uid: 11, gid: 12 },
        directory('tmp', { mode: 0o1777 }),
      ],
    ],
    tree: { suid: 's', cap: 'c', null: 'character', disk: 'block', pipe: 'fifo', s: '-> suid', 'tmp/': '' },
    nodes: {
      suid: { mode: '6755', owner: '1000:1000', time: '-5.000000001' },
      cap: { xattrs: { 'security.capability': '\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0' } },
      null: { mode: '666', device: '1:3' },
      disk: { mode: '660', device: '259:70000', owner: '0:6' },
      pipe: { mode: '1622' },
      s: { owner: '11:12', time: '1500000000.123456789' },
      tmp: { mode: '1777' },
    },
  },
  {
    name: 'a set-group-id directory below lends its group to nothing',
    layers: [[directory('g', { mode: 0o2775, gid: 50 })], [file('g/f', 'f'), directory('g/h')]],
    tree: { 'g/': '', 'g/f': 'f', 'g/h/': '' },
    nodes: { g: { mode: '2775' }, 'g/f': { owner: '0:0' }, 'g/h': { owner: '0:0', mode: '755' } },
  },
]

/** A layer as it is, and reversed. */
function orders(name: string, layer: Item[]): [string, Item[]][] {
  return [
    [`${name}`, layer],
    [`${name} (reversed)`, layer.toReversed()],
  ]
}

for (const [name, layers] of Object.entries({
  nothing: [[hardlink('h', 'a')]],
  'a directory': [lower, [hardlink('h', 'd')]],
  'what its own entry replaces': [[file('d/a')], [file('d/b'), hardlink('d', 'd/b')]],
  'what its own layer removes first': [lower, [mark('.wh.f'), hardlink('h', 'f')]],
  'what a lower layer removes': [lower, [mark('.wh.f')], [hardlink('h', 'f')]],
  'what a lower layer hides': [lower, [mark('d/.wh..wh..opq'), mark('.wh.f')], [hardlink('h', 'd/x')]],
})) {
  test(`a hardlink to ${name} is refused`, { skip: needsRoot }, t => {
    for (const make of [flatTree, overlayTree]) {
      assert.throws(
        () => make(scratch(t), layers),
        error => hasCode(error, 'MALFORMED'),
      )
    }
  })
}

test("a directory over another loses what its image gave it, and nothing of the system's", { skip: needsRoot }, t => {
  const target = { directory: scratch(t), lowers: [], namespace: 'trusted' } as const
  extract([directory('d', { xattrs: { 'user.k': 'v' } })], target)
  const path = Buffer.from(`${target.directory}/d`)
  openSys().lsetxattr(path, Buffer.from('trusted.overlay.host'), Buffer.from('h'))
  extract([directory('d')], target)
  assert.deepEqual([...openSys().lgetxattrs(path).keys()], ['trusted.overlay.host'])
})

test("an attribute that the kernel refuses is the layer's fault", { skip: needsRoot }, t => {
  assert.throws(
    () => flatTree(scratch(t), [[file('f', 'f', { xattrs: { 'security.capability': 'x' } })]]),
    error => hasCode(error, 'MALFORMED'),
  )
})

for (const { name, layers, tree, nodes = {} } of cases) {
  for (const [where, make] of [
    ['flat', flatTree],
    ['overlay', overlayTree],
  ] as const) {
    test(`${where}: ${name}`, { skip: needsRoot }, t => {
      const found = make(scratch(t), layers)
      assert.deepEqual(brief(found), expected(tree))
      for (const [path, want] of Object.entries(nodes)) {
        const node = found.find(one => one.path === path)
        assert(node !== undefined, path)
        assert.deepEqual({ ...node, ...want }, node, path)
      }
    })
  }
  test(`overlay and flat agree: ${name}`, { skip: needsRoot }, t => {
    assertSameTree(overlayTree(scratch(t), layers), flatTree(scratch(t), layers))
  })
}

/** In the form of `Case.tree`, a file as the digest of its content. */
function brief(nodes: readonly TreeNode[]): Record<string, string> {
  return Object.fromEntries(
    nodes.flatMap(({ path, type, link, sha256 }) => {
      if (path === '.') return []
      if (type === 'directory') return [[`${path}/`, '']]
      return [[path, type === 'symlink' ? `-> ${link}` : (sha256 ?? type)]]
    }),
  )
}

function expected(tree: Readonly<Record<string, string>>): Record<string, string> {
  const verbatim = /^(->.*|character|block|fifo|)$/
  return Object.fromEntries(
    Object.entries(tree).map(([path, what]) => [
      path,
      verbatim.test(what) ? what : createHash('sha256').update(what).digest('hex'),
    ]),
  )
}
