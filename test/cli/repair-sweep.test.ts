import * as assert from 'uvu/assert'
import { note, suite } from '../support/suite.ts'
import { sweepRepairs } from './repair-sweep.ts'
import { makeEventful } from './workshop.ts'

const test = suite('repair, whatever is damaged', { limitMs: 240_000 })
const seed = Number(process.env.TEST_SEED ?? 20_261_121)

test('leads to a journal that is good, and says all that is lost', async () => {
  const shop = await makeEventful({ segmentBytes: 16 * 1_024, frames: 8, seed: 3 })
  const swept = sweepRepairs(shop, { places: 24, seed })
  note(JSON.stringify(swept))
  assert.ok(swept.trials > 20)
  await shop.remove()
})

test.run()
