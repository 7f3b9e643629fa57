/** What a shard says of its state. */
import * as assert from 'uvu/assert'
import {
  answerTo,
  outcomeAnswer,
  reservationAnswer,
  stockAnswer,
  waitlistAnswer,
} from '../../src/actors/answers.ts'
import type { Command } from '../../src/domain/commands.ts'
import { decide } from '../../src/domain/decide.ts'
import { evolve } from '../../src/domain/evolve.ts'
import type { CustomerId } from '../../src/domain/ids.ts'
import { abortedStep } from '../../src/domain/split.ts'
import type { ShardState } from '../../src/domain/stock.ts'
import {
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
  res1,
  res2,
  reserve,
  retire,
  saleScheduled,
  stockAdjusted,
  unitsConfirmed,
  unitsHeld,
  unitsReleased,
  unitsReturned,
} from '../domain/examples.ts'
import { given, type Happened } from '../domain/given.ts'
import {
  acknowledge,
  askOutcome,
  elsewhere,
  farAway,
  holdLines,
  holdPlaced,
  holdSettled,
  itemsOf,
  madeAtHome,
  ofSplit,
  ownSettled,
  reserveSplit,
  screen,
  settle,
  shell,
  split1,
  split2,
  splitAborted,
  splitAcknowledged,
  splitSettled,
} from '../domain/split-examples.ts'
import {
  cleo,
  idFor,
  joinWaitlist,
  leaveWaitlist,
  unitsEarmarked,
  waitlistJoined,
  waitlistServed,
} from '../domain/waitlist-examples.ts'
import { suite } from '../support/suite.ts'

const moment = { sequence: 42, nowMs: noonMs + minuteMs }
const after = (...history: readonly Happened[]): ShardState => given(...history).shard
const refusedAs = (reason: object) => ({ type: 'refused', refusal: reason })

const stocks = suite('the stock of a product')

stocks('is what is on hand, held and sold, and what is left of it for newcomers', () => {
  const history = [
    stockAdjusted(10),
    unitsHeld(4),
    unitsConfirmed(3),
    unitsHeld(6, { reservationId: res2 }),
    waitlistJoined(bob, 4),
    stockAdjusted(1),
    unitsEarmarked(1),
  ]
  assert.equal(stockAnswer(after(...history), phone, moment), {
    type: 'stock',
    productId: phone,
    version: 7,
    onHand: 8,
    held: 6,
    available: 1,
    sold: 3,
    retired: false,
    sale: {},
    asOfMs: moment.nowMs,
    sequence: 42,
  })
})

stocks('that nobody knows is refused', () => {
  assert.equal(
    stockAnswer(after(stockAdjusted(1)), cable, moment),
    refusedAs({ reason: 'unknownProduct', productId: cable }),
  )
})

stocks.run()

const reservations = suite('a reservation')

reservations('of one product says how it stands, and when it ended if it did', () => {
  const base = {
    type: 'reservation',
    reservationId: res1,
    customerId: ann,
    reference: undefined,
    sequence: 42,
    unsettled: [],
  }
  const expiresAtMs = noonMs + 10 * minuteMs
  const line = (quantity: number, returned = 0) => [{ productId: phone, quantity, returned }]
  for (const [events, fields] of [
    [[], { status: 'held', lines: line(3), expiresAtMs, resolvedAtMs: undefined }],
    [[unitsReleased(1)], { status: 'held', lines: line(2), expiresAtMs, resolvedAtMs: undefined }],
    [
      [paymentStarted(noonMs)],
      { status: 'paying', lines: line(3), expiresAtMs: noonMs, resolvedAtMs: undefined },
    ],
    [[unitsReleased(3)], { status: 'released', lines: line(3), expiresAtMs, resolvedAtMs: noonMs }],
    [[holdExpired(3)], { status: 'expired', lines: line(3), expiresAtMs, resolvedAtMs: noonMs }],
    [
      [unitsConfirmed(2, { reference: 'order 7' }), unitsReturned(1)],
      { status: 'confirmed', lines: line(2, 1), expiresAtMs, resolvedAtMs: noonMs, reference: 'order 7' },
    ],
  ] as const) {
    const answer = reservationAnswer(after(stockAdjusted(5), unitsHeld(3), ...events), res1, moment)
    assert.equal(answer, { ...base, ...fields })
  }
})

