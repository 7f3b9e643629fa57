import * as assert from 'uvu/assert'
import type { Command } from '../../src/domain/commands.ts'
import { evolve } from '../../src/domain/evolve.ts'
import { suite } from '../support/suite.ts'
import {
  confirm,
  expire,
  extend,
  giveBack,
  holdExpired,
  holdExtended,
  hourMs,
  minuteMs,
  noonMs,
  paymentStarted,
  phone,
  release,
  res2,
  reserve,
  startPayment,
  stockAdjusted,
  unitsConfirmed,
  unitsHeld,
  unitsReleased,
} from './examples.ts'
import { given } from './given.ts'

const time = suite('a hold whose time is over (R1)')

/** Both holds of this shop end at ten past noon. */
const holding = [stockAdjusted(3), unitsHeld(3)]
const paying = [...holding, paymentStarted(noonMs + 10 * minuteMs)]
const atEnd = noonMs + 10 * minuteMs

time('is confirmed like any other until its end is journaled', () => {
  for (const history of [holding, paying]) {
    for (const nowMs of [atEnd - 1, atEnd, atEnd + 1, atEnd + 100 * hourMs]) {
      given(...history)
        .when(confirm(), nowMs)
        .accepts(unitsConfirmed(3))
        .leaves({ onHand: 0, held: 0, sold: 3 })
    }
  }
})

time('is lost to a confirm once its end is journaled, even before its time', () => {
  given(...holding, holdExpired(3))
    .when(confirm(), noonMs)
    .refuses({ reason: 'reservationResolved', status: 'expired' })
})

time('keeps its units from others until its end is journaled', () => {
  given(...holding)
    .when(reserve(1, { reservationId: res2 }), atEnd + hourMs)
    .refuses({ reason: 'outOfStock', items: [{ productId: phone, requested: 1, available: 0 }] })
  given(...holding, holdExpired(3))
    .when(reserve(1, { reservationId: res2 }), noonMs)
    .accepts(unitsHeld(1, { reservationId: res2, available: 2 }))
})

time('can still be released, extended and paid', () => {
  const nowMs = atEnd + minuteMs
  for (const history of [holding, paying])
    given(...history)
      .when(release(), nowMs)
      .accepts(unitsReleased(3))
  given(...holding)
    .when(extend(hourMs), nowMs)
    .accepts(holdExtended(nowMs + hourMs))
  given(...holding)
    .when(startPayment(hourMs), nowMs)
    .accepts(paymentStarted(nowMs + hourMs))
})

time('ends when the shard says so, and no sooner by itself', () => {
  for (const nowMs of [noonMs, atEnd - 1, atEnd, atEnd + hourMs]) {
    given(...holding)
      .when(expire(), nowMs)
      .accepts(holdExpired(3))
    given(...paying)
      .when(expire(), nowMs)
      .accepts(holdExpired(3))
  }
})

time('cannot expire once it was confirmed or released, however late the timer', () => {
  for (const [end, status] of [
    [unitsConfirmed(3), 'confirmed'],
    [unitsReleased(3), 'released'],
  ] as const) {
    given(...holding, end)
      .when(expire(), atEnd)
      .refuses({ reason: 'reservationResolved', status })
  }
})

time.run()

const unknown = suite('a reservation nobody made')

unknown('is unknown to every command, whatever else is wrong', () => {
  for (const command of [release(9), confirm(9), giveBack(9), extend(9 * hourMs), startPayment(), expire()]) {
    given().when(command).refuses({ reason: 'unknownReservation' })
    given(...holding)
      .when({ ...command, reservationId: res2 })
      .refuses({ reason: 'unknownReservation' })
  }
})

unknown.run()

const events = suite('an accepted command (R3)')

events('gives its event the next version of its own product', () => {
  const history = [stockAdjusted(3), unitsHeld(1), unitsReleased(1), stockAdjusted(1)]
  const { shard, when } = given(...history)
  for (const [version, command] of [
    [5, reserve(1, { reservationId: res2 })],
    [6, { ...confirm(), reservationId: res2 }],
    [7, { ...giveBack(), reservationId: res2 }],
  ] satisfies [number, Command][]) {
    const decision = when(command).decide()
    assert.is(decision.type, 'accepted')
    if (decision.type !== 'accepted') return
    assert.equal(
      decision.events.map((event) => 'version' in event && event.version),
      [version],
    )
    for (const event of decision.events) evolve(shard, event, noonMs)
  }
})

events.run()
