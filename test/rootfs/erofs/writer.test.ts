import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { ImageError } from '../../../src/errors.ts'
import { IndexBuilder } from '../../../src/layer/index-builder.ts'
import { mergeLayers } from '../../../src/layer/merge.ts'
import type { Segment } from '../../../src/layer/tar/entry.ts'
import type { Tree } from '../../../src/layer/tree.ts'
import { superblockOffset } from '../../../src/rootfs/erofs/superblock.ts'
import { anyLayers } from '../../support/any-layers.ts'
import { erofsBytes, mountErofs, noErofsMount, placeFiles, readErofs } from '../../support/erofs.ts'
import { describeTree, indexOf, tarOf } from '../../support/layers.ts'
import { assertSameTree } from '../../support/tree.ts'
import { directory, file, hardlink, type Item, scratch, symlink } from '../extract/stack.ts'

const numRuns = Number(process.env['DAVIT_RUNS'] ?? 60)
const noMount = noErofsMount() ?? false

const many = Array.from({ length: 3000 }, (_, i) => file(`many/${i * 7919}`, `${i}`))
const odd = ['-dash', '!', '.', '..', '...', '.a', '..b', '~', '\xff\xfe', 'x'.repeat(255)].filter(
  name => !/^\.\.?$/.test(name),
)
const capability = '\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0'

const stacks: Readonly<Record<string, readonly (readonly Item[])[]>> = {
  'nothing at all': [[]],
  'no layers': [],
  'a layer of marks only, over another': [[file('a', 'a'), file('b', 'b')], [file('.wh.a', '')]],
  'files around the sizes of blocks': [
    [1, 511, 512, 513, 1023, 1024, 4096, 4097, 70_000].map(size => file(`f${size}`, 'x'.repeat(size))),
  ],
  'directories of many blocks': [
    [directory('many'), ...many, directory('full'), ...full(512), directory('over'), ...full(530)],
  ],
  'names that sort around the dots': [[...odd.map(name => ({ ...file('', name), path: Buffer.from(name, 'latin1') }))]],
  'symlinks short and long': [
    [1, 60, 448, 449, 511, 512, 513, 1024, 4095].map(size => symlink(`s${size}`, 'l'.repeat(size))),
  ],
  'special files': [
    [
      { type: 'character', path: 'null', major: 1, minor: 3, mode: 0o666 },
      { type: 'block', path: 'disk', major: 4095, minor: 2 ** 20 - 1, mode: 0o660, gid: 6 },
      { type: 'fifo', path: 'pipe', mode: 0o1622 },
      file('suid', 's', { mode: 0o6755 }),
      directory('tmp', { mode: 0o1777 }),
    ],
  ],
  'ids and times at their ends': [
    [
      file('a', 'a', { uid: 2 ** 32 - 2, gid: 65_536, seconds: -(2 ** 31), nanoseconds: 1 }),
      file('b', 'b', { uid: 65_535, gid: 65_535, seconds: 2 ** 34 - 2 ** 31 - 1, nanoseconds: 999_999_999 }),
      file('c', 'c', { seconds: -1, nanoseconds: 0 }),
      file('d', 'd', { seconds: 2 ** 32, nanoseconds: 0 }),
    ],
  ],
  'one time for all': [['a', 'b', 'c', 'd/e'].map(path => file(path, path, { seconds: 77, nanoseconds: 5 }))],
  attributes: [
    [
      ...['p', 'q', 'r'].map(path =>
        file(path, path, { xattrs: { 'security.capability': capability, 'user.same': 'x' } }),
      ),
      file('alone', '', { xattrs: { 'user.one': 'v', 'user.empty': '', 'trusted.t': 'w' } }),
      directory('d', { xattrs: { 'user.large': 'v'.repeat(3000), 'user.more': '\0\xff' } }),
      directory('d/e', { xattrs: { 'user.large': 'v'.repeat(3000), 'user.more': '\0\xff' } }),
      file('wide', '', { xattrs: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`user.${i}`, `${i}`])) }),
    ],
    [file('s', 's', { xattrs: { 'security.capability': capability, 'user.same': 'x' } })],
  ],
  'hardlinks across layers': [
    [directory('d'), file('d/a', 'a', { mode: 0o600 }), symlink('l', 'd')],
    [hardlink('b', 'd/a'), hardlink('l2', 'l'), file('d/.wh.a', '')],
    [hardlink('c', 'b'), file('b', 'another')],
  ],
}

