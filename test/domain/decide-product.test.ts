import { onHandMax } from '../../src/domain/bounds.ts'
import type { Refusal } from '../../src/domain/decision.ts'
import { suite } from '../support/suite.ts'
import {
  adjust,
  adjustTo,
  ann,
  bob,
  cable,
  confirm,
  holdExpired,
  minuteMs,
  noonMs,
  paymentStarted,
  phone,
  productRetired,
  release,
  res2,
  res3,
  res4,
  reservationForgotten,
  reserve,
  retire,
  returnsClosed,
  saleScheduled,
  scheduleSale,
  secondMs,
  startPayment,
  stockAdjusted,
  unitsConfirmed,
  unitsHeld,
  unitsReleased,
  unitsReturned,
} from './examples.ts'
import { given, type Happened } from './given.ts'

const reserving = suite('a reservation')

reserving('takes its units from what is available and says how many are left', () => {
  given(stockAdjusted(5), unitsHeld(1))
    .when(reserve(3, { reservationId: res2, customerId: bob, reference: 'cart 7' }))
    .accepts(unitsHeld(3, { reservationId: res2, customerId: bob, reference: 'cart 7', available: 1 }))
    .leaves({ onHand: 5, held: 4, sold: 0 })
    .leavesReservation(
      { status: 'held', quantity: 3, returned: 0, createdAtMs: noonMs, resolvedAtMs: 0 },
      res2,
    )
})

reserving('can have the last unit, and nobody the one after it', () => {
  given(stockAdjusted(2))
    .when(reserve(2))
    .accepts(unitsHeld(2, { available: 0 }))
  given(stockAdjusted(2), unitsHeld(2))
    .when(reserve(1, { reservationId: res2 }))
    .refuses({ reason: 'outOfStock', items: [{ productId: phone, requested: 1, available: 0 }] })
})

reserving('is all or nothing, and the refusal says what there is', () => {
  given(stockAdjusted(2))
    .when(reserve(3))
    .refuses({ reason: 'outOfStock', items: [{ productId: phone, requested: 3, available: 2 }] })
})

reserving('lives as long as the request says, else as the sale says, else ten minutes', () => {
  const inSale = [stockAdjusted(1), saleScheduled({ holdTtlMs: 90 * secondMs })]
  const held = (ttlMs: number) => unitsHeld(1, { available: 0, expiresAtMs: noonMs + ttlMs })
  given(...inSale)
    .when(reserve(1, { ttlMs: 5 * secondMs }))
    .accepts(held(5 * secondMs))
  given(...inSale)
    .when(reserve(1))
    .accepts(held(90 * secondMs))
  given(stockAdjusted(1))
    .when(reserve(1))
    .accepts(held(10 * minuteMs))
})

reserving('needs no customer where no customer limit is set', () => {
  given(stockAdjusted(1), saleScheduled({ maxPerReservation: 1 }))
    .when(reserve(1, { customerId: undefined }))
    .accepts(unitsHeld(1, { customerId: undefined, available: 0 }))
})

reserving('of one product leaves the others alone', () => {
  given(stockAdjusted(5), stockAdjusted(3, { productId: cable }))
    .when(reserve(2, { productId: cable }))
    .accepts(unitsHeld(2, { productId: cable, available: 1 }))
    .leaves({ onHand: 3, held: 2, sold: 0 }, cable)
    .leaves({ onHand: 5, held: 0, sold: 0 }, phone)
})

reserving.run()

const repeated = suite('a reservation by an id that is known')

repeated('is refused whatever became of the first, which keeps all it has', () => {
  for (const since of [
    [],
    [paymentStarted()],
    [unitsConfirmed(2)],
    [unitsConfirmed(2), returnsClosed()],
    [unitsReleased(2)],
    [holdExpired(2)],
  ]) {
    given(stockAdjusted(5), unitsHeld(2), ...since)
      .when(reserve(2))
      .refuses({ reason: 'reservationExists' })
  }
})

repeated('is refused before all else, so that who repeats a command learns that it was heard', () => {
  const repeat = reserve(2, { customerId: undefined })
  given(stockAdjusted(2), unitsHeld(2), saleScheduled({ perCustomerLimit: 1 }), productRetired())
    .when(repeat)
    .refuses({ reason: 'reservationExists' })
  given(stockAdjusted(2), unitsHeld(2))
    .when({ ...repeat, productId: cable })
    .refuses({ reason: 'reservationExists' })
})

repeated('is a new one once the first was forgotten', () => {
  given(stockAdjusted(5), unitsHeld(2), unitsReleased(2), reservationForgotten())
    .when(reserve(1))
    .accepts(unitsHeld(1, { available: 4 }))
})

