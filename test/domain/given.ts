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
import { footprintOf } from '../../src/domain/footprint.ts'
import type { ProductId, ReservationId } from '../../src/domain/ids.ts'
import type { SplitReservation } from '../../src/domain/split.ts'
import { availableOf, emptyShard, type Reservation, type ShardState } from '../../src/domain/stock.ts'
import { serveLine } from '../../src/domain/waitlist.ts'
import { noonMs, phone, res1 } from './examples.ts'
import { fieldsOf, portraitOf } from './portrait.ts'

type Without<E, Key extends string> = E extends Event ? Omit<E, Key> : never

/** An event as far as its place in the history does not say it. */
export type Happened = Without<Event, 'version' | 'available' | 'onHand'> & {
  readonly available?: number | undefined
  readonly onHand?: number | undefined
}

type Serving = { readonly max?: number; readonly hasMore?: boolean; readonly productId?: ProductId }

/** What is left after an accepted command. */
export type After = {
  leaves(counters: { onHand: number; held: number; sold: number }, productId?: ProductId): After
  leavesReservation(fields: Partial<Reservation>, reservationId?: ReservationId): After
  leavesSplit(fields: Partial<SplitReservation>, reservationId?: ReservationId): After
  /** What those in line get in the same frame (W1). */
  serves(events: readonly Happened[], options?: Serving): After
  /** Asks for more of the same shard. */
  when(command: Command, nowMs?: number): When
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
  settleLines(shard)
  weighs(shard)
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
    const events = versionedInTurn(shard, expected)
    assert.equal(decision, { type: 'accepted', events })
    for (const event of events) evolve(shard, event, nowMs)
    weighs(shard)
    return after(shard, nowMs)
  }
  return {
    accepts,
    acceptsWithoutEvents: () => accepts(),
    refuses: (refusal) => assert.equal(answer(), { type: 'refused', refusal }),
    decide: answer,
  }
}

function after(shard: ShardState, nowMs: number): After {
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
      assert.equal(fieldsOf(reservation), { ...fieldsOf(reservation), ...fields })
      return result
    },
    leavesSplit: (fields, reservationId) => {
      const split =
        reservationId === undefined ? [...shard.splits.values()][0] : shard.splits.get(reservationId)
      assert.ok(split)
      assert.equal(split, { ...split, ...fields })
      return result
    },
    serves: (expected, { max = 32, hasMore = false, productId = phone } = {}) => {
      const stock = shard.products.get(productId)
      assert.ok(stock)
      const isHeard = shard.unserved.has(stock)
      const before = portraitOf(shard)
      const served = serveLine(stock, nowMs, max)
      assert.equal(portraitOf(shard), before, 'asking changes nothing')
      const events = versionedInTurn(shard, expected)
      assert.equal(served, { events, hasMore })
      assert.ok(isHeard || events.length === 0, 'a line that gets something was heard of')
      for (const event of events) evolve(shard, event, nowMs)
      settleLines(shard)
      weighs(shard)
      return result
    },
    when: (command, laterMs = nowMs) => when(shard, command, laterMs),
  }
  return result
}

/** As the shard does once it has offered what was freed: nothing is left to offer between two commands. */
export function settleLines(shard: ShardState): void {
  for (const { waitlist } of shard.products.values()) if (waitlist !== undefined) waitlist.freed = 0
  shard.unserved.clear()
}

/** What events added up is what all of it weighs when it is counted anew. */
function weighs(shard: ShardState): void {
  assert.is(shard.footprintBytes, footprintOf(shard))
}

/** Whether what was thrown is a broken invariant of this meaning. */
export function isBroken(message: RegExp) {
  return (error: Error) => error instanceof InvariantBroken && message.test(error.message)
}

/** The event with its place in the shard's history; `evolve` asserts what is filled in here. */
export function complete(shard: ShardState, happened: Happened): Event {
  const stock = 'productId' in happened ? shard.products.get(happened.productId) : undefined
  switch (happened.type) {
    case 'UnitsHeld':
    case 'HoldPlaced': {
      const left = stock === undefined ? 0 : availableOf(stock) - happened.quantity
      return versioned(shard, { ...happened, available: happened.available ?? left })
    }
    case 'WaitlistServed': {
      const left = stock === undefined ? 0 : stock.onHand - stock.held - happened.quantity
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

/** Events that follow each other on their products. */
function versionedInTurn(shard: ShardState, all: readonly Happened[]): Event[] {
  const before = new Map<ProductId, number>()
  return all.map((happened) => {
    if (!('productId' in happened)) return versioned(shard, happened)
    const { productId } = happened
    const version = (before.get(productId) ?? versionOf(shard, productId)) + 1
    before.set(productId, version)
    return { ...happened, version } as Event
  })
}

function versioned(shard: ShardState, happened: Happened): Event {
  // `Happened` is an event less what callers add, and `version` is the last of it; a forgotten count fails the comparison.
  if (!('productId' in happened)) return happened as Event
  return { ...happened, version: versionOf(shard, happened.productId) + 1 } as Event
}

function versionOf(shard: ShardState, productId: ProductId): number {
  return shard.products.get(productId)?.version ?? 0
}
