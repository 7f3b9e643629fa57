/** Every call at which the shop's process can die, once before it takes effect and once after (FAULTS.md, 63 and 64). */
import { suite } from '../../support/suite.ts'
import { STORIES, tell } from './killed-shop.ts'

const killed = suite('a shop that dies at any of its calls', { limitMs: 120_000 })

for (const [name, story] of Object.entries(STORIES)) {
  for (const who of ['shop', 'desk'] as const) {
    killed(`amid ${name}: the ${who}; every order ends, no unit is stranded, no money is kept`, async () => {
      const calls = await tell(story, { kill: undefined, of: who, returns: false })
      for (let call = 1; call <= calls; call++) {
        for (const when of ['before', 'after'] as const) {
          for (const returns of who === 'shop' ? [true, false] : [false]) {
            try {
              await tell(story, { kill: { call, when }, of: who, returns })
            } catch (error) {
              const where = `call ${call} of ${calls}, ${when}, shopper ${returns ? 'returns' : 'does not return'}`
              throw new Error(`${where}: ${error instanceof Error ? error.message : error}`, { cause: error })
            }
          }
        }
      }
    })
  }
}

killed.run()
