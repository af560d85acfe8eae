/**
 * What a short command costs beside Node's own start, in interleaved runs.
 *
 * usage: node build/bench/startup.bench.js [REFERENCE] [--runs N] [--davit MAIN]
 *
 * REFERENCE is in a registry on loopback; default: a small image in one of this bench's own. MAIN is the command line
 * to run; default: the bundle, which is built. Prints medians: CPU and elapsed milliseconds with their ratios to
 * `node -e 0`, and peak memory.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { hostPlatform } from '../src/spec/platform-host.ts'
import { machineFacts } from '../src/system/host.ts'
import { buildImage } from '../test/support/image.ts'
import { startRegistry } from '../test/support/registry.ts'
import { repository } from '../test/support/repository.ts'
import { serveImage } from '../test/support/serve-image.ts'
import { type Measured, measure } from './support/measure.ts'
import { median, table } from './support/statistics.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '15' },
    davit: { type: 'string' },
  },
})

const scratch = mkdtempSync(join(tmpdir(), 'davit-startup-'))
const bundle = join(repository, 'build/bundle-bench')
if (values.davit === undefined) spawnSync(process.execPath, [join(repository, 'tools/bundle.js'), bundle])
const davit = `${process.execPath} ${values.davit ?? join(bundle, 'main.js')} --root ${scratch}/store`
const registry = await startRegistry()
serveImage(registry, buildImage({ layers: [Buffer.alloc(10_240)], platform: hostPlatform(machineFacts()) }), 'bench')
const reference = positionals[0] ?? `${registry.host}/bench:bench`

const commands = {
  'node -e 0': `${process.execPath} -e 0`,
  'davit version': `${davit} version`,
  'davit digest': `${davit} digest ${reference}`,
  'davit pull, all here': `${davit} pull --progress quiet ${reference}`,
}

const costs = new Map<string, Measured[]>(Object.keys(commands).map(name => [name, []]))
await measure(commands['davit pull, all here'])
for (let run = 0; run < Number(values.runs); run++) {
  for (const [name, command] of Object.entries(commands)) {
    costs.get(name)?.push(await measure(command))
  }
}
await registry.close()
for (const made of [scratch, bundle]) rmSync(made, { recursive: true, force: true })

const [node = []] = costs.values()
const rows = [...costs].map(([name, runs]) => [
  name,
  (1000 * middle(runs, 'cpuSeconds')).toFixed(0),
  (middle(runs, 'cpuSeconds') / middle(node, 'cpuSeconds')).toFixed(2),
  (1000 * middle(runs, 'seconds')).toFixed(0),
  (middle(runs, 'seconds') / middle(node, 'seconds')).toFixed(2),
  middle(runs, 'peakMiB').toFixed(0),
])
console.log(`${values.runs} interleaved runs, medians`)
console.log(table([['', 'CPU ms', '÷ node', 'elapsed ms', '÷ node', 'peak MiB'], ...rows]))

function middle(runs: readonly Measured[], what: keyof Measured): number {
  return median(runs.map(run => run[what]))
}
