/** Who stands in line gets what comes, in order, and nobody comes between. */
import * as assert from 'uvu/assert'
import { waitlistMax } from '../../src/domain/bounds.ts'
import type { Command } from '../../src/domain/commands.ts'
import type { Refusal } from '../../src/domain/decision.ts'
import { evolve } from '../../src/domain/evolve.ts'
import type { CustomerId } from '../../src/domain/ids.ts'
import { availableOf, type Sale } from '../../src/domain/stock.ts'
import { positionOf, serveLine } from '../../src/domain/waitlist.ts'
import { suite } from '../support/suite.ts'
import {
  adjust,
  adjustTo,
  ann,
  bob,
  cable,
  confirm,
  expire,
  giveBack,
  holdExpired,
  hourMs,
  minuteMs,
  noonMs,
  phone,
  productRetired,
  release,
  res2,
  res3,
  reserve,
  retire,
  saleScheduled,
  scheduleSale,
  stockAdjusted,
  unitsConfirmed,
  unitsHeld,
  unitsReleased,
  unitsReturned,
} from './examples.ts'
import { complete, given, type Happened } from './given.ts'
import { holdPlaced, holdSettled, settle, settleAborted } from './split-examples.ts'
import {
  cleo,
  dan,
  idFor,
  joinWaitlist,
  leaveWaitlist,
  unitsEarmarked,
  waitlistJoined,
  waitlistLeft,
  waitlistServed,
} from './waitlist-examples.ts'

/** Six phones, all of them Ann's: three in each of two holds. */
const soldOut: readonly Happened[] = [stockAdjusted(6), unitsHeld(3), unitsHeld(3, { reservationId: res2 })]
/** Bob waits for two, Cleo for three, Dan for one. */
const line = [waitlistJoined(bob, 2), waitlistJoined(cleo, 3), waitlistJoined(dan, 1)]
const waiting = [...soldOut, ...line]

const joining = suite('joining the line')

joining('is for whoever wants more than there is', () => {
  given(...soldOut)
    .when(joinWaitlist(bob, 2))
    .accepts(waitlistJoined(bob, 2))
  given(stockAdjusted(5), unitsHeld(3)).when(joinWaitlist(bob, 3)).accepts(waitlistJoined(bob, 3))
})

joining('is open as long as the sale is, for as much as it lets one have', () => {
  const sale = { opensAtMs: noonMs, closesAtMs: noonMs + 2, maxPerReservation: 2, perCustomerLimit: 2 }
  const { when } = given(...soldOut, saleScheduled(sale))
  const refusals = [noonMs - 1, noonMs, noonMs + 1, noonMs + 2].map((atMs) => {
    const decision = when(joinWaitlist(bob, 2), atMs).decide()
    return decision.type === 'refused' ? decision.refusal.reason : undefined
  })
  assert.equal(refusals, ['saleNotOpen', undefined, undefined, 'saleClosed'])
})

joining('is refused where there is enough, though others wait for more', () => {
  given(stockAdjusted(5), unitsHeld(3))
    .when(joinWaitlist(bob, 2))
    .refuses({ reason: 'stockAvailable', productId: phone, available: 2 })
  given(stockAdjusted(5), unitsHeld(3), waitlistJoined(bob, 4))
    .when(joinWaitlist(cleo, 2))
    .refuses({ reason: 'stockAvailable', productId: phone, available: 2 })
})

joining('counts as available only what is not put aside for the head', () => {
  given(...soldOut, waitlistJoined(bob, 4), unitsReleased(3), unitsEarmarked(3))
    .when(joinWaitlist(cleo, 1))
    .accepts(waitlistJoined(cleo, 1))
})

joining('again for as many changes nothing, for another number is refused', () => {
  const { when } = given(...waiting)
  when(joinWaitlist(bob, 2, { reservationId: res3 })).acceptsWithoutEvents()
  when(joinWaitlist(bob, 3)).refuses({ reason: 'alreadyWaiting', productId: phone, quantity: 2 })
})

