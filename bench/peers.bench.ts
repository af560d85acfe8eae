/**
 * davit against what is installed, from a registry to a mountable root file system, in interleaved runs.
 *
 * usage: node build/bench/peers.bench.js REFERENCE [--runs N] [--only NAME,…] [--scratch DIR] [--prefix 'chroot DIR']
 *        [--ctr 'ctr --address SOCKET'] [--davit COMMAND]        as root
 *
 * Prints medians of seconds, the ratio of each to the baseline (containerd's overlayfs where it runs, else the first),
 * and the peak memory of the client's own process. Daemons keep their memory to themselves.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Measured, measure } from './support/measure.ts'
import { type Peer, peers } from './support/peers.ts'
import { median, table } from './support/statistics.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    scratch: { type: 'string', default: '/tmp/davit-bench' },
    prefix: { type: 'string', default: '' },
    ctr: { type: 'string', default: 'ctr' },
    davit: {
      type: 'string',
      default: `${process.execPath} ${new URL('../src/cli/main.js', import.meta.url).pathname}`,
    },
  },
})
const [reference] = positionals
if (reference === undefined) throw new TypeError('usage: peers.bench REFERENCE [--runs N] …')

const { scratch, ctr, davit } = values
mkdirSync(scratch, { recursive: true })
const prefix = values.prefix === '' ? '' : `${values.prefix} `
const only = values.only.split(',').filter(name => name !== '')
const present = peers({ reference, scratch, davit, prefix, ctr })
  .filter(({ name }) => only.length === 0 || only.includes(name))
  .filter(({ probe }) => shell(probe) === 0)

const results = new Map<Peer, Measured[]>(present.map(peer => [peer, []]))
for (let run = 1; run <= Number(values.runs); run++) {
  for (const [peer, runs] of results) {
    shell(peer.reset)
    shell('sync')
    const measured = await measure(peer.pull)
    runs.push(measured)
    console.error(`run ${run}  ${peer.name}  ${measured.seconds.toFixed(2)} s`)
    shell(peer.reset)
  }
}

const baseline = present.find(({ name }) => name === 'containerd overlayfs') ?? present[0]
const base = secondsOf(baseline)
const rows = present.map(peer => {
  const runs = results.get(peer) ?? []
  const seconds = secondsOf(peer)
  const peak = Math.max(...runs.map(run => run.peakMiB))
  return [peer.name, seconds.toFixed(2), (seconds / base).toFixed(2), peak.toFixed(0)]
})
console.log(`${reference}, ${values.runs} interleaved runs, medians`)
console.log(table([['', 'seconds', `÷ ${baseline?.name}`, 'peak MiB'], ...rows]))

function secondsOf(peer: Peer | undefined): number {
  return median((peer === undefined ? [] : (results.get(peer) ?? [])).map(run => run.seconds))
}

function shell(command: string): number | null {
  return spawnSync('sh', ['-c', command], { stdio: ['ignore', 'ignore', 'ignore'] }).status
}
