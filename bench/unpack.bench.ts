// How long `davit unpack` takes for an image that is here, beside other ways of writing the same files: the applier,
// layer after layer, and GNU tar, both from the same uncompressed tars. Interleaved; what ran before is on disk first.
// usage: npm run build && node build/bench/unpack.bench.js REFERENCE [ROUNDS [ROOT]]
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { applyLayerTask } from '../src/rootfs/extract/apply-task.ts'
import { median, table } from './support/statistics.ts'

const [reference, rounds = '3', root = process.env['DAVIT_ROOT'] ?? ''] = process.argv.slice(2)
if (reference === undefined || root === '') throw new Error('usage: unpack.bench.ts REFERENCE ROUNDS ROOT')

const davit = [new URL('../../dist/bin/main.js', import.meta.url).pathname, '--root', root]
const scratch = mkdtempSync(join(tmpdir(), 'davit-bench-'))
const target = join(scratch, 'root')

const ways: Readonly<Record<string, () => unknown>> = {
  'davit unpack': () => run(process.execPath, [...davit, 'unpack', '--progress', 'quiet', reference, target]),
  applier: byApplier,
  'GNU tar': byTar,
}

try {
  // Makes the tars.
  run(process.execPath, [...davit, 'ls', reference])
  const tars = tarsOf(reference)
  const times = new Map(Object.keys(ways).map(name => [name, [] as number[]]))
  for (let round = 0; round < Number(rounds); round++) {
    for (const [name, way] of Object.entries(ways)) {
      execFileSync('sync')
      const started = performance.now()
      await way()
      times.get(name)?.push((performance.now() - started) / 1000)
      rmSync(target, { recursive: true, force: true })
    }
  }
  const rows = [...times].map(([name, seconds]) => [
    name,
    median(seconds).toFixed(2),
    seconds.map(s => s.toFixed(1)).join(' '),
  ])
  console.log(table([[`${tars.length} layers`, 'seconds, median', 'all'], ...rows]))
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

async function byApplier(): Promise<void> {
  mkdirSync(target)
  const channel = { signal: new AbortController().signal, send() {}, next: async () => undefined }
  for (const path of tarsOf(reference ?? '')) {
    await applyLayerTask({ path, target: { directory: target, lowers: [], namespace: 'trusted' } }, channel)
  }
}

function byTar(): void {
  mkdirSync(target)
  for (const tar of tarsOf(reference ?? '')) {
    run('tar', ['--extract', '--preserve-permissions', '--numeric-owner', '--file', tar, '--directory', target])
  }
}

/** Base first. */
function tarsOf(name: string): readonly string[] {
  const config = JSON.parse(execFileSync(process.execPath, [...davit, 'config', name], { encoding: 'utf8' }))
  const diffIds: readonly string[] = config.rootfs.diff_ids
  return diffIds.map(diffId => join(root, 'blobs', diffId.replace(':', '/')))
}

function run(program: string, words: readonly string[]): void {
  execFileSync(program, words, { stdio: ['ignore', 'ignore', 'inherit'] })
}