joining('is refused where the line is full', () => {
  const { shard, when } = given(stockAdjusted(1), unitsHeld(1))
  for (let n = 0; n < waitlistMax; n++) {
    const joined = waitlistJoined(`c${n}` as CustomerId, 1)
    evolve(shard, complete(shard, joined), noonMs)
  }
  when(joinWaitlist(bob, 1)).refuses({ reason: 'waitlistFull', productId: phone })
  when(joinWaitlist('c7' as CustomerId, 1)).acceptsWithoutEvents()
})

joining('under an id that is known already is refused: the command was heard before', () => {
  const held = [stockAdjusted(1), unitsHeld(1, { reservationId: idFor(bob), customerId: bob })]
  for (const history of [held, [...held, { ...unitsReleased(1), reservationId: idFor(bob) } as Happened]]) {
    given(...history)
      .when(joinWaitlist(bob, 2))
      .refuses({ reason: 'reservationExists' })
  }
})

joining('of a product nobody knows is refused', () => {
  const refusal: Refusal = { reason: 'unknownProduct', productId: cable }
  given(...soldOut)
    .when(joinWaitlist(bob, 2, { productId: cable }))
    .refuses(refusal)
  given(...soldOut)
    .when({ ...leaveWaitlist(bob), productId: cable })
    .refuses(refusal)
})

/** What is wrong, by precedence; each sale also makes everything behind it wrong. */
const wrongs: readonly [history: readonly Happened[], refusal: Refusal][] = [
  [
    [saleScheduled({ opensAtMs: noonMs + 1, closesAtMs: noonMs }), productRetired()],
    { reason: 'productRetired', productId: phone },
  ],
  [
    [saleScheduled({ opensAtMs: noonMs + 1, closesAtMs: noonMs, maxPerReservation: 1 })],
    { reason: 'saleNotOpen', productId: phone, opensAtMs: noonMs + 1 },
  ],
  [
    [saleScheduled({ closesAtMs: noonMs, maxPerReservation: 1 })],
    { reason: 'saleClosed', productId: phone, closesAtMs: noonMs },
  ],
  [
    [saleScheduled({ maxPerReservation: 1, perCustomerLimit: 4 })],
    { reason: 'maxPerReservation', productId: phone, limit: 1 },
  ],
  [
    [saleScheduled({ perCustomerLimit: 4 })],
    { reason: 'perCustomerLimit', productId: phone, limit: 4, remaining: 1 },
  ],
]

for (const [history, refusal] of wrongs) {
  joining(`is refused, whatever else is wrong: ${refusal.reason}`, () => {
    // Bob has three and waits for two; two more are to be had.
    const before = [stockAdjusted(5), unitsHeld(3, { customerId: bob }), waitlistJoined(bob, 5)]
    given(...before, ...history)
      .when(joinWaitlist(bob, 2))
      .refuses(refusal)
  })
}

joining('is refused where too little of the limit is left, and counts what all reservations have', () => {
  const limited = [stockAdjusted(9), saleScheduled({ perCustomerLimit: 4 })]
  const over: Refusal = { reason: 'perCustomerLimit', productId: phone, limit: 4, remaining: 1 }
  given(...limited, unitsHeld(3))
    .when(joinWaitlist(ann, 2))
    .refuses(over)
  given(...limited, holdPlaced(3))
    .when(joinWaitlist(ann, 2))
    .refuses(over)
  given(...limited, holdPlaced(3), unitsHeld(6, { customerId: undefined }))
    .when(joinWaitlist(ann, 1))
    .accepts(waitlistJoined(ann, 1))
})

joining.run()

const places = suite('a place in the line')

places('is counted from one, and is nobody’s who does not stand there', () => {
  const stock = given(...waiting).shard.products.get(phone)
  assert.ok(stock)
  assert.equal(
    [bob, cleo, dan, ann].map((who) => positionOf(stock, who)),
    [1, 2, 3, undefined],
  )
})

