/** What flips.test.ts does at a sample of the places, at one in `EVERY` bytes and at every block. */
import * as assert from 'uvu/assert'
import { LongFigure } from '../support/long-figure.ts'
import { note, suite } from '../support/suite.ts'
import { sweepBlocks } from './blocks.ts'
import { sweepFlips } from './flips.ts'

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const every = Number(process.env.EVERY ?? 2)
const asked = `TEST_SEED=${seed} EVERY=${every} npm run test:long -- storage/flips.long`

const everywhere = suite('flipped bits and lost blocks', { limitMs: 3_500_000 })

for (const end of ['closed', 'crashed'] as const) {
  everywhere(`in what was ${end} are each noticed, and none changes what was proven`, async () => {
    const figure = new LongFigure(`storage-flips-${end}`)
    const counts = await sweepFlips({ end, every, seed }, (line) => figure.progress(line))
    figure.end({ command: asked, seed, ...counts, silentlyWrong: 0 })
    note(`${end}: ${JSON.stringify(counts)}`)
    assert.ok(counts.flips >= 100_000 / every)
  })
}

everywhere('in the wrong place, or of an earlier time, never change what was proven', async () => {
  const figure = new LongFigure('storage-blocks')
  const { kinds, ...counts } = await sweepBlocks({ every: 1, from: 0 }, (line) => figure.progress(line))
  const whole = { ...counts, kinds: Object.fromEntries(kinds) }
  figure.end({ command: asked, ...whole, silentlyWrong: 0 })
  note(JSON.stringify(whole))
  assert.ok(counts.changes >= 300)
})

everywhere.run()
