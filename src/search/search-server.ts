/**
 * The search as its thread runs it: the projector goes on a turn at a time, and between turns questions are answered. Knows
 * nothing of threads.
 */

import { unreachable } from '../domain/assert.ts'
import type { ThreadLog } from '../kept-thread.ts'
import { searchPollMs, searchRetryMsMin, searchWaitingMax, searchWaitMs } from '../limits/search.ts'
import { Pause } from '../pause.ts'
import type { Clock, Port, Timers } from '../seams.ts'
import type { Breaker } from './breaker.ts'
import type { CatalogReader } from './catalog-truth.ts'
import type { EmbeddedIndex } from './embedded/embedded-index.ts'
import type { IndexKeeper } from './index-keeper.ts'
import type { Projector } from './projector.ts'
import type { SearchErrorCode } from './search-error.ts'
import { IndexLost, IndexUnavailable, type SearchIndex } from './search-index.ts'
import { hasCome, type SearchPosition } from './search-position.ts'
import type {
  FindProducts,
  FoundBy,
  FromSearch,
  SearchQuestion,
  SearchStatus,
  Suggest,
  ToSearch,
} from './search-protocol.ts'
import type { StockSource } from './stock-source.ts'
import { verify } from './verification.ts'

export type SearchPort = Port<ToSearch, FromSearch>

/** The index on a server, who keeps it, and who says whether it may be asked. */
export type Served = {
  readonly index: SearchIndex
  readonly keeper: IndexKeeper
  readonly breaker: Breaker
}

export type SearchServerParts = {
  readonly index: EmbeddedIndex
  /** Asked first, where there is one; while it does not answer, the embedded index does. */
  readonly served?: Served | undefined
  readonly projector: Projector
  readonly tables: CatalogReader
  readonly stock: StockSource
  readonly clock: Clock
  readonly timers: Timers
  readonly log: ThreadLog
}

type Asked = {
  readonly port: SearchPort
  readonly call: number
  readonly question: SearchQuestion
  readonly after: SearchPosition | undefined
}

type Waiting = Asked & {
  readonly after: SearchPosition
  /** By the monotonic clock. */
  readonly untilMs: number
}

export class SearchServer {
  readonly #parts: SearchServerParts
  /** Questions whose position is not reached, the oldest first. */
  #waiting: Waiting[] = []
  #mode: 'stopped' | 'running' | 'closing' = 'stopped'
  #round: Promise<void> = Promise.resolve()
  readonly #pause: Pause
  /** Something has happened since the last turn began. */
  #isWoken = false
  #caughtUpAtMs: number
  #fails = false
  #searches = 0

  constructor(parts: SearchServerParts) {
    this.#parts = parts
    this.#pause = new Pause(parts.timers)
    this.#caughtUpAtMs = parts.clock.monotonicMs()
  }

