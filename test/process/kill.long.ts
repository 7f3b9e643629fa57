/** FAULTS.md, A12, a hundred times: also while it starts, with other numbers of workers and listeners each time. */
import * as assert from 'uvu/assert'
import { killRounds } from '../support/kill-rounds.ts'
import { note, suite } from '../support/suite.ts'

const test = suite('kill -9 under load, for long', { limitMs: 1_800_000 })

test('a hundred times in a row loses nothing acknowledged and sells nothing twice', async () => {
  const seed = Number(process.env.TEST_SEED ?? Date.now() % 1_000_000)
  note(`TEST_SEED=${seed}`)
  const report = await killRounds({ rounds: 100, seed, varies: true })
  note(JSON.stringify(report))
  assert.ok(report.deaths >= 100)
  assert.ok(report.acknowledged > 5_000)
})

test.run()
