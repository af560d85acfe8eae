/**
 * What it costs that a pull survives a power cut: the same image pulled with `--durability full` and `process`, in turns.
 *
 * usage: node build/bench/durability.bench.js REFERENCE [--runs N] [--snapshotter NAME] [--scratch DIR]
 *
 * Prints the seconds of each, the median of the runs, and their ratio.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { mainOfDavit } from '../test/support/davit.ts'
import { measure } from './support/measure.ts'
import { median } from './support/statistics.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '5' },
    snapshotter: { type: 'string', default: 'erofs' },
    scratch: { type: 'string', default: '/tmp/davit-bench' },
  },
})
const [reference] = positionals
if (reference === undefined) throw new TypeError('Say which image, as HOST/REPOSITORY:TAG')
const root = join(values.scratch, 'durability')
const seconds = { full: [] as number[], process: [] as number[] }
for (let run = 0; run < Number(values.runs); run++) {
  for (const durability of ['full', 'process'] as const) {
    rmSync(root, { recursive: true, force: true })
    const flags = `--progress quiet --snapshotter ${values.snapshotter} --durability ${durability}`
    const measured = await measure(`${process.execPath} ${mainOfDavit} --root ${root} pull ${flags} ${reference}`)
    seconds[durability].push(measured.seconds)
    console.error(
      `${durability}  ${measured.seconds.toFixed(2)} s, ${measured.cpuSeconds.toFixed(2)} s of processor time`,
    )
  }
}
rmSync(root, { recursive: true, force: true })
const [full, fast] = [median(seconds.full), median(seconds.process)]
console.log(
  `full ${full.toFixed(2)} s, process ${fast.toFixed(2)} s: durability costs ${(100 * (full / fast - 1)).toFixed(0)} %`,
)