places('is given up at once, from wherever it is', () => {
  for (const [who, rest] of [
    [bob, [cleo, dan]],
    [cleo, [bob, dan]],
    [dan, [bob, cleo]],
  ] as const) {
    const { shard } = given(...waiting)
      .when(leaveWaitlist(who))
      .accepts(waitlistLeft(who))
      .serves([])
    assert.equal([...(shard.products.get(phone)?.waitlist?.line.keys() ?? [])], rest)
  }
})

places('that nobody has cannot be given up', () => {
  const refusal: Refusal = { reason: 'notWaiting', productId: phone }
  given(...waiting)
    .when(leaveWaitlist(ann))
    .refuses(refusal)
  given(stockAdjusted(1)).when(leaveWaitlist(ann)).refuses(refusal)
  given(...waiting, waitlistLeft(bob))
    .when(leaveWaitlist(bob))
    .refuses(refusal)
})

places('that came to its end with the sale cannot be given up, though nobody has been sent away yet', () => {
  given(...soldOut, saleScheduled({ closesAtMs: noonMs + minuteMs }), waitlistJoined(bob, 2))
    .when(leaveWaitlist(bob), noonMs + minuteMs)
    .refuses({ reason: 'notWaiting', productId: phone })
})

places('given up by the last leaves no line', () => {
  const { shard } = given(...soldOut, waitlistJoined(bob, 2))
    .when(leaveWaitlist(bob))
    .accepts(waitlistLeft(bob))
    .serves([])
  assert.is(shard.products.get(phone)?.waitlist, undefined)
})

places('given up by the head leaves what was put aside for it to the next', () => {
  const history = [...soldOut, waitlistJoined(bob, 4), waitlistJoined(cleo, 2), waitlistJoined(dan, 2)]
  given(...history, unitsReleased(3), unitsEarmarked(3))
    .when(leaveWaitlist(bob))
    .accepts(waitlistLeft(bob))
    .serves([waitlistServed(cleo, 2, { available: 1 }), unitsEarmarked(1)])
  given(...history, unitsReleased(3), unitsEarmarked(3))
    .when(leaveWaitlist(dan))
    .accepts(waitlistLeft(dan))
    .serves([])
})

places('given up by the only one leaves what was put aside to everybody', () => {
  const history = [...soldOut, waitlistJoined(bob, 4), unitsReleased(3), unitsEarmarked(3)]
  given(...history)
    .when(leaveWaitlist(bob))
    .accepts(waitlistLeft(bob))
    .serves([])
    .when(reserve(3, { reservationId: res3 }))
    .accepts(unitsHeld(3, { reservationId: res3, available: 0 }))
})

places.run()

const serving = suite('units that become free')

const freeing: readonly [how: string, command: Command, event: Happened, units: number][] = [
  ['a release', release(), unitsReleased(3), 3],
  ['a partial release', release(2), unitsReleased(2), 2],
  ['an expiry', expire(), holdExpired(3), 3],
  ['a partial confirmation', confirm(1), unitsConfirmed(1), 2],
  ['a restock', adjust({ delta: 3 }), stockAdjusted(3, { onHand: 9 }), 3],
  ['a count', adjustTo(9), stockAdjusted(3, { onHand: 9 }), 3],
]

for (const [how, command, event, units] of freeing) {
  serving(`by ${how} are the head’s, and the rest is put aside for the next one`, () => {
    given(...waiting)
      .when(command)
      .accepts(event)
      .serves([
        waitlistServed(bob, 2, { available: units - 2 }),
        ...(units > 2 ? [unitsEarmarked(units - 2)] : []),
      ])
      .leavesReservation({ status: 'held', quantity: 2, customerId: bob, createdAtMs: noonMs }, idFor(bob))
  })
}

serving('by a return are the head’s', () => {
  given(...soldOut, unitsConfirmed(3), ...line)
    .when(giveBack(2))
    .accepts(unitsReturned(2))
    .serves([waitlistServed(bob, 2, { available: 0 })])
    .leaves({ onHand: 5, held: 5, sold: 1 })
})

