import * as assert from 'uvu/assert'
import { reservationLifetimeMsMax } from '../../src/domain/bounds.ts'
import type { ReservationCommand } from '../../src/domain/commands.ts'
import { decide } from '../../src/domain/decide.ts'
import type { Refusal } from '../../src/domain/decision.ts'
import type { Event } from '../../src/domain/events.ts'
import { evolve } from '../../src/domain/evolve.ts'
import type { ReservationStatus } from '../../src/domain/stock.ts'
import { suite } from '../support/suite.ts'
import {
  cable,
  closeReturns,
  confirm,
  expire,
  extend,
  forget,
  giveBack,
  holdExpired,
  holdExtended,
  hourMs,
  minuteMs,
  noonMs,
  paymentStarted,
  phone,
  productRetired,
  release,
  res1,
  reservationForgotten,
  returnsClosed,
  saleScheduled,
  secondMs,
  startPayment,
  stockAdjusted,
  unitsConfirmed,
  unitsHeld,
  unitsReleased,
  unitsReturned,
} from './examples.ts'
import { given, type Happened, isBroken } from './given.ts'

/** Ten phones, three of them in a hold of Ann's that ends at ten past noon. */
const holding = [stockAdjusted(10), unitsHeld(3)]
const latestExpiryMs = noonMs + reservationLifetimeMsMax

const states = suite('every command in every state')

const histories = {
  held: holding,
  paying: [...holding, paymentStarted()],
  confirmed: [...holding, unitsConfirmed(3)],
  'partly returned': [...holding, unitsConfirmed(3), unitsReturned(1)],
  'wholly returned': [...holding, unitsConfirmed(3), unitsReturned(3)],
  'returns closed': [...holding, unitsConfirmed(3), returnsClosed()],
  released: [...holding, unitsReleased(3)],
  expired: [...holding, holdExpired(3)],
  forgotten: [...holding, unitsReleased(3), reservationForgotten()],
} satisfies Record<string, readonly Happened[]>

const commands = {
  extend: extend(hourMs),
  startPayment: startPayment(),
  release: release(),
  confirm: confirm(),
  return: giveBack(),
  expire: expire(),
  closeReturns: closeReturns(),
  forget: forget(),
} satisfies { [Type in ReservationCommand['type']]: ReservationCommand }

/** `broken` is for commands only the shard gives, and only in the right state. */
type Answer = Event['type'] | Refusal['reason'] | 'nothing' | 'broken'

const matrix: Record<keyof typeof histories, Record<keyof typeof commands, Answer>> = {
  held: {
    extend: 'HoldExtended',
    startPayment: 'PaymentStarted',
    release: 'UnitsReleased',
    confirm: 'UnitsConfirmed',
    return: 'notConfirmed',
    expire: 'HoldExpired',
    closeReturns: 'broken',
    forget: 'broken',
  },
  paying: {
    extend: 'paymentStarted',
    startPayment: 'nothing',
    release: 'UnitsReleased',
    confirm: 'UnitsConfirmed',
    return: 'notConfirmed',
    expire: 'HoldExpired',
    closeReturns: 'broken',
    forget: 'broken',
  },
  confirmed: { ...resolved(), return: 'UnitsReturned', closeReturns: 'ReturnsClosed', forget: 'broken' },
  'partly returned': {
    ...resolved(),
    return: 'UnitsReturned',
    closeReturns: 'ReturnsClosed',
    forget: 'broken',
  },
  'wholly returned': {
    ...resolved(),
    return: 'exceedsConfirmed',
    closeReturns: 'ReturnsClosed',
    forget: 'broken',
  },
  'returns closed': { ...resolved(), return: 'returnWindowOver' },
  released: resolved(),
  expired: resolved(),
  forgotten: {
    extend: 'unknownReservation',
    startPayment: 'unknownReservation',
    release: 'unknownReservation',
    confirm: 'unknownReservation',
    return: 'unknownReservation',
    expire: 'unknownReservation',
    closeReturns: 'unknownReservation',
    forget: 'unknownReservation',
  },
}

