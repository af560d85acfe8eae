/** Eight pulls and two collections at once on one store; `npm run test:race` has more rounds. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { makeScratch } from '../conformance/scratch.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { putImages, raceRound } from './race.ts'

const scratch = makeScratch('race')
let registry: TestRegistry
before(async () => {
  registry = await startRegistry()
})
after(() => registry.close())

for (const [how, kill] of [
  ['unharmed', false],
  ['some killed', true],
] as const) {
  test(`a round of pulls and collections at once, ${how}`, async () => {
    const { killed, problems } = await raceRound(registry, `${scratch}/${how}`, putImages(registry), { seed: 1, kill })
    assert.deepEqual(problems, [])
    assert.equal(killed > 0, kill)
  })
}
