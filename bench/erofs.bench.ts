// What it costs to index layers, to merge them and to write the EROFS image, in CPU time beyond reading the tars.
// usage: node build/bench/erofs.bench.js [ROUNDS [LAYER.tar…]]     without layers: one of 100,000 entries
import { closeSync, openSync, readSync } from 'node:fs'
import { IndexBuilder } from '../src/layer/index-builder.ts'
import { decodeIndex, encodeIndex } from '../src/layer/index-format.ts'
import { mergeLayers } from '../src/layer/merge.ts'
import type { TarEntry } from '../src/layer/tar/entry.ts'
import { TarReader } from '../src/layer/tar/reader.ts'
import { writeErofs } from '../src/rootfs/erofs/writer.ts'

const rounds = Number(process.argv[2] ?? 7)
const paths = process.argv.slice(3)
const layers = paths.length > 0 ? paths.map(read) : [synthetic(100_000)]

const stages = { index: [] as number[], store: [] as number[], merge: [] as number[], write: [] as number[] }
let [indexBytes, imageBytes, inodes] = [0, 0, 0]
// The first round warms the compiler, and doesn't count.
for (let round = 0; round <= rounds; round++) {
  const kept = round > 0
  const indexes = timed(stages.index, kept, () => layers.map(index))
  const stored = timed(stages.store, kept, () => indexes.map(one => decodeIndex(Buffer.concat(encodeIndex(one)))))
  const tree = timed(stages.merge, kept, () => mergeLayers(stored))
  const start = process.cpuUsage()
  imageBytes = 0
  for await (const piece of writeErofs(tree, {
    tags: [],
    readTar: (_layer, _offset, length) => new Uint8Array(length),
  })) {
    imageBytes += piece.length
  }
  if (kept) stages.write.push(cpuMs(start))
  indexBytes = stored.reduce((sum, one) => sum + one.names.buffer.byteLength, 0)
  inodes = tree.nodes.length
}

const medians = Object.entries(stages).map(([stage, times]) => [stage, median(times)] as const)
const parts = medians.map(([stage, ms]) => `${stage} ${ms.toFixed(0)}`).join(', ')
const sizes = `indexes ${(indexBytes / 1e6).toFixed(1)} MB, image ${(imageBytes / 1e6).toFixed(1)} MB`
const entries = layers.reduce((sum, one) => sum + one.length, 0)
const total = medians.reduce((sum, [, ms]) => sum + ms, 0)
console.log(`erofs: ${total.toFixed(0)} ms of CPU for ${entries} entries, ${inodes} inodes (${parts}; ${sizes})`)

function index(entries: readonly TarEntry[]) {
  const builder = new IndexBuilder()
  for (const entry of entries) builder.entry(entry)
  return builder.finish()
}

function timed<T>(times: number[], kept: boolean, work: () => T): T {
  const start = process.cpuUsage()
  const result = work()
  if (kept) times.push(cpuMs(start))
  return result
}

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

/** All entries of a tar, so that reading it isn't measured. */
function read(path: string): TarEntry[] {
  const entries: TarEntry[] = []
  const entry = (one: TarEntry) => {
    entries.push({ ...one, path: Buffer.from(one.path), link: Buffer.from(one.link), xattrs: new Map(one.xattrs) })
  }
  const reader = new TarReader({ entry, data() {}, done() {} })
  const fd = openSync(path, 'r')
  const buffer = Buffer.alloc(2 ** 20)
  for (let got = readSync(fd, buffer); got > 0; got = readSync(fd, buffer)) reader.push(buffer.subarray(0, got))
  closeSync(fd)
  return entries
}

/** Directories of 19 files, as a package manager leaves them. */
function synthetic(count: number): TarEntry[] {
  const looks = { link: Buffer.alloc(0), uid: 0, gid: 0, nanoseconds: 0, major: 0, minor: 0, xattrs: new Map() }
  return Array.from({ length: count }, (_, i): TarEntry => {
    const directory = `usr/lib/node_modules/package-${Math.floor(i / 400)}/dist/part-${Math.floor(i / 20)}`
    const seconds = 1_700_000_000 + (i % 5000)
    if (i % 20 === 0) {
      return {
        type: 'directory',
        path: Buffer.from(`${directory}/`),
        ...looks,
        mode: 0o755,
        seconds,
        size: 0,
        segments: [],
      }
    }
    const length = 1 + ((i * 7919) % 9000)
    const segments = [{ tarOffset: i * 10_240, fileOffset: 0, length }]
    return {
      type: 'file',
      path: Buffer.from(`${directory}/file-${i}.js`),
      ...looks,
      mode: 0o644,
      seconds,
      size: length,
      segments,
    }
  })
}
