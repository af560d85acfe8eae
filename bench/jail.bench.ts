// What the jail costs an image: its layers written by a process in a jail, opened for it, and by a thread, interleaved.
// usage: node build/bench/jail.bench.js [ROUNDS [LAYER…]]     base first; without layers: one of 500 files
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { applyLayer } from '../src/rootfs/extract/apply-task.ts'
import { asImageWorker, openImageWorker } from '../src/rootfs/extract/worker.ts'
import { openThreads } from '../src/system/threads.ts'
import { median, table } from './support/statistics.ts'

const [rounds = '9', ...named] = process.argv.slice(2)
const scratch = mkdtempSync(join(tmpdir(), 'davit-bench-'))
const threads = openThreads({ size: 1 })
const ways = {
  jail: () => openImageWorker(threads, [applyLayer]),
  thread: async () => asImageWorker(threads),
}

try {
  const layers = named.length > 0 ? named : [smallLayer()]
  const times = { jail: [] as number[], thread: [] as number[] }
  // The first round warms caches, and doesn't count.
  for (let round = 0; round <= Number(rounds); round++) {
    for (const way of ['jail', 'thread'] as const) {
      const took = await write(way, layers)
      if (round > 0) times[way].push(took)
    }
  }
  const rows = Object.entries(times).map(([way, all]) => [
    way,
    median(all).toFixed(0),
    all.map(ms => ms.toFixed(0)).join(' '),
  ])
  console.log(table([[`${layers.length} layers`, 'ms, median', 'all'], ...rows]))
} finally {
  await threads.close()
  rmSync(scratch, { recursive: true, force: true })
}

async function write(way: keyof typeof ways, layers: readonly string[]): Promise<number> {
  const directory = join(scratch, 'root')
  mkdirSync(directory)
  execFileSync('sync', ['-f', scratch])
  const started = performance.now()
  const worker = await ways[way]()
  const target = { directory, lowers: [], namespace: 'trusted' } as const
  for (const path of layers) await worker.run(applyLayer, { path, target }).result
  await worker.close()
  const took = performance.now() - started
  if (way === 'jail' && worker.losses.length > 0) throw new Error(worker.losses.join('; '))
  rmSync(directory, { recursive: true })
  return took
}

function smallLayer(): string {
  const tree = join(scratch, 'tree')
  for (let at = 0; at < 500; at++) {
    const directory = join(tree, `d${at % 20}`)
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, `f${at}`), Buffer.alloc((at * 7919) % 16_384, at))
  }
  const tar = join(scratch, 'layer.tar')
  execFileSync('tar', ['--create', '--file', tar, '--directory', tree, '.'])
  return tar
}