function resolved(): Record<keyof typeof commands, Answer> {
  return {
    extend: 'reservationResolved',
    startPayment: 'reservationResolved',
    release: 'reservationResolved',
    confirm: 'reservationResolved',
    return: 'reservationResolved',
    expire: 'reservationResolved',
    closeReturns: 'broken',
    forget: 'ReservationForgotten',
  }
}

for (const [state, history] of Object.entries(histories)) {
  for (const [name, command] of Object.entries(commands)) {
    const expected = matrix[state as keyof typeof matrix][name as keyof typeof commands]
    states(`${state}, ${name}: ${expected}`, () => {
      const { shard, when } = given(...history)
      assert.is(answerOf(when(command).decide), expected)
      if (expected === 'broken' || expected === 'unknownReservation') return
      const decision = decide(shard, command, noonMs)
      if (decision.type === 'refused') {
        if (decision.refusal.reason !== 'reservationResolved') return
        assert.is(decision.refusal.status, shard.reservations.get(res1)?.status)
        return
      }
      for (const event of decision.events) evolve(shard, event, noonMs + 7)
      assert.equal(statusIn(shard.reservations.get(res1)), statusAfter(expected, state))
    })
  }
}

function answerOf(decideIt: () => ReturnType<typeof decide>): Answer {
  try {
    const decision = decideIt()
    if (decision.type === 'refused') return decision.refusal.reason
    assert.ok(decision.events.length <= 1)
    return decision.events[0]?.type ?? 'nothing'
  } catch (error) {
    if (error instanceof Error && isBroken(/./)(error)) return 'broken'
    throw error
  }
}

type Ended = {
  readonly status: ReservationStatus
  readonly resolvedAtMs: number
  readonly returnClosed: boolean
}

function statusIn(reservation: Ended | undefined): Ended | undefined {
  if (reservation === undefined) return undefined
  const { status, resolvedAtMs, returnClosed } = reservation
  return { status, resolvedAtMs, returnClosed }
}

function statusAfter(answer: Answer, state: string): Ended | undefined {
  const living = { resolvedAtMs: 0, returnClosed: false }
  const ended = { resolvedAtMs: noonMs + 7, returnClosed: false }
  switch (answer) {
    case 'HoldExtended':
      return { status: 'held', ...living }
    case 'PaymentStarted':
      return { status: 'paying', ...living }
    case 'nothing':
      return { status: state as 'paying', ...living }
    case 'UnitsReleased':
      return { status: 'released', ...ended }
    case 'UnitsConfirmed':
      return { status: 'confirmed', ...ended }
    case 'HoldExpired':
      return { status: 'expired', ...ended }
    case 'UnitsReturned':
      return { status: 'confirmed', resolvedAtMs: noonMs, returnClosed: false }
    case 'ReturnsClosed':
      return { status: 'confirmed', resolvedAtMs: noonMs, returnClosed: true }
    default:
      return undefined
  }
}

states.run()

const confirming = suite('a confirmation')

confirming('sells all that is held', () => {
  given(...holding)
    .when(confirm(), noonMs + 7)
    .accepts(unitsConfirmed(3))
    .leaves({ onHand: 7, held: 0, sold: 3 })
    .leavesReservation({ status: 'confirmed', quantity: 3, resolvedAtMs: noonMs + 7 })
})

confirming('of a part ends the reservation, and the rest goes back', () => {
  given(...holding)
    .when(confirm(2))
    .accepts(unitsConfirmed(2))
    .leaves({ onHand: 8, held: 0, sold: 2 })
    .leavesReservation({ status: 'confirmed', quantity: 2 })
})

confirming('of what a partial release left sells that', () => {
  given(...holding, unitsReleased(1))
    .when(confirm())
    .accepts(unitsConfirmed(2))
    .leaves({ onHand: 8, held: 0, sold: 2 })
})

confirming('of more than is held is refused', () => {
  given(...holding)
    .when(confirm(4))
    .refuses({ reason: 'exceedsHeld', productId: phone, requested: 4, held: 3 })
  given(...holding, unitsReleased(1))
    .when(confirm(3))
    .refuses({ reason: 'exceedsHeld', productId: phone, requested: 3, held: 2 })
})