serving('by a settlement of a reservation of several products are the head’s', () => {
  const holding = [stockAdjusted(3), holdPlaced(3), ...line]
  given(...holding)
    .when(settle(1, { held: 1 }))
    .accepts(holdSettled(1, { held: 1 }))
    .serves([waitlistServed(bob, 2, { available: 0 })])
  given(...holding)
    .when(settle(1, { sold: 1 }))
    .accepts(holdSettled(1, { sold: 1 }))
    .serves([waitlistServed(bob, 2, { available: 0 })])
  given(...holding)
    .when(settleAborted())
    .accepts(holdSettled(settleAborted().step, {}))
    .serves([waitlistServed(bob, 2, { available: 1 }), unitsEarmarked(1)])
  given(...holding, holdSettled(1, { sold: 3 }))
    .when(settle(2, { sold: 1 }))
    .accepts(holdSettled(2, { sold: 1 }))
    .serves([waitlistServed(bob, 2, { available: 0 })])
})

serving('that were sold are nobody’s', () => {
  given(...waiting)
    .when(confirm())
    .accepts(unitsConfirmed(3))
    .serves([])
  given(stockAdjusted(3), holdPlaced(3), ...line)
    .when(settle(1, { sold: 3 }))
    .accepts(holdSettled(1, { sold: 3 }))
    .serves([])
})

serving('make a hold that lasts as long as the sale says', () => {
  given(...soldOut, saleScheduled({ holdTtlMs: minuteMs }), waitlistJoined(bob, 2))
    .when(release(), noonMs + hourMs)
    .accepts(unitsReleased(3))
    .serves([waitlistServed(bob, 2, { expiresAtMs: noonMs + hourMs + minuteMs, available: 1 })])
})

serving('from a hold that came of the line serve the next one', () => {
  given(...soldOut, waitlistJoined(bob, 3), waitlistJoined(cleo, 3), unitsReleased(3), waitlistServed(bob, 3))
    .when({ ...expire(), reservationId: idFor(bob) })
    .accepts({ ...holdExpired(3), reservationId: idFor(bob) } as Happened)
    .serves([waitlistServed(cleo, 3, { available: 0 })])
})

serving('are no concern of a line that is only of those who were served', () => {
  const { shard } = given(...soldOut, waitlistJoined(bob, 3), unitsReleased(3), waitlistServed(bob, 3))
    .when({ ...release(), reservationId: res2 })
    .accepts({ ...unitsReleased(3), reservationId: res2 } as Happened)
    .serves([])
  const stock = shard.products.get(phone)
  assert.ok(stock)
  assert.is(availableOf(stock), 3)
  assert.equal([...(stock.waitlist?.served ?? [])], [[bob, idFor(bob)]])
})

serving('from the last hold that came of the line leave nothing of it', () => {
  for (const [command, event] of [
    [release(), unitsReleased(3)],
    [confirm(), unitsConfirmed(3)],
    [expire(), holdExpired(3)],
  ] as const) {
    const history = [...soldOut, waitlistJoined(bob, 3), unitsReleased(3), waitlistServed(bob, 3)]
    const { shard } = given(...history)
      .when({ ...command, reservationId: idFor(bob) })
      .accepts({ ...event, reservationId: idFor(bob) } as Happened)
      .serves([])
    assert.is(shard.products.get(phone)?.waitlist, undefined)
  }
})

serving.run()

const aside = suite('units that are too few for the head (W2)')

const big: readonly Happened[] = [...soldOut, waitlistJoined(bob, 5), waitlistJoined(cleo, 1)]

aside('are put aside for it, and nobody else gets them', () => {
  given(...big)
    .when(release())
    .accepts(unitsReleased(3))
    .serves([unitsEarmarked(3)])
    .leaves({ onHand: 6, held: 3, sold: 0 })
    .when(reserve(1, { reservationId: res3 }))
    .refuses({ reason: 'outOfStock', items: [{ productId: phone, requested: 1, available: 0 }] })
})

