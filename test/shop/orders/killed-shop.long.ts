/** Every call at which the shop's process can die, once before it takes effect and once after (FAULTS.md, 63 and 64). */
import { suite } from '../../support/suite.ts'
import { STORIES, tell, tellAll, waysToDie } from './killed-shop.ts'

const killed = suite('a shop that dies at any of its calls', { limitMs: 240_000 })

for (const [name, story] of Object.entries(STORIES)) {
  for (const who of ['shop', 'desk'] as const) {
    killed(`amid ${name}: the ${who}; every order ends, no unit is stranded, no money is kept`, async () => {
      const calls = await tell(story, { kill: undefined, of: who, returns: false })
      await tellAll(story, who, waysToDie(who, calls))
    })
  }
}

killed.run()
