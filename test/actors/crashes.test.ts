/**
 * No single failure of the disk, kill or loss of power makes the engine give a wrong answer or forget one it gave
 * (FAULTS.md, 9, 15 to 20, 22, 27). Here at a sample of the points, another in each run; crashes.long.ts takes them all.
 *
 * The sample is printed; `TEST_SEED=<it> npm test -- actors/crashes` takes the same again.
 */
import * as assert from 'uvu/assert'
import { note, suite } from '../support/suite.ts'
import { modes, sweepCalls, sweepImages, sweepStarts } from './crash-sweep.ts'

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

const crashes = suite('one failure', { limitMs: 60_000 })

for (const mode of modes) {
  crashes(
    `at a call to the disk (${mode}) loses nothing that was answered, and a new start serves`,
    async () => {
      const points = await sweepCalls(mode, { every: 31, from: seed })
      note(`TEST_SEED=${seed}: ${points} points`)
      assert.ok(points >= 20)
    },
  )
}

crashes('in the start after a crash changes nothing', async () => {
  const pairs = await sweepStarts({ every: 199, from: seed }, { every: 13, from: seed })
  note(`TEST_SEED=${seed}: ${pairs} pairs`)
  assert.ok(pairs >= 20)
})

crashes('of the power leaves an image from which everything answered is recovered', async () => {
  const counts = await sweepImages({ every: 5, from: seed })
  note(`TEST_SEED=${seed}: ${JSON.stringify(counts)}`)
  assert.ok(counts.checked >= 50)
})

crashes.run()
