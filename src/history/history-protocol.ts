/** What listeners, main and the history's thread say to each other. */
import type { MessagePort } from 'node:worker_threads'
import type { ProductId, ReservationId } from '../domain/ids.ts'
import type { FromKept, ToKept } from '../kept-thread.ts'
import type { ToLinked } from '../linked-thread.ts'
import type { StreamId } from '../persistence/journal/frame.ts'
import type { Position } from '../persistence/journal/position.ts'
import type { AnswerFailed } from '../thread-calls.ts'
import type { PastReservation } from './fold.ts'
import type { HistoryErrorCode } from './history-error.ts'
import type { Moment, ReservationFilter, ReservationPage, StockAt, StockEventPage } from './queries.ts'

export type ListReservations = {
  readonly type: 'listReservations'
  readonly filter: ReservationFilter
  /** Only older ones than this. */
  readonly before: ReservationId | undefined
  readonly limit: number
}
export type FindReservation = { readonly type: 'findReservation'; readonly reservationId: ReservationId }
export type ReadStockAt = {
  readonly type: 'readStockAt'
  readonly productId: ProductId
  readonly moment: Moment
}
export type ListStockEvents = {
  readonly type: 'listStockEvents'
  readonly productId: ProductId
  /** Version of the newest event of the page; the product's newest where it is absent. */
  readonly from: number | undefined
  readonly limit: number
}
/** From the answer on, every further change of the product is told. */
export type WatchProduct = { readonly type: 'watch'; readonly productId: ProductId }

export type AskedOfProjection = ListReservations | FindReservation | ReadStockAt | ListStockEvents
export type Question = AskedOfProjection | WatchProduct

export type AnswerTo<Q extends Question> = Q extends ListReservations
  ? ReservationPage
  : Q extends FindReservation
    ? PastReservation | undefined
    : Q extends ReadStockAt
      ? StockAt
      : Q extends ListStockEvents
        ? StockEventPage | undefined
        : undefined

/** An answer, and up to where it reaches. */
export type Answered<Q extends Question> = { readonly answer: AnswerTo<Q>; readonly position: Position }

/** From a listener, beside its questions. */
export type ToHistoryAlone = { readonly type: 'unwatch'; readonly productId: ProductId }
/** From a listener. */
export type ToHistory =
  | ToHistoryAlone
  | {
      readonly type: 'ask'
      readonly call: number
      readonly question: Question
      /** What the answer must reach, if it is anything. */
      readonly after: Position | undefined
    }

export type AnswerOfHistory = {
  readonly type: 'answer'
  readonly call: number
  readonly answer: AnswerTo<Question>
  readonly position: Position
}

/** To a listener, unasked. */
export type HistoryNews =
  /** Of all it watches, whatever had changed by now was told. */
  | { readonly type: 'alive' }
  /** Of the products it watches, these have changed. */
  | { readonly type: 'changed'; readonly productIds: readonly ProductId[] }

/** To a listener. */
export type FromHistory = AnswerOfHistory | AnswerFailed<HistoryErrorCode> | HistoryNews

/** Which nodes keep a history; the others ask them. */
export type Keeping = {
  /** Whether this one does. */
  readonly keeps: boolean
  /** The others that do, by node id, the first to be asked first. */
  readonly others: readonly string[]
}

/** From main, beside what is said to every linked thread. */
export type ToHistoryThreadAlone =
  | { readonly type: 'durable'; readonly stream: StreamId; readonly ordinal: number }
  | ({ readonly type: 'keep' } & Keeping)
  /** The other end is a life of the relay. */
  | { readonly type: 'nodes'; readonly port: MessagePort }
export type ToHistoryThread = ToHistoryThreadAlone | ToLinked | ToKept

/** To main, beside what every kept thread says. */
export type OfHistoryThread =
  | {
      readonly type: 'log'
      readonly level: 'info' | 'warn' | 'error'
      readonly event: string
      readonly detail: object
    }
  | { readonly type: 'ready' }
export type FromHistoryThread = OfHistoryThread | FromKept<HistoryStatus>

/** What the history tells of itself. */
export type HistoryStatus = {
  /** Whether this node keeps one; where it does not, nothing is taken, and nothing is behind. */
  readonly keeps: boolean
  /** Whether it does, and that reached up to nearly now. */
  readonly isFilled: boolean
  /** Whether questions are answered, by this node or by another one, from a history that reached up to nearly now. */
  readonly isReady: boolean
  readonly behindEvents: number
  readonly behindMs: number
  /** Taken into the projection since the thread started. */
  readonly events: number
  readonly rebuilds: number
  /** Of the projection's files. */
  readonly bytes: number
  readonly watchedProducts: number
  readonly waitingQuestions: number
  /** Since the thread started, of this node's listeners. */
  readonly questionsPassedOn: number
}