reservations('of several says what whom has not been told', () => {
  const settled = splitSettled(1, { status: 'confirmed', quantities: [1, 0, 2] })
  const shard = after(...madeAtHome, settled, ...ownSettled(1, { sold: 1 }, {}))
  const expected = {
    type: 'reservation',
    reservationId: split1,
    customerId: ann,
    reference: undefined,
    status: 'confirmed',
    lines: [
      { productId: cable, quantity: 1, returned: 0 },
      { productId: shell, quantity: 0, returned: 0 },
      { productId: phone, quantity: 2, returned: 0 },
    ],
    expiresAtMs: noonMs + 10 * minuteMs,
    resolvedAtMs: noonMs,
    sequence: 42,
    unsettled: [
      {
        reservationId: split1,
        shard: elsewhere,
        step: 1,
        lines: [{ productId: phone, holdVersion: 2, held: 0, sold: 2 }],
        closed: false,
      },
    ],
  }
  assert.equal(reservationAnswer(shard, split1, moment), expected)
  evolve(shard, splitAcknowledged(1) as never, noonMs)
  assert.equal(reservationAnswer(shard, split1, moment), { ...expected, unsettled: [] })
})

reservations('that nobody made here is unknown, aborted or not', () => {
  for (const shard of [after(...madeAtHome), after(splitAborted())])
    assert.equal(reservationAnswer(shard, split2, moment), refusedAs({ reason: 'unknownReservation' }))
})

reservations.run()

const outcomes = suite('what became of a reservation, for a shard that holds lines of it')

outcomes('is what its home says of these lines', () => {
  const line = { productId: phone, holdVersion: 2, held: 3, sold: 0 }
  assert.equal(outcomeAnswer(after(...madeAtHome), split1, elsewhere), {
    type: 'outcome',
    settlement: { reservationId: split1, shard: elsewhere, step: 0, lines: [line], closed: false },
  })
  const released = after(...madeAtHome, splitSettled(1, { quantities: [1, 2, 1] }))
  assert.equal(outcomeAnswer(released, split1, elsewhere).settlement.lines, [{ ...line, held: 1 }])
})

outcomes('is nothing at all where it was aborted, or has no line in that shard', () => {
  const nothing = (shard: typeof elsewhere) => ({
    type: 'outcome',
    settlement: { reservationId: split1, shard, step: abortedStep, lines: [], closed: false },
  })
  assert.equal(outcomeAnswer(after(splitAborted()), split1, elsewhere), nothing(elsewhere))
  assert.equal(outcomeAnswer(after(...madeAtHome), split1, farAway), nothing(farAway))
})

outcomes.run()

const places = suite('a place in the line')

const waiting = [stockAdjusted(3), unitsHeld(3), waitlistJoined(bob, 2), waitlistJoined(cleo, 1)]
const placeOf = (shard: ShardState, customerId: CustomerId, nowMs = noonMs) =>
  waitlistAnswer(shard, { productId: phone, customerId }, { sequence: 42, nowMs })
const nowhere = refusedAs({ reason: 'notWaiting', productId: phone })

places('is counted from one', () => {
  const shard = after(...waiting)
  const waits = { type: 'waiting', productId: phone, sequence: 42 }
  assert.equal(placeOf(shard, bob), { ...waits, quantity: 2, position: 1 })
  assert.equal(placeOf(shard, cleo), { ...waits, quantity: 1, position: 2 })
  assert.equal(placeOf(shard, ann), nowhere)
})

places('becomes the hold that came of it, as long as that lives', () => {
  const shard = after(...waiting, unitsReleased(2), waitlistServed(bob, 2))
  assert.equal(placeOf(shard, bob), {
    type: 'served',
    productId: phone,
    reservationId: idFor(bob),
    quantity: 2,
    expiresAtMs: noonMs + 10 * minuteMs,
    sequence: 42,
  })
  for (const end of [holdExpired(2), unitsReleased(2), unitsConfirmed(2)]) {
    const ended = { ...end, reservationId: idFor(bob) } as Happened
    assert.equal(placeOf(after(...waiting, unitsReleased(2), waitlistServed(bob, 2), ended), bob), nowhere)
  }
})

places('is the newer one for who joined again', () => {
  const again = waitlistJoined(bob, 1, { reservationId: res2 })
  const shard = after(...waiting, unitsReleased(2), waitlistServed(bob, 2), again)
  assert.is(placeOf(shard, bob).type, 'waiting')
})

places('is nobody’s once the sale is closed, put off, or the product retired', () => {
  for (const [event, nowMs] of [
    [saleScheduled({ closesAtMs: noonMs + 1 }), noonMs + 1],
    [saleScheduled({ opensAtMs: noonMs + 1 }), noonMs],
    [productRetired(), noonMs],
  ] as const) {
    const shard = after(...waiting, event)
    for (const who of [bob, cleo]) assert.equal(placeOf(shard, who, nowMs), nowhere)
  }
  const open = after(...waiting, saleScheduled({ closesAtMs: noonMs + 1 }))
  assert.is(placeOf(open, bob, noonMs).type, 'waiting')
})

