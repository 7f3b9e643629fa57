/** What callers ask of the engine and what they are told: values only, no promise and no thread in sight. */
import type {
  Adjust,
  Confirm,
  Extend,
  Release,
  Reserve,
  Retire,
  Return,
  ScheduleSale,
  StartPayment,
} from '../domain/commands.ts'
import type { Refusal } from '../domain/decision.ts'
import type { CustomerId, ProductId, ReservationId } from '../domain/ids.ts'
import type { ReservationStatus, Sale } from '../domain/stock.ts'

export type ReadStock = { readonly type: 'readStock'; readonly productId: ProductId }
export type ReadReservation = { readonly type: 'readReservation'; readonly reservationId: ReservationId }

export type ProductRequest = Reserve | Adjust | ScheduleSale | Retire | ReadStock
export type ReservationRequest = Extend | StartPayment | Release | Confirm | Return | ReadReservation
export type Request = ProductRequest | ReservationRequest

/** The reservation was made. The rest of what it is, the caller said itself. */
export type Held = {
  readonly type: 'held'
  /** Units held: as asked for, or what `allowPartial` could get. */
  readonly quantity: number
  /** Units left to take right after this hold. */
  readonly available: number
  readonly expiresAtMs: number
  /** Of the event, in the shard that the reservation's id names. */
  readonly sequence: number
}

export type ReservationReply = {
  readonly type: 'reservation'
  readonly reservationId: ReservationId
  readonly productId: ProductId
  readonly customerId: CustomerId | undefined
  readonly reference: string | undefined
  readonly status: ReservationStatus
  /** While live: units held. Confirmed: units confirmed. Released or expired: units it held last. */
  readonly quantity: number
  readonly returned: number
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly resolvedAtMs: number | undefined
  /** Of the shard's newest event that this answer rests on. */
  readonly sequence: number
}

export type StockReply = {
  readonly type: 'stock'
  readonly productId: ProductId
  readonly version: number
  readonly onHand: number
  readonly held: number
  readonly available: number
  readonly sold: number
  readonly retired: boolean
  readonly sale: Sale
  /** The shard's time of this answer. */
  readonly asOfMs: number
  /** Of the shard's newest event that this answer rests on. */
  readonly sequence: number
}

export type Refused = { readonly type: 'refused'; readonly refusal: Refusal }
export type Reply = Held | ReservationReply | StockReply | Refused

/** What a request of this type can be answered with. */
export type ReplyTo<R extends Request> = R extends Reserve
  ? Held | Refused
  : R extends ReservationRequest
    ? ReservationReply | Refused
    : StockReply | Refused

/** Requests that change nothing: whatever becomes of them, nothing has happened. */
export function isRead(request: Request): boolean {
  return request.type === 'readStock' || request.type === 'readReservation'
}