confirming('may name the order, which replaces the reference of the hold', () => {
  const referred = [stockAdjusted(10), unitsHeld(3, { reference: 'cart 7' })]
  given(...referred)
    .when({ ...confirm(), reference: 'order 8' })
    .accepts(unitsConfirmed(3, { reference: 'order 8' }))
    .leavesReservation({ reference: 'order 8' })
  given(...referred)
    .when(confirm())
    .accepts(unitsConfirmed(3))
    .leavesReservation({ reference: 'cart 7' })
})

confirming.run()

const releasing = suite('a release')

releasing('gives all units back and ends the reservation', () => {
  given(...holding)
    .when(release(), noonMs + 7)
    .accepts(unitsReleased(3))
    .leaves({ onHand: 10, held: 0, sold: 0 })
    .leavesReservation({ status: 'released', quantity: 3, resolvedAtMs: noonMs + 7 })
})

releasing('of a part leaves the reservation alive with the rest', () => {
  given(...holding)
    .when(release(2))
    .accepts(unitsReleased(2))
    .leaves({ onHand: 10, held: 1, sold: 0 })
    .leavesReservation({ status: 'held', quantity: 1, resolvedAtMs: 0 })
})

releasing('of a part leaves a payment in its state and its deadline where it is', () => {
  given(...holding, paymentStarted())
    .when(release(2))
    .accepts(unitsReleased(2))
    .leavesReservation({ status: 'paying', quantity: 1, expiresAtMs: noonMs + 15 * minuteMs })
})

releasing('of the last units by name ends the reservation as well', () => {
  for (const parts of [[1], [2]]) {
    const left = 3 - (parts[0] ?? 0)
    given(...holding, ...parts.map(unitsReleased))
      .when(release(left))
      .accepts(unitsReleased(left))
      .leavesReservation({ status: 'released', quantity: left })
  }
})

releasing('of more than is held is refused and not clamped', () => {
  given(...holding)
    .when(release(4))
    .refuses({ reason: 'exceedsHeld', productId: phone, requested: 4, held: 3 })
  given(...holding, unitsReleased(2))
    .when(release(2))
    .refuses({ reason: 'exceedsHeld', productId: phone, requested: 2, held: 1 })
})

releasing.run()

const expiring = suite('an expiry')

expiring('gives back all that is still held', () => {
  given(...holding, unitsReleased(1))
    .when(expire(), noonMs + 7)
    .accepts(holdExpired(2))
    .leaves({ onHand: 10, held: 0, sold: 0 })
    .leavesReservation({ status: 'expired', quantity: 2, resolvedAtMs: noonMs + 7 })
})

expiring.run()

const returning = suite('a return')
const confirmed = [...holding, unitsConfirmed(3)]

returning('brings all units back to on hand; the reservation stays confirmed', () => {
  given(...confirmed)
    .when(giveBack(), noonMs + 7)
    .accepts(unitsReturned(3))
    .leaves({ onHand: 10, held: 0, sold: 0 })
    .leavesReservation({ status: 'confirmed', quantity: 3, returned: 3, resolvedAtMs: noonMs })
})

returning('of a part can be followed by one of the rest, and by no more', () => {
  given(...confirmed)
    .when(giveBack(1))
    .accepts(unitsReturned(1))
    .leaves({ onHand: 8, held: 0, sold: 2 })
    .leavesReservation({ status: 'confirmed', quantity: 3, returned: 1 })
  given(...confirmed, unitsReturned(1))
    .when(giveBack())
    .accepts(unitsReturned(2))
  given(...confirmed, unitsReturned(1))
    .when(giveBack(2))
    .accepts(unitsReturned(2))
  given(...confirmed, unitsReturned(1))
    .when(giveBack(3))
    .refuses({ reason: 'exceedsConfirmed', productId: phone, requested: 3, confirmed: 2 })
})

returning('of more than was confirmed is refused, however much was held', () => {
  given(...holding, unitsConfirmed(2))
    .when(giveBack(3))
    .refuses({ reason: 'exceedsConfirmed', productId: phone, requested: 3, confirmed: 2 })
})

returning('of nothing left is refused, with lines or without', () => {
  const empty = [...confirmed, unitsReturned(3)]
  given(...empty)
    .when(giveBack())
    .refuses({ reason: 'exceedsConfirmed', productId: phone, requested: 0, confirmed: 0 })
  given(...empty)
    .when(giveBack(1))
    .refuses({ reason: 'exceedsConfirmed', productId: phone, requested: 1, confirmed: 0 })
})

