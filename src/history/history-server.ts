/**
 * The history as its thread runs it: the projection goes on a turn at a time where this node keeps one, and between turns
 * questions are answered and watchers told. Knows nothing of threads.
 *
 * Q4  No answer rests on what is not durable (S2): the tailer hands out nothing else.
 */
import type { ProductId } from '../domain/ids.ts'
import {
  durableNoticeMs,
  historyAliveMs,
  historyCloseMs,
  historyLookMs,
  historyPollMs,
  historyReadyMs,
  historyWaitingMax,
} from '../limits.ts'
import type { FromNodes, ToNodes } from '../node-questions.ts'
import type { StreamId } from '../persistence/journal/frame.ts'
import { isJournalTrouble } from '../persistence/journal/journal-trouble.ts'
import type { Clock, Port, Timer, Timers } from '../seams.ts'
import type { HistoryErrorCode } from './history-error.ts'
import type { FromHistory, HistoryStatus, Keeping, ToHistory } from './history-protocol.ts'
import { OtherKeepers } from './other-keepers.ts'
import { projectionBytes } from './projection-file.ts'
import { Projector, type ProjectorOptions } from './projector.ts'
import { Questions } from './questions.ts'
import { type Changed, Watch } from './watch.ts'

export type HistoryPort = Port<ToHistory, FromHistory>

export type HistoryServerOptions = ProjectorOptions & {
  readonly timers: Timers
  /** Whether this node keeps a history until somebody says otherwise. */
  readonly keeps: boolean
}

export class HistoryServer {
  readonly #options: HistoryServerOptions
  readonly #clock: Clock
  readonly #projector: Projector
  readonly #watch: Watch<HistoryPort>
  readonly #others: OtherKeepers
  readonly #questions: Questions
  readonly #ports = new Set<HistoryPort>()
  #keeps: boolean
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
    this.#keeps = options.keeps
    const { clock, timers, shards, keeps } = options
    this.#others = new OtherKeepers({
      timers,
      onAsked: (question, answer) => {
        if (this.#hasEnded) return answer({ type: 'failed', code: 'shutting-down' })
        this.#questions.takeOfNode(question, answer)
        if (this.#questions.waiting > 0) this.#wake()
      },
    })
    this.#questions = new Questions({
      projector: this.#projector,
      others: this.#others,
      clock,
      shards,
      keeps,
    })
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
    this.#questions.forget(port)
  }

  /** The way to other nodes, by a life of the relay. */
  linkNodes(port: Port<FromNodes, ToNodes>): void {
    this.#others.link(port)
  }

  /** Where this node keeps none any more, its file stays as it is, and is gone on with when it keeps one again. */
  keep({ keeps, others }: Keeping): void {
    this.#others.meet(others)
    if (keeps === this.#keeps || this.#hasEnded) return
    this.#keeps = keeps
    this.#options.log('info', keeps ? 'history.keeps' : 'history.rests', {})
    if (!keeps) this.#projector.close()
    this.#questions.keep(keeps)
    this.#wake()
  }

  /** A worker says that its stream's frames up to here are durable. */
  noteDurable(stream: StreamId, ordinal: number): void {
    if (this.#hasEnded || this.#isIdle) return
    this.#projector.noteDurable(stream, ordinal)
    this.#watching(() => this.#watch.noteDurable(stream, ordinal))
    this.#wakeByAndBy()
  }

  async status(): Promise<HistoryStatus> {
    const isFilled = this.#questions.areAnswered
    const isReady = isFilled || (await this.#othersAnswer())
    const { behindEvents, behindMs, events, rebuilds } = this.#projector
    const keeps = this.#keeps
    return {
      keeps,
      isFilled,
      isReady,
      behindEvents: keeps ? behindEvents : 0,
      behindMs: keeps ? behindMs : 0,
      events,
      rebuilds,
      bytes: projectionBytes(this.#options.path),
      watchedProducts: this.#watch.products,
      waitingQuestions: this.#questions.waiting + this.#others.waiting,
      questionsPassedOn: this.#others.asked,
    }
  }

  /** Takes what the shards wrote last, as far as the time allows, and closes the file. */
  close(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#poll?.cancel()
    this.#questions.close()
    this.#others.close()
    this.#watch.close()
    if (!this.#keeps) return
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
    this.#questions.take({
      asker: port,
      question,
      after,
      answer: (answer, position) => port.send({ type: 'answer', call, answer, position }),
      fail: (code) => fail(port, call, code),
    })
    if (this.#questions.waiting > 0) this.#wake()
  }

  #beginWatch(port: HistoryPort, call: number, productId: ProductId): void {
    this.#watching(() => this.#watch.add(port, productId))
    // Where it failed all that is watched counts as changed, again and again, until it can be watched.
    port.send({ type: 'answer', call, answer: undefined, position: new Map() })
    this.#wake()
  }

  async #othersAnswer(): Promise<boolean> {
    if (!this.#others.areThere || this.#hasEnded) return false
    return await new Promise((resolve) => {
      const late = this.#options.timers.after(historyReadyMs, () => resolve(false))
      this.#others.ask(
        () => ({ type: 'isReady' }),
        ({ type }) => {
          late.cancel()
          resolve(type === 'answer')
        },
      )
    })
  }

  /** Whether nothing is to be read. */
  get #isIdle(): boolean {
    return !this.#keeps && this.#watch.products === 0
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
      if (this.#keeps) this.#projector.look()
      this.#watching(() => this.#watch.look())
    }
    const watchHasMore = this.#tellWatchers()
    const projectorHasMore = this.#keeps && this.#projector.turn()
    this.#questions.settle()
    if (watchHasMore || projectorHasMore) return this.#wake()
    if (this.#isIdle) return
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
