/**
 * Calls at which the shop's process can die, before they take effect or after (FAULTS.md, 63 and 64): every third way to die,
 * other ones in each run. The first is printed; `TEST_SEED=<it>` takes the same again, and killed-shop.long.ts takes all.
 */
import { note, suite } from '../../support/suite.ts'
import { STORIES, tell, tellAll, waysToDie } from './killed-shop.ts'

/** No divisor of the ways to die at one call: so all of them come. */
const EVERY = 3
const first = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * EVERY)) % EVERY
const killed = suite('a shop that dies at some of its calls', { limitMs: 120_000 })

killed.before(() => note(`TEST_SEED=${first}`))

for (const [name, story] of Object.entries(STORIES)) {
  for (const who of ['shop', 'desk'] as const) {
    killed(`amid ${name}: the ${who}; every order ends, no unit is stranded, no money is kept`, async () => {
      const calls = await tell(story, { kill: undefined, of: who, returns: false })
      await tellAll(
        story,
        who,
        waysToDie(who, calls).filter((_, nr) => nr % EVERY === first),
      )
    })
  }
}

killed.run()
