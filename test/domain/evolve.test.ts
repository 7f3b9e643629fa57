import * as assert from 'uvu/assert'
import type { Event } from '../../src/domain/events.ts'
import { evolve } from '../../src/domain/evolve.ts'
import { suite } from '../support/suite.ts'
import {
  bob,
  cable,
  holdExpired,
  holdExtended,
  minuteMs,
  noonMs,
  paymentStarted,
  phone,
  productRetired,
  res2,
  reservationForgotten,
  returnsClosed,
  saleScheduled,
  stockAdjusted,
  unitsConfirmed,
  unitsHeld,
  unitsReleased,
  unitsReturned,
} from './examples.ts'
import { complete, given, type Happened, isBroken } from './given.ts'
import { portraitOf } from './portrait.ts'

/** Ten phones, three of them held. */
const holding = [stockAdjusted(10), unitsHeld(3)]
const confirmed = [...holding, unitsConfirmed(3)]
const released = [...holding, unitsReleased(3)]
const expired = [...holding, holdExpired(3)]
const closed = [...confirmed, returnsClosed()]

const fitting = suite('an event that does not fit')

function breaks(history: readonly Happened[], happened: Happened, message: RegExp): void {
  const { shard } = given(...history)
  const event = complete(shard, happened)
  assert.throws(() => evolve(shard, event, noonMs), isBroken(message))
}

const misfits: readonly [name: string, history: readonly Happened[], event: Happened, message: RegExp][] = [
  ['a hold of an unknown product', [], unitsHeld(1), /names what exists/],
  ['a sale of an unknown product', [], saleScheduled({}), /names what exists/],
  ['the retirement of an unknown product', [], productRetired(), /names what exists/],
  ['a second hold by the same name', holding, unitsHeld(1), /made once/],
  ['a second hold by the name of an ended one', released, unitsHeld(1), /made once/],
  ['a hold of nothing', [stockAdjusted(1)], unitsHeld(0), /holds something/],
  ['a hold of less than nothing', [stockAdjusted(1)], unitsHeld(-1), /holds something/],
  ['more held than on hand', holding, unitsHeld(8, { reservationId: res2 }), /more held than on hand/],
  [
    'a hold that says too many are left',
    [stockAdjusted(5)],
    unitsHeld(1, { available: 5 }),
    /how many are left/,
  ],
  [
    'a hold that says too few are left',
    [stockAdjusted(5)],
    unitsHeld(1, { available: 3 }),
    /how many are left/,
  ],
  ['an adjustment that says another sum', holding, stockAdjusted(1, { onHand: 12 }), /how many are on hand/],
  ['a first adjustment that says another sum', [], stockAdjusted(1, { onHand: 2 }), /how many are on hand/],
  ['an adjustment below what is held', holding, stockAdjusted(-8), /fewer on hand than held/],
  ['an adjustment below nothing', [stockAdjusted(1)], stockAdjusted(-2), /fewer on hand than held/],
  [
    'an extension of a payment',
    [...holding, paymentStarted()],
    holdExtended(noonMs),
    /only a hold is extended/,
  ],
  ['an extension of an ended one', released, holdExtended(noonMs), /only a hold is extended/],
  ['a second payment', [...holding, paymentStarted()], paymentStarted(), /payment starts once/],
  ['a payment of an ended one', expired, paymentStarted(), /payment starts once/],
  ['a release of more than is held', holding, unitsReleased(4), /given back than held/],
  ['a release of nothing', holding, unitsReleased(0), /given back than held/],
  ['a release of less than nothing', holding, unitsReleased(-1), /given back than held/],
  ['an expiry of a part', holding, holdExpired(2), /all that is held expires/],
  ['an expiry of more than is held', holding, holdExpired(4), /all that is held expires/],
  ['a confirmation of more than is held', holding, unitsConfirmed(4), /more confirmed than held/],
  ['a confirmation of nothing', holding, unitsConfirmed(0), /sells something/],
  ['a confirmation of less than nothing', holding, unitsConfirmed(-1), /sells something/],
  ['a return of what is only held', holding, unitsReturned(1), /what was confirmed comes back/],
  ['a return of what was released', released, unitsReturned(1), /what was confirmed comes back/],
  ['a return after its window', closed, unitsReturned(1), /what was confirmed comes back/],
  ['a return of more than was confirmed', confirmed, unitsReturned(4), /more returned than confirmed/],
  ['a return beyond an earlier one', [...confirmed, unitsReturned(2)], unitsReturned(2), /more returned/],
  ['a return of nothing', confirmed, unitsReturned(0), /brings something back/],
  ['a return of less than nothing', confirmed, unitsReturned(-1), /brings something back/],
  ['the end of the returns of a hold', holding, returnsClosed(), /window closes once/],
  ['the end of the returns of a release', released, returnsClosed(), /window closes once/],
  ['a second end of the returns', closed, returnsClosed(), /window closes once/],
  ['a hold forgotten', holding, reservationForgotten(), /only an ended reservation/],
  [
    'a payment forgotten',
    [...holding, paymentStarted()],
    reservationForgotten(),
    /only an ended reservation/,
  ],
  ['a confirmation forgotten too soon', confirmed, reservationForgotten(), /is first closed/],
]