returning('of what has not been sold yet is refused before its amount is', () => {
  given(...holding)
    .when(giveBack(4))
    .refuses({ reason: 'notConfirmed', status: 'held' })
  given(...holding, paymentStarted())
    .when(giveBack(4))
    .refuses({ reason: 'notConfirmed', status: 'paying' })
})

returning('of what was never sold is refused before its amount is', () => {
  given(...holding, unitsReleased(3))
    .when(giveBack(4))
    .refuses({ reason: 'reservationResolved', status: 'released' })
  given(...holding, holdExpired(3))
    .when(giveBack(4))
    .refuses({ reason: 'reservationResolved', status: 'expired' })
})

returning('after its window is refused before its amount is', () => {
  for (const command of [giveBack(), giveBack(1), giveBack(4)]) {
    given(...confirmed, returnsClosed())
      .when(command)
      .refuses({ reason: 'returnWindowOver' })
  }
})

returning('closes for good, and what is sold stays sold', () => {
  given(...confirmed, unitsReturned(1))
    .when(closeReturns(), noonMs + 7)
    .accepts(returnsClosed())
    .leaves({ onHand: 8, held: 0, sold: 2 })
    .leavesReservation({ status: 'confirmed', returned: 1, returnClosed: true, resolvedAtMs: noonMs })
})

returning.run()

const extending = suite('an extension')

extending('lets the hold live until now and its time', () => {
  given(...holding)
    .when(extend(30 * minuteMs), noonMs + 5 * minuteMs)
    .accepts(holdExtended(noonMs + 35 * minuteMs))
    .leavesReservation({ status: 'held', quantity: 3, expiresAtMs: noonMs + 35 * minuteMs })
})

extending('never shortens, and a time that is no later changes nothing', () => {
  given(...holding)
    .when(extend(5 * minuteMs))
    .acceptsWithoutEvents()
  given(...holding)
    .when(extend(10 * minuteMs))
    .acceptsWithoutEvents()
  given(...holding)
    .when(extend(10 * minuteMs + 1))
    .accepts(holdExtended(noonMs + 10 * minuteMs + 1))
})

extending('reaches the end of the lifetime and not beyond, counted from the making', () => {
  const nowMs = noonMs + 90 * minuteMs
  given(...holding)
    .when(extend(30 * minuteMs), nowMs)
    .accepts(holdExtended(latestExpiryMs))
  given(...holding)
    .when(extend(30 * minuteMs + 1), nowMs)
    .refuses({ reason: 'lifetimeExceeded', latestExpiryMs })
  given(...holding, holdExtended(latestExpiryMs))
    .when(extend(30 * minuteMs + 1), nowMs)
    .refuses({ reason: 'lifetimeExceeded', latestExpiryMs })
})

extending(
  'of a payment is refused, saying when the payment must be done, before its time is looked at',
  () => {
    const deadlineMs = noonMs + 20 * minuteMs
    for (const ttlMs of [secondMs, 3 * hourMs]) {
      given(...holding, paymentStarted(deadlineMs))
        .when(extend(ttlMs))
        .refuses({ reason: 'paymentStarted', deadlineMs })
    }
  },
)

extending('works after the sale has closed', () => {
  given(...holding, saleScheduled({ closesAtMs: noonMs }), productRetired())
    .when(extend(hourMs))
    .accepts(holdExtended(noonMs + hourMs))
})

extending.run()

const paying = suite('a payment')

paying('swaps the time of the hold for a deadline', () => {
  given(...holding)
    .when(startPayment(15 * minuteMs), noonMs + minuteMs)
    .accepts(paymentStarted(noonMs + 16 * minuteMs))
    .leaves({ onHand: 10, held: 3, sold: 0 })
    .leavesReservation({ status: 'paying', expiresAtMs: noonMs + 16 * minuteMs })
})

paying('has at least the time the hold had left', () => {
  given(...holding)
    .when(startPayment(minuteMs))
    .accepts(paymentStarted(noonMs + 10 * minuteMs))
})