repeated.run()

const precedence = suite('precedence of refusals of a reservation')

/** In the order in which they are reported; the state and request of `situation` have those that are named. */
const refusals: readonly Exclude<Refusal, { reason: 'unknownProduct' }>[] = [
  { reason: 'customerRequired', productId: phone },
  { reason: 'productRetired', productId: phone },
  { reason: 'saleNotOpen', productId: phone, opensAtMs: noonMs + 1 },
  { reason: 'saleClosed', productId: phone, closesAtMs: noonMs },
  { reason: 'maxPerReservation', productId: phone, limit: 2 },
  { reason: 'perCustomerLimit', productId: phone, limit: 3, remaining: 2 },
  { reason: 'outOfStock', items: [{ productId: phone, requested: 3, available: 1 }] },
]

/** Three units asked for by Ann, who holds one already. */
function situation(wrong: ReadonlySet<Refusal['reason']>) {
  const sale = {
    opensAtMs: wrong.has('saleNotOpen') ? noonMs + 1 : noonMs,
    closesAtMs: wrong.has('saleClosed') ? noonMs : noonMs + 1,
    maxPerReservation: wrong.has('maxPerReservation') ? 2 : 3,
    perCustomerLimit: wrong.has('perCustomerLimit') ? 3 : 4,
  }
  return given(
    stockAdjusted(wrong.has('outOfStock') ? 2 : 4),
    unitsHeld(1, { reservationId: res2 }),
    saleScheduled(sale),
    ...(wrong.has('productRetired') ? [productRetired()] : []),
  ).when(reserve(3, { customerId: wrong.has('customerRequired') ? undefined : ann }))
}

precedence('nothing is refused where nothing is wrong', () => {
  situation(new Set()).accepts(unitsHeld(3, { available: 0 }))
})

precedence('an unknown product comes before all else', () => {
  given(stockAdjusted(1, { productId: cable }))
    .when(reserve(3, { customerId: undefined }))
    .refuses({ reason: 'unknownProduct', productId: phone })
})

for (const [index, refusal] of refusals.entries()) {
  const later = refusals.slice(index + 1)
  precedence(`${refusal.reason} comes before ${nameAll(later) || 'acceptance'}`, () => {
    for (const others of subsetsOf(later)) {
      const wrong = new Set([refusal, ...others].map(({ reason }) => reason))
      situation(wrong).refuses(refusal)
    }
  })
}

function nameAll(these: readonly Refusal[]): string {
  return these.map(({ reason }) => reason).join(', ')
}

function subsetsOf<Item>(items: readonly Item[]): Item[][] {
  const [first, ...rest] = items
  if (first === undefined) return [[]]
  return subsetsOf(rest).flatMap((subset) => [subset, [first, ...subset]])
}

precedence.run()

const partial = suite('a reservation that takes what it can get')

const least: readonly {
  readonly name: string
  readonly max?: number
  readonly limit?: number
  readonly onHand: number
  readonly gets: number
}[] = [
  { name: 'what was asked for where there is enough', onHand: 10, gets: 8 },
  { name: 'what is available', onHand: 5, gets: 5 },
  { name: 'the maximum per reservation', max: 4, onHand: 10, gets: 4 },
  { name: 'what the customer may still have', limit: 6, onHand: 10, gets: 6 },
  { name: 'the least, which is the maximum per reservation', max: 2, limit: 3, onHand: 4, gets: 2 },
  { name: 'the least, which is what the customer may still have', max: 4, limit: 2, onHand: 3, gets: 2 },
  { name: 'the least, which is what is available', max: 4, limit: 3, onHand: 2, gets: 2 },
  { name: 'one unit where one is left', onHand: 1, gets: 1 },
]

for (const { name, max, limit, onHand, gets } of least) {
  partial(`gets ${name}`, () => {
    given(stockAdjusted(onHand), saleScheduled({ maxPerReservation: max, perCustomerLimit: limit }))
      .when(reserve(8, { allowPartial: true }))
      .accepts(unitsHeld(gets, { available: onHand - gets }))
  })
}

partial('is refused where nothing is available, saying what was asked for', () => {
  given(stockAdjusted(1), unitsHeld(1, { reservationId: res2 }), saleScheduled({ maxPerReservation: 2 }))
    .when(reserve(8, { allowPartial: true }))
    .refuses({ reason: 'outOfStock', items: [{ productId: phone, requested: 8, available: 0 }] })
})