for (const [name, history, event, message] of misfits) {
  fitting(`stops the shard: ${name}`, () => breaks(history, event, message))
}

const ends: readonly Happened[] = [unitsReleased(3), holdExpired(3), unitsConfirmed(3)]
for (const first of ends) {
  for (const second of ends) {
    fitting(`stops the shard: ${second.type} after ${first.type}, as a reservation ends once (I6)`, () => {
      breaks([...holding, first], second, /only a live reservation|all that is held/)
    })
  }
}

const ofReservation: readonly Happened[] = [
  holdExtended(noonMs),
  paymentStarted(),
  unitsReleased(1),
  unitsConfirmed(1),
  holdExpired(1),
  unitsReturned(1),
  returnsClosed(),
  reservationForgotten(),
]

for (const event of ofReservation) {
  fitting(`stops the shard: ${event.type} of a reservation nobody knows`, () => {
    breaks([stockAdjusted(10)], event, /names what exists/)
    breaks([...released, reservationForgotten()], event, /names what exists/)
  })
  fitting(`stops the shard: ${event.type} of another product than the reservation's`, () => {
    const known = stockAdjusted(5, { productId: cable })
    const misplaced = { ...event, productId: cable } as Happened
    breaks([...holding, known], misplaced, /stays with its product/)
  })
}

const versions: readonly [history: readonly Happened[], event: Happened][] = [
  [[], stockAdjusted(1)],
  [holding, stockAdjusted(1)],
  [holding, unitsHeld(1, { reservationId: res2 })],
  [holding, saleScheduled({})],
  [holding, productRetired()],
  [holding, holdExtended(noonMs)],
  [holding, paymentStarted()],
  [holding, unitsReleased(1)],
  [holding, unitsConfirmed(1)],
  [holding, holdExpired(3)],
  [confirmed, unitsReturned(1)],
  [confirmed, returnsClosed()],
  [released, reservationForgotten()],
]

for (const [history, happened] of versions) {
  fitting(
    `stops the shard: ${happened.type} at a version ${history.length === 0 ? 'not 1' : 'not next'} (R3)`,
    () => {
      for (const off of [-1, 1, 2]) {
        const { shard } = given(...history)
        const event = complete(shard, happened)
        assert.ok('version' in event)
        const wrong: Event = { ...event, version: event.version + off }
        assert.throws(() => evolve(shard, wrong, noonMs), isBroken(/versions have no gaps/))
      }
      const { shard } = given(...history)
      evolve(shard, complete(shard, happened), noonMs)
    },
  )
}

