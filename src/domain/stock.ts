/**
 * The state of a shard: its products' stock and the reservations whose home it is.
 *
 * Owned by one shard, changed only by `evolve`. Everybody else sees the views, which are the same objects read-only.
 */
import type { CustomerId, ProductId, ReservationId, ShardId } from './ids.ts'
import { KeyTable } from './key-table.ts'
import { ReservationTable } from './reservation-table.ts'
import type { Hold, SplitReservation } from './split.ts'
import { TextMap } from './text-map.ts'
import type { Waiting, Waitlist } from './waitlist.ts'

/** `held → paying → confirmed`, or from `held` and `paying` to `released` or `expired`. */
export type ReservationStatus = 'held' | 'paying' | 'confirmed' | 'released' | 'expired'

/** When a product is sold, and how much of it to whom. What is absent does not limit. */
export type Sale = {
  readonly opensAtMs?: number | undefined
  readonly closesAtMs?: number | undefined
  /** Units in all live and confirmed reservations of one customer. */
  readonly perCustomerLimit?: number | undefined
  readonly holdTtlMs?: number | undefined
  /** Units. */
  readonly maxPerReservation?: number | undefined
}

export type Stock = {
  readonly productId: ProductId
  /** Products that its shard had before it. */
  readonly number: number
  /** Number of the product's newest event; the first is 1. */
  version: number
  /** Units we have, those promised to live reservations included. */
  onHand: number
  /** Units promised to live reservations, never more than on hand. */
  held: number
  /** Units confirmed and not returned. */
  sold: number
  retired: boolean
  /** Free units that are put aside for the head of the line. */
  earmarked: number
  /** Absent while nobody waits and nobody who did holds anything. */
  waitlist: Waitlist | undefined
  sale: Sale
  /**
   * Units a customer has in live and confirmed reservations; no entry is none. Kept only while the sale limits them: it
   * follows from the reservations, and counting what nobody asks for would cost each hold as much as the hold itself.
   */
  customers: TextMap<CustomerId, number> | undefined
}

export type Reservation = {
  readonly id: ReservationId
  readonly stock: Stock
  readonly customerId: CustomerId | undefined
  reference: string | undefined
  status: ReservationStatus
  /** While live: units held. Confirmed: units confirmed. Released or expired: units it held last. */
  quantity: number
  /** Units that came back after they were confirmed. */
  returned: number
  readonly createdAtMs: number
  /** When the hold ends; once paying, the payment deadline. */
  expiresAtMs: number
  /** When it ended; 0 while it lives. */
  resolvedAtMs: number
  /** Confirmed so long ago that nothing can come back and the customer's count has forgotten it. */
  returnClosed: boolean
}

export type ShardState = {
  readonly products: TextMap<ProductId, Stock>
  /** Live ones, confirmed ones, and those whose end has not been forgotten yet, a day after it or, at worst, an hour. */
  readonly reservations: ReservationTable
  /** Reservations of several products whose home this is, as long as the others. */
  readonly splits: Map<ReservationId, SplitReservation>
  /** Ids that came to nothing, and when that was decided: no reservation will ever be made under them. */
  readonly aborted: Map<ReservationId, number>
  /** Units of this shard's products in split reservations, wherever their home is; one a product. */
  readonly holds: Map<ReservationId, Hold[]>
  readonly keys: KeyTable
  /** Products whose line is to be served before anything else is decided; empty between two commands. */
  readonly unserved: Set<Stock>
  /** What all of it takes of the heap; follows from the rest. */
  footprintBytes: number
}

export type StockView = Readonly<Omit<Stock, 'customers' | 'waitlist'>> & {
  readonly customers: ReadonlyMap<CustomerId, number> | undefined
  readonly waitlist: WaitlistView | undefined
}
export type WaitlistView = {
  readonly line: ReadonlyMap<CustomerId, Waiting>
  readonly served: ReadonlyMap<CustomerId, ReservationId>
  readonly freed: number
}
export type ReservationView = Readonly<Omit<Reservation, 'stock'>> &
  TextLengths & { readonly stock: StockView }

/** Told without making the texts. */
export type TextLengths = {
  /** 0 where it is nobody's. */
  readonly customerIdLength: number
  /** What its texts take where they are kept. */
  readonly textBytes: number
}

export type SplitView = Readonly<Omit<SplitReservation, 'unsettled'>> & {
  readonly unsettled: ReadonlySet<ShardId>
}
export type HoldView = Readonly<Omit<Hold, 'stock'>> & { readonly stock: StockView }
export type ShardView = {
  readonly products: ReadonlyMap<ProductId, StockView>
  readonly reservations: {
    readonly size: number
    get(id: ReservationId): ReservationView | undefined
    values(): Iterable<ReservationView>
  }
  readonly splits: ReadonlyMap<ReservationId, SplitView>
  readonly aborted: ReadonlyMap<ReservationId, number>
  readonly holds: ReadonlyMap<ReservationId, readonly HoldView[]>
  readonly keys: Pick<KeyTable, 'find' | 'size' | 'oldestAtMs' | 'countBefore' | 'values'>
}

/** A shard in which nothing has happened. */
export function emptyShard(): ShardState {
  return {
    products: new TextMap(),
    reservations: new ReservationTable(),
    splits: new Map(),
    aborted: new Map(),
    holds: new Map(),
    keys: new KeyTable(),
    unserved: new Set(),
    footprintBytes: 0,
  }
}

/**
 * Units that a new reservation can take. An adjustment can take away units that were put aside; the event after it puts
 * aside fewer, and between the two there are none, not less than none.
 */
export function availableOf({
  onHand,
  held,
  earmarked,
}: Pick<StockView, 'onHand' | 'held' | 'earmarked'>): number {
  return Math.max(0, onHand - held - earmarked)
}

/** Whether the reservation still holds units that can be confirmed, released or expire. */
export function isLive(status: ReservationStatus): boolean {
  return status === 'held' || status === 'paying'
}