places('for a product that nobody knows is refused', () => {
  assert.equal(
    waitlistAnswer(after(), { productId: phone, customerId: bob }, moment),
    refusedAs({ reason: 'unknownProduct', productId: phone }),
  )
})

places.run()

const replies = suite('the answer to a command')

/** Decides, applies and answers, as a shard does. */
function tell(
  shard: ShardState,
  command: Command & { readonly type: Parameters<typeof answerTo>[0]['type'] },
) {
  const decision = decide(shard, command, noonMs)
  assert.is(decision.type, 'accepted', JSON.stringify(decision))
  const events = decision.type === 'accepted' ? decision.events : []
  for (const event of events) evolve(shard, event, noonMs)
  return answerTo(command as Parameters<typeof answerTo>[0], events, { ...moment, shard })
}

replies('that reserves is what was held', () => {
  assert.equal(tell(after(stockAdjusted(2)), reserve(5, { allowPartial: true })), {
    type: 'held',
    quantity: 2,
    available: 0,
    expiresAtMs: noonMs + 10 * minuteMs,
    sequence: 42,
  })
})

replies('that holds lines is what they got, by what name, and for how long', () => {
  const shard = after(
    stockAdjusted(5),
    stockAdjusted(1, { productId: screen }),
    saleScheduled({ holdTtlMs: minuteMs }),
  )
  const command = holdLines(itemsOf([phone, 2], [screen, 4]), { allowPartial: true })
  const expected = {
    type: 'linesHeld',
    lines: [
      { productId: phone, quantity: 2, available: 3, holdVersion: 3 },
      { productId: screen, quantity: 1, available: 0, holdVersion: 2 },
    ],
    ttlMs: minuteMs,
  }
  assert.equal(tell(shard, command), expected)
  assert.equal(tell(shard, command), expected, 'heard again')
})

replies('that reserves several products is every line, and none of what is between shards', () => {
  const shard = after(stockAdjusted(10, { productId: cable }), stockAdjusted(10, { productId: shell }))
  assert.equal(tell(shard, reserveSplit()), {
    type: 'splitHeld',
    reservationId: split1,
    lines: [
      { productId: cable, quantity: 1, available: 9 },
      { productId: shell, quantity: 2, available: 8 },
      { productId: phone, quantity: 3, available: 7 },
    ],
    expiresAtMs: noonMs + 10 * minuteMs,
    sequence: 42,
  })
})

replies('that changes a reservation, or asks for it, is how it stands then', () => {
  assert.equal(
    tell(after(stockAdjusted(5), unitsHeld(3)), confirm(1)),
    reservationAnswer(after(stockAdjusted(5), unitsHeld(3), unitsConfirmed(1)), res1, moment),
  )
  const shard = after(...madeAtHome)
  const reply = tell(shard, ofSplit(release()))
  assert.equal(reply, reservationAnswer(shard, split1, moment))
  assert.is(reply.type === 'reservation' && reply.unsettled.length, 1)
})

replies('that changes stock is the stock', () => {
  const shard = after(stockAdjusted(5))
  assert.equal(tell(shard, retire()), stockAnswer(shard, phone, moment))
})

replies('that joins or leaves the line is the place, or that it is left', () => {
  const shard = after(...waiting)
  const place = { type: 'waiting', productId: phone, quantity: 3, position: 3, sequence: 42 }
  assert.equal(tell(shard, joinWaitlist(ann, 3)), place)
  assert.equal(tell(shard, joinWaitlist(ann, 3)), place, 'asked again')
  assert.equal(tell(shard, leaveWaitlist(ann)), { type: 'left', sequence: 42 })
})

replies('between shards is what was asked for, or that it is done', () => {
  const shard = after(stockAdjusted(10), holdPlaced(3))
  assert.equal(tell(shard, settle(1, { held: 1 })), { type: 'done' })
  assert.equal(tell(after(...madeAtHome, splitSettled(1)), acknowledge(1)), { type: 'done' })
  const nobody = after()
  assert.equal(tell(nobody, askOutcome()), outcomeAnswer(nobody, split1, elsewhere))
  assert.ok(nobody.aborted.has(split1))
  assert.equal(
    tell(after(...madeAtHome), askOutcome()),
    outcomeAnswer(after(...madeAtHome), split1, elsewhere),
  )
})

replies('that holds lines which were settled meanwhile is what is left of them', () => {
  const shard = after(stockAdjusted(10), holdPlaced(3), holdSettled(1, { held: 1 }))
  const reply = tell(shard, holdLines(itemsOf([phone, 3])))
  assert.equal(reply.type === 'linesHeld' && reply.lines, [
    { productId: phone, quantity: 1, available: 9, holdVersion: 2 },
  ])
})

replies.run()
