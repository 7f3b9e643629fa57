/** What a shard can be asked to do. Imperative; nothing has happened yet. Numbers are checked for shape before. */
import type { CustomerId, ProductId, ReservationId, ShardId } from './ids.ts'
import type { Settlement } from './split.ts'
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

/** Holds lines of a split reservation in one shard, none of which is its home. */
export type HoldLines = {
  readonly type: 'holdLines'
  readonly reservationId: ReservationId
  readonly shard: ShardId
  readonly customerId: CustomerId | undefined
  readonly allowPartial: boolean
  /** One a product. */
  readonly lines: readonly Line[]
}

/** Makes a split reservation at its home, once every other shard holds its lines. */
export type ReserveSplit = {
  readonly type: 'reserveSplit'
  readonly reservationId: ReservationId
  readonly home: ShardId
  readonly customerId: CustomerId | undefined
  readonly ttlMs: number | undefined
  readonly allowPartial: boolean
  readonly reference: string | undefined
  /** The home's own; one a product. */
  readonly lines: readonly Line[]
  readonly heldElsewhere: readonly (Line & {
    readonly shard: ShardId
    readonly available: number
    readonly holdVersion: number
  })[]
  /** The least time to live that the sales of the products elsewhere ask for. */
  readonly ttlMsElsewhere: number | undefined
}

/** Asks the home what became of a reservation, for one of its shards; what is not known is aborted (P4). */
export type AskOutcome = {
  readonly type: 'askOutcome'
  readonly reservationId: ReservationId
  readonly participant: ShardId
}

/** The home's word to a shard. */
export type Settle = Settlement & { readonly type: 'settle' }

/** A shard's word to the home: the settlement of this number is applied. */
export type Acknowledge = {
  readonly type: 'acknowledge'
  readonly reservationId: ReservationId
  readonly participant: ShardId
  readonly step: number
}

export type JoinWaitlist = {
  readonly type: 'joinWaitlist'
  readonly productId: ProductId
  readonly customerId: CustomerId
  readonly quantity: number
  /** Under which the hold will be made. */
  readonly reservationId: ReservationId
}

export type LeaveWaitlist = {
  readonly type: 'leaveWaitlist'
  readonly productId: ProductId
  readonly customerId: CustomerId
}

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
export type SplitCommand = HoldLines | ReserveSplit | AskOutcome | Settle | Acknowledge
export type WaitlistCommand = JoinWaitlist | LeaveWaitlist
export type Command = ProductCommand | ReservationCommand | SplitCommand | WaitlistCommand
