import * as assert from 'uvu/assert'
import { note, suite } from '../support/suite.ts'
import { sweepRepairs } from './repair-sweep.ts'
import { makeEventful } from './workshop.ts'

const test = suite('repair, whatever is damaged, at length', { limitMs: 3_600_000 })
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

for (const end of ['closed', 'crashed'] as const) {
  test(`leads to a journal that is good, of one that was ${end}`, async () => {
    const shop = await makeEventful({ segmentBytes: 16 * 1_024, frames: 14, seed: seed % 1_000, end })
    const swept = sweepRepairs(shop, { places: 600, seed })
    note(`TEST_SEED=${seed} ${JSON.stringify(swept)}`)
    assert.ok(swept.trials > 300)
    await shop.remove()
  })
}

test.run()
