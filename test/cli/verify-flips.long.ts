import * as assert from 'uvu/assert'
import { note, suite } from '../support/suite.ts'
import { sweep } from './damage.ts'
import { makeEventful } from './workshop.ts'

const test = suite('many flipped bits', { limitMs: 1_800_000 })

test('are each noticed, and none changes what was proven', async () => {
  for (const end of ['closed', 'crashed'] as const) {
    const seed = Date.now() % 1_000_000
    const shop = await makeEventful({ end, seed, segmentBytes: 16 * 1_024 })
    const result = sweep(shop, { flips: 10_000, seed })
    note(`${end}, seed ${seed}: ${JSON.stringify(result)}`)
    assert.ok(result.flips >= 10_000)
    assert.is(result.verdicts.good, 0)
    await shop.remove()
  }
})

test.run()