aside('add up until they are enough', () => {
  given(...big, unitsReleased(3), unitsEarmarked(3))
    .when({ ...release(1), reservationId: res2 })
    .accepts({ ...unitsReleased(1), reservationId: res2 } as Happened)
    .serves([unitsEarmarked(4)])
    .when({ ...release(), reservationId: res2 })
    .accepts({ ...unitsReleased(2), reservationId: res2 } as Happened)
    .serves([waitlistServed(bob, 5, { available: 1 }), waitlistServed(cleo, 1, { available: 0 })])
})

aside('make up what it wants together with what was free when it joined, which stayed free', () => {
  const history = [
    stockAdjusted(5),
    unitsHeld(2),
    unitsHeld(1, { reservationId: res2 }),
    waitlistJoined(bob, 4),
  ]
  given(...history)
    .when({ ...release(), reservationId: res2 })
    .accepts({ ...unitsReleased(1), reservationId: res2 } as Happened)
    .serves([unitsEarmarked(1)])
    .when(reserve(1, { reservationId: res3 }))
    .accepts(unitsHeld(1, { reservationId: res3, available: 1 }))
  given(...history)
    .when(release())
    .accepts(unitsReleased(2))
    .serves([waitlistServed(bob, 4, { available: 0 })])
})

aside(
  'are as many as a settlement of several products frees, neither those it sells nor those it keeps',
  () => {
    const history = [stockAdjusted(5), holdPlaced(3), waitlistJoined(bob, 6)]
    given(...history)
      .when(settle(1, { held: 1 }))
      .accepts(holdSettled(1, { held: 1 }))
      .serves([unitsEarmarked(2)])
    given(...history)
      .when(settle(1, { sold: 1 }))
      .accepts(holdSettled(1, { sold: 1 }))
      .serves([unitsEarmarked(2)])
  },
)

aside('are fewer where fewer are left, and never more than are free', () => {
  const history = [...big, unitsReleased(3), unitsEarmarked(3)]
  given(...history)
    .when(adjust({ delta: -1 }))
    .accepts(stockAdjusted(-1, { onHand: 5 }))
    .serves([unitsEarmarked(2)])
    .when(adjust({ delta: -2 }))
    .accepts(stockAdjusted(-2, { onHand: 3 }))
    .serves([unitsEarmarked(0)])
    .when(adjust({ delta: -1 }))
    .refuses({ reason: 'stockBelowHeld', onHand: 3, held: 3 })
})

aside('stay where what is taken away was free before', () => {
  given(stockAdjusted(5), unitsHeld(3), waitlistJoined(bob, 5), unitsReleased(2), unitsEarmarked(2))
    .when(adjust({ delta: -2 }))
    .accepts(stockAdjusted(-2, { onHand: 3 }))
    .serves([])
})

aside('may be taken away by hand: then none are left for newcomers, not fewer than none', () => {
  const { shard } = given(...soldOut, waitlistJoined(bob, 4), unitsReleased(3), unitsEarmarked(3))
  evolve(shard, complete(shard, stockAdjusted(-2)), noonMs)
  const stock = shard.products.get(phone)
  assert.ok(stock !== undefined)
  assert.is(stock.onHand - stock.held - stock.earmarked, -2)
  assert.is(availableOf(stock), 0)
})

aside.run()

const many = suite('a restock that serves many')

const crowd = Array.from({ length: 7 }, (_, n) => `c${n}` as CustomerId)
const crowded = [stockAdjusted(1), unitsHeld(1), ...crowd.map((who) => waitlistJoined(who, 2))]
const servedFrom = (first: number, last: number, available: number) =>
  crowd.slice(first, last).map((who, i) => waitlistServed(who, 2, { available: available - 2 * (i + 1) }))

many('goes on where it stopped, and nobody comes between', () => {
  given(...crowded)
    .when(adjust({ delta: 13 }))
    .accepts(stockAdjusted(13, { onHand: 14 }))
    .serves([...servedFrom(0, 3, 13), unitsEarmarked(7)], { max: 3, hasMore: true })
    .when(reserve(1, { reservationId: res3 }))
    .refuses({ reason: 'outOfStock', items: [{ productId: phone, requested: 1, available: 0 }] })
})

