/** A listener's way to the search. The thread behind it may come and go. */
import type { MessagePort } from 'node:worker_threads'
import { searchCallsMax, searchTimeoutMs, searchVerifyMs } from '../limits/search.ts'
import type { ToLinkedClient } from '../linked-thread.ts'
import type { Clock, Port, Timers } from '../seams.ts'
import { ThreadCalls } from '../thread-calls.ts'
import { SearchError, type SearchErrorCode } from './search-error.ts'
import type { SearchPosition } from './search-position.ts'
import type { AnswerOfSearch, FoundBy, FromSearch, SearchQuestion, ToSearch } from './search-protocol.ts'

export type SearchClientParts = {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly timers: Timers
  /** From main; nothing is sent back on it. */
  readonly control: Port<ToLinkedClient, never>
  readonly portOf: (end: MessagePort) => Port<FromSearch, ToSearch>
}

/** What was found, and up to where the index had come. */
export type Found<Q extends SearchQuestion> = {
  readonly answer: FoundBy<Q>
  readonly position: SearchPosition
}

export class SearchClient {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #calls: ThreadCalls<AnswerOfSearch, never, never, SearchErrorCode>

  constructor(parts: SearchClientParts) {
    this.#clock = parts.clock
    this.#calls = new ThreadCalls<AnswerOfSearch, never, never, SearchErrorCode>({
      ...parts,
      name: 'the search',
      callsMax: searchCallsMax,
      timeoutMs: searchTimeoutMs,
      failure: (code, message) => new SearchError(code, message),
    })
  }

  /** Asks; the answer reaches `after`, where that is given. Rejects with `SearchError`. */
  async ask<Q extends SearchQuestion>(question: Q, after?: SearchPosition): Promise<Found<Q>> {
    // The server answers each type of question with its own type of answer; the union does not say which.
    const timeoutMs = question.type === 'verify' ? searchVerifyMs : searchTimeoutMs
    const untilMs = this.#clock.monotonicMs() + timeoutMs
    return (await this.#calls.ask(
      { question, after, untilMs },
      timeoutMs,
    )) as Found<SearchQuestion> as Found<Q>
  }

  close(): void {
    this.#calls.close()
  }
}
