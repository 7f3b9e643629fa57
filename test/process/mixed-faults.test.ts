/** FAULTS.md, A12, A14, C23, C29, E41 and E42 together, drawn by a seed: what one alone does not show. */
import * as assert from 'uvu/assert'
import { mixFaults } from '../support/mixed-faults.ts'
import { note, suite } from '../support/suite.ts'

const test = suite('faults of all kinds', { limitMs: 110_000 })

test('in one server after another lose nothing acknowledged and sell nothing twice', async () => {
  const report = await mixFaults({ lives: 3, seed: 3 })
  note(JSON.stringify(report))
  assert.is(report.kills + report.stops, 3)
  assert.ok(report.acknowledged > 50)
})

test.run()
