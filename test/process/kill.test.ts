/** FAULTS.md, A12: `kill -9` of the real server under load, with the acknowledged kept outside it; `kill.long.ts` does so often. */
import * as assert from 'uvu/assert'
import { killRounds } from '../support/kill-rounds.ts'
import { note, suite } from '../support/suite.ts'

const test = suite('kill -9 under load', { limitMs: 90_000 })

test('five times in a row loses nothing acknowledged and sells nothing twice', async () => {
  const report = await killRounds({ rounds: 5, seed: 1, varies: false })
  note(JSON.stringify(report))
  assert.is(report.kills, 5)
  assert.ok(report.acknowledged > 250)
  assert.ok(report.unknown > 0, 'it died with requests in flight')
  assert.ok(report.several > 50)
  assert.ok(report.resolved > 0, 'what was not answered was asked again')
  assert.ok(report.pending > 0, 'it died between two steps of a reservation of several products')
})

test.run()
