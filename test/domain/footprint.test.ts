/** What records weigh: by what each of them is charged, and that nothing can weigh more than is reckoned with. */
import * as assert from 'uvu/assert'
import { customerIdLengthMax, referenceLengthMax } from '../../src/domain/bounds.ts'
import {
  holdBytes,
  reservationBytes,
  reservationBytesMax,
  splitBytes,
  waitlistBytes,
} from '../../src/domain/footprint.ts'
import type { CustomerId, ReservationId } from '../../src/domain/ids.ts'
import { textBytesOf } from '../../src/domain/reservation-texts.ts'
import type { SplitLine } from '../../src/domain/split.ts'
import type { WaitlistView } from '../../src/domain/stock.ts'
import { suite } from '../support/suite.ts'

/** An entry of a count, and the header of the string that names it. */
const COUNTED = 64 + 24

const weights = suite('the weight of a record')

weights('of a reservation is its row, its texts twice, and an entry among those who are counted', () => {
  const bare = reservationBytes({ textBytes: 0, customerIdLength: 0 })
  assert.ok(bare >= 200, 'never less than was measured')
  assert.is(reservationBytes({ textBytes: 50, customerIdLength: 0 }) - bare, 100)
  assert.is(reservationBytes({ textBytes: 0, customerIdLength: 12 }) - bare, COUNTED + 12)
})

weights('of a reservation is never more than is reckoned with', () => {
  const most = reservationBytes({
    textBytes: textBytesOf(customerIdLengthMax, 3 * referenceLengthMax),
    customerIdLength: customerIdLengthMax,
  })
  assert.is(reservationBytesMax, most)
})

weights('of a reservation of several products grows with its lines and its customer’s name', () => {
  const of = (lines: number, customerId: string | undefined) =>
    splitBytes({ lines: new Array<SplitLine>(lines), customerId: customerId as CustomerId | undefined })
  assert.ok(of(0, undefined) >= 640 + 2 * referenceLengthMax, 'it may be given the longest reference')
  assert.is(of(3, undefined) - of(1, undefined), 2 * 160)
  assert.is(of(1, 'ann') - of(1, undefined), 24 + 3)
})

weights('of a hold grows with its customer’s name, which two maps have', () => {
  const bare = holdBytes({ customerId: undefined })
  assert.ok(bare >= 320 + 64)
  assert.is(holdBytes({ customerId: 'ann' }) - bare, 2 * (24 + 3))
})

weights(
  'of a line is that of all who wait, with the holds they will have, and of all who were served',
  () => {
    const line = (waits: number, served: number): WaitlistView => ({
      line: new Map(
        Array.from({ length: waits }, (_, n) => {
          const customerId = `c${n}` as CustomerId
          return [customerId, { customerId, quantity: 1, reservationId: `r${n}` as ReservationId }]
        }),
      ),
      served: new Map(
        Array.from({ length: served }, (_, n) => [`s${n}` as CustomerId, `r${n}` as ReservationId]),
      ),
      freed: 0,
    })
    const hold = reservationBytes({
      textBytes: textBytesOf(customerIdLengthMax, 0),
      customerIdLength: customerIdLengthMax,
    })
    assert.is(waitlistBytes(undefined), 0)
    assert.is(waitlistBytes(line(2, 0)), 2 * (420 + hold))
    assert.is(waitlistBytes(line(0, 3)), 3 * 420)
  },
)

weights.run()