partial('is refused where the customer may have nothing more, and that comes before no stock', () => {
  for (const onHand of [2, 10]) {
    given(
      stockAdjusted(onHand),
      unitsHeld(2, { reservationId: res2 }),
      saleScheduled({ perCustomerLimit: 2 }),
    )
      .when(reserve(8, { allowPartial: true }))
      .refuses({ reason: 'perCustomerLimit', productId: phone, limit: 2, remaining: 0 })
  }
})

partial('is refused where a reservation may have nothing, and that comes before the customer limit', () => {
  for (const perCustomerLimit of [0, 10]) {
    given(stockAdjusted(10), saleScheduled({ maxPerReservation: 0, perCustomerLimit }))
      .when(reserve(8, { allowPartial: true }))
      .refuses({ reason: 'maxPerReservation', productId: phone, limit: 0 })
  }
})

partial('is refused all the same before, after and without a sale', () => {
  const greedy = reserve(8, { allowPartial: true })
  given(stockAdjusted(5), saleScheduled({ opensAtMs: noonMs + 1 }))
    .when(greedy)
    .refuses({ reason: 'saleNotOpen', productId: phone, opensAtMs: noonMs + 1 })
  given(stockAdjusted(5), saleScheduled({ closesAtMs: noonMs }))
    .when(greedy)
    .refuses({ reason: 'saleClosed', productId: phone, closesAtMs: noonMs })
  given(stockAdjusted(5), productRetired())
    .when(greedy)
    .refuses({ reason: 'productRetired', productId: phone })
})

partial.run()

const window = suite('a sale window')
const opensAtMs = noonMs
const closesAtMs = noonMs + minuteMs
const sold = [stockAdjusted(5), saleScheduled({ opensAtMs, closesAtMs })]

window('is open from its first millisecond to the last before it closes', () => {
  for (const nowMs of [opensAtMs, opensAtMs + 1, closesAtMs - 1]) {
    given(...sold)
      .when(reserve(1), nowMs)
      .accepts(unitsHeld(1, { available: 4, expiresAtMs: nowMs + 10 * minuteMs }))
  }
})

window('is not open a millisecond before', () => {
  given(...sold)
    .when(reserve(1), opensAtMs - 1)
    .refuses({ reason: 'saleNotOpen', productId: phone, opensAtMs })
})

window('is closed at the very millisecond it closes', () => {
  for (const nowMs of [closesAtMs, closesAtMs + 1]) {
    given(...sold)
      .when(reserve(1), nowMs)
      .refuses({ reason: 'saleClosed', productId: phone, closesAtMs })
  }
})

window('may be open at one end', () => {
  given(stockAdjusted(5), saleScheduled({ closesAtMs }))
    .when(reserve(1), 0)
    .accepts(unitsHeld(1, { available: 4, expiresAtMs: 10 * minuteMs }))
  given(stockAdjusted(5), saleScheduled({ opensAtMs }))
    .when(reserve(1), noonMs + 1_000 * minuteMs)
    .accepts(unitsHeld(1, { available: 4, expiresAtMs: noonMs + 1_010 * minuteMs }))
})

window('is replaced as a whole', () => {
  given(stockAdjusted(5), saleScheduled({ opensAtMs: noonMs + 1, perCustomerLimit: 1 }))
    .when(scheduleSale({ maxPerReservation: 4 }))
    .accepts(saleScheduled({ maxPerReservation: 4 }))
  given(
    stockAdjusted(5),
    saleScheduled({ opensAtMs: noonMs + 1, perCustomerLimit: 1 }),
    saleScheduled({ maxPerReservation: 4 }),
  )
    .when(reserve(4, { customerId: undefined }))
    .accepts(unitsHeld(4, { customerId: undefined, available: 1 }))
})

window('needs a product', () => {
  given().when(scheduleSale({})).refuses({ reason: 'unknownProduct', productId: phone })
})

window.run()

const limit = suite('a customer limit')

/** Each history begins with Ann holding two units; the limit is three. */
const counted: readonly [name: string, then: readonly Happened[], remaining: number][] = [
  ['a hold', [], 1],
  ['a hold in payment', [paymentStarted()], 1],
  ['what a partial release left', [unitsReleased(1)], 2],
  ['nothing of a release', [unitsReleased(2)], 3],
  ['nothing of a release in two parts', [unitsReleased(1), unitsReleased(1)], 3],
  ['nothing of an expired hold', [holdExpired(2)], 3],
  ['nothing of an expired payment', [paymentStarted(), holdExpired(2)], 3],
  ['a confirmed reservation', [unitsConfirmed(2)], 1],
  ['the confirmed part only', [unitsConfirmed(1)], 2],
  ['what did not come back', [unitsConfirmed(2), unitsReturned(1)], 2],
  ['nothing of what came back', [unitsConfirmed(2), unitsReturned(1), unitsReturned(1)], 3],
  ['nothing once returns are closed', [unitsConfirmed(2), returnsClosed()], 3],
  [
    'nothing once returns are closed after a return',
    [unitsConfirmed(2), unitsReturned(1), returnsClosed()],
    3,
  ],
  ['nothing forgotten', [unitsConfirmed(2), returnsClosed(), reservationForgotten()], 3],
  ['nothing forgotten after a release', [unitsReleased(2), reservationForgotten()], 3],
]

