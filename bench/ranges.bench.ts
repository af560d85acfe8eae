/**
 * One layer of incompressible bytes over connections that are slow one by one: davit with its ranges and without,
 * against containerd with and without multipart fetch.
 *
 * usage: node build/bench/ranges.bench.js [--mebibytes N] [--rate BYTES] [--runs N] [--scratch DIR] [--davit COMMAND]
 *        [--prefix 'chroot DIR'] [--only 'NAME;…']    as root, with docker-registry, nginx and containerd
 *
 * Prints medians of seconds until the layer is in the store: through nginx with `limit_rate`, and straight from the
 * registry. Peers see the scratch directory under the same name.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Containerd, startContainerd } from './support/containerd.ts'
import { startLink } from './support/link.ts'
import { type Measured, measure } from './support/measure.ts'
import { median, table } from './support/statistics.ts'

const { values } = parseArgs({
  options: {
    mebibytes: { type: 'string', default: '1024' },
    rate: { type: 'string', default: '40m' },
    runs: { type: 'string', default: '3' },
    scratch: { type: 'string', default: '/tmp/davit-ranges' },
    prefix: { type: 'string', default: '' },
    only: { type: 'string', default: '' },
    davit: {
      type: 'string',
      default: `${process.execPath} ${new URL('../src/cli/main.js', import.meta.url).pathname}`,
    },
  },
})
const { scratch, prefix, rate } = values
mkdirSync(scratch, { recursive: true })
const link = await startLink(`${scratch}/link`, { mebibytes: Number(values.mebibytes), rate })
const plain = await startContainerd(`${scratch}/containerd`, prefix)
const tuned = await startContainerd(`${scratch}/tuned`, prefix, {
  max_concurrent_downloads: 8,
  concurrent_layer_fetch_buffer: 8 << 20,
})

type Spent = Pick<Measured, 'seconds' | 'cpuSeconds'>

interface Contender {
  readonly name: string
  /** Seconds until all is there, and of them those that the client computed. */
  readonly pull: () => Promise<Spent>
  readonly reset: () => void
}

const contenders = [
  davit('davit, shaped', link.shaped),
  davit('davit, shaped, --max-connections 1', link.shaped, '--max-connections 1'),
  fetched('ctr content fetch, shaped', link.shaped, plain),
  pulled('containerd, multipart, shaped', link.shaped, tuned),
  davit('davit, unshaped', link.unshaped),
  davit('davit, unshaped, --max-connections 1', link.unshaped, '--max-connections 1'),
  fetched('ctr content fetch, unshaped', link.unshaped, plain),
].filter(({ name }) => values.only === '' || values.only.split(';').includes(name))

const results = new Map<string, Spent[]>()
for (let run = 1; run <= Number(values.runs); run++) {
  for (const { name, pull, reset } of contenders) {
    reset()
    const spent = await pull()
    results.set(name, [...(results.get(name) ?? []), spent])
    console.error(`run ${run}  ${name}  ${spent.seconds.toFixed(2)} s`)
    reset()
  }
}
console.log(`${values.mebibytes} MiB in one layer, limit_rate ${rate}, ${values.runs} interleaved runs, medians`)
console.log(table([['', 'seconds', 'MB/s', 'CPU-s'], ...[...results].map(([name, all]) => rowOf(name, all))]))
await plain.stop()
await tuned.stop()
await link.stop()
rmSync(scratch, { recursive: true, force: true })

function rowOf(name: string, all: readonly Spent[]): string[] {
  const seconds = median(all.map(spent => spent.seconds))
  const cpuSeconds = median(all.map(spent => spent.cpuSeconds))
  return [name, seconds.toFixed(2), (link.bytes / 1e6 / seconds).toFixed(0), cpuSeconds.toFixed(2)]
}

function davit(name: string, reference: string, flags = ''): Contender {
  const root = `${scratch}/davit`
  const command = `${values.davit} --root ${root} pull --snapshotter none --progress quiet ${flags} ${reference}`
  return {
    name,
    pull: () => measure(`${command} >/dev/null`),
    reset: () => rmSync(root, { recursive: true, force: true }),
  }
}

function fetched(name: string, reference: string, { ctr, reset }: Containerd): Contender {
  return {
    name,
    pull: () => measure(`${ctr} content fetch --plain-http ${reference} >/dev/null`),
    reset,
  }
}

/** `ctr images pull` unpacks as well: until the layer is committed is what counts. */
function pulled(name: string, reference: string, daemon: Containerd): Contender {
  return {
    name,
    async pull() {
      const begun = performance.now()
      const command = `${daemon.ctr} images pull --plain-http ${reference} >/dev/null 2>&1 &`
      spawnSync('sh', ['-c', command], { stdio: 'ignore' })
      await daemon.untilBlob(link.layer)
      return { seconds: (performance.now() - begun) / 1000, cpuSeconds: Number.NaN }
    },
    reset: daemon.reset,
  }
}
