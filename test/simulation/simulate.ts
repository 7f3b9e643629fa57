/**
 * `npm run simulate`: runs seeds of the simulation, and says of the first that fails how to run it again, with the least
 * that still fails.
 *
 *   --seed N           the first seed; by chance where it is not given
 *   --seeds N          how many, one after the other; 1
 *   --steps N          of each; 5000
 *   --without NAME,…   faults to leave out
 */
import { parseArgs } from 'node:util'
import { faultNames } from './faults.ts'
import { shrink } from './shrink.ts'
import { SimulationFailed, simulate } from './simulation.ts'

const SEEDS = 2 ** 31

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * SEEDS)) },
    seeds: { type: 'string', default: '1' },
    steps: { type: 'string', default: '5000' },
    without: { type: 'string', default: '' },
  },
})
const without = faultNames.filter((name) => values.without.split(',').includes(name))
const first = Number(values.seed)
try {
  for (let seed = first; seed < first + Number(values.seeds); seed++) {
    const { steps, hash, faults, deaths, acknowledged } = await simulate({
      seed,
      steps: Number(values.steps),
      without,
    })
    const struck = [...faults].map(([name, times]) => `${name} ${times}`).join(', ')
    console.log(
      `seed ${seed}: ${steps} steps, ${acknowledged} acknowledged, ${deaths} deaths, ${struck}; ${hash}`,
    )
  }
} catch (error) {
  if (!(error instanceof SimulationFailed)) throw error
  console.error(error.message)
  console.error(`\nthe least that still fails:\n${(await shrink(error)).message}`)
  process.exitCode = 1
}
