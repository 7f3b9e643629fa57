/**
 * A slice of what simulation.long.ts does at length: other seeds in each run. The first is printed; `TEST_SEED=<it> npm test
 * -- simulation` takes the same again, and `npm run simulate` one alone.
 */
import * as assert from 'uvu/assert'
import { note, suite } from '../support/suite.ts'
import type { FaultName } from './faults.ts'
import { answersTooSoon, liesAboutSyncs, losesKeys, type Plant, sendsTwice, tellsMore } from './planted.ts'
import { keptSeeds } from './seeds.ts'
import { shrink } from './shrink.ts'
import { SimulationFailed, simulate } from './simulation.ts'

const first = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const STEPS = 150_000
const STEPS_EACH = 5_000

const simulation = suite('the whole engine, simulated', { limitMs: 300_000 })

simulation('keeps its promises whatever goes wrong', async () => {
  const struck = new Set<FaultName>()
  let [steps, acknowledged, seed] = [0, 0, first]
  for (; steps < STEPS; seed++) {
    const report = await simulate({ seed, steps: STEPS_EACH })
    steps += report.steps
    acknowledged += report.acknowledged
    for (const name of report.faults.keys()) struck.add(name)
  }
  note(`TEST_SEED=${first}: ${seed - first} seeds, ${steps} steps, ${acknowledged} acknowledged`)
  assert.is(struck.size, 11, `only ${[...struck]} ever struck`)
})

simulation('is the same for the same seed', async () => {
  const options = { seed: first, steps: STEPS_EACH }
  assert.is((await simulate(options)).hash, (await simulate(options)).hash)
  assert.is.not((await simulate(options)).hash, (await simulate({ ...options, seed: first + 1 })).hash)
})

for (const { seed, steps, found } of keptSeeds) {
  simulation(`seed ${seed} (${found}) keeps its promises`, async () => {
    await simulate({ seed, steps })
  })
}

simulation.run()

const planted = suite('the oracle sees', { limitMs: 300_000 })

const PLANTED: readonly (readonly [string, Plant])[] = [
  ['a disk that says that it has synced and has not', liesAboutSyncs],
  ['answers that leave before they are durable', answersTooSoon],
  ['an answer that says more than happened', tellsMore],
  ['a request that has two effects', sendsTwice],
  ['a key that is not known again', losesKeys],
]

for (const [what, plant] of PLANTED) {
  planted(what, async () => {
    const seen: string[] = []
    for (let seed = 1; seed <= 10 && seen.length === 0; seed++) {
      await simulate({ seed, steps: STEPS_EACH, plant }).catch((error: unknown) => {
        assert.instance(error, SimulationFailed)
        seen.push(String(error))
      })
    }
    assert.is(seen.length, 1, 'nobody noticed')
    assert.match(seen[0] ?? '', /npm run simulate -- --seed \d+ --steps \d+/)
  })
}

planted('and says with how little it still fails', async () => {
  const options = { seed: 3, steps: STEPS_EACH, plant: tellsMore }
  const failed = await simulate(options).then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.instance(failed, SimulationFailed)
  const least = await shrink(failed as SimulationFailed)
  assert.ok(least.options.steps < STEPS_EACH)
  assert.ok((least.options.without ?? []).length > 0)
})

planted.run()
