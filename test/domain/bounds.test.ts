/** The numbers as the API's contract states them, in its units. */
import * as assert from 'uvu/assert'
import * as bounds from '../../src/domain/bounds.ts'
import { suite } from '../support/suite.ts'

const test = suite('the numbers of the contract')

test('are those that clients were told', () => {
  const seconds = (ms: number) => ms / 1_000
  assert.equal(
    [bounds.holdTtlMsMin, bounds.holdTtlMsDefault, bounds.holdTtlMsMax].map(seconds),
    [1, 600, 3_600],
  )
  assert.equal([bounds.reservationLifetimeMsMax, bounds.payingMsDefault].map(seconds), [7_200, 900])
  assert.equal([bounds.quantityMax, bounds.linesMax], [1_000_000, 100])
  assert.equal([bounds.customerIdLengthMax, bounds.referenceLengthMax], [128, 128])
  assert.is(bounds.returnWindowDaysDefault, 60)
})

test('keep the ids of what ended for a day, and for an hour where memory is short', () => {
  assert.equal(
    [bounds.endedKnownMs, bounds.dayMs, bounds.endedKnownMsMin],
    [86_400_000, 86_400_000, 3_600_000],
  )
})

test('keep sums of all units exact', () => {
  assert.ok(bounds.quantityMax * bounds.linesMax <= bounds.onHandMax)
  assert.ok(bounds.onHandMax * 1_000_000 < Number.MAX_SAFE_INTEGER)
})

test.run()
