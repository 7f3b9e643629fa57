/** What listeners, main and the search's thread say to each other. */
import type { MessagePort } from 'node:worker_threads'
import type { FromKept, ToKept } from '../kept-thread.ts'
import type { ToLinked } from '../linked-thread.ts'
import type { AnswerFailed } from '../thread-calls.ts'
import type { ProjectorCounters } from './projector.ts'
import type { SearchErrorCode } from './search-error.ts'
import type { SearchAnswer, SearchRequest } from './search-index.ts'
import type { SearchPosition } from './search-position.ts'

export type FindProducts = { readonly type: 'search'; readonly request: SearchRequest }
export type Suggest = { readonly type: 'suggest'; readonly term: string; readonly limit: number }
export type SearchQuestion = FindProducts | Suggest

export type FoundBy<Q extends SearchQuestion> = Q extends FindProducts ? SearchAnswer : readonly string[]

/** From a listener. */
export type ToSearch = {
  readonly type: 'ask'
  readonly call: number
  readonly question: SearchQuestion
  /** What the answer must reach, if it is anything. */
  readonly after: SearchPosition | undefined
}

export type AnswerOfSearch = {
  readonly type: 'answer'
  readonly call: number
  readonly answer: FoundBy<SearchQuestion>
  readonly position: SearchPosition
}

/** To a listener. */
export type FromSearch = AnswerOfSearch | AnswerFailed<SearchErrorCode>

export type ToSearchThread = ToLinked | ToKept
export type FromSearchThread = FromKept<SearchStatus>

/** The thread's ways to the engine and the tables. */
export type SearchEnds = { readonly engine: MessagePort; readonly tables: MessagePort }

export type SearchData = {
  readonly journalDirectory: string
  readonly tablesPath: string
  readonly shards: number
  readonly workers: number
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
  readonly projector: ProjectorCounters
}
