/**
 * The history as its thread runs it: the projection goes on a turn at a time, and between turns questions are answered and
 * watchers told. Knows nothing of threads.
 *
 * Q4  No answer rests on what is not durable (S2): the tailer hands out nothing else.
 */
import { throwIfPoison } from '../crash-points.ts'
import { unreachable } from '../domain/assert.ts'
import { type ProductId, shardOf } from '../domain/ids.ts'
import {
  durableNoticeMs,
  historyAliveMs,
  historyCloseMs,
  historyLookMs,
  historyPollMs,
  historyWaitingMax,
  historyWaitMs,
} from '../limits.ts'
import type { StreamId } from '../persistence/journal/frame.ts'
import { isJournalTrouble } from '../persistence/journal/journal-trouble.ts'
import { hasReached, type Position } from '../persistence/journal/position.ts'
import type { Clock, Port, Timer, Timers } from '../seams.ts'
import type { HistoryErrorCode } from './history-error.ts'
import type { AnswerTo, FromHistory, HistoryStatus, Question, ToHistory } from './history-protocol.ts'
import { projectionBytes } from './projection-file.ts'
import { Projector, type ProjectorOptions } from './projector.ts'
import type { Queries } from './queries.ts'
import { type Changed, Watch } from './watch.ts'

export type HistoryPort = Port<ToHistory, FromHistory>

export type HistoryServerOptions = ProjectorOptions & { readonly timers: Timers }

type Waiting = {
  readonly port: HistoryPort
  readonly call: number
  readonly question: Exclude<Question, { type: 'watch' }>
  readonly after: Position | undefined
  /** By the monotonic clock. */
  readonly untilMs: number
}

export class HistoryServer {
  readonly #options: HistoryServerOptions
  readonly #clock: Clock
  readonly #projector: Projector
  readonly #watch: Watch<HistoryPort>
  readonly #ports = new Set<HistoryPort>()
  /** Questions whose position is not reached, the oldest first. */
  #waiting: Waiting[] = []
  #watchFails = false
  #turnIsDue = false
  #turnedAtMs = Number.NEGATIVE_INFINITY
  #poll: Timer | undefined
  #lookAtMs = 0
  #aliveAtMs = 0
  #hasEnded = false

  constructor(options: HistoryServerOptions) {
    this.#options = options
    this.#clock = options.clock
    this.#projector = new Projector(options)
    this.#watch = new Watch(options.place, options.shards)
  }

  start(): void {
    this.#wake()
  }

