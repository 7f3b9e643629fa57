/** What crashes.test.ts does at a sample of the points, at every one. */
import * as assert from 'uvu/assert'
import { note, suite } from '../support/suite.ts'
import { countCalls, modes, sweepCalls, sweepImages, sweepStarts } from './crash-sweep.ts'

const everywhere = suite('one failure anywhere', { limitMs: 1_800_000 })

for (const mode of modes) {
  everywhere(`at each call to the disk: ${mode}`, async () => {
    const points = await sweepCalls(mode, { every: 1, from: 0 })
    note(`${points} points`)
    assert.is(points, await countCalls())
  })
}

everywhere('at each call of the start after a crash', async () => {
  note(`${await sweepStarts({ every: 13, from: 0 }, { every: 1, from: 0 })} pairs`)
})

everywhere('of the power, at each moment, with each image it can leave', async () => {
  note(JSON.stringify(await sweepImages({ every: 1, from: 0 })))
})

everywhere.run()
