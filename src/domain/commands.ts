/** What a shard can be asked to do. Imperative; nothing has happened yet. Numbers are checked for shape before. */
import type { CustomerId, ProductId, ReservationId } from './ids.ts'
import type { Sale } from './stock.ts'

export type Line = { readonly productId: ProductId; readonly quantity: number }

export type Reserve = {
  readonly type: 'reserve'
  readonly reservationId: ReservationId
  readonly productId: ProductId
  readonly customerId: CustomerId | undefined
  readonly quantity: number
  /** Absent: the sale's time to live, else the default. */
  readonly ttlMs: number | undefined
  /** Take what can be had, if it is anything, instead of all or nothing. */
  readonly allowPartial: boolean
  readonly reference: string | undefined
}

/** Lets the hold live until now + `ttlMs`; never shortens it. */
export type Extend = {
  readonly type: 'extend'
  readonly reservationId: ReservationId
  readonly ttlMs: number
}

/** Payment has begun: swaps the hold's time for a payment deadline, once. */
export type StartPayment = {
  readonly type: 'startPayment'
  readonly reservationId: ReservationId
  readonly payingMs: number
}

/** Gives units back; without lines, all. */
export type Release = {
  readonly type: 'release'
  readonly reservationId: ReservationId
  readonly items: readonly Line[] | undefined
}

/** Sells the units; what the lines leave out returns. Without lines, all. */
export type Confirm = {
  readonly type: 'confirm'
  readonly reservationId: ReservationId
  readonly items: readonly Line[] | undefined
  readonly reference: string | undefined
}

/** Sold units come back to on hand; without lines, all that have not. */
export type Return = {
  readonly type: 'return'
  readonly reservationId: ReservationId
  readonly items: readonly Line[] | undefined
  readonly reason: string
}

export type Adjust = {
  readonly type: 'adjust'
  readonly productId: ProductId
  readonly change:
    | { readonly delta: number }
    | { readonly set: number; readonly expectedVersion: number | undefined }
  readonly reason: string
  readonly reference: string | undefined
}

/** Replaces the whole of a product's sale. */
export type ScheduleSale = {
  readonly type: 'scheduleSale'
  readonly productId: ProductId
  readonly sale: Sale
}

/** New reservations are refused from now on; live ones finish. */
export type Retire = { readonly type: 'retire'; readonly productId: ProductId }

/** The shard's own, when a hold's time is over. */
export type Expire = { readonly type: 'expire'; readonly reservationId: ReservationId }

/** The shard's own, when a confirmed reservation's return window is over. */
export type CloseReturns = { readonly type: 'closeReturns'; readonly reservationId: ReservationId }

/** The shard's own, when an ended reservation's id need not be known any longer. */
export type Forget = { readonly type: 'forget'; readonly reservationId: ReservationId }

export type ProductCommand = Reserve | Adjust | ScheduleSale | Retire
export type ReservationCommand =
  | Extend
  | StartPayment
  | Release
  | Confirm
  | Return
  | Expire
  | CloseReturns
  | Forget
export type Command = ProductCommand | ReservationCommand