/** Files whose entries fill a block to its last byte, dots included, or go over it. */
function full(bytes: number): Item[] {
  const rest = bytes - 2 * 12 - 3 - 12
  return [
    file(`${bytes === 512 ? 'full' : 'over'}/${'n'.repeat(100)}`),
    file(`${bytes === 512 ? 'full' : 'over'}/${'o'.repeat(Math.min(rest - 112, 255))}`),
  ]
}

for (const [name, layers] of Object.entries(stacks)) {
  const stack = stackOf(layers)
  test(`writeErofs(): the kernel finds ${name}`, { skip: noMount }, t => {
    checkMounted(scratch(t), stack)
  })
}

test('writeErofs(): another reader finds each of these', t => {
  checkRead(scratch(t), Object.values(stacks).map(stackOf), Object.keys(stacks))
})

test('writeErofs(): another reader finds any layers', t => {
  checkRead(scratch(t), fc.sample(anyLayers, numRuns).map(stackOf))
})

test('writeErofs(): the kernel finds any layers', { skip: noMount }, t => {
  const base = scratch(t)
  const property = fc.property(anyLayers, layers => {
    const stack = stackOf(layers)
    checkMounted(base, stack)
  })
  fc.assert(property, { numRuns })
})

test('writeErofs() gives the same bytes for the same layers', () => {
  const property = fc.property(anyLayers, layers => {
    const [one, other] = [stackOf(layers), stackOf(layers)]
    for (const selfContained of [false, true]) {
      const [bytes, same] = [one, other].map(({ tree, tars }) => erofsBytes(tree, tars, { selfContained }))
      assert.deepEqual(bytes, same)
    }
  })
  fc.assert(property, { numRuns })
})

interface Stack {
  readonly tars: readonly Uint8Array[]
  readonly tree: Tree
}

/** Of layers that can't be merged, the base alone, or nothing. */
function stackOf(layers: readonly (readonly Item[])[]): Stack {
  const tars = layers.map(tarOf)
  try {
    return { tars, tree: mergeLayers(tars.map(indexOf)) }
  } catch (error) {
    assert(error instanceof ImageError)
    return stackOf(layers.length > 1 ? layers.slice(0, 1) : [])
  }
}

function place(base: string, { tree, tars }: Stack): string[] {
  return placeFiles(base, erofsBytes(tree, tars), tars)
}

/** An image and its tars, and an image that needs none. */
function placeBoth(base: string, stack: Stack): [string[], string[]] {
  return [place(base, stack), placeFiles(base, erofsBytes(stack.tree, stack.tars, { selfContained: true }), [])]
}

function checkMounted(base: string, stack: Stack): void {
  const [pointing, selfContained] = placeBoth(base, stack)
  assertSameTree(mountErofs(pointing), describeTree(stack.tree, stack.tars))
  assertSameTree(mountErofs(selfContained), describeTree(stack.tree, stack.tars), 'trees of a self-contained image')
}

function checkRead(base: string, stacks: readonly Stack[], names: readonly string[] = []): void {
  const files = stacks.flatMap(stack => placeBoth(base, stack))
  for (const [i, found] of readErofs(...files).entries()) {
    const place = Math.floor(i / 2)
    const { tree, tars } = stacks[place] ?? stackOf([])
    const what = `${names[place] ?? `trees ${place}`}${i % 2 === 1 ? ', self-contained,' : ''}`
    assertSameTree(found, describeTree(tree, tars), what)
  }
}

/** Stretches of data, holes between them, at blocks or not. */
const anySparse = fc
  .record({
    unit: fc.constantFrom(1, 512, 512, 4096),
    steps: fc.array(fc.record({ hole: fc.nat(9), data: fc.integer({ min: 1, max: 9 }) }), { maxLength: 6 }),
    rest: fc.nat(3000),
  })
  .map(({ unit, steps, rest }) => sparse(unit, steps, rest))

function sparse(unit: number, steps: readonly { hole: number; data: number }[], rest: number): Sparse {
  const segments: Segment[] = []
  let [fileOffset, tarOffset] = [0, 512]
  for (const { hole, data } of steps) {
    fileOffset += hole * unit
    segments.push({ tarOffset, fileOffset, length: data * unit })
    fileOffset += data * unit
    tarOffset += data * unit
  }
  return { size: fileOffset + rest, segments }
}

