/** How lines of a reservation get their units: all or nothing, or what can be had, and in one frame with the home's word. */
import * as assert from 'uvu/assert'
import { gatherHolds, worstOf } from '../../src/domain/decide-split.ts'
import type { Refusal } from '../../src/domain/decision.ts'
import type { ProductId } from '../../src/domain/ids.ts'
import type { Sale } from '../../src/domain/stock.ts'
import { suite } from '../support/suite.ts'
import {
  ann,
  bob,
  cable,
  holdExpired,
  hourMs,
  minuteMs,
  noonMs,
  phone,
  productRetired,
  release,
  reserve,
  saleScheduled,
  stockAdjusted,
  unitsConfirmed,
  unitsHeld,
  unitsReleased,
  unitsReturned,
} from './examples.ts'
import { given, type Happened } from './given.ts'
import {
  elsewhere,
  holdLines,
  holdPlaced,
  holdSettled,
  home,
  type Item,
  itemsOf,
  ofSplit,
  ownSettled,
  reserveSplit,
  screen,
  shell,
  split1,
  split2,
  splitAborted,
  splitHeld,
  splitSettled,
  threeLines,
} from './split-examples.ts'

const stocked = (productId: ProductId, units: number) => stockAdjusted(units, { productId })
const selling = (productId: ProductId, sale: Sale): Happened =>
  ({ ...saleScheduled(sale), productId }) as Happened
const retiring = (productId: ProductId): Happened => ({ ...productRetired(), productId }) as Happened

/** Five phones and two screens. */
const shelves = [stocked(phone, 5), stocked(screen, 2)]

const whole = suite('lines that are held all or not at all')

whole('are held, each with what is left', () => {
  given(...shelves)
    .when(holdLines(itemsOf([phone, 3], [screen, 2])))
    .accepts(holdPlaced(3, { available: 2 }), holdPlaced(2, { productId: screen, available: 0 }))
    .leaves({ onHand: 5, held: 3, sold: 0 }, phone)
    .leaves({ onHand: 2, held: 2, sold: 0 }, screen)
})

whole('are not held where one is short, and all are told what they could have had', () => {
  given(...shelves)
    .when(holdLines(itemsOf([phone, 6], [screen, 2])))
    .refuses(short([phone, 6, 5], [screen, 2, 2]))
  given(...shelves)
    .when(holdLines(itemsOf([phone, 1], [screen, 3])))
    .refuses(short([phone, 1, 5], [screen, 3, 2]))
  given(...shelves)
    .when(holdLines(itemsOf([phone, 6], [screen, 3])))
    .refuses(short([phone, 6, 5], [screen, 3, 2]))
})

whole('are held once: the command that comes again finds them', () => {
  given(...shelves, holdPlaced(3))
    .when(holdLines(itemsOf([phone, 3])))
    .acceptsWithoutEvents()
    .leaves({ onHand: 5, held: 3, sold: 0 })
  given(...shelves, holdPlaced(5), holdSettled(1, { held: 1 }))
    .when(holdLines(itemsOf([phone, 5])))
    .acceptsWithoutEvents()
})

whole('of another reservation are their own', () => {
  given(...shelves, holdPlaced(3))
    .when(holdLines(itemsOf([phone, 2]), { reservationId: split2, customerId: bob }))
    .accepts(holdPlaced(2, { reservationId: split2, customerId: bob, available: 0 }))
})

whole.run()

const clipped = suite('lines of which a part will do')

const partly = (...items: readonly Item[]) => holdLines(itemsOf(...items), { allowPartial: true })

clipped('get the least that each limit leaves', () => {
  const history = [
    stocked(phone, 5),
    stocked(screen, 9),
    stocked(cable, 9),
    selling(screen, { maxPerReservation: 3 }),
    selling(cable, { perCustomerLimit: 4 }),
    unitsHeld(3, { productId: cable }),
  ]
  given(...history)
    .when(partly([cable, 6], [phone, 6], [screen, 6]))
    .accepts(
      holdPlaced(1, { productId: cable, available: 5 }),
      holdPlaced(5, { available: 0 }),
      holdPlaced(3, { productId: screen, available: 6 }),
    )
})

