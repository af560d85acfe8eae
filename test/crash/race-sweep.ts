import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startRegistry } from '../support/registry.ts'
import { putImages, raceRound } from './race.ts'

// npm run test:race -- [--rounds N] [--seed N] [--seconds N]: rounds of pulls, collections and kills at once.
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: 'Infinity' },
  },
})
const scratch = mkdtempSync(join(tmpdir(), 'davit-race-'))
const registry = await startRegistry()
const begun = performance.now()
const seconds = () => Math.round((performance.now() - begun) / 1000)
try {
  const names = putImages(registry)
  let [rounds, killed, failed] = [0, 0, 0]
  for (; rounds < Number(values.rounds) && seconds() < Number(values.seconds); rounds++) {
    const seed = Number(values.seed) + rounds
    const round = await raceRound(registry, join(scratch, 'root'), names, { seed, kill: seed % 3 > 0 })
    killed += round.killed
    if (round.problems.length === 0) continue
    failed++
    console.log(`\nround ${seed}, ${round.killed} killed:\n  ${round.problems.join('\n  ')}`)
    console.log(`  again: node build/test/crash/race-sweep.js --rounds 1 --seed ${seed}`)
  }
  console.log(`race: ${rounds} rounds, ${10 * rounds} processes, ${killed} killed, ${failed} failed, ${seconds()} s`)
  process.exitCode = failed > 0 ? 1 : 0
} finally {
  await registry.close()
  rmSync(scratch, { recursive: true, force: true })
}