  connect(port: HistoryPort): void {
    this.#ports.add(port)
    port.receive((message) => this.#receive(port, message))
  }

  /** Forgets a port whose other end is gone. */
  disconnect(port: HistoryPort): void {
    this.#ports.delete(port)
    this.#watch.forget(port)
    this.#waiting = this.#waiting.filter((waiting) => waiting.port !== port)
  }

  /** A worker says that its stream's frames up to here are durable. */
  noteDurable(stream: StreamId, ordinal: number): void {
    if (this.#hasEnded) return
    this.#projector.noteDurable(stream, ordinal)
    this.#watching(() => this.#watch.noteDurable(stream, ordinal))
    this.#wakeByAndBy()
  }

  status(): HistoryStatus {
    const { hasCaughtUp, behindEvents, behindMs, events, rebuilds } = this.#projector
    return {
      hasCaughtUp,
      behindEvents,
      behindMs,
      events,
      rebuilds,
      bytes: projectionBytes(this.#options.path),
      watchedProducts: this.#watch.products,
      waitingQuestions: this.#waiting.length,
    }
  }

  /** Takes what the shards wrote last, as far as the time allows, and closes the file. */
  close(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#poll?.cancel()
    for (const { port, call } of this.#waiting.splice(0)) fail(port, call, 'shutting-down')
    this.#watch.close()
    this.#projector.look()
    const endsAtMs = this.#clock.monotonicMs() + historyCloseMs
    while (this.#projector.turn() && this.#clock.monotonicMs() < endsAtMs);
    this.#projector.close()
  }

  #receive(port: HistoryPort, message: ToHistory): void {
    if (message.type === 'unwatch') return this.#watch.remove(port, message.productId)
    const { call, question, after } = message
    if (this.#hasEnded) return fail(port, call, 'shutting-down')
    if (question.type === 'watch') return this.#beginWatch(port, call, question.productId)
    if (this.#waiting.length >= historyWaitingMax) return fail(port, call, 'overloaded')
    const untilMs = this.#clock.monotonicMs() + historyWaitMs
    const waiting = { port, call, question, after, untilMs }
    if (this.#answerIfReached(waiting)) return
    this.#waiting.push(waiting)
    this.#wake()
  }

  #beginWatch(port: HistoryPort, call: number, productId: ProductId): void {
    this.#watching(() => this.#watch.add(port, productId))
    // Where it failed all that is watched counts as changed, again and again, until it can be watched.
    port.send({ type: 'answer', call, answer: undefined, position: new Map() })
  }

  /** A turn looks at all streams, so many workers get no more of them than one would, each of which tells for itself. */
  #wakeByAndBy(): void {
    if (this.#turnIsDue) return
    const restMs = this.#turnedAtMs + durableNoticeMs - this.#clock.monotonicMs()
    if (restMs <= 0) return this.#wake()
    this.#poll?.cancel()
    this.#poll = this.#options.timers.after(restMs, () => this.#wake())
  }

  /** After the input that is ready now. */
  #wake(): void {
    if (this.#turnIsDue || this.#hasEnded) return
    this.#turnIsDue = true
    this.#options.timers.soon(() => {
      this.#turnIsDue = false
      if (!this.#hasEnded) this.#turn()
    })
  }

  #turn(): void {
    this.#poll?.cancel()
    const nowMs = this.#clock.monotonicMs()
    this.#turnedAtMs = nowMs
    if (nowMs >= this.#lookAtMs) {
      this.#lookAtMs = nowMs + historyLookMs
      this.#projector.look()
      this.#watching(() => this.#watch.look())
    }
    const watchHasMore = this.#tellWatchers()
    const projectorHasMore = this.#projector.turn()
    this.#settle()
    if (watchHasMore || projectorHasMore) return this.#wake()
    this.#poll = this.#options.timers.after(historyPollMs, () => this.#wake())
  }

  #tellWatchers(): boolean {
    let hasMore = false
    this.#watching(() => {
      const { changed, isAtEnd } = this.#watch.read()
      hasMore = !isAtEnd
      this.#tell(changed)
      if (isAtEnd) this.#tellAlive()
    })
    return hasMore
  }

  #tellAlive(): void {
    const nowMs = this.#clock.monotonicMs()
    if (this.#watch.products === 0 || nowMs < this.#aliveAtMs) return
    this.#aliveAtMs = nowMs + historyAliveMs
    for (const port of this.#ports) port.send({ type: 'alive' })
  }

  /** Where the journal cannot be read now, watchers are told to look for themselves. */
  #watching(read: () => void): void {
    try {
      read()
      this.#watchFails = false
    } catch (error) {
      if (!isJournalTrouble(error)) throw error
      if (!this.#watchFails) this.#options.log('warn', 'history.watchFailed', { why: error.message })
      this.#watchFails = true
      this.#watch.close()
      this.#tell(this.#watch.all())
    }
  }

  #tell(changed: Changed<HistoryPort>): void {
    for (const [port, productIds] of changed) port.send({ type: 'changed', productIds: [...productIds] })
  }

  #settle(): void {
    if (this.#waiting.length === 0) return
    const nowMs = this.#clock.monotonicMs()
    this.#waiting = this.#waiting.filter((waiting) => {
      if (this.#answerIfReached(waiting)) return false
      if (nowMs < waiting.untilMs) return true
      fail(waiting.port, waiting.call, 'behind')
      return false
    })
  }

  #answerIfReached({ port, call, question, after }: Waiting): boolean {
    const { position } = this.#projector
    if (after !== undefined && !hasReached(position, after)) return false
    const asked = this.#projector.ask((queries) => this.#answer(queries, question))
    if (asked !== undefined) port.send({ type: 'answer', call, answer: asked.answer, position })
    return asked !== undefined
  }

  #answer(queries: Queries, question: Waiting['question']): AnswerTo<Question> {
    switch (question.type) {
      case 'listReservations':
        throwIfPoison(question.filter.reference)
        return queries.list(question.filter, question)
      case 'findReservation':
        return queries.find(question.reservationId)
      case 'readStockAt': {
        const { productId, moment } = question
        return queries.stockAt(
          productId,
          moment,
          this.#projector.floorOf(shardOf(productId, this.#options.shards)),
        )
      }
      case 'listStockEvents':
        return queries.stockEvents(question.productId, question)
      default:
        return unreachable(question)
    }
  }
}

const WHY: Readonly<Record<HistoryErrorCode, string>> = {
  unavailable: 'the history is starting',
  behind: 'the history has not come as far as was asked for',
  overloaded: `${historyWaitingMax} questions wait already`,
  'shutting-down': 'the history is closing',
}

function fail(port: HistoryPort, call: number, code: HistoryErrorCode): void {
  port.send({ type: 'failed', call, code, message: WHY[code] })
}