clipped('are left out where they get nothing', () => {
  for (const history of [
    [stocked(phone, 5), stocked(screen, 0)],
    [stocked(phone, 5), stocked(screen, 5), retiring(screen)],
    [stocked(phone, 5), stocked(screen, 5), selling(screen, { closesAtMs: noonMs })],
    [stocked(phone, 5), stocked(screen, 5), selling(screen, { opensAtMs: noonMs + 1 })],
    [stocked(phone, 5), stocked(screen, 5), selling(screen, { maxPerReservation: 0 })],
    [stocked(phone, 5), stocked(screen, 5), selling(screen, { perCustomerLimit: 0 })],
  ]) {
    given(...history)
      .when(partly([phone, 2], [screen, 2]))
      .accepts(holdPlaced(2, { available: 3 }))
  }
})

clipped('are refused together where no wait can mend one', () => {
  given(stocked(phone, 5))
    .when(partly([phone, 2], [screen, 2]))
    .refuses({ reason: 'unknownProduct', productId: screen })
  given(stocked(phone, 5), stocked(cable, 0))
    .when(partly([cable, 2], [phone, 2], [screen, 2]))
    .refuses({ reason: 'unknownProduct', productId: screen })
  given(...shelves, selling(screen, { perCustomerLimit: 5 }))
    .when({ ...partly([phone, 2], [screen, 2]), customerId: undefined })
    .refuses({ reason: 'customerRequired', productId: screen })
})

clipped('are refused where nothing can be had anywhere', () => {
  given(stocked(phone, 0), stocked(screen, 0))
    .when(partly([phone, 2], [screen, 3]))
    .refuses(short([phone, 2, 0], [screen, 3, 0]))
  given(stocked(phone, 0), stocked(screen, 3), retiring(screen))
    .when(partly([phone, 2], [screen, 3]))
    .refuses({ reason: 'productRetired', productId: screen })
})

clipped.run()

const precedence = suite('the refusal of several lines')

/** In their order of precedence: what makes a line of two units be refused so, and the refusal. */
const faults: readonly [
  reason: Refusal['reason'],
  history: (productId: ProductId) => Happened[],
  refusal: object,
][] = [
  ['unknownProduct', () => [], {}],
  ['customerRequired', (id) => [stocked(id, 9), selling(id, { perCustomerLimit: 1 })], {}],
  ['productRetired', (id) => [stocked(id, 0), retiring(id)], {}],
  [
    'saleNotOpen',
    (id) => [stocked(id, 0), selling(id, { opensAtMs: noonMs + 1 })],
    { opensAtMs: noonMs + 1 },
  ],
  ['saleClosed', (id) => [stocked(id, 0), selling(id, { closesAtMs: noonMs })], { closesAtMs: noonMs }],
  ['maxPerReservation', (id) => [stocked(id, 0), selling(id, { maxPerReservation: 1 })], { limit: 1 }],
  [
    'perCustomerLimit',
    (id) => [stocked(id, 0), selling(id, { perCustomerLimit: 1 })],
    { limit: 1, remaining: 1 },
  ],
  ['outOfStock', (id) => [stocked(id, 1)], {}],
]

faults.forEach(([first, firstHistory, fields], i) => {
  for (const [second, secondHistory] of faults.slice(i + 1)) {
    // Who must be named is nobody; and nobody has no limit of their own.
    if (first === 'customerRequired' && second === 'perCustomerLimit') continue
    precedence(`is ${first} rather than ${second}, whichever line comes first`, () => {
      for (const [worse, better] of [
        [phone, screen],
        [screen, phone],
      ] as const) {
        const customerId = [first, second].includes('customerRequired') ? undefined : ann
        given(...firstHistory(worse), ...secondHistory(better))
          .when(holdLines(itemsOf([phone, 2], [screen, 2]), { customerId }))
          .refuses({ reason: first, productId: worse, ...fields } as Refusal)
      }
    })
  }
})

precedence('names all lines that are short together, in the order of the request', () => {
  const shortOf = (productId: ProductId): Refusal => {
    return { reason: 'outOfStock', items: [{ productId, requested: 2, available: 1 }] }
  }
  assert.equal(worstOf([shortOf(phone), shortOf(cable)], [cable, screen, phone]), {
    reason: 'outOfStock',
    items: [
      { productId: cable, requested: 2, available: 1 },
      { productId: phone, requested: 2, available: 1 },
    ],
  })
})

precedence('leaves out what is short where something is worse', () => {
  const refusals: Refusal[] = [
    { reason: 'outOfStock', items: [{ productId: cable, requested: 2, available: 1 }] },
    { reason: 'saleClosed', productId: phone, closesAtMs: noonMs },
  ]
  assert.equal(worstOf(refusals, [cable, phone]), refusals[1])
})