for (const [what, then, remaining] of counted) {
  limit(`counts ${what}`, () => {
    given(stockAdjusted(10), saleScheduled({ perCustomerLimit: 3 }), unitsHeld(2), ...then)
      .when(reserve(4, { reservationId: res2 }))
      .refuses({ reason: 'perCustomerLimit', productId: phone, limit: 3, remaining })
  })
}

limit('lets a customer have exactly as much', () => {
  given(stockAdjusted(10), saleScheduled({ perCustomerLimit: 3 }), unitsHeld(2))
    .when(reserve(1, { reservationId: res2 }))
    .accepts(unitsHeld(1, { reservationId: res2, available: 7 }))
  given(stockAdjusted(10), saleScheduled({ perCustomerLimit: 3 }), unitsHeld(2))
    .when(reserve(2, { reservationId: res2 }))
    .refuses({ reason: 'perCustomerLimit', productId: phone, limit: 3, remaining: 1 })
})

limit('counts all reservations of a customer together', () => {
  given(
    stockAdjusted(10),
    saleScheduled({ perCustomerLimit: 3 }),
    unitsHeld(1),
    unitsConfirmed(1),
    unitsHeld(1, { reservationId: res2 }),
  )
    .when(reserve(2, { reservationId: res3 }))
    .refuses({ reason: 'perCustomerLimit', productId: phone, limit: 3, remaining: 1 })
})

limit('counts no other customer, no other product and nobody without a name', () => {
  given(
    stockAdjusted(10),
    unitsHeld(1, { customerId: undefined }),
    unitsHeld(2, { reservationId: res2, customerId: bob }),
    stockAdjusted(10, { productId: cable }),
    unitsHeld(3, { reservationId: res3, productId: cable }),
    saleScheduled({ perCustomerLimit: 3 }),
  )
    .when(reserve(4, { reservationId: res4 }))
    .refuses({ reason: 'perCustomerLimit', productId: phone, limit: 3, remaining: 3 })
})

limit('counts what was taken before it was set', () => {
  given(stockAdjusted(10), unitsHeld(2), saleScheduled({ perCustomerLimit: 3 }))
    .when(reserve(2, { reservationId: res2 }))
    .refuses({ reason: 'perCustomerLimit', productId: phone, limit: 3, remaining: 1 })
})

limit('below what a customer has leaves nothing and takes nothing away', () => {
  const lowered = [stockAdjusted(10), unitsHeld(4), saleScheduled({ perCustomerLimit: 1 })]
  given(...lowered)
    .when(reserve(1, { reservationId: res2 }))
    .refuses({ reason: 'perCustomerLimit', productId: phone, limit: 1, remaining: 0 })
  given(...lowered)
    .when(confirm())
    .accepts(unitsConfirmed(4))
    .leaves({ onHand: 6, held: 0, sold: 4 })
})

limit.run()

const adjusting = suite('an adjustment')

adjusting('makes the stock of a product by its first positive delta', () => {
  given()
    .when(adjust({ delta: 5 }, { reason: 'delivery', reference: 'po 1' }))
    .accepts(stockAdjusted(5, { onHand: 5, reason: 'delivery', reference: 'po 1' }))
    .leaves({ onHand: 5, held: 0, sold: 0 })
})

adjusting('makes no stock by a delta that is not positive', () => {
  for (const delta of [0, -1]) {
    given().when(adjust({ delta })).refuses({ reason: 'unknownProduct', productId: phone })
  }
})

adjusting('makes stock by any set, none included', () => {
  for (const units of [0, 7])
    given()
      .when(adjustTo(units))
      .accepts(stockAdjusted(units, { onHand: units }))
  given()
    .when(adjustTo(7, 0))
    .accepts(stockAdjusted(7, { onHand: 7 }))
})

adjusting('adds and takes away', () => {
  given(stockAdjusted(5))
    .when(adjust({ delta: 2 }))
    .accepts(stockAdjusted(2, { onHand: 7 }))
  given(stockAdjusted(5))
    .when(adjust({ delta: -5 }))
    .accepts(stockAdjusted(-5, { onHand: 0 }))
  given(stockAdjusted(5))
    .when(adjust({ delta: 0 }))
    .accepts(stockAdjusted(0, { onHand: 5 }))
})

