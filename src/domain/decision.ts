/** What `decide` answers: the events that make a command true, or why it is refused. */
import type { Event } from './events.ts'
import type { ProductId } from './ids.ts'
import type { ReservationStatus } from './stock.ts'

export type Shortage = {
  readonly productId: ProductId
  readonly requested: number
  readonly available: number
}

/** In the order in which they are checked (DESIGN.md, "The rules"). */
export type Refusal =
  /** The id is that of a reservation that is known: this command was heard before, or its id was drawn twice. */
  | { readonly reason: 'reservationExists' }
  | { readonly reason: 'unknownProduct'; readonly productId: ProductId }
  /** The product has a customer limit, so a hold must say whose it is. */
  | { readonly reason: 'customerRequired'; readonly productId: ProductId }
  | { readonly reason: 'productRetired'; readonly productId: ProductId }
  | { readonly reason: 'saleNotOpen'; readonly productId: ProductId; readonly opensAtMs: number }
  | { readonly reason: 'saleClosed'; readonly productId: ProductId; readonly closesAtMs: number }
  | { readonly reason: 'maxPerReservation'; readonly productId: ProductId; readonly limit: number }
  | {
      readonly reason: 'perCustomerLimit'
      readonly productId: ProductId
      readonly limit: number
      readonly remaining: number
    }
  | { readonly reason: 'outOfStock'; readonly items: readonly Shortage[] }
  /** There is no need to wait. */
  | { readonly reason: 'stockAvailable'; readonly productId: ProductId; readonly available: number }
  | { readonly reason: 'alreadyWaiting'; readonly productId: ProductId; readonly quantity: number }
  | { readonly reason: 'waitlistFull'; readonly productId: ProductId }
  | { readonly reason: 'notWaiting'; readonly productId: ProductId }
  | { readonly reason: 'unknownReservation' }
  /** It has ended, and how. */
  | { readonly reason: 'reservationResolved'; readonly status: ReservationStatus }
  /** A return of units that have not been sold yet. */
  | { readonly reason: 'notConfirmed'; readonly status: ReservationStatus }
  | { readonly reason: 'returnWindowOver' }
  /** The payment deadline is set once and cannot be moved. */
  | { readonly reason: 'paymentStarted'; readonly deadlineMs: number }
  | { readonly reason: 'lifetimeExceeded'; readonly latestExpiryMs: number }
  | {
      readonly reason: 'exceedsHeld'
      readonly productId: ProductId
      readonly requested: number
      readonly held: number
    }
  | {
      readonly reason: 'exceedsConfirmed'
      readonly productId: ProductId
      readonly requested: number
      readonly confirmed: number
    }
  /** The key came with another body before. */
  | { readonly reason: 'idempotencyMismatch' }
  | { readonly reason: 'stockVersionMismatch'; readonly expected: number; readonly version: number }
  | { readonly reason: 'stockBelowHeld'; readonly onHand: number; readonly held: number }
  | { readonly reason: 'stockAboveMax'; readonly onHandMax: number }

export type Decision =
  /** No events: what was asked for is true already. */
  | { readonly type: 'accepted'; readonly events: readonly Event[] }
  | { readonly type: 'refused'; readonly refusal: Refusal }

/** The command is granted, by these events in this order. */
export function accepted(...events: readonly Event[]): Decision {
  return { type: 'accepted', events }
}

/** The command changes nothing, for this reason. */
export function refused(refusal: Refusal): Decision {
  return { type: 'refused', refusal }
}
