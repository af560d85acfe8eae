/**
 * What the jail costs a pull: layers written by a process in a jail, and by a thread, in interleaved pulls with overlayfs.
 *
 * usage: node build/bench/jail.bench.js [REFERENCE] [--runs N]
 *
 * REFERENCE is in a registry on loopback; default: an image of one layer, 500 files, in one of this bench's own. Needs
 * the library as it is built, in dist/: what a process loads when it starts is part of the cost. Prints medians.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { hostPlatform } from '../src/spec/platform-host.ts'
import { parseReference } from '../src/spec/reference.ts'
import { machineFacts } from '../src/system/host.ts'
import { buildImage } from '../test/support/image.ts'
import { startRegistry } from '../test/support/registry.ts'
import { repository } from '../test/support/repository.ts'
import { serveImage } from '../test/support/serve-image.ts'
import { median, table } from './support/statistics.ts'

const { openParts }: typeof import('../src/parts.ts') = await import(join(repository, 'dist/parts.js'))
const { defaults }: typeof import('../src/defaults.ts') = await import(join(repository, 'dist/defaults.js'))
const { pullImage }: typeof import('../src/pull/pull.ts') = await import(join(repository, 'dist/pull/pull.js'))
const { openApplier }: typeof import('../src/rootfs/extract/applier.ts') = await import(
  join(repository, 'dist/rootfs/extract/applier.js')
)
const { asImageWorker }: typeof import('../src/rootfs/extract/worker.ts') = await import(
  join(repository, 'dist/rootfs/extract/worker.js')
)

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '9' } },
})
const scratch = mkdtempSync(join(tmpdir(), 'davit-jail-'))
const registry = await startRegistry()
const reference = parseReference(positionals[0] ?? serveSmallImage())

try {
  const times: Record<'jail' | 'thread', number[]> = { jail: [], thread: [] }
  // The first run warms caches, and doesn't count.
  for (let run = 0; run <= Number(values.runs); run++) {
    for (const way of ['jail', 'thread'] as const) {
      const took = await pull(way)
      if (run > 0) times[way].push(took)
    }
  }
  const rows = Object.entries(times).map(([way, all]) => [
    way,
    median(all).toFixed(0),
    (median(all) / median(times.thread)).toFixed(3),
    all.map(ms => ms.toFixed(0)).join(' '),
  ])
  console.log(table([['written by', 'ms, median', 'ratio', 'all'], ...rows]))
} finally {
  await registry.close()
  rmSync(scratch, { recursive: true, force: true })
}

async function pull(way: 'jail' | 'thread'): Promise<number> {
  const root = join(scratch, 'root')
  execFileSync('sync', ['-f', scratch])
  const started = performance.now()
  const parts = openParts({ ...defaults({}), root })
  try {
    const losses: string[] = []
    const all = await parts.forPull(loss => losses.push(loss), 'overlayfs')
    const workers = await parts.workers()
    const applier = way === 'jail' ? all.applier : openApplier({ openWorker: async () => asImageWorker(workers) })
    await pullImage({ ...all, applier }, reference, {
      onProgress: event => void (event.type === 'warning' && losses.push(event.message)),
    })
    const took = performance.now() - started
    if (losses.length > 0) throw new Error(losses.join('; '))
    return took
  } finally {
    await parts.close()
    rmSync(root, { recursive: true })
  }
}

function serveSmallImage(): string {
  const tree = join(scratch, 'tree')
  for (let at = 0; at < 500; at++) {
    const directory = join(tree, `d${at % 20}`)
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, `f${at}`), Buffer.alloc((at * 7919) % 16_384, at))
  }
  const tar = join(scratch, 'layer.tar')
  execFileSync('tar', ['--create', '--file', tar, '--directory', tree, '.'])
  serveImage(registry, buildImage({ layers: [readFileSync(tar)], platform: hostPlatform(machineFacts()) }), 'bench')
  return `${registry.host}/bench:bench`
}
