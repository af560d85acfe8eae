import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { makeScratch } from '../conformance/scratch.ts'
import { Lane } from './lane.ts'
import type { Suite } from './points.ts'
import { shuffledPoints } from './sample.ts'
import { scenarios } from './scenarios.ts'
import { tryFault } from './trial.ts'

export interface Sample {
  readonly points: number
  /** Scenarios. */
  readonly only: readonly string[]
  readonly skip?: string | false
}

/** One test that tries some points of a suite: the same ones each time, as long as davit makes the same calls. */
export function sampleTests(suite: Suite, { points, only, skip = false }: Sample): void {
  const scratch = makeScratch(`crash-${suite}`)
  let lane: Lane | undefined
  after(() => lane?.close())

  test(`a sample of ${suite} points`, { skip }, async context => {
    lane = await Lane.open(scratch, { disk: suite === 'power' })
    const chosen = scenarios.filter(({ name }) => only.includes(name))
    const sample = (await shuffledPoints(lane, suite, chosen, 1)).slice(0, points)
    const found: string[] = []
    let reached = 0
    for (const { name, scenario, fault } of sample) {
      const { hit, problems } = await tryFault(lane, scenario, fault)
      if (hit !== undefined) reached++
      found.push(...problems.map(problem => `${name}: ${problem}`))
    }
    context.diagnostic(`${reached} of ${sample.length} reached`)
    assert.deepEqual(found, [])
    assert.ok(reached > points / 2, `only ${reached} points were reached`)
  })
}