fitting.run()

const state = suite('the state after events')

state('is nothing where nothing happened', () => {
  const nothing = { products: [], reservations: [], splits: [], aborted: [], holds: [], keys: [] }
  assert.equal(portraitOf(given().shard), nothing)
})

state('keeps of a sale what was scheduled last, and of a retirement that it was', () => {
  const { shard } = given(
    stockAdjusted(1),
    saleScheduled({ opensAtMs: 1, perCustomerLimit: 2 }),
    saleScheduled({ closesAtMs: 3 }),
    productRetired(),
  )
  assert.equal(portraitOf(shard).products, [
    {
      id: phone,
      productId: phone,
      number: 0,
      version: 4,
      onHand: 1,
      held: 0,
      sold: 0,
      retired: true,
      earmarked: 0,
      waitlist: undefined,
      sale: { closesAtMs: 3 },
      customers: undefined,
    },
  ])
})

state('tells apart who has how much, and has no entry for who has nothing', () => {
  const both = [unitsHeld(3), unitsHeld(2, { reservationId: res2, customerId: bob })]
  const limit = saleScheduled({ perCustomerLimit: 5 })
  const customersAfter = (...events: readonly Happened[]) => {
    const [along] = portraitOf(given(stockAdjusted(10), limit, ...both, ...events).shard).products
    const [late] = portraitOf(given(stockAdjusted(10), ...both, ...events, limit).shard).products
    const [counted, recounted] = [along, late].map((product) => product?.customers?.toSorted())
    assert.equal(recounted, counted, 'a limit set late counts what was held before')
    return counted
  }
  assert.equal(customersAfter(), [
    ['ann', 3],
    ['bob', 2],
  ])
  assert.equal(customersAfter(unitsReleased(3)), [['bob', 2]])
  assert.equal(customersAfter(holdExpired(3)), [['bob', 2]])
  assert.equal(customersAfter(unitsConfirmed(3), unitsReturned(1)), [
    ['ann', 2],
    ['bob', 2],
  ])
  assert.equal(customersAfter(unitsConfirmed(3), unitsReturned(3)), [['bob', 2]])
  assert.equal(customersAfter(unitsConfirmed(3), unitsReturned(3), returnsClosed()), [['bob', 2]])
  assert.equal(customersAfter(unitsConfirmed(3), unitsReturned(1), returnsClosed()), [['bob', 2]])
})

state('takes its times from the journal', () => {
  const { shard } = given(stockAdjusted(10))
  evolve(shard, complete(shard, unitsHeld(3)), noonMs + 7)
  evolve(shard, complete(shard, holdExtended(noonMs + 20 * minuteMs)), noonMs + 8)
  evolve(shard, complete(shard, unitsReleased(1)), noonMs + 9)
  const [living] = shard.reservations.values()
  assert.ok(living)
  assert.equal(
    [living.createdAtMs, living.expiresAtMs, living.resolvedAtMs],
    [noonMs + 7, noonMs + 20 * minuteMs, 0],
  )
  evolve(shard, complete(shard, unitsConfirmed(2)), noonMs + 10)
  evolve(shard, complete(shard, unitsReturned(1)), noonMs + 11)
  const [ended] = shard.reservations.values()
  assert.is(ended?.resolvedAtMs, noonMs + 10)
})

state('is changed in place: a product keeps its object, and a reservation shows what became of it', () => {
  const { shard } = given(...holding)
  const stock = shard.products.get(phone)
  const [reservation] = shard.reservations.values()
  for (const event of [unitsReleased(1), unitsConfirmed(2), unitsReturned(1)]) {
    evolve(shard, complete(shard, event), noonMs)
  }
  assert.ok(stock === shard.products.get(phone) && stock === reservation?.stock)
  assert.equal([reservation?.status, reservation?.quantity, reservation?.returned], ['confirmed', 2, 1])
})

state.run()
