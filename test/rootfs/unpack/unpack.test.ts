import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { ImageError } from '../../../src/errors.ts'
import { noOpenat2 } from '../../../src/rootfs/extract/losses.ts'
import { asImageWorker, type OpenImageWorker, openImageWorker } from '../../../src/rootfs/extract/worker.ts'
import type { StoredLayer } from '../../../src/rootfs/image-tree.ts'
import { isUnfinished, markUnfinished } from '../../../src/rootfs/unfinished.ts'
import { unpackTree } from '../../../src/rootfs/unpack/unpack.ts'
import { digestOf } from '../../../src/spec/digest.ts'
import { inlineWorkers } from '../../../src/system/inline.ts'
import { openSys } from '../../../src/system/sys/linux.ts'
import { openThreads } from '../../../src/system/threads.ts'
import { needsRoot } from '../../conformance/scratch.ts'
import { anyLayers } from '../../support/any-layers.ts'
import { command } from '../../support/command.ts'
import { tarOf } from '../../support/layers.ts'
import { assertSameTree, dumpTree } from '../../support/tree.ts'
import { directory, file, flatTree, hardlink, type Item, scratch, symlink } from '../extract/stack.ts'

const numRuns = Number(process.env['DAVIT_RUNS'] ?? 150)
const nobody = 65_534
const capability = `\x01\0\0\x02\0\x20${'\0'.repeat(14)}`

/** Layers as the store has them. */
function storeLayers(base: string, tars: readonly Uint8Array[]): readonly StoredLayer[] {
  return tars.map((bytes, number) => {
    const [tar, index] = [join(base, `${number}.tar`), join(base, `${number}.index`)]
    writeFileSync(tar, bytes)
    return { diffId: digestOf(bytes), tar, index }
  })
}

interface Unpacked {
  readonly warnings: ReadonlySet<string>
  readonly root: string
}

async function unpack(
  base: string,
  layers: readonly (readonly Item[])[],
  openWorker: OpenImageWorker = async () => asImageWorker(inlineWorkers()),
): Promise<Unpacked> {
  const stored = storeLayers(base, layers.map(tarOf))
  const root = mkdtempSync(join(base, 'root-'))
  openSys().lsetxattr(Buffer.from(root), Buffer.from('user.before'), Buffer.from('goes'))
  const warnings = new Set<string>()
  const signal = new AbortController().signal
  await unpackTree(openWorker, stored, root, { signal, onWarning: message => warnings.add(message) })
  return { warnings, root }
}

test('unpackTree() leaves the mark of a directory that is being filled to whoever set it', async t => {
  const base = scratch(t)
  const root = join(base, 'root')
  mkdirSync(root)
  markUnfinished(root)
  const stored = storeLayers(base, [tarOf([file('one', 'x')])])
  await unpackTree(async () => asImageWorker(inlineWorkers()), stored, root, { signal: new AbortController().signal })
  assert.equal(isUnfinished(root), true)
})

test('unpackTree() writes the tree that extracting makes, of any layers', { skip: needsRoot }, async () => {
  await fc.assert(
    fc.asyncProperty(anyLayers, async layers => {
      const base = mkdtempSync(join(tmpdir(), 'davit-unpack-'))
      try {
        const written = await unpack(base, layers).catch((error: unknown) => {
          if (!(error instanceof ImageError)) throw error
          return undefined
        })
        if (written === undefined) assert.throws(() => flatTree(base, layers), ImageError)
        else assertSameTree(dumpTree(written.root), flatTree(base, layers), 'unpacked and extracted')
      } finally {
        rmSync(base, { recursive: true, force: true })
      }
    }),
    { numRuns },
  )
})

test('unpackTree() by several threads, and by several jailed processes: large, sparse, many and hidden files, links, devices, odd names', {
  skip: needsRoot,
}, async t => {
  const base = scratch(t)
  const deep = Array.from({ length: 200 }, (_, depth) => `d${depth}`).join('/')
  const layers: readonly (readonly Item[])[] = [
    [
      directory('.', { mode: 0o2770, gid: 4, xattrs: { 'user.root': 'r' } }),
      ...Array.from({ length: 3000 }, (_, n) => file(`many/${n % 70}/${n}`, `${n}`.repeat(n % 300))),
      ...Array.from({ length: 4 }, (_, n) => file(`large/${n}`, `${n}`.repeat(5_000_001))),
      file('gone', 'g'.repeat(3_000_000)),
      file(`${deep}/first`, 'deep'),
      directory('closed', { mode: 0, uid: 5 }),
      file('closed/inside'),
      file('suid', 's', { mode: 0o6755, uid: 70_000, xattrs: { 'security.capability': capability } }),
    ],
    [
      file('.wh.gone', ''),
      ...Array.from({ length: 500 }, (_, n) => file(`many/${n % 70}/${n}`, 'replaced')),
      hardlink('also/first', `${deep}/first`),
      hardlink(`${deep}/suid`, 'suid'),
      symlink('link', '/etc/passwd'),
      { type: 'character', path: 'null', major: 1, minor: 3, mode: 0o666 },
      { type: 'fifo', path: 'pipe', mode: 0o600 },
      { ...file('', 'bytes'), path: Buffer.from([0xff, 0xfe]) },
    ],
  ]
  const threads = openThreads({ size: 3 })
  try {
    const expected = flatTree(base, layers)
    const ways: readonly OpenImageWorker[] = [
      async () => asImageWorker(threads),
      tasks => openImageWorker(threads, tasks),
    ]
    for (const open of ways) {
      const { root, warnings } = await unpack(base, layers, open)
      assertSameTree(dumpTree(root), expected, 'unpacked and extracted')
      assert.deepEqual([...warnings], [])
    }
  } finally {
    await threads.close()
  }
})

