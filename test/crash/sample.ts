import { Random } from '../fuzz/random.ts'
import type { Lane } from './lane.ts'
import { type Point, pointsOf, type Suite } from './points.ts'
import type { Scenario } from './scenarios.ts'

/** All points of these scenarios, shuffled by a seed. */
export async function shuffledPoints(
  lane: Lane,
  suite: Suite,
  scenarios: readonly Scenario[],
  seed: number,
): Promise<Point[]> {
  const random = new Random(seed)
  const points: Point[] = []
  for (const scenario of scenarios) points.push(...pointsOf(suite, scenario, await lane.expected(scenario)))
  return points
    .map(point => ({ point, at: random.below(2 ** 30) }))
    .sort((a, b) => a.at - b.at)
    .map(({ point }) => point)
}