precedence.run()

const limits = suite('the limit per customer, across reservations of one product and of several')

const ownedBy = (...history: readonly Happened[]) => [
  stocked(phone, 20),
  selling(phone, { perCustomerLimit: 5 }),
  ...history,
]
const over = (remaining: number): Refusal => {
  return { reason: 'perCustomerLimit', productId: phone, limit: 5, remaining }
}
const again = holdLines(itemsOf([phone, 6]), { reservationId: split2 })

limits('counts what single reservations hold and bought', () => {
  given(...ownedBy(unitsHeld(2)))
    .when(again)
    .refuses(over(3))
  given(...ownedBy(unitsHeld(2), unitsConfirmed(1)))
    .when(again)
    .refuses(over(4))
  given(...ownedBy(unitsHeld(2), unitsConfirmed(2), unitsReturned(1)))
    .when(again)
    .refuses(over(4))
  given(...ownedBy(unitsHeld(2), unitsReleased(2)))
    .when(again)
    .refuses(over(5))
  given(...ownedBy(unitsHeld(2), holdExpired(2)))
    .when(again)
    .refuses(over(5))
})

limits('counts what holds of other reservations stand at', () => {
  for (const [stands, remaining] of [
    [{ held: 3 }, 2],
    [{ held: 2 }, 3],
    [{ sold: 3 }, 2],
    [{ sold: 1 }, 4],
    [{}, 5],
    [{ sold: 3, closed: true }, 5],
  ] as const) {
    const history = ownedBy(holdPlaced(3), holdSettled(1, stands))
    given(...history)
      .when(again)
      .refuses(over(remaining))
    given(...history)
      .when(reserve(6))
      .refuses(over(remaining))
    given(...history)
      .when({ ...again, customerId: bob })
      .refuses(over(5))
  }
})

limits('counts both, and a limit set late counts what was before', () => {
  const before = [holdPlaced(2), unitsHeld(1), unitsHeld(1, { reservationId: split2, customerId: bob })]
  for (const history of [
    [stocked(phone, 20), selling(phone, { perCustomerLimit: 5 }), ...before],
    [stocked(phone, 20), ...before, selling(phone, { perCustomerLimit: 5 })],
  ]) {
    given(...history)
      .when(again)
      .refuses(over(2))
    given(...history, { ...unitsReleased(1) })
      .when(again)
      .refuses(over(3))
  }
})

limits('is given back with a settlement', () => {
  given(...ownedBy(holdPlaced(5), holdSettled(1, { held: 2 })))
    .when(holdLines(itemsOf([phone, 3]), { reservationId: split2 }))
    .accepts(holdPlaced(3, { reservationId: split2, available: 15 }))
})

limits.run()

const making = suite('a reservation of several products')

const athome = [stocked(cable, 10), stocked(shell, 10)]

making('is made with its home’s holds, by product id, and lasts ten minutes', () => {
  given(...athome)
    .when(reserveSplit({ reference: 'cart 4' }))
    .accepts(
      holdPlaced(1, { productId: cable, available: 9 }),
      holdPlaced(2, { productId: shell, available: 8 }),
      splitHeld({ reference: 'cart 4' }),
    )
    .leaves({ onHand: 10, held: 1, sold: 0 }, cable)
    .leavesSplit({
      status: 'held',
      step: 0,
      createdAtMs: noonMs,
      expiresAtMs: noonMs + 10 * minuteMs,
      unsettled: new Set(),
    })
  const early = { productId: 'a' as ProductId, shard: elsewhere, quantity: 4, available: 0, holdVersion: 9 }
  given(...athome)
    .when(reserveSplit({ heldElsewhere: [early] }))
    .accepts(
      holdPlaced(1, { productId: cable, available: 9 }),
      holdPlaced(2, { productId: shell, available: 8 }),
      splitHeld({ lines: [early, ...threeLines.slice(0, 2)] }),
    )
})

making('of one shard alone needs no other', () => {
  given(...athome)
    .when(reserveSplit({ heldElsewhere: [] }))
    .accepts(
      holdPlaced(1, { productId: cable, available: 9 }),
      holdPlaced(2, { productId: shell, available: 8 }),
      splitHeld({ lines: threeLines.slice(0, 2) }),
    )
    .when(ofSplit(release()))
    .accepts(
      splitSettled(1, { status: 'released', quantities: [1, 2], returned: [0, 0] }),
      ...ownSettled(1, { held: 0 }, { held: 0 }),
    )
    .leavesSplit({ unsettled: new Set() })
})