many('puts everything aside where it may serve nobody yet', () => {
  const { shard } = given(...crowded)
    .when(adjust({ delta: 13 }))
    .accepts(stockAdjusted(13, { onHand: 14 }))
    .serves([unitsEarmarked(13)], { max: 0, hasMore: true })
  const stock = shard.products.get(phone)
  assert.ok(stock)
  // Each go is asked for without anything new; together they serve as many as there is for.
  const goes: string[][] = []
  for (let hasMore = true; hasMore; ) {
    const go = serveLine(stock, noonMs, 4)
    for (const event of go.events) evolve(shard, event, noonMs)
    goes.push(go.events.map(({ type }) => type))
    hasMore = go.hasMore
  }
  assert.equal(goes, [
    [...Array<string>(4).fill('WaitlistServed'), 'UnitsEarmarked'],
    ['WaitlistServed', 'WaitlistServed', 'UnitsEarmarked'],
  ])
  assert.equal([...(stock.waitlist?.line.keys() ?? [])], ['c6'])
  assert.is(stock.earmarked, 1)
})

many('that is for all of them leaves the rest to everybody', () => {
  const { shard } = given(...crowded)
    .when(adjust({ delta: 20 }))
    .accepts(stockAdjusted(20, { onHand: 21 }))
    .serves(servedFrom(0, 7, 20))
  const stock = shard.products.get(phone)
  assert.ok(stock)
  assert.equal([availableOf(stock), stock.earmarked], [6, 0])
})

many('is served as far as it goes with exactly as many goes as there are', () => {
  given(...crowded)
    .when(adjust({ delta: 6 }))
    .accepts(stockAdjusted(6, { onHand: 7 }))
    .serves(servedFrom(0, 3, 6), { max: 3 })
})

many.run()

const dropped = suite('who is dropped from the line')

const scheduled = (sale: Sale) => [scheduleSale(sale), saleScheduled(sale)] as const

dropped('is a head who has as much as the limit allows', () => {
  // Bob joined for two when he had none; meanwhile he got two of three otherwise.
  const history = [
    stockAdjusted(9),
    saleScheduled({ perCustomerLimit: 3 }),
    unitsHeld(3, { customerId: undefined }),
    unitsHeld(2, { reservationId: res2, customerId: undefined }),
    ...line,
    unitsHeld(2, { reservationId: res3, customerId: bob }),
  ]
  given(...history)
    .when(release())
    .accepts(unitsReleased(3))
    .serves([
      waitlistLeft(bob, 'overLimit'),
      waitlistServed(cleo, 3, { available: 2 }),
      waitlistServed(dan, 1, { available: 1 }),
    ])
})

dropped(
  'is a head as soon as their own reservation takes what the limit leaves: nothing stays put aside',
  () => {
    const history = [
      stockAdjusted(6),
      saleScheduled({ perCustomerLimit: 4 }),
      unitsHeld(2, { customerId: undefined }),
      unitsHeld(2, { reservationId: res2, customerId: undefined }),
      waitlistJoined(bob, 4),
      waitlistJoined(cleo, 3),
      unitsReleased(1),
      unitsEarmarked(1),
    ]
    const own = { reservationId: res3, customerId: bob }
    given(...history)
      .when(reserve(1, own))
      .accepts(unitsHeld(1, { ...own, available: 1 }))
      .serves([waitlistLeft(bob, 'overLimit'), unitsEarmarked(1)])
    given(...history)
      .when({ ...reserve(1), ...own, customerId: cleo })
      .accepts(unitsHeld(1, { ...own, customerId: cleo, available: 1 }))
      .serves([])
    const { shard } = given(...history, waitlistLeft(cleo), holdPlaced(1, { customerId: bob }))
    assert.ok(shard.products.get(phone))
  },
)

