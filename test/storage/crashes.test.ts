/**
 * No single failure of the disk, kill or loss of power makes the engine give a wrong answer or forget one it gave
 * (FAULTS.md, 9, 15 to 20, 22, 25 to 28). Here at a sample of the points, another in each run; crashes.long.ts takes all.
 *
 * The sample is printed; `TEST_SEED=<it> npm test -- storage/crashes` takes the same again, `EVERY` makes it larger.
 */
import * as assert from 'uvu/assert'
import { note, suite } from '../support/suite.ts'
import { modes, sweepCalls, sweepImages, sweepStarts } from './crash-sweep.ts'

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** One point in so many. */
const every = (usual: number) => Number(process.env.EVERY ?? usual)

const crashes = suite('one failure', { limitMs: 300_000 })

for (const mode of modes) {
  crashes(
    `at a call to the disk (${mode}) loses nothing that was answered, and a new start serves`,
    async () => {
      const points = await sweepCalls(mode, { every: every(251), from: seed })
      note(`TEST_SEED=${seed}: ${mode}, ${points} points`)
      assert.ok(points >= 4)
    },
  )
}

crashes('in the start after a crash changes nothing', async () => {
  const pairs = await sweepStarts({ every: 997, from: seed % 900 }, { every: 23, from: seed })
  note(`TEST_SEED=${seed}: ${pairs} pairs`)
  assert.ok(pairs >= 2)
})

crashes('of the power leaves an image from which everything answered is recovered', async () => {
  const counts = await sweepImages({ every: every(53), from: seed }, { mixed: 1, seed })
  note(`TEST_SEED=${seed}: ${JSON.stringify(counts)}`)
  assert.ok(counts.distinct >= 40)
})

crashes.run()
