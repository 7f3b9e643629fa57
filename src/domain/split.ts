/**
 * Reservations of several products (DESIGN.md, "Several products in one reservation").
 *
 * P1  The home of such a reservation is the shard of its lowest product id; its id tells its home.
 * P2  Only the home's journal says held, paying, confirmed, released or expired, and only the home has the timer.
 * P3  Each product's actor keeps its units as a hold, the home's own products included. What becomes of them the home says
 *     in numbered settlements. A settlement states what the hold stands at, not a difference: an actor that missed one
 *     loses nothing by applying the next, and one that comes again or late has nothing to say. A hold is known by the
 *     version at which it was placed: one that was placed by a command heard again is no part of the reservation.
 * P4  A hold whose outcome nobody told asks the home; a home that knows nothing of it first journals it as aborted.
 */
import { assert } from './assert.ts'
import type { CustomerId, ProductId, ReservationId, ShardId } from './ids.ts'
import { isLive, type ReservationStatus, type Stock } from './stock.ts'

export type SplitLine = {
  readonly productId: ProductId
  /** Whose actor holds the units. */
  readonly shard: ShardId
  /** Of the hold that is this line's. */
  readonly holdVersion: number
  /** While live: units held. Confirmed: units confirmed. Released or expired: units it held last. */
  quantity: number
  /** Units that came back after they were confirmed. */
  returned: number
}

/** The whole reservation, as its home keeps it. */
export type SplitReservation = {
  readonly id: ReservationId
  readonly customerId: CustomerId | undefined
  reference: string | undefined
  status: ReservationStatus
  /** One a product, by product id. */
  readonly lines: readonly SplitLine[]
  readonly createdAtMs: number
  /** When the hold ends; once paying, the payment deadline. */
  expiresAtMs: number
  /** When it ended; 0 while it lives. */
  resolvedAtMs: number
  returnClosed: boolean
  /** Number of its newest settlement; 0 before the first. */
  step: number
  /** Other shards that have not acknowledged the newest settlement. */
  readonly unsettled: Set<ShardId>
}

/** The units of one line, in their product's actor. */
export type Hold = {
  readonly reservationId: ReservationId
  readonly stock: Stock
  readonly customerId: CustomerId | undefined
  readonly heldAtMs: number
  /** The product's version at which it was placed, by which its home knows it from any other of the same reservation. */
  readonly holdVersion: number
  held: number
  /** Confirmed and not returned. */
  sold: number
  /** Of the newest settlement that was applied. */
  step: number
}

/** What a hold stands at after a settlement. */
export type SettledLine = {
  readonly productId: ProductId
  readonly holdVersion: number
  readonly held: number
  readonly sold: number
}

/** What the home says to one shard. */
export type Settlement = {
  readonly reservationId: ReservationId
  readonly shard: ShardId
  readonly step: number
  readonly lines: readonly SettledLine[]
  /** The return window is over: the actor need not know of the hold any longer. */
  readonly closed: boolean
}

/** A step above all others: nothing of this reservation is held or sold, and nothing ever will be. */
export const abortedStep: number = Number.MAX_SAFE_INTEGER

/** What the home's newest word means for one shard. */
export function settlementFor(
  split: Pick<SplitReservation, 'id' | 'step' | 'status' | 'returnClosed' | 'lines'>,
  shard: ShardId,
): Settlement {
  const { id: reservationId, step, status, returnClosed: closed } = split
  const lines = split.lines
    .filter((line) => line.shard === shard)
    .map(({ productId, holdVersion, quantity, returned }) => ({
      productId,
      holdVersion,
      held: isLive(status) ? quantity : 0,
      sold: status === 'confirmed' ? quantity - returned : 0,
    }))
  assert(lines.length > 0, 'a settlement goes where there are lines')
  return { reservationId, shard, step, lines, closed }
}

/** The shards that hold any of its units. */
export function shardsOf(split: Pick<SplitReservation, 'lines'>): ReadonlySet<ShardId> {
  return new Set(split.lines.map(({ shard }) => shard))
}
