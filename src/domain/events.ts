/**
 * What has happened, as the journal keeps it. Past tense; each has taken effect once.
 *
 * An event that changes a product's stock belongs to that product and carries its next version; the others are of a split
 * reservation's home, or of an idempotency key. Shard, sequence and time are those of the journal's section an event
 * stands in.
 */
import type { CustomerId, ProductId, ReservationId, ShardId } from './ids.ts'
import type { Fingerprint, KeyHash } from './key-table.ts'
import type { ReservationStatus, Sale } from './stock.ts'

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

type OfProduct = { readonly productId: ProductId; readonly version: number }
type OfReservation = OfProduct & { readonly reservationId: ReservationId }

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

/** A line of a split reservation holds its units; its home decides what becomes of them. */
export type HoldPlaced = OfReservation & {
  readonly type: 'HoldPlaced'
  readonly customerId: CustomerId | undefined
  readonly quantity: number
  /** Units left to take right after this hold. */
  readonly available: number
}

/** What a hold stands at after the home's settlement of this number. */
export type HoldSettled = OfReservation & {
  readonly type: 'HoldSettled'
  readonly step: number
  readonly held: number
  /** Confirmed and not returned. */
  readonly sold: number
  /** The return window is over, and the customer's count has forgotten it. */
  readonly closed: boolean
}

type OfSplit = { readonly reservationId: ReservationId }

/** A reservation of several products was made: all its holds are durable. */
export type SplitHeld = OfSplit & {
  readonly type: 'SplitHeld'
  readonly customerId: CustomerId | undefined
  readonly reference: string | undefined
  readonly expiresAtMs: number
  /** By product id; `available` as the reply said it, `holdVersion` that of the `HoldPlaced`. */
  readonly lines: readonly {
    readonly productId: ProductId
    readonly shard: ShardId
    readonly quantity: number
    readonly available: number
    readonly holdVersion: number
  }[]
}

export type SplitExtended = OfSplit & { readonly type: 'SplitExtended'; readonly expiresAtMs: number }
export type SplitPaymentStarted = OfSplit & {
  readonly type: 'SplitPaymentStarted'
  readonly expiresAtMs: number
}

/** What the reservation stands at from this settlement on: its status, and of each line, in order, its units. */
export type SplitSettled = OfSplit & {
  readonly type: 'SplitSettled'
  readonly step: number
  readonly status: ReservationStatus
  readonly quantities: readonly number[]
  readonly returned: readonly number[]
  readonly closed: boolean
  readonly reference: string | undefined
  readonly reason: string | undefined
}

/** A shard has applied the newest settlement, and everything before it. */
export type SplitAcknowledged = OfSplit & {
  readonly type: 'SplitAcknowledged'
  readonly shard: ShardId
  readonly step: number
}

/** The ended reservation's id is not known any longer. */
export type SplitForgotten = OfSplit & { readonly type: 'SplitForgotten' }

/** Somebody asked for the outcome of what never came here: it never will (P4). */
export type SplitAborted = OfSplit & { readonly type: 'SplitAborted' }

/** Nobody can ask for it any more. */
export type AbortForgotten = OfSplit & { readonly type: 'AbortForgotten' }

/** A customer stands in line for units of a product. */
export type WaitlistJoined = OfProduct & {
  readonly type: 'WaitlistJoined'
  readonly customerId: CustomerId
  readonly quantity: number
  /** Under which the hold will be made. */
  readonly reservationId: ReservationId
}

export type WaitlistExit = 'left' | 'overLimit' | 'saleClosed' | 'retired'

export type WaitlistLeft = OfProduct & {
  readonly type: 'WaitlistLeft'
  readonly customerId: CustomerId
  readonly cause: WaitlistExit
}

/** The head of the line has its hold, and left the line with it. */
export type WaitlistServed = OfProduct & {
  readonly type: 'WaitlistServed'
  readonly customerId: CustomerId
  readonly reservationId: ReservationId
  readonly quantity: number
  readonly expiresAtMs: number
  readonly available: number
}

/** So many units, in all, are put aside until the head of the line has what it waits for. */
export type UnitsEarmarked = OfProduct & { readonly type: 'UnitsEarmarked'; readonly quantity: number }

type OfKey = { readonly hash: KeyHash; readonly fingerprint: Fingerprint }

/** A key is taken by a reservation that another shard decides. */
export type KeyClaimed = OfKey & { readonly type: 'KeyClaimed'; readonly reservationId: ReservationId }

/** The command under this key was accepted, and this is what was answered, as its shard encodes it. */
export type KeyAnswered = OfKey & { readonly type: 'KeyAnswered'; readonly answer: string }

/** The command under this key was refused: it can be used again. */
export type KeyFreed = { readonly type: 'KeyFreed'; readonly hash: KeyHash }

/** So many of the oldest keys. */
export type KeysForgotten = { readonly type: 'KeysForgotten'; readonly count: number }

export type HoldEvent = HoldPlaced | HoldSettled
export type SplitEvent =
  | SplitHeld
  | SplitExtended
  | SplitPaymentStarted
  | SplitSettled
  | SplitAcknowledged
  | SplitForgotten
  | SplitAborted
  | AbortForgotten
export type WaitlistEvent = WaitlistJoined | WaitlistLeft | WaitlistServed | UnitsEarmarked
export type KeyEvent = KeyClaimed | KeyAnswered | KeyFreed | KeysForgotten
export type ReservationEvent =
  | HoldExtended
  | PaymentStarted
  | UnitsReleased
  | UnitsConfirmed
  | HoldExpired
  | UnitsReturned
  | ReturnsClosed
  | ReservationForgotten
/** Events that carry their product's next version. */
export type ProductEvent =
  | UnitsHeld
  | ReservationEvent
  | StockAdjusted
  | SaleScheduled
  | ProductRetired
  | HoldEvent
  | WaitlistEvent
export type Event = ProductEvent | SplitEvent | KeyEvent
