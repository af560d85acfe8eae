import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { needsRoot } from '../../conformance/scratch.ts'
import { dumpTree, type TreeNode } from '../../support/tree.ts'
import { directory, extract, file, hardlink, type Item, scratch, symlink } from './stack.ts'

const nobody = 65_534

/** Runs `act` with an ordinary user's rights, and looks at the result with root's. */
function asNobody(base: string, act: () => string[]): string[] {
  chownSync(base, nobody, nobody)
  chmodSync(base, 0o755)
  process.setegid?.(nobody)
  process.seteuid?.(nobody)
  try {
    return act()
  } finally {
    process.seteuid?.(0)
    process.setegid?.(0)
  }
}

/** CAP_NET_RAW, as `setcap cap_net_raw=ep` writes it. */
const netRaw = `\x01\0\0\x02\0\x20${'\0'.repeat(14)}`

const layer: Item[] = [
  directory('closed', { mode: 0 }),
  directory('d', { mode: 0o555, uid: 7 }),
  file('d/f', 'f', { mode: 0o444, uid: 7, xattrs: { 'user.k': 'v', 'security.capability': netRaw, 'trusted.t': 't' } }),
  file('d/suid', 's', { mode: 0o4755 }),
  symlink('d/l', 'f'),
  hardlink('d/h', 'd/f'),
  { type: 'character', path: 'null', major: 1, minor: 3 },
  { type: 'fifo', path: 'pipe', mode: 0o600 },
]

test('an ordinary user gets all but owners, devices and privileged attributes, and hears so once', {
  skip: needsRoot,
}, t => {
  const base = scratch(t)
  const root = join(base, 'root')
  const warnings = asNobody(base, () => {
    mkdirSync(root)
    return extract(layer, { directory: root, lowers: [], namespace: 'trusted' })
  })
  const nodes = nodesOf(root)
  assert.deepEqual([...nodes.keys()].sort(), ['.', 'closed', 'd', 'd/f', 'd/h', 'd/l', 'd/suid', 'pipe'])
  for (const [path, node] of nodes) assert.equal(node.owner, `${nobody}:${nobody}`, path)
  assert.equal(nodes.get('closed')?.mode, '0')
  assert.equal(nodes.get('d')?.mode, '555')
  assert.equal(nodes.get('d/suid')?.mode, '4755')
  // Field 1, uid 7; field 2, gid 0.
  assert.deepEqual(nodes.get('d/f')?.xattrs, { 'user.k': 'v', 'user.rootlesscontainers': '\x08\x07\x10\x00' })
  assert.match(nodes.get('d')?.xattrs['user.rootlesscontainers'] ?? '', /^\x08\x07/)
  assert.equal(nodes.get('d/h')?.sameAs, 'd/f')
  const said = new Set(warnings)
  assert.equal(said.size, 4, [...said].join('; '))
  for (const what of [/owners/, /device files/, /security\.\*/, /trusted\.\*/]) {
    assert.equal([...said].filter(warning => what.test(warning)).length, 1, String(what))
  }
})

test('an ordinary user writes into directories that their own modes close, and leaves them closed', {
  skip: needsRoot,
}, t => {
  const base = scratch(t)
  const root = join(base, 'root')
  asNobody(base, () => {
    mkdirSync(root)
    const target = { directory: root, lowers: [], namespace: 'trusted' } as const
    extract([directory('a', { mode: 0 }), file('a/b/c'), directory('a/b', { mode: 0o100 }), file('a/gone')], target)
    return extract([file('a/b/new'), file('a/.wh.gone')], target)
  })
  const nodes = nodesOf(root)
  assert.deepEqual([...nodes.keys()].sort(), ['.', 'a', 'a/b', 'a/b/c', 'a/b/new'])
  assert.equal(nodes.get('a')?.mode, '0')
  assert.equal(nodes.get('a/b')?.mode, '100')
})

test('an ordinary user makes whiteouts, and marks opaque directories where user.* says so', { skip: needsRoot }, t => {
  const base = scratch(t)
  const [lower, upper] = [join(base, 'lower'), join(base, 'upper')]
  asNobody(base, () => {
    mkdirSync(lower)
    mkdirSync(upper)
    extract([file('f'), file('d/x')], { directory: lower, lowers: [], namespace: 'user' })
    const marks = [file('.wh.f'), file('d/.wh..wh..opq'), file('d/y')]
    return extract(marks, { directory: upper, lowers: [lower], namespace: 'user' })
  })
  const nodes = nodesOf(upper)
  assert.deepEqual([...nodes.keys()].sort(), ['.', 'd', 'd/y', 'f'])
  assert.equal(nodes.get('f')?.device, '0:0')
  assert.deepEqual(nodes.get('d')?.xattrs, { 'user.overlay.opaque': 'y' })
})

test('an ordinary user gets no hardlinks to devices that a lower layer could not have, and hears so', {
  skip: needsRoot,
}, t => {
  const base = scratch(t)
  const root = join(base, 'root')
  const target = {
    directory: root,
    lowers: [],
    namespace: 'user',
    leftOut: ['top', 'dev/null', 'dev/tty', 'old/n'],
  } as const
  const refused: string[] = []
  const warnings = asNobody(base, () => {
    mkdirSync(join(root, 'dev'), { recursive: true })
    const links = [
      hardlink('a', 'top'),
      hardlink('b', 'dev/null'),
      hardlink('c', 'b'),
      file('dev/tty'),
      hardlink('d', 'dev/tty'),
    ]
    const warned = extract(links, target, refused)
    assert.deepEqual(refused, [])
    const hidden = [file('.wh.top'), file('dev/.wh..wh..opq'), hardlink('e', 'top'), hardlink('f', 'dev/null')]
    // Made by this layer: what another of that name had was another directory's.
    hidden.push(directory('old'), hardlink('g', 'old/n'))
    extract(hidden, target, refused)
    return warned
  })
  assert.deepEqual([...nodesOf(root).keys()].sort(), ['.', 'd', 'dev', 'old'])
  assert.match(warnings[0] ?? '', /device files are left out/)
  assert.deepEqual(
    refused.map(line => line.match(/no file (.*) to link to/)?.[1]),
    ['top', 'dev/null', 'old/n'],
  )
})

function nodesOf(root: string): Map<string, TreeNode> {
  return new Map(dumpTree(root).map(node => [node.path, node]))
}
