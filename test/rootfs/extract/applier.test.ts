import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { hasCode } from '../../../src/errors.ts'
import type { ApplyOptions } from '../../../src/rootfs/applier.ts'
import { openApplier } from '../../../src/rootfs/extract/applier.ts'
import { noOpenat2 } from '../../../src/rootfs/extract/losses.ts'
import { asImageWorker } from '../../../src/rootfs/extract/worker.ts'
import { type Digest, digestOf } from '../../../src/spec/digest.ts'
import type { BlobReader, ContentStore } from '../../../src/store/content/store.ts'
import { inlineWorkers } from '../../../src/system/inline.ts'
import { openSys } from '../../../src/system/sys/linux.ts'
import { openThreads } from '../../../src/system/threads.ts'
import { needsRoot } from '../../conformance/scratch.ts'
import { archive, pax, rawEntry } from '../../support/tar.ts'
import { assertSameTree, dumpTree } from '../../support/tree.ts'
import { scratch } from './stack.ts'

const workers = openThreads({ size: 1 })
after(() => workers.close())
const applier = openApplier({ openWorker: async () => asImageWorker(workers) }).open()

/** Larger than what is read at once, so that several chunks are under way. */
const big = randomBytes(3 << 20)
const tar = archive(
  rawEntry({ name: 'd/', type: '5', mode: 0o750, mtime: 1000 }),
  rawEntry({ name: 'd/big', mode: 0o640, mtime: 2000 }, big),
  rawEntry({ name: 'd/empty', mtime: 2000 }),
  rawEntry({ name: 'l', type: '2', link: 'd/big', mtime: 3000 }),
)
const entries = 4

test('apply() writes the same tree from a file and from chunks, from a plain and a packed layer', async t => {
  const base = scratch(t)
  const forms = { gzip: gzipSync(tar), plain: tar }
  const trees = []
  for (const [form, bytes] of Object.entries(forms)) {
    for (const store of [fileStore(base, bytes), chunkStore(bytes)]) {
      const seen: number[] = []
      const { directory, applied } = await apply(base, store, bytes, { onProgress: consumed => seen.push(consumed) })
      assert.deepEqual(applied, { diffId: digestOf(tar), size: tar.length, entries, leftOut: [] }, form)
      assert.equal(seen.at(-1), bytes.length)
      assert.deepEqual(readFileSync(join(directory, 'l')), big)
      trees.push(dumpTree(directory).filter(({ path }) => path !== '.'))
    }
  }
  for (const tree of trees) assertSameTree(tree, trees[0] ?? [])
})

test('apply() counts what follows the end mark into the diff ID', async t => {
  const padded = Buffer.concat([tar, Buffer.alloc(10_240)])
  const { applied } = await apply(scratch(t), chunkStore(padded), padded)
  assert.deepEqual(applied, { diffId: digestOf(padded), size: padded.length, entries, leftOut: [] })
})

test('apply() fails with the code of what is wrong with the layer', async t => {
  const base = scratch(t)
  const packed = gzipSync(tar)
  for (const bytes of [tar.subarray(0, 700), packed.subarray(0, -5), Buffer.concat([packed, Buffer.from('x')])]) {
    await assert.rejects(apply(base, fileStore(base, bytes), bytes), error => hasCode(error, 'MALFORMED'))
    await assert.rejects(apply(base, chunkStore(bytes), bytes), error => hasCode(error, 'MALFORMED'))
  }
  const rootLink = archive(rawEntry({ name: './', type: '2', link: '/etc' }))
  await assert.rejects(apply(base, chunkStore(rootLink), rootLink), error => hasCode(error, 'UNSAFE'))
})

test('apply() lets an abort end it, with its reason', async t => {
  const base = scratch(t)
  const abort = new AbortController()
  const reason = new Error('enough')
  const store = chunkStore(tar, () => abort.abort(reason))
  await assert.rejects(apply(base, store, tar, { signal: abort.signal }), reason)
  await assert.rejects(apply(base, fileStore(base, tar), tar, { signal: AbortSignal.abort(reason) }), reason)
})

test('apply() fails with the error of a blob that can not be read', async t => {
  const broken = chunkStore(tar, () => {
    throw Object.assign(new Error('EIO: read'), { code: 'EIO' })
  })
  await assert.rejects(apply(scratch(t), broken, tar), { code: 'EIO' })
})

test('apply() says which disk is full', { skip: needsRoot }, async t => {
  const base = scratch(t)
  const disk = join(base, 'disk')
  mkdirSync(disk)
  openSys().mount('tmpfs', disk, 'tmpfs', 0, 'size=1m')
  try {
    await assert.rejects(apply(disk, chunkStore(tar), tar), { code: 'NO_SPACE' })
  } finally {
    openSys().umount2(disk)
  }
})