paying('ends with the lifetime of the reservation', () => {
  const nowMs = noonMs + 110 * minuteMs
  const extended = [...holding, holdExtended(noonMs + 115 * minuteMs)]
  given(...extended)
    .when(startPayment(10 * minuteMs - 1), nowMs)
    .accepts(paymentStarted(latestExpiryMs - 1))
  for (const payingMs of [10 * minuteMs, 10 * minuteMs + 1, 15 * minuteMs]) {
    given(...extended)
      .when(startPayment(payingMs), nowMs)
      .accepts(paymentStarted(latestExpiryMs))
  }
})

paying('has one deadline, whatever a further attempt asks for', () => {
  const started = [...holding, paymentStarted(noonMs + 20 * minuteMs)]
  for (const payingMs of [secondMs, hourMs]) {
    for (const nowMs of [noonMs, noonMs + 19 * minuteMs, noonMs + 21 * minuteMs]) {
      given(...started)
        .when(startPayment(payingMs), nowMs)
        .acceptsWithoutEvents()
        .leavesReservation({ status: 'paying', expiresAtMs: noonMs + 20 * minuteMs })
    }
  }
})

paying.run()

const lines = suite('lines of one product')

lines('are summed', () => {
  given(...holding)
    .when(release(1, 1))
    .accepts(unitsReleased(2))
    .leavesReservation({ status: 'held', quantity: 1 })
  given(...holding)
    .when(release(1, 2))
    .accepts(unitsReleased(3))
    .leavesReservation({ status: 'released' })
  given(...holding)
    .when(confirm(1, 1))
    .accepts(unitsConfirmed(2))
    .leaves({ onHand: 8, held: 0, sold: 2 })
  given(...confirmed)
    .when(giveBack(1, 1, 1))
    .accepts(unitsReturned(3))
})

lines('are too many together even where each alone is not', () => {
  const excess = { productId: phone, requested: 4 }
  given(...holding)
    .when(release(2, 2))
    .refuses({ reason: 'exceedsHeld', ...excess, held: 3 })
  given(...holding)
    .when(confirm(3, 1))
    .refuses({ reason: 'exceedsHeld', ...excess, held: 3 })
  given(...confirmed)
    .when(giveBack(1, 3))
    .refuses({ reason: 'exceedsConfirmed', ...excess, confirmed: 3 })
})

lines('of a product the reservation has nothing of are refused, wherever they stand', () => {
  const mine = { productId: phone, quantity: 1 }
  const other = { productId: cable, quantity: 2 }
  const excess = { productId: cable, requested: 2 }
  for (const items of [[other], [mine, other], [other, mine]]) {
    const known = stockAdjusted(5, { productId: cable })
    given(...holding, known)
      .when({ ...release(), items })
      .refuses({ reason: 'exceedsHeld', ...excess, held: 0 })
    given(...holding)
      .when({ ...confirm(), items })
      .refuses({ reason: 'exceedsHeld', ...excess, held: 0 })
    given(...confirmed, known)
      .when({ ...giveBack(), items })
      .refuses({ reason: 'exceedsConfirmed', ...excess, confirmed: 0 })
  }
})

lines.run()

const ended = suite('an ended reservation')

ended('is reported as ended before anything else that is wrong', () => {
  for (const [history, status] of [
    [[unitsReleased(3)], 'released'],
    [[holdExpired(3)], 'expired'],
    [[unitsConfirmed(3)], 'confirmed'],
    [[paymentStarted(), unitsConfirmed(3)], 'confirmed'],
  ] as const) {
    for (const command of [release(4), confirm(4), extend(3 * hourMs), startPayment()]) {
      given(...holding, ...history)
        .when(command)
        .refuses({ reason: 'reservationResolved', status })
    }
  }
})

ended('can be forgotten, which moves no units', () => {
  for (const [end, counters] of [
    [[unitsReleased(3)], { onHand: 10, held: 0, sold: 0 }],
    [[holdExpired(3)], { onHand: 10, held: 0, sold: 0 }],
    [[unitsConfirmed(3), returnsClosed()], { onHand: 7, held: 0, sold: 3 }],
  ] as const) {
    const { shard } = given(...holding, ...end)
      .when(forget())
      .accepts(reservationForgotten())
      .leaves(counters)
    assert.is(shard.reservations.size, 0)
  }
})

ended.run()
