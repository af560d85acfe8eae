import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Lane } from './lane.ts'
import type { Suite } from './points.ts'
import { shuffledPoints } from './sample.ts'
import { scenarios } from './scenarios.ts'
import { type Trial, tryFault } from './trial.ts'

// npm run test:crash, test:errno, test:power -- [--scenario NAME] [--points N] [--seed N] [--seconds N] [--lanes N] [--point NAME]
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    scenario: { type: 'string' },
    points: { type: 'string' },
    seed: { type: 'string', default: '1' },
    point: { type: 'string' },
    lanes: { type: 'string', default: '2' },
    seconds: { type: 'string' },
  },
})
const suites: readonly Suite[] = ['kill', 'errno', 'power']
const suite = suites.find(name => name === positionals[0]) ?? 'kill'
const scratch = mkdtempSync(join(tmpdir(), `davit-${suite}-`))
const begun = performance.now()
let end = begun + 1000 * Number(values.seconds ?? Number.POSITIVE_INFINITY)
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // Points that are being tried end first: so no mount is left.
  process.on(signal, () => {
    end = 0
  })
}
const lanes = await Promise.all(Array.from({ length: Number(values.lanes) }, (_, n) => openLane(n)))
try {
  const chosen = scenarios.filter(({ name }) => values.scenario === undefined || name === values.scenario)
  const [first] = lanes
  const points = first === undefined ? [] : await shuffledPoints(first, suite, chosen, Number(values.seed))
  const wanted = points.filter(({ name }) => values.point === undefined || name === values.point)
  const left = wanted.slice(0, Number(values.points ?? wanted.length))
  console.log(`${left.length} of ${points.length} points`)
  let [tried, reached, failed] = [0, 0, 0]
  const calls = new Map<string, number>()
  const walk = async (lane: Lane) => {
    for (let point = left.pop(); point !== undefined && performance.now() < end; point = left.pop()) {
      const { hit, status, problems } = await tryFault(lane, point.scenario, point.fault).catch(didNotEnd)
      tried++
      if (hit !== undefined) reached++
      if (hit !== undefined) calls.set(hit.name, (calls.get(hit.name) ?? 0) + 1)
      if (problems.length === 0) continue
      failed++
      console.log(`\n${point.name}, at ${hit?.name} ${hit?.path} (${status}):\n  ${problems.join('\n  ')}`)
      console.log(
        `  again: node build/test/crash/sweep.js ${suite} --scenario ${point.scenario.name} --point ${point.name}`,
      )
    }
  }
  await Promise.all(lanes.map(walk))
  const seconds = Math.round((performance.now() - begun) / 1000)
  console.log(`${suite}: ${tried} points tried, ${reached} reached, ${failed} failed, ${seconds} s`)
  console.log(JSON.stringify(Object.fromEntries(calls)))
  process.exitCode = failed > 0 ? 1 : 0
} finally {
  await Promise.all(lanes.map(lane => lane.close()))
  rmSync(scratch, { recursive: true, force: true })
}

/** A trial that broke off is no proof of anything: those that are left go on. */
function didNotEnd(error: unknown): Trial {
  return { hit: undefined, status: null, problems: [`the trial broke off: ${String(error)}`] }
}

function openLane(n: number): Promise<Lane> {
  return Lane.open(join(scratch, `${n}`), { disk: suite === 'power' })
}