interface Sparse {
  readonly size: number
  readonly segments: readonly Segment[]
}

const anySparseFiles = fc.array(anySparse, { maxLength: 8 })

/** A layer of sparse files, in a tar that is only data. */
function sparseStack(files: readonly Sparse[]): Stack {
  const builder = new IndexBuilder()
  const plain = {
    type: 'file',
    link: Buffer.alloc(0),
    mode: 0o644,
    uid: 0,
    gid: 0,
    seconds: 0,
    nanoseconds: 0,
  } as const
  for (const [i, sparse] of files.entries()) {
    builder.entry({ ...plain, ...sparse, path: Buffer.from(`f${i}`), major: 0, minor: 0, xattrs: new Map() })
  }
  const end = Math.max(0, ...files.flatMap(({ segments }) => segments.map(one => one.tarOffset + one.length)))
  return { tree: mergeLayers([builder.finish()]), tars: [randomBytes(Math.ceil(end / 512) * 512)] }
}

test('writeErofs(): another reader finds any sparse files', t => {
  checkRead(scratch(t), fc.sample(anySparseFiles, numRuns).map(sparseStack))
})

test('writeErofs(): the kernel finds any sparse files', { skip: noMount }, t => {
  const base = scratch(t)
  const property = fc.property(anySparseFiles, files => {
    const stack = sparseStack(files)
    checkMounted(base, stack)
  })
  fc.assert(property, { numRuns })
})

test('writeErofs() counts more names than 16 bits hold', t => {
  const names = Array.from({ length: 66_000 }, (_, i) => hardlink(`${i}`, 'f'))
  // Two more, so that their time is the common one and short inodes would do.
  const tars = [tarOf([file('f', 'f'), file('g'), file('h'), ...names])]
  checkRead(scratch(t), [{ tars, tree: mergeLayers(tars.map(indexOf)) }])
})

test('writeErofs() keeps large sparse files small', () => {
  const segments = [{ tarOffset: 512, fileOffset: 2 ** 39 + 512, length: 512 }]
  const { tree, tars } = sparseStack([{ size: 2 ** 40 + 1, segments }])
  for (const selfContained of [false, true]) {
    assert(erofsBytes(tree, tars, { selfContained }).length < 16 * 2 ** 20)
  }
})

test('writeErofs() refuses sparse files that would fill the disk', () => {
  const one = { size: 2 ** 50, segments: [{ tarOffset: 512, fileOffset: 2 ** 49 + 1, length: 512 }] }
  const { tree, tars } = sparseStack(Array.from({ length: 10 }, () => one))
  for (const selfContained of [false, true]) {
    assert.throws(() => erofsBytes(tree, tars, { selfContained }), { code: 'LIMIT_EXCEEDED' })
  }
})

/** May be several words, to run it elsewhere. */
const [fsck = '', ...fsckArguments] = (process.env['DAVIT_FSCK_EROFS'] ?? 'fsck.erofs').split(' ')

test('fsck.erofs accepts an image of everything', { skip: noFsck() }, t => {
  const stack = stackOf(Object.values(stacks).flat())
  assert(stack.tars.length > 10)
  const [image = '', ...devices] = placeFiles(
    scratch(t),
    withoutChecksum(erofsBytes(stack.tree, stack.tars)),
    stack.tars,
  )
  execFileSync(fsck, [...fsckArguments, ...devices.map(device => `--device=${device}`), '--extract', image])
})

/** Version 1.8 crashes over the checksum of a block that ends before the superblock; the kernel's test is a mount. */
function withoutChecksum(bytes: Uint8Array): Uint8Array {
  const image = Buffer.from(bytes)
  image.writeUInt32LE(0, superblockOffset + 4)
  image.writeUInt32LE(image.readUInt32LE(superblockOffset + 8) & ~1, superblockOffset + 8)
  return image
}

/** Versions before 1.7 know no blocks of 512 bytes. */
function noFsck(): string | false {
  try {
    const said = execFileSync(fsck, [...fsckArguments, '-V'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    const [, major = 0, minor = 0] = /(\d+)\.(\d+)/.exec(said) ?? []
    return Number(major) * 100 + Number(minor) >= 107 ? false : 'fsck.erofs is too old here'
  } catch {
    return 'no fsck.erofs here'
  }
}