  start(): void {
    if (this.#mode !== 'stopped') return
    this.#mode = 'running'
    this.#round = this.#run()
  }

  connect(port: SearchPort): void {
    port.receive((message) => void this.#hear(port, message))
  }

  /** Forgets a port whose other end is gone. */
  disconnect(port: SearchPort): void {
    this.#waiting = this.#waiting.filter((waiting) => waiting.port !== port)
  }

  /** Something has happened: there is no need to wait for the next look. */
  wake(): void {
    this.#isWoken = true
    this.#pause.end()
  }

  status(): SearchStatus {
    const { projector, index, clock } = this.#parts
    const lateMs = clock.monotonicMs() - this.#caughtUpAtMs
    return {
      isFilled: projector.position !== undefined,
      products: index.products,
      behindMs: lateMs <= 2 * searchPollMs ? 0 : lateMs,
      searches: this.#searches,
      waitingQuestions: this.#waiting.length,
      server: this.#parts.served?.keeper.status,
      projector: projector.counters,
    }
  }

  /** Resolves when the turn under way has ended. */
  async close(): Promise<void> {
    this.#mode = 'closing'
    this.#parts.projector.stop()
    this.#pause.end()
    for (const { port, call } of this.#waiting.splice(0)) fail(port, call, 'shutting-down')
    await this.#parts.served?.keeper.close()
    await this.#round
    this.#parts.projector.close()
  }

  async #run(): Promise<void> {
    const { projector, clock, timers } = this.#parts
    while (this.#mode === 'running') {
      this.#isWoken = false
      const beganAtMs = clock.monotonicMs()
      const hasMore = await this.#turn()
      if (hasMore === false) this.#caughtUpAtMs = beganAtMs
      await this.#settle()
      if (hasMore === true || this.#isWoken) await new Promise<void>((resolve) => void timers.soon(resolve))
      else await this.#pause.rest(hasMore === undefined ? searchRetryMsMin : searchPollMs)
    }
    projector.close()
  }

  /** Whether there is more to do at once; undefined where it failed. */
  async #turn(): Promise<boolean | undefined> {
    try {
      const hasMore = await this.#parts.projector.turn()
      this.#fails = false
      return hasMore
    } catch (error) {
      // What it was at is gone on with: nothing is forgotten, and questions are answered meanwhile.
      if (!this.#fails) this.#parts.log('error', 'search.trouble', { err: error })
      this.#fails = true
      return undefined
    }
  }

  async #hear(port: SearchPort, { call, question, after, untilMs }: ToSearch): Promise<void> {
    const { projector, clock } = this.#parts
    const { position } = projector
    const nowMs = clock.monotonicMs()
    // It waited here longer than whoever asked: to look into it would only make those behind it wait longer.
    if (nowMs >= untilMs) return fail(port, call, 'overloaded')
    if (this.#mode === 'closing') return fail(port, call, 'shutting-down')
    if (position === undefined) return fail(port, call, 'unavailable')
    if (after === undefined || hasCome(position, after))
      return await this.#answer({ port, call, question, after })
    if (this.#waiting.length >= searchWaitingMax) return fail(port, call, 'overloaded')
    this.#waiting.push({ port, call, question, after, untilMs: nowMs + searchWaitMs })
    this.wake()
  }

  async #settle(): Promise<void> {
    const { projector, clock } = this.#parts
    const { position } = projector
    if (this.#waiting.length === 0 || position === undefined) return
    const nowMs = clock.monotonicMs()
    for (const waiting of this.#waiting.splice(0)) {
      const { port, call, after, untilMs } = waiting
      if (hasCome(position, after)) await this.#answer(waiting)
      else if (nowMs >= untilMs) fail(port, call, 'behind')
      else this.#waiting.push(waiting)
    }
  }

  /** One that fails is refused by itself: the thread goes on. */
  async #answer(asked: Asked): Promise<void> {
    try {
      await this.#answerWell(asked)
    } catch (error) {
      this.#parts.log('error', 'search.questionFailed', { type: asked.question.type, err: error })
      fail(asked.port, asked.call, 'unavailable', 'this question has failed')
    }
  }

  async #answerWell({ port, call, question, after }: Asked): Promise<void> {
    const { position } = this.#parts.projector
    if (position === undefined) return fail(port, call, 'unavailable')
    switch (question.type) {
      case 'search':
      case 'suggest': {
        this.#searches += 1
        const found = (await this.#findServed(question, after)) ?? (await this.#findHere(question, position))
        return port.send({ type: 'answer', call, ...found })
      }
      case 'inspect':
        return port.send({ type: 'answer', call, answer: this.status(), position })
      case 'rebuild':
        await this.#parts.projector.rebuild()
        this.#parts.served?.keeper.rebuild()
        this.wake()
        return port.send({ type: 'answer', call, answer: this.status(), position })
      case 'verify':
        return await this.#verify(port, call)
      default:
        return unreachable(question)
    }
  }

  async #findHere(question: Finding, position: SearchPosition): Promise<Found> {
    return { answer: await askedOf(this.#parts.index, question), position }
  }

  /** Undefined where there is no server, or none that can answer this now. */
  async #findServed(question: Finding, after: SearchPosition | undefined): Promise<Found | undefined> {
    const { served } = this.#parts
    const position = served?.keeper.position
    if (served === undefined || position === undefined) return undefined
    if (after !== undefined && !hasCome(position, after)) return undefined
    // A try is the keeper's: nobody who searches waits for a server that was down.
    if (!served.breaker.isClosed) return undefined
    try {
      const answer = await askedOf(served.index, question)
      served.breaker.succeeded()
      return { answer, position }
    } catch (error) {
      if (error instanceof IndexLost) served.keeper.doubt()
      else if (error instanceof IndexUnavailable) this.#noteFailure(served.breaker, error)
      else this.#parts.log('error', 'search.serverTrouble', { why: String(error) })
      return undefined
    }
  }

  /** Said once: whoever tries again is the keeper, which says when it is back. */
  #noteFailure(breaker: Breaker, error: IndexUnavailable): void {
    const wasClosed = breaker.isClosed
    breaker.failed()
    if (wasClosed && !breaker.isClosed)
      this.#parts.log('error', 'search.serverTrouble', { why: error.message })
  }

  async #verify(port: SearchPort, call: number): Promise<void> {
    const { index, served, tables, stock, timers, projector } = this.#parts
    try {
      const answer = await verify({
        indexes: served === undefined ? [index] : [index, served.index],
        tables,
        stock,
        breathe: () => new Promise((resolve) => void timers.soon(resolve)),
        settle: () => new Promise((resolve) => void timers.after(SETTLE_MS, resolve)),
      })
      const { position } = projector
      if (position !== undefined) port.send({ type: 'answer', call, answer, position })
    } catch (error) {
      if (!(error instanceof IndexUnavailable) && !(error instanceof IndexLost)) throw error
      fail(port, call, 'unavailable')
    }
  }
}

type Finding = FindProducts | Suggest
type Found = { readonly answer: FoundBy<Finding>; readonly position: SearchPosition }

/** For what is under way to come to every index. */
const SETTLE_MS = 1_000

async function askedOf(index: SearchIndex, question: Finding): Promise<FoundBy<Finding>> {
  return question.type === 'search'
    ? await index.search(question.request)
    : await index.suggest(question.term, question.limit)
}

const WHY: Readonly<Record<SearchErrorCode, string>> = {
  unavailable: 'the index is being filled',
  behind: 'the index has not come as far as was asked for',
  overloaded: `${searchWaitingMax} questions wait already`,
  'shutting-down': 'the search is closing',
}

function fail(port: SearchPort, call: number, code: SearchErrorCode, message = WHY[code]): void {
  port.send({ type: 'failed', call, code, message })
}
