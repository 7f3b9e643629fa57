import * as assert from 'uvu/assert'
import { note, suite } from '../support/suite.ts'
import { sweep } from './damage.ts'
import { makeEventful } from './workshop.ts'

const test = suite('a flipped bit', { limitMs: 120_000 })

for (const end of ['closed', 'crashed'] as const) {
  test(`is noticed wherever it is in a journal that was ${end}, and never changes what was proven`, async () => {
    const seed = 20_260_105
    const shop = await makeEventful({ end, seed, segmentBytes: 16 * 1_024 })
    const startedAtMs = performance.now()
    const result = sweep(shop, { flips: 1_200, seed })
    note(`${end}: ${JSON.stringify(result)} in ${Math.round(performance.now() - startedAtMs)} ms`)
    assert.ok(result.flips >= 1_200)
    assert.is(result.verdicts.good, 0)
    // Only where there is an unproven tail can anything be torn.
    if (end === 'closed') {
      assert.is(result.verdicts.torn, 0)
      assert.is(result.recoveries.shorter, 0)
    } else assert.ok(result.verdicts.torn > 0)
    await shop.remove()
  })
}

test.run()