test('a file system without extended attributes is said once; strictly, it is refused', {
  skip: needsRoot,
}, async t => {
  const base = scratch(t)
  const disk = join(base, 'disk')
  mkdirSync(disk)
  openSys().mount('ramfs', disk, 'ramfs', 0)
  try {
    const record = '21 SCHILY.xattr.user.k=v'.length + 1
    const xattr = rawEntry({ name: 'x', type: 'x' }, `${record} SCHILY.xattr.user.k=v\n`)
    const layer = archive(xattr, rawEntry({ name: 'a' }), xattr, rawEntry({ name: 'b' }))
    const warnings: string[] = []
    await apply(disk, chunkStore(layer), layer, { onWarning: warning => warnings.push(warning) })
    assert.deepEqual(warnings, ['the file system keeps no user.* attributes'])
    const strict = openApplier({ openWorker: async () => asImageWorker(workers), strict: true }).open()
    await assert.rejects(apply(disk, chunkStore(layer), layer, {}, strict), error => hasCode(error, 'UNSUPPORTED'))
  } finally {
    openSys().umount2(disk)
  }
})

test('apply() gives attributes the names that they have, byte for byte', async t => {
  // As a string of bytes, the second would be an overlay's.
  const names = ['user.\xfc', 'user.\u016fverlay.opaque']
  const layer = archive(pax(...names.map(name => [`SCHILY.xattr.${name}`, 'v'] as const)), rawEntry({ name: 'f' }))
  const { directory } = await apply(scratch(t), chunkStore(layer), layer)
  const found = [
    ...openSys()
      .lgetxattrs(Buffer.from(join(directory, 'f')))
      .keys(),
  ]
  assert.deepEqual(found.map(name => Buffer.from(name, 'latin1').toString()).sort(), names)
})

test('a kernel without openat2 is said once; strictly, it is refused before anything is written', async t => {
  t.mock.method(openSys(), 'hasOpenat2', () => false)
  const openWorker = async () => asImageWorker(inlineWorkers())
  const warnings: string[] = []
  const options = { onWarning: (warning: string) => warnings.push(warning) }
  const lenient = openApplier({ openWorker }).open()
  for (const _ of [1, 2]) await apply(scratch(t), chunkStore(tar), tar, options, lenient)
  assert.deepEqual(warnings, [noOpenat2])
  const strict = openApplier({ openWorker, strict: true }).open()
  const base = scratch(t)
  await assert.rejects(apply(base, chunkStore(tar), tar, options, strict), error => hasCode(error, 'UNSUPPORTED'))
  assert.deepEqual(
    readdirSync(base).flatMap(name => readdirSync(join(base, name))),
    [],
  )
})

test('what an image worker is without is said once; strictly, it is refused before anything is written', async t => {
  const base = scratch(t)
  const openWorker = async () => asImageWorker(workers, ['no jail'])
  const warnings: string[] = []
  const options = { onWarning: (warning: string) => warnings.push(warning) }
  const lenient = openApplier({ openWorker }).open()
  for (const _ of [1, 2]) await apply(base, chunkStore(tar), tar, options, lenient)
  assert.deepEqual(warnings, ['no jail'])
  const strict = openApplier({ openWorker, strict: true }).open()
  await assert.rejects(apply(base, chunkStore(tar), tar, options, strict), error => hasCode(error, 'UNSUPPORTED'))
})

test('apply() makes sparse files with their holes', async t => {
  const base = scratch(t)
  const records = ['GNU.sparse.major=1', 'GNU.sparse.minor=0', 'GNU.sparse.name=s', 'GNU.sparse.realsize=1048576']
  const map = Buffer.alloc(512)
  map.write('1\n4096\n5\n')
  const sparse = archive(
    rawEntry({ name: 'x', type: 'x' }, records.map(record => `${record.length + 4} ${record}\n`).join('')),
    rawEntry({ name: 'GNUSparseFile.0/s' }, Buffer.concat([map, Buffer.from('hello')])),
  )
  const { directory } = await apply(base, chunkStore(sparse), sparse)
  const expected = Buffer.alloc(1 << 20)
  expected.write('hello', 4096)
  assert.deepEqual(readFileSync(join(directory, 's')), expected)
  assert(statSync(join(directory, 's')).blocks < 2048)
})

let directories = 0

async function apply(base: string, store: ContentStore, bytes: Uint8Array, options?: ApplyOptions, by = applier) {
  const directory = join(base, `root${directories++}`)
  mkdirSync(directory)
  const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: digestOf(bytes), size: bytes.length }
  const applied = await by.apply(store, layer, [{ type: 'bind', source: directory, options: ['rw'] }], options)
  return { directory, applied }
}

function fileStore(base: string, bytes: Uint8Array): ContentStore {
  const path = join(base, digestOf(bytes))
  writeFileSync(path, bytes)
  return storeOf(async () => ({
    size: bytes.length,
    path,
    read: () => assert.fail('the file is read where it lies'),
    close: async () => {},
  }))
}

function chunkStore(bytes: Uint8Array, onRead = () => {}): ContentStore {
  return storeOf(async () => ({
    size: bytes.length,
    path: undefined,
    read: async (offset, length) => {
      onRead()
      return new Uint8Array(bytes.subarray(offset, offset + length))
    },
    close: async () => {},
  }))
}

/** All of a store that an applier uses. */
function storeOf(open: (digest: Digest) => Promise<BlobReader>): ContentStore {
  return { open } as ContentStore
}
