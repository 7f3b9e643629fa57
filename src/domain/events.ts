/**
 * What has happened, as the journal keeps it. Past tense; each has taken effect once.
 *
 * Each event belongs to one product and carries that product's next version. Its shard, sequence and time are those of
 * the journal's section it stands in.
 */
import type { CustomerId, ProductId, ReservationId } from './ids.ts'
import type { Sale } from './stock.ts'

/** A reservation was made and holds its units. */
export type UnitsHeld = {
  readonly type: 'UnitsHeld'
  readonly productId: ProductId
  readonly version: number
  readonly reservationId: ReservationId
  readonly customerId: CustomerId | undefined
  readonly reference: string | undefined
  readonly quantity: number
  readonly expiresAtMs: number
  /** Units left to take right after this hold: what the reply said, and a check on every replay. */
  readonly available: number
}

type OfReservation = {
  readonly productId: ProductId
  readonly version: number
  readonly reservationId: ReservationId
}

export type HoldExtended = OfReservation & { readonly type: 'HoldExtended'; readonly expiresAtMs: number }
export type PaymentStarted = OfReservation & { readonly type: 'PaymentStarted'; readonly expiresAtMs: number }

/** Units went back. The reservation lives on with the rest; with none left it has ended. */
export type UnitsReleased = OfReservation & { readonly type: 'UnitsReleased'; readonly quantity: number }

/** The reservation ended with these units sold; the rest of what it held went back. */
export type UnitsConfirmed = OfReservation & {
  readonly type: 'UnitsConfirmed'
  readonly quantity: number
  readonly reference: string | undefined
}

/** The reservation's time was over; all it held went back. */
export type HoldExpired = OfReservation & { readonly type: 'HoldExpired'; readonly quantity: number }

/** Sold units came back to on hand. */
export type UnitsReturned = OfReservation & {
  readonly type: 'UnitsReturned'
  readonly quantity: number
  readonly reason: string
}

/** Nothing of this confirmed reservation can come back any more; the customer's count has forgotten it. */
export type ReturnsClosed = OfReservation & { readonly type: 'ReturnsClosed' }

/** The ended reservation's id is not known any longer. */
export type ReservationForgotten = OfReservation & { readonly type: 'ReservationForgotten' }

/** Units were added or taken away. A product's first one makes its stock. */
export type StockAdjusted = {
  readonly type: 'StockAdjusted'
  readonly productId: ProductId
  readonly version: number
  readonly delta: number
  /** Units on hand right after. */
  readonly onHand: number
  readonly reason: string
  readonly reference: string | undefined
}

export type SaleScheduled = {
  readonly type: 'SaleScheduled'
  readonly productId: ProductId
  readonly version: number
  readonly sale: Sale
}

export type ProductRetired = {
  readonly type: 'ProductRetired'
  readonly productId: ProductId
  readonly version: number
}

export type ReservationEvent =
  | HoldExtended
  | PaymentStarted
  | UnitsReleased
  | UnitsConfirmed
  | HoldExpired
  | UnitsReturned
  | ReturnsClosed
  | ReservationForgotten
export type Event = UnitsHeld | ReservationEvent | StockAdjusted | SaleScheduled | ProductRetired