for (const [what, losses, hasOpenat2, said] of [
  ['that a kernel has no openat2', [], false, noOpenat2],
  ['what its workers are without', ['no jail'], true, 'no jail'],
] as const) {
  test(`unpackTree() says ${what}, once; strictly, it refuses before anything is written`, async t => {
    t.mock.method(openSys(), 'hasOpenat2', () => hasOpenat2)
    const base = scratch(t)
    const stored = storeLayers(base, [tarOf([directory('d'), file('d/f')])])
    const open: OpenImageWorker = async () => asImageWorker(inlineWorkers(), losses)
    const { signal } = new AbortController()
    const warnings: string[] = []
    const [lenient, strict] = [join(base, 'lenient'), join(base, 'strict')]
    for (const root of [lenient, strict]) mkdirSync(root)
    await unpackTree(open, stored, lenient, { signal, onWarning: warning => warnings.push(warning) })
    assert.deepEqual(warnings, [said])
    await assert.rejects(unpackTree(open, stored, strict, { signal, strict: true }), { code: 'UNSUPPORTED' })
    assert.deepEqual(readdirSync(strict), [])
  })
}

test('unpackTree() leaves holes where a sparse file has them', async t => {
  const base = scratch(t)
  const tar = join(base, 'sparse.tar')
  mkdirSync(join(base, 'in'))
  command(
    'sh',
    '-c',
    `cd ${base}/in && printf begin > f && truncate -s 40M f && printf middle >> f && truncate -s 90M f`,
  )
  command('tar', '-C', `${base}/in`, '--sparse', '--format=pax', '-cf', tar, 'f')
  const layers = [{ diffId: digestOf(readFileSync(tar)), tar, index: join(base, 'sparse.index') }]
  const out = join(base, 'out')
  mkdirSync(out)
  await unpackTree(async () => asImageWorker(inlineWorkers()), layers, out, { signal: new AbortController().signal })
  const { size, blocks } = statSync(join(out, 'f'))
  assert.equal(size, 90 * 2 ** 20)
  assert(blocks * 512 < 2 ** 20, `${blocks} blocks`)
  assert(readFileSync(join(out, 'f')).equals(readFileSync(join(base, 'in/f'))))
})

test('unpackTree() gives an ordinary user all but owners, devices and privileged attributes', {
  skip: needsRoot,
}, async t => {
  const base = scratch(t)
  chownSync(base, nobody, nobody)
  chmodSync(base, 0o755)
  const layer: readonly Item[] = [
    directory('closed', { mode: 0 }),
    file('closed/f', 'f', { mode: 0o400, uid: 7, xattrs: { 'user.k': 'v', 'security.capability': capability } }),
    file('suid', 's', { mode: 0o4755 }),
    hardlink('h', 'suid'),
    symlink('l', 'suid'),
    { type: 'character', path: 'null', major: 1, minor: 3 },
    hardlink('null too', 'null'),
    { type: 'fifo', path: 'pipe', mode: 0o600 },
  ]
  process.setegid?.(nobody)
  process.seteuid?.(nobody)
  const unpacked = await unpack(base, [layer]).finally(() => {
    process.seteuid?.(0)
    process.setegid?.(0)
  })
  const nodes = new Map(dumpTree(unpacked.root).map(node => [node.path, node]))
  assert.deepEqual([...nodes.keys()].sort(), ['.', 'closed', 'closed/f', 'h', 'l', 'pipe', 'suid'])
  for (const [path, node] of nodes) assert.equal(node.owner, `${nobody}:${nobody}`, path)
  assert.deepEqual([nodes.get('closed')?.mode, nodes.get('suid')?.mode], ['0', '4755'])
  assert.deepEqual(nodes.get('closed/f')?.xattrs, { 'user.k': 'v', 'user.rootlesscontainers': '\x08\x07\x10\x00' })
  assert.equal(nodes.get('suid')?.sameAs, 'h')
  assert.deepEqual([...unpacked.warnings].map(warning => warning.split(' ').slice(0, 2).join(' ')).sort(), [
    'device files',
    'no privilege',
    'owners are',
  ])
})

/** A file of 1 GiB, most of which is a hole of the tar: written all the same. */
function largeLayer(base: string): StoredLayer {
  const tar = join(base, 'large.tar')
  const head = tarOf([file('large', '', { nanoseconds: 0 })]).subarray(0, 512)
  head.write('10000000000\0', 124)
  head.fill(0x20, 148, 156)
  head.write(
    `${head
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  )
  writeFileSync(tar, head)
  truncateSync(tar, 512 + 2 ** 30 + 1024)
  return { diffId: digestOf(head), tar, index: join(base, 'large.index') }
}

test('unpackTree() stops when its signal is aborted, in the middle of one large file too', async t => {
  const base = scratch(t)
  const stored = [largeLayer(base)]
  const root = join(base, 'root')
  mkdirSync(root)
  const threads = openThreads({ size: 2 })
  try {
    const abort = new AbortController()
    const work = unpackTree(async () => asImageWorker(threads), stored, root, { signal: abort.signal })
    const reason = new Error('enough')
    while (statSync(join(root, 'large'), { throwIfNoEntry: false }) === undefined) {
      await Promise.race([work, new Promise(setImmediate)])
    }
    abort.abort(reason)
    await assert.rejects(work, reason)
    assert(statSync(join(root, 'large')).size < 2 ** 30)
  } finally {
    await threads.close()
  }
})
