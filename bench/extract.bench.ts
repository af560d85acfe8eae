// How long davit takes to turn an uncompressed layer into a directory, beside GNU tar, interleaved.
// usage: node build/bench/extract.bench.js [ROUNDS [LAYER.tar…]]     without layers: one of 20,000 files
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { applyLayerTask } from '../src/rootfs/extract/apply-task.ts'

const rounds = Number(process.argv[2] ?? 7)
const scratch = mkdtempSync(join(tmpdir(), 'davit-bench-'))
try {
  const layers = process.argv.length > 3 ? process.argv.slice(3) : [synthetic()]
  const davit: number[] = []
  const tar: number[] = []
  // The first round warms caches and the compiler, and doesn't count.
  for (let round = 0; round <= rounds; round++) {
    const first = await timed(byDavit, layers)
    const second = await timed(byTar, layers)
    if (round === 0) continue
    davit.push(first)
    tar.push(second)
  }
  const [ours, theirs] = [median(davit), median(tar)]
  const times = `${ours.toFixed(0)} ms to ${theirs.toFixed(0)} ms, medians of ${rounds}`
  console.log(`extract: ${(ours / theirs).toFixed(2)} × GNU tar (${times})`)
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

async function timed(extract: (layer: string, directory: string) => unknown, layers: string[]): Promise<number> {
  const directory = join(scratch, 'root')
  mkdirSync(directory)
  execFileSync('sync', ['-f', scratch])
  const start = performance.now()
  for (const layer of layers) await extract(layer, directory)
  const elapsed = performance.now() - start
  rmSync(directory, { recursive: true })
  return elapsed
}

async function byDavit(path: string, directory: string): Promise<void> {
  const target = { directory, lowers: [], namespace: 'trusted' } as const
  const channel = { signal: new AbortController().signal, send() {}, next: async () => undefined }
  await applyLayerTask({ path, target }, channel)
}

function byTar(path: string, directory: string): void {
  const options = ['--extract', '--preserve-permissions', '--numeric-owner']
  execFileSync('tar', [...options, '--file', path, '--directory', directory])
}

/** 20,000 files of up to 16 KiB in 2,000 directories. */
function synthetic(): string {
  const tree = join(scratch, 'tree')
  for (let at = 0; at < 20_000; at++) {
    const directory = join(tree, `d${at % 40}`, `d${at % 2000}`)
    mkdirSync(directory, { recursive: true })
    const pattern = createHash('md5').update(`${at}`).digest()
    writeFileSync(join(directory, `f${at}`), Buffer.alloc((at * 7919) % 16_384, pattern))
  }
  const tar = join(scratch, 'layer.tar')
  execFileSync('tar', ['--create', '--file', tar, '--directory', tree, '.'])
  rmSync(tree, { recursive: true })
  return tar
}

function median(values: number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN
}
