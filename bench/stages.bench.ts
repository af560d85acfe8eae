/**
 * Where the time of a pull goes: the CPU of its stages, each alone, against the CPU and the time of the pull itself.
 *
 * usage: node build/bench/stages.bench.js REFERENCE [--runs N] …     as support/options.ts has it
 *
 * The stages' sum, divided by the number of cores, is what a perfect schedule would need.
 */
import { closeSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { decompress } from '../src/layer/compression/decompress.ts'
import { IndexBuilder } from '../src/layer/index-builder.ts'
import { decodeIndex, encodeIndex } from '../src/layer/index-format.ts'
import { mergeLayers } from '../src/layer/merge.ts'
import { TarReader } from '../src/layer/tar/reader.ts'
import { writeErofs } from '../src/rootfs/erofs/writer.ts'
import { newHash } from '../src/spec/digest.ts'
import { parseReference } from '../src/spec/reference.ts'
import { CHUNK_BYTES, Chunks } from '../src/system/chunks.ts'
import { measure } from './support/measure.ts'
import { readOptions, shell } from './support/options.ts'
import { median, table } from './support/statistics.ts'

const { reference, runs, scratch, davit } = readOptions()
const { host, repository } = parseReference(reference)
const root = join(scratch, 'davit')
const pull = `${davit} --root ${root} pull --progress quiet --snapshotter erofs ${reference} > /dev/null`
const blobOf = (digest: string) => join(root, 'blobs', digest.replace(':', '/'))

const whole = { seconds: [] as number[], cpuSeconds: [] as number[] }
const stages = new Map<string, number[]>()
for (let run = 1; run <= runs; run++) {
  shell(`rm -rf ${root}; sync`)
  const { seconds, cpuSeconds } = await measure(pull)
  whole.seconds.push(seconds)
  whole.cpuSeconds.push(cpuSeconds)
  await runStages()
}
rmSync(root, { recursive: true })

const rows = [...stages].map(([stage, times]) => [stage, median(times)] as const)
const sum = rows.reduce((total, [, time]) => total + time, 0)
const cores = availableParallelism()
const elapsed = median(whole.seconds)
console.log(`${reference}, ${runs} runs, medians of CPU seconds`)
console.log(table([...rows, ['together', sum] as const].map(([stage, time]) => [stage, time.toFixed(2)])))
console.log(`together ÷ ${cores} cores: ${(sum / cores).toFixed(2)} s`)
console.log(`the pull: ${elapsed.toFixed(2)} s, ${median(whole.cpuSeconds).toFixed(2)} CPU s`)
console.log(`the pull ÷ (together ÷ cores): ${(elapsed / (sum / cores)).toFixed(2)}`)

async function runStages(): Promise<void> {
  const { layers, config } = readJson<Manifest>(manifestDigest())
  const blobs = layers.map(({ digest }) => digest)
  const tars = readJson<Config>(config.digest).rootfs.diff_ids
  await stage('receive', () => Promise.all(blobs.map(receive)))
  // They were written past the page cache: the first time they are read, the disk takes part.
  readAll([...blobs, ...tars], () => {})
  const idle = [await cpuOf(() => readAll(blobs, () => {})), await cpuOf(() => readAll(tars, () => {}))] as const
  await stage('hash compressed', () => readAll(blobs, hashing()), idle[0])
  await stage('write compressed', () => writeAll(blobs), idle[0])
  await stage('inflate', () => inflateAll(blobs), idle[0])
  await stage('hash tars', () => readAll(tars, hashing()), idle[1])
  await stage('write tars', () => writeAll(tars), idle[1])
  const builders = tars.map(() => new IndexBuilder())
  await stage('read headers, index', () => indexAll(tars, builders), idle[1])
  await stage('merge, write EROFS', () => {
    const tree = mergeLayers(builders.map(builder => decodeIndex(Buffer.concat(encodeIndex(builder.finish())))))
    const readTar = (_layer: number, _offset: number, length: number) => new Uint8Array(length)
    for (const _ of writeErofs(tree, { tags: [], readTar }));
  })
}

interface Manifest {
  readonly config: { readonly digest: string }
  readonly layers: readonly { readonly digest: string }[]
}

interface Config {
  readonly rootfs: { readonly diff_ids: readonly string[] }
}

function readJson<T>(digest: string): T {
  return JSON.parse(readFileSync(blobOf(digest), 'utf8')) as T
}

/** Of the one that was pulled: the one image in the layout's index. */
function manifestDigest(): string {
  const { manifests } = JSON.parse(readFileSync(join(root, 'index.json'), 'utf8')) as {
    manifests: readonly { digest: string }[]
  }
  return manifests[0]?.digest ?? ''
}

async function stage(name: string, work: () => unknown, idle = 0): Promise<void> {
  const times = stages.get(name) ?? []
  stages.set(name, [...times, (await cpuOf(work)) - idle])
}

async function cpuOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1e6
}

async function receive(digest: string): Promise<void> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    get(`http://${host}/v2/${repository}/blobs/${digest}`, resolve).on('error', reject)
  })
  for await (const _ of answer);
}

function readAll(digests: readonly string[], use: (bytes: Uint8Array) => void): void {
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  for (const digest of digests) {
    const fd = openSync(blobOf(digest), 'r')
    for (let length = readSync(fd, buffer); length > 0; length = readSync(fd, buffer)) use(buffer.subarray(0, length))
    closeSync(fd)
  }
}

function hashing(): (bytes: Uint8Array) => void {
  const hash = newHash()
  return bytes => hash.update(bytes)
}

function writeAll(digests: readonly string[]): void {
  const path = join(scratch, 'written')
  const fd = openSync(path, 'w')
  readAll(digests, bytes => writeSync(fd, bytes))
  closeSync(fd)
  rmSync(path)
}

async function inflateAll(digests: readonly string[]): Promise<void> {
  for (const digest of digests) {
    const chunks = new Chunks()
    for await (const piece of decompress(chunksOf(blobOf(digest), chunks), chunks)) chunks.give(piece)
  }
}

async function* chunksOf(path: string, chunks: Chunks): AsyncGenerator<Uint8Array> {
  const fd = openSync(path, 'r')
  for (;;) {
    const chunk = chunks.take()
    const length = readSync(fd, chunk)
    if (length === 0) break
    yield chunk.subarray(0, length)
  }
  closeSync(fd)
}

function indexAll(digests: readonly string[], builders: readonly IndexBuilder[]): void {
  for (const [at, digest] of digests.entries()) {
    const builder = builders[at]
    if (builder === undefined) continue
    const reader = new TarReader(builder)
    readAll([digest], bytes => reader.push(bytes))
    reader.end()
  }
}
