/** What listeners, main and the search's thread say to each other. */
import type { MessagePort } from 'node:worker_threads'
import type { SearchConfig } from '../config/search-settings.ts'
import type { FromKept, ToKept } from '../kept-thread.ts'
import type { ToLinked } from '../linked-thread.ts'
import type { AnswerFailed } from '../thread-calls.ts'
import type { KeeperStatus } from './index-keeper.ts'
import type { ProjectorCounters } from './projector.ts'
import type { SearchErrorCode } from './search-error.ts'
import type { SearchAnswer, SearchRequest } from './search-index.ts'
import type { SearchPosition } from './search-position.ts'
import type { Verification } from './verification.ts'

export type FindProducts = { readonly type: 'search'; readonly request: SearchRequest }
export type Suggest = { readonly type: 'suggest'; readonly term: string; readonly limit: number }
/** How the search is, and what it owes to a server. */
export type Inspect = { readonly type: 'inspect' }
/** Looks at everything anew; a server's index is made anew beside the one that answers. Answered before it is done. */
export type Rebuild = { readonly type: 'rebuild' }
/** Compares every index with the catalog and the stock. */
export type Verify = { readonly type: 'verify' }
export type SearchQuestion = FindProducts | Suggest | Inspect | Rebuild | Verify

export type FoundBy<Q extends SearchQuestion> = Q extends FindProducts
  ? SearchAnswer
  : Q extends Suggest
    ? readonly string[]
    : Q extends Verify
      ? Verification
      : SearchStatus

/** From a listener. */
export type ToSearch = {
  readonly type: 'ask'
  readonly call: number
  readonly question: SearchQuestion
  /** What the answer must reach, if it is anything. */
  readonly after: SearchPosition | undefined
  /** By the monotonic clock: nobody waits for the answer any longer. */
  readonly untilMs: number
}

export type AnswerOfSearch = {
  readonly type: 'answer'
  readonly call: number
  readonly answer: FoundBy<SearchQuestion>
  readonly position: SearchPosition
}

/** To a listener. */
export type FromSearch = AnswerOfSearch | AnswerFailed<SearchErrorCode>

/** Whether this node keeps the index on the search server. */
export type ToSearchAlone = { readonly type: 'lead'; readonly leads: boolean }
export type ToSearchThread = ToSearchAlone | ToLinked | ToKept
export type FromSearchThread = FromKept<SearchStatus>

/** The thread's ways to the engine and the tables. */
export type SearchEnds = { readonly engine: MessagePort; readonly tables: MessagePort }

export type SearchData = {
  readonly journalDirectory: string
  readonly tablesPath: string | undefined
  readonly search: SearchConfig
  readonly shards: number
  readonly workers: number
  /** Whether there may be other nodes, of which one keeps the index on the search server. */
  readonly isShared: boolean
  readonly logLevel: string
  readonly crashPoint: string | undefined
  readonly ends: SearchEnds
}

/** What the search tells of itself. */
export type SearchStatus = {
  /** Whether it holds the whole catalog, and answers. */
  readonly isFilled: boolean
  readonly products: number
  /** Since the index last held all that had happened; 0 while it does. */
  readonly behindMs: number
  readonly searches: number
  readonly waitingQuestions: number
  /** Undefined where there is no search server. */
  readonly server: KeeperStatus | undefined
  readonly projector: ProjectorCounters
}
