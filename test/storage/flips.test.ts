/** Sampled as in crashes.test.ts; flips.long.ts takes many more. `TEST_SEED=<it> npm test -- storage/flips` again. */
import * as assert from 'uvu/assert'
import { note, suite } from '../support/suite.ts'
import { sweepBlocks } from './blocks.ts'
import { sweepFlips } from './flips.ts'

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** One place in so many. */
const every = (usual: number) => Number(process.env.EVERY ?? usual)

const flips = suite('a flipped bit', { limitMs: 300_000 })

for (const end of ['closed', 'crashed'] as const) {
  flips(`is noticed wherever it is in what was ${end}, and never changes what was proven`, async () => {
    const counts = await sweepFlips({ end, every: every(1_536), seed })
    note(`TEST_SEED=${seed}: ${end}, ${JSON.stringify(counts)}`)
    assert.ok(counts.flips >= 60)
    // Only where there is an unproven tail can anything be torn.
    if (end === 'closed') assert.is(counts.verdicts.torn + counts.recoveries.shorter, 0)
  })
}

flips.run()

const blocks = suite('a block', { limitMs: 300_000 })

blocks('in the wrong place, or of an earlier time, never changes what was proven', async () => {
  const counts = await sweepBlocks({ every: every(17), from: seed })
  note(`TEST_SEED=${seed}: ${JSON.stringify({ ...counts, kinds: [...counts.kinds] })}`)
  assert.ok(counts.changes >= 20)
  assert.ok(counts.noticed > counts.harmless)
})

blocks.run()
