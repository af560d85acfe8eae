/**
 * davit against what is installed, from a registry to a mountable root file system, in interleaved runs. As root.
 *
 * usage: node build/bench/peers.bench.js REFERENCE …     as support/options.ts has it
 *
 * Prints medians of seconds, the ratio of each to the baseline (containerd's overlayfs where it runs, else the first),
 * and CPU seconds and peak memory of the client's own processes. Daemons keep theirs to themselves.
 */
import { type Measured, measure } from './support/measure.ts'
import { readOptions, shell } from './support/options.ts'
import type { Peer } from './support/peers.ts'
import { median, table } from './support/statistics.ts'

const { reference, runs, present } = readOptions()
const results = new Map<Peer, Measured[]>(present.map(peer => [peer, []]))
for (const { prepare } of present) if (prepare !== undefined) shell(prepare)
for (let run = 1; run <= runs; run++) {
  for (const [{ name, pull, reset }, measured] of results) {
    shell(reset)
    shell('sync')
    const one = await measure(pull)
    measured.push(one)
    console.error(`run ${run}  ${name}  ${one.seconds.toFixed(2)} s`)
    shell(reset)
  }
}

const baseline = present.find(({ name }) => name === 'containerd overlayfs') ?? present[0]
const rows = present.map(peer => {
  const seconds = middle(peer, 'seconds')
  const peak = Math.max(...(results.get(peer) ?? []).map(({ peakMiB }) => peakMiB))
  const ratio = seconds / middle(baseline, 'seconds')
  return [peer.name, seconds.toFixed(2), ratio.toFixed(2), middle(peer, 'cpuSeconds').toFixed(1), peak.toFixed(0)]
})
console.log(`${reference}, ${runs} interleaved runs, medians`)
console.log(table([['', 'seconds', `÷ ${baseline?.name}`, 'CPU s', 'peak MiB'], ...rows]))

function middle(peer: Peer | undefined, what: keyof Measured): number {
  return median((peer === undefined ? [] : (results.get(peer) ?? [])).map(run => run[what]))
}
