/** What callers ask of the engine and what they are told: values only, no promise and no thread in sight. */
import type {
  Acknowledge,
  Adjust,
  AskOutcome,
  Confirm,
  Extend,
  HoldLines,
  JoinWaitlist,
  LeaveWaitlist,
  Line,
  Release,
  Reserve,
  ReserveSplit,
  Retire,
  Return,
  ScheduleSale,
  Settle,
  StartPayment,
} from '../domain/commands.ts'
import type { Refusal } from '../domain/decision.ts'
import type { CustomerId, ProductId, ReservationId, ShardId } from '../domain/ids.ts'
import type { Settlement } from '../domain/split.ts'
import type { ReservationStatus, Sale } from '../domain/stock.ts'
import type { CommandKey } from './command-key.ts'

export type ReadStock = { readonly type: 'readStock'; readonly productId: ProductId }
/** Asks where a product stands on its shard's board (stock-board.ts). Answered from what is durable, waiting for nothing. */
export type FindStock = { readonly type: 'findStock'; readonly productId: ProductId }
export type ReadReservation = { readonly type: 'readReservation'; readonly reservationId: ReservationId }
export type ReadWaitlist = {
  readonly type: 'readWaitlist'
  readonly productId: ProductId
  readonly customerId: CustomerId
}

/** Takes a key for a reservation that another shard decides. */
export type ClaimKey = {
  readonly type: 'claimKey'
  readonly shard: ShardId
  readonly key: CommandKey
  readonly reservationId: ReservationId
}
/** Gives it back, since the reservation was refused. */
export type FreeKey = {
  readonly type: 'freeKey'
  readonly shard: ShardId
  readonly key: CommandKey
  readonly reservationId: ReservationId
  /** Its home has given the id up, so that all who hold this claim come to nothing. */
  readonly isGivenUp?: true
}

/** Asks what was answered under a key, if anything. */
export type ReadKey = { readonly type: 'readKey'; readonly shard: ShardId; readonly key: CommandKey }

/** A command may carry a key: it is then decided once, and answered as before whenever it comes again. */
type Keyed<C> = C & { readonly key?: CommandKey | undefined }

export type StockRequest = Keyed<Adjust> | Keyed<ScheduleSale> | Retire | ReadStock
export type ReservationRequest =
  | Keyed<Extend>
  | Keyed<StartPayment>
  | Keyed<Release>
  | Keyed<Confirm>
  | Keyed<Return>
  | ReadReservation
export type WaitlistRequest = Keyed<JoinWaitlist> | Keyed<LeaveWaitlist> | ReadWaitlist
/** What shards and their callers say to each other on behalf of a reservation of several products. */
export type SplitRequest = HoldLines | Keyed<ReserveSplit> | AskOutcome | Settle | Acknowledge
export type KeyRequest = ClaimKey | FreeKey | ReadKey
export type Request =
  | Keyed<Reserve>
  | StockRequest
  | ReservationRequest
  | WaitlistRequest
  | SplitRequest
  | KeyRequest

/** All that a worker is asked: what waits for its shard's turn, and what it answers by itself. */
export type WorkerRequest = Request | FindStock

/** True where the answer is that of an earlier command under the same key. */
type Replayable = { readonly replayed?: true }

/** The reservation was made. The rest of what it is, the caller said itself. */
export type Held = Replayable & {
  readonly type: 'held'
  /** Its id, where an earlier command under the same key made it. */
  readonly reservationId?: ReservationId
  /** Units held: as asked for, or what `allowPartial` could get. */
  readonly quantity: number
  /** Units left to take right after this hold. */
  readonly available: number
  readonly expiresAtMs: number
  /** Of the event, in the shard that the reservation's id names. */
  readonly sequence: number
}

export type HeldLine = Line & {
  /** Units left to take right after this hold. */
  readonly available: number
}

/** And how its home will speak of it. */
export type PlacedLine = HeldLine & { readonly holdVersion: number }

/** A reservation of several products was made. */
export type SplitHeldReply = Replayable & {
  readonly type: 'splitHeld'
  readonly reservationId: ReservationId
  readonly lines: readonly HeldLine[]
  readonly expiresAtMs: number
  readonly sequence: number
}

export type ReservationLine = Line & { readonly returned: number }

export type ReservationReply = Replayable & {
  readonly type: 'reservation'
  readonly reservationId: ReservationId
  readonly customerId: CustomerId | undefined
  readonly reference: string | undefined
  readonly status: ReservationStatus
  /** While live: units held. Confirmed: units confirmed. Released or expired: units it held last. */
  readonly lines: readonly ReservationLine[]
  readonly expiresAtMs: number
  readonly resolvedAtMs: number | undefined
  /** Of the shard's newest event that this answer rests on. */
  readonly sequence: number
  /** What other shards have not acknowledged yet. */
  readonly unsettled: readonly Settlement[]
}

export type StockReply = Replayable & {
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

export type StockPlace = {
  readonly type: 'stockPlace'
  /** The product's number in its shard, for good; absent where it is none of `products`. */
  readonly number: number | undefined
  /** Products of the shard that the board showed when this was said. */
  readonly products: number
}

export type WaitingReply = Replayable & {
  readonly type: 'waiting'
  readonly productId: ProductId
  readonly quantity: number
  /** Place in the line, from 1. */
  readonly position: number
  readonly sequence: number
}
/** The units came. */
export type ServedReply = {
  readonly type: 'served'
  readonly productId: ProductId
  readonly reservationId: ReservationId
  readonly quantity: number
  readonly expiresAtMs: number
  readonly sequence: number
}
export type LeftReply = Replayable & { readonly type: 'left'; readonly sequence: number }

export type LinesHeld = {
  readonly type: 'linesHeld'
  readonly lines: readonly PlacedLine[]
  /** The least time to live that their sales ask for. */
  readonly ttlMs: number | undefined
}
export type Outcome = { readonly type: 'outcome'; readonly settlement: Settlement }
export type Done = { readonly type: 'done' }
export type Claimed = { readonly type: 'claimed'; readonly reservationId: ReservationId }

export type Refused = { readonly type: 'refused'; readonly refusal: Refusal }
export type Reply =
  | Held
  | SplitHeldReply
  | ReservationReply
  | StockReply
  | WaitingReply
  | ServedReply
  | LeftReply
  | LinesHeld
  | Outcome
  | Done
  | Claimed
  | StockPlace
  | Refused

/** By the type of request, what it can be answered with. */
type Answers = {
  reserve: Held
  reserveSplit: SplitHeldReply
  adjust: StockReply
  scheduleSale: StockReply
  retire: StockReply
  readStock: StockReply
  findStock: StockPlace
  extend: ReservationReply
  startPayment: ReservationReply
  release: ReservationReply
  confirm: ReservationReply
  return: ReservationReply
  readReservation: ReservationReply
  joinWaitlist: WaitingReply
  leaveWaitlist: LeftReply
  readWaitlist: WaitingReply | ServedReply
  holdLines: LinesHeld
  askOutcome: Outcome
  settle: Done
  acknowledge: Done
  claimKey: Claimed
  freeKey: Done
  readKey: SplitHeldReply | Done
}

/** What a request of this type can be answered with. */
export type ReplyTo<R extends WorkerRequest> = Answers[R['type']] | Refused

/** Requests that change nothing: whatever becomes of them, nothing has happened. */
export function isRead(request: WorkerRequest): boolean {
  switch (request.type) {
    case 'readStock':
    case 'findStock':
    case 'readReservation':
    case 'readWaitlist':
    case 'readKey':
      return true
    default:
      return false
  }
}