adjusting('sets, and records the difference', () => {
  given(stockAdjusted(5))
    .when(adjustTo(3))
    .accepts(stockAdjusted(-2, { onHand: 3 }))
  given(stockAdjusted(5))
    .when(adjustTo(5))
    .accepts(stockAdjusted(0, { onHand: 5 }))
  given(stockAdjusted(5))
    .when(adjustTo(9))
    .accepts(stockAdjusted(4, { onHand: 9 }))
})

adjusting('leaves what is sold alone', () => {
  given(stockAdjusted(5), unitsHeld(2), unitsConfirmed(2))
    .when(adjustTo(1))
    .accepts(stockAdjusted(-2, { onHand: 1 }))
    .leaves({ onHand: 1, held: 0, sold: 2 })
})

adjusting('sets only the version it was told to expect', () => {
  const twice = [stockAdjusted(5), stockAdjusted(1)]
  given(...twice)
    .when(adjustTo(9, 2))
    .accepts(stockAdjusted(3, { onHand: 9 }))
  for (const expected of [0, 1, 3]) {
    given(...twice)
      .when(adjustTo(9, expected))
      .refuses({ reason: 'stockVersionMismatch', expected, version: 2 })
  }
  given().when(adjustTo(9, 1)).refuses({ reason: 'stockVersionMismatch', expected: 1, version: 0 })
})

adjusting('never goes below what is held', () => {
  const holding = [stockAdjusted(5), unitsHeld(3)]
  given(...holding)
    .when(adjust({ delta: -2 }))
    .accepts(stockAdjusted(-2, { onHand: 3 }))
  given(...holding)
    .when(adjustTo(3))
    .accepts(stockAdjusted(-2, { onHand: 3 }))
  for (const change of [
    { delta: -3 },
    { set: 2, expectedVersion: undefined },
    { set: 0, expectedVersion: 2 },
  ]) {
    given(...holding)
      .when(adjust(change))
      .refuses({ reason: 'stockBelowHeld', onHand: 5, held: 3 })
  }
})

adjusting('never goes below nothing', () => {
  given(stockAdjusted(5))
    .when(adjust({ delta: -6 }))
    .refuses({ reason: 'stockBelowHeld', onHand: 5, held: 0 })
})

adjusting('never goes above the most a product can have', () => {
  const nearly = stockAdjusted(onHandMax - 1)
  given(nearly)
    .when(adjust({ delta: 1 }))
    .accepts(stockAdjusted(1, { onHand: onHandMax }))
  given()
    .when(adjustTo(onHandMax))
    .accepts(stockAdjusted(onHandMax, { onHand: onHandMax }))
  given(nearly)
    .when(adjust({ delta: 2 }))
    .refuses({ reason: 'stockAboveMax', onHandMax })
  given(nearly)
    .when(adjustTo(onHandMax + 1))
    .refuses({ reason: 'stockAboveMax', onHandMax })
  given()
    .when(adjust({ delta: onHandMax + 1 }))
    .refuses({ reason: 'stockAboveMax', onHandMax })
})

adjusting('of an unexpected version is refused before its amount is', () => {
  const mismatch = { reason: 'stockVersionMismatch', expected: 1, version: 2 } as const
  for (const units of [0, onHandMax + 1]) {
    given(stockAdjusted(5), unitsHeld(3)).when(adjustTo(units, 1)).refuses(mismatch)
  }
})

adjusting('works on a retired product and outside its sale', () => {
  given(stockAdjusted(5), saleScheduled({ closesAtMs: noonMs }), productRetired())
    .when(adjust({ delta: 1 }))
    .accepts(stockAdjusted(1, { onHand: 6 }))
})

adjusting.run()

const retiring = suite('a retired product')

retiring('is retired once; doing it again changes nothing', () => {
  given(stockAdjusted(5)).when(retire()).accepts(productRetired())
  given(stockAdjusted(5), productRetired()).when(retire()).acceptsWithoutEvents()
})

retiring('must have been known', () => {
  given().when(retire()).refuses({ reason: 'unknownProduct', productId: phone })
})

retiring('lets live reservations finish', () => {
  const retired = [stockAdjusted(5), unitsHeld(2), productRetired()]
  given(...retired)
    .when(startPayment())
    .accepts(paymentStarted())
  given(...retired)
    .when(confirm())
    .accepts(unitsConfirmed(2))
  given(...retired)
    .when(release())
    .accepts(unitsReleased(2))
})

retiring.run()
