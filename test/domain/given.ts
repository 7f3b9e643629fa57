/**
 * Given events, when a command, then its outcome and events: how the tests of the rules are written.
 *
 * Histories and expectations leave out the version of an event, because it follows from the order (R3), and histories
 * also what a hold or an adjustment says is left. `evolve` folds both, so every test also proves that what was decided
 * fits, and that deciding changed nothing.
 */
import * as assert from 'uvu/assert'
import { InvariantBroken } from '../../src/domain/assert.ts'
import type { Command } from '../../src/domain/commands.ts'
import { decide } from '../../src/domain/decide.ts'
import type { Decision, Refusal } from '../../src/domain/decision.ts'
import type { Event } from '../../src/domain/events.ts'
import { evolve } from '../../src/domain/evolve.ts'
import type { ProductId, ReservationId } from '../../src/domain/ids.ts'
import { availableOf, emptyShard, type Reservation, type ShardState } from '../../src/domain/stock.ts'
import { noonMs, phone, res1 } from './examples.ts'
import { portraitOf } from './portrait.ts'

type Without<E, Key extends string> = E extends Event ? Omit<E, Key> : never

/** An event as far as its place in the history does not say it. */
export type Happened = Without<Event, 'version' | 'available' | 'onHand'> & {
  readonly available?: number | undefined
  readonly onHand?: number | undefined
}

/** What is left after an accepted command. */
export type After = {
  leaves(counters: { onHand: number; held: number; sold: number }, productId?: ProductId): After
  leavesReservation(fields: Partial<Reservation>, reservationId?: ReservationId): After
  readonly shard: ShardState
}

export type When = {
  accepts(...events: readonly Happened[]): After
  /** What was asked for is true already. */
  acceptsWithoutEvents(): After
  refuses(refusal: Refusal): void
  /** The decision itself, for tables. */
  decide(): Decision
}

/** The state after these events, all of them at noon. */
export function given(...history: readonly Happened[]) {
  const shard = emptyShard()
  for (const happened of history) evolve(shard, complete(shard, happened), noonMs)
  return { shard, when: (command: Command, nowMs: number = noonMs): When => when(shard, command, nowMs) }
}

function when(shard: ShardState, command: Command, nowMs: number): When {
  const answer = () => {
    const before = portraitOf(shard)
    try {
      return decide(shard, command, nowMs)
    } finally {
      assert.equal(portraitOf(shard), before, 'deciding changes nothing')
    }
  }
  const accepts = (...expected: readonly Happened[]): After => {
    const decision = answer()
    const events = expected.map((happened) => versioned(shard, happened))
    assert.equal(decision, { type: 'accepted', events })
    for (const event of events) evolve(shard, event, nowMs)
    return after(shard)
  }
  return {
    accepts,
    acceptsWithoutEvents: () => accepts(),
    refuses: (refusal) => assert.equal(answer(), { type: 'refused', refusal }),
    decide: answer,
  }
}

function after(shard: ShardState): After {
  const result: After = {
    shard,
    leaves: ({ onHand, held, sold }, productId = phone) => {
      const stock = shard.products.get(productId)
      assert.ok(stock)
      const { onHand: seenOnHand, held: seenHeld, sold: seenSold } = stock
      assert.equal({ onHand: seenOnHand, held: seenHeld, sold: seenSold }, { onHand, held, sold })
      return result
    },
    leavesReservation: (fields, reservationId = res1) => {
      const reservation = shard.reservations.get(reservationId)
      assert.ok(reservation)
      assert.equal(reservation, { ...reservation, ...fields })
      return result
    },
  }
  return result
}

/** Whether what was thrown is a broken invariant of this meaning. */
export function isBroken(message: RegExp) {
  return (error: Error) => error instanceof InvariantBroken && message.test(error.message)
}

/** The event with its place in the shard's history; `evolve` asserts what is filled in here. */
export function complete(shard: ShardState, happened: Happened): Event {
  const stock = shard.products.get(happened.productId)
  switch (happened.type) {
    case 'UnitsHeld': {
      const left = stock === undefined ? 0 : availableOf(stock) - happened.quantity
      return versioned(shard, { ...happened, available: happened.available ?? left })
    }
    case 'StockAdjusted':
      return versioned(shard, {
        ...happened,
        onHand: happened.onHand ?? (stock?.onHand ?? 0) + happened.delta,
      })
    default:
      return versioned(shard, happened)
  }
}

function versioned(shard: ShardState, happened: Happened): Event {
  const version = (shard.products.get(happened.productId)?.version ?? 0) + 1
  // `Happened` is an event less what callers add, and `version` is the last of it; a forgotten count fails the comparison.
  return { ...happened, version } as Event
}