dropped('is a head whose own hold of several products takes what the limit leaves', () => {
  const history = [
    stockAdjusted(3),
    saleScheduled({ perCustomerLimit: 4 }),
    unitsHeld(2, { customerId: undefined }),
  ]
  const { shard } = given(...history, waitlistJoined(bob, 4))
  evolve(shard, complete(shard, holdPlaced(1, { customerId: bob })), noonMs)
  const stock = shard.products.get(phone)
  assert.ok(stock)
  assert.ok(shard.unserved.has(stock))
})

dropped('is a head who wants more than one reservation may have by now', () => {
  for (const sale of [{ maxPerReservation: 1 }, { perCustomerLimit: 1 }]) {
    const [command, event] = scheduled(sale)
    given(...waiting)
      .when(command)
      .accepts(event)
      .serves([waitlistLeft(bob, 'overLimit'), waitlistLeft(cleo, 'overLimit')])
      .when(release())
      .accepts(unitsReleased(3))
      .serves([waitlistServed(dan, 1, { available: 2 })])
  }
})

dropped('is everybody where the sale closes, or is put off', () => {
  for (const sale of [{ closesAtMs: noonMs }, { opensAtMs: noonMs + 1 }]) {
    const [command, event] = scheduled(sale)
    const { shard } = given(...big, unitsReleased(3), unitsEarmarked(3))
      .when(command)
      .accepts(event)
      .serves([waitlistLeft(bob, 'saleClosed'), waitlistLeft(cleo, 'saleClosed')])
    const stock = shard.products.get(phone)
    assert.ok(stock)
    assert.is(availableOf(stock), 3)
    assert.is(stock.waitlist, undefined)
  }
})

dropped('is everybody once a sale closed by itself, with whatever comes next', () => {
  given(...soldOut, saleScheduled({ closesAtMs: noonMs + minuteMs }), ...line)
    .when(release(), noonMs + minuteMs)
    .accepts(unitsReleased(3))
    .serves([
      waitlistLeft(bob, 'saleClosed'),
      waitlistLeft(cleo, 'saleClosed'),
      waitlistLeft(dan, 'saleClosed'),
    ])
})

dropped('is everybody where the product is retired', () => {
  const { shard } = given(...big, unitsReleased(3), unitsEarmarked(3))
    .when(retire())
    .accepts(productRetired())
    .serves([waitlistLeft(bob, 'retired'), waitlistLeft(cleo, 'retired')])
  assert.is(shard.products.get(phone)?.waitlist, undefined)
})

dropped('is nobody where a sale goes on as it was, or its limits are wide enough', () => {
  for (const sale of [
    {},
    { perCustomerLimit: 5, maxPerReservation: 5, closesAtMs: noonMs + 1, opensAtMs: noonMs },
  ]) {
    const [command, event] = scheduled(sale)
    given(...big, unitsReleased(3), unitsEarmarked(3))
      .when(command)
      .accepts(event)
      .serves([])
  }
})

dropped('goes in goes of as many as may be served at once', () => {
  given(...waiting)
    .when(retire())
    .accepts(productRetired())
    .serves([waitlistLeft(bob, 'retired'), waitlistLeft(cleo, 'retired')], { max: 2, hasMore: true })
})

dropped('is still the head of the line to a hold that came of it before', () => {
  const history = [...soldOut, waitlistJoined(bob, 3), unitsReleased(3), waitlistServed(bob, 3)]
  given(...history)
    .when(joinWaitlist(bob, 2, { reservationId: res3 }))
    .accepts(waitlistJoined(bob, 2, { reservationId: res3 }))
    .when({ ...release(), reservationId: res2 })
    .accepts({ ...unitsReleased(3), reservationId: res2 } as Happened)
    .serves([waitlistServed(bob, 2, { reservationId: res3, available: 1 })])
    .when({ ...release(), reservationId: idFor(bob) })
    .accepts({ ...unitsReleased(3), reservationId: idFor(bob) } as Happened)
    .serves([])
    .leavesReservation({ status: 'held' }, res3)
})

dropped.run()