making('lasts as long as was asked, else as the shortest of its sales says', () => {
  const expiryOf = (sales: readonly Happened[], fields: Parameters<typeof reserveSplit>[0]) => {
    const decision = given(...athome, ...sales)
      .when(reserveSplit(fields))
      .decide()
    assert.is(decision.type, 'accepted')
    const made = decision.type === 'accepted' ? decision.events.at(-1) : undefined
    assert.is(made?.type, 'SplitHeld')
    return made?.type === 'SplitHeld' && made.expiresAtMs - noonMs
  }
  const sales = [selling(cable, { holdTtlMs: 4 * minuteMs }), selling(shell, { holdTtlMs: 3 * minuteMs })]
  assert.is(expiryOf(sales, {}), 3 * minuteMs)
  assert.is(expiryOf(sales, { ttlMsElsewhere: 2 * minuteMs }), 2 * minuteMs)
  assert.is(expiryOf(sales, { ttlMsElsewhere: hourMs }), 3 * minuteMs)
  assert.is(expiryOf([], { ttlMsElsewhere: hourMs }), hourMs)
  assert.is(expiryOf(sales, { ttlMs: hourMs }), hourMs)
  assert.is(expiryOf([], {}), 10 * minuteMs)
})

making('is not made where one of the home’s lines is refused, and the home holds nothing', () => {
  given(stocked(cable, 10), stocked(shell, 1))
    .when(reserveSplit())
    .refuses(short([cable, 1, 10], [shell, 2, 1]))
  given(stocked(shell, 10)).when(reserveSplit()).refuses({ reason: 'unknownProduct', productId: cable })
})

making('of which a part will do is made of what there is, here or elsewhere', () => {
  given(stocked(cable, 0), stocked(shell, 1))
    .when(reserveSplit({ allowPartial: true, heldElsewhere: [] }))
    .accepts(
      holdPlaced(1, { productId: shell, available: 0 }),
      splitHeld({ lines: [{ productId: shell, shard: home, quantity: 1, available: 0, holdVersion: 2 }] }),
    )
  given(stocked(cable, 0), stocked(shell, 0))
    .when(reserveSplit({ allowPartial: true }))
    .accepts(splitHeld({ lines: threeLines.slice(2) }))
  given(stocked(cable, 0), stocked(shell, 0))
    .when(reserveSplit({ allowPartial: true, heldElsewhere: [] }))
    .refuses(short([cable, 1, 0], [shell, 2, 0]))
  given(stocked(shell, 5))
    .when(reserveSplit({ allowPartial: true }))
    .refuses({ reason: 'unknownProduct', productId: cable })
})

making('is made once, and never where it was given up', () => {
  const own = [holdPlaced(1, { productId: cable }), holdPlaced(2, { productId: shell })]
  given(...athome, ...own, splitHeld())
    .when(reserveSplit())
    .refuses({ reason: 'reservationExists' })
  given(...athome, splitAborted())
    .when(reserveSplit())
    .refuses({ reason: 'reservationExists' })
  given(...athome, splitAborted())
    .when(reserveSplit({ reservationId: split2 }))
    .accepts(
      holdPlaced(1, { reservationId: split2, productId: cable, available: 9 }),
      holdPlaced(2, { reservationId: split2, productId: shell, available: 8 }),
      splitHeld({ reservationId: split2 }),
    )
})

making('tells what its sales ask for to whoever holds lines elsewhere', () => {
  const { shard } = given(...athome, selling(shell, { holdTtlMs: minuteMs }))
  const asked = { reservationId: split1, customerId: ann, allowPartial: false }
  const gathered = (...items: readonly Item[]) =>
    gatherHolds(shard, { ...asked, lines: itemsOf(...items) }, noonMs)
  assert.is(gathered([cable, 1]).ttlMs, undefined)
  assert.is(gathered([cable, 1], [shell, 1]).ttlMs, minuteMs)
  assert.equal(gathered([cable, 1], [shell, 11]).events, [])
})

making.run()

function short(...items: readonly [ProductId, requested: number, available: number][]): Refusal {
  return {
    reason: 'outOfStock',
    items: items.map(([productId, requested, available]) => ({ productId, requested, available })),
  }
}
