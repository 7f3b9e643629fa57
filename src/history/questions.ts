/**
 * Questions that are to be answered: from the projection, once it has come as far as was asked for, or by another node,
 * where this one keeps no history or fills it yet.
 */
import { throwIfPoison } from '../crash-points.ts'
import { unreachable } from '../domain/assert.ts'
import { shardOf } from '../domain/ids.ts'
import { historyWaitingMax, historyWaitMs } from '../limits.ts'
import { hasReached, type Position } from '../persistence/journal/position.ts'
import type { Clock } from '../seams.ts'
import type { HistoryErrorCode } from './history-error.ts'
import type { AnswerTo, AskedOfProjection } from './history-protocol.ts'
import type { NodeAnswer, NodeQuestion, OtherKeepers } from './other-keepers.ts'
import type { Projector } from './projector.ts'
import type { Queries } from './queries.ts'

export type Asked = {
  /** Whoever may be gone before it is answered; absent where another node asks. */
  readonly asker: object | undefined
  readonly question: AskedOfProjection
  /** What the answer must reach, if it is anything. */
  readonly after: Position | undefined
  readonly answer: (answer: AnswerTo<AskedOfProjection>, position: Position) => void
  readonly fail: (code: HistoryErrorCode) => void
}

type Waiting = Asked & {
  /** By the monotonic clock. */
  readonly untilMs: number
}

const READY: NodeAnswer = { type: 'answer', answer: undefined, position: new Map() }

export type QuestionsParts = {
  readonly projector: Projector
  readonly others: Pick<OtherKeepers, 'areThere' | 'ask'>
  readonly clock: Clock
  readonly shards: number
  /** Whether this node keeps a history; `keep` says when that changes. */
  readonly keeps: boolean
}

export class Questions {
  readonly #parts: QuestionsParts
  /** Those whose position is not reached, the oldest first. */
  #waiting: Waiting[] = []
  #keeps: boolean

  constructor(parts: QuestionsParts) {
    this.#parts = parts
    this.#keeps = parts.keeps
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** Whether they are answered here. */
  get areAnswered(): boolean {
    return this.#keeps && this.#parts.projector.hasCaughtUp
  }

  take(asked: Asked, withinMs = historyWaitMs): void {
    this.#take({ ...asked, untilMs: this.#parts.clock.monotonicMs() + withinMs })
  }

  /** Of another node (Q5). */
  takeOfNode(asked: NodeQuestion, answer: (answer: NodeAnswer) => void): void {
    if (asked.type === 'isReady') return answer(this.areAnswered ? READY : { type: 'failed', code: 'behind' })
    const { question, after, withinMs } = asked
    const ofNode: Asked = {
      asker: undefined,
      question,
      after,
      answer: (found, position) => answer({ type: 'answer', answer: found, position }),
      fail: (code) => answer({ type: 'failed', code }),
    }
    this.take(ofNode, Math.min(withinMs, historyWaitMs))
  }

  /** Whether this node keeps a history from now on. Where it no longer does, others have what waits here. */
  keep(keeps: boolean): void {
    this.#keeps = keeps
    if (!keeps) for (const waiting of this.#waiting.splice(0)) this.#take(waiting)
  }

  /** Answers those whose position is reached, and ends those that have waited long enough. */
  settle(): void {
    if (this.#waiting.length === 0) return
    const nowMs = this.#parts.clock.monotonicMs()
    this.#waiting = this.#waiting.filter((waiting) => {
      if (this.#answerIfReached(waiting)) return false
      if (nowMs < waiting.untilMs) return true
      waiting.fail('behind')
      return false
    })
  }

  forget(asker: object): void {
    this.#waiting = this.#waiting.filter((waiting) => waiting.asker !== asker)
  }

  close(): void {
    for (const waiting of this.#waiting.splice(0)) waiting.fail('shutting-down')
  }

  #take(asked: Waiting): void {
    const isOfNode = asked.asker === undefined
    if (this.areAnswered) this.#wait(asked)
    else if (isOfNode) asked.fail('behind')
    else if (this.#parts.others.areThere) this.#passOn(asked)
    else if (this.#keeps) this.#wait(asked)
    else asked.fail('unavailable')
  }

  #wait(asked: Waiting): void {
    if (this.#waiting.length >= historyWaitingMax) return asked.fail('overloaded')
    if (!this.#answerIfReached(asked)) this.#waiting.push(asked)
  }

  #passOn(asked: Waiting): void {
    const { others, clock } = this.#parts
    const { question, after, untilMs } = asked
    const toNode = (): NodeQuestion => {
      return { type: 'ask', question, after, withinMs: Math.max(0, untilMs - clock.monotonicMs()) }
    }
    others.ask(toNode, (answer) => {
      if (answer.type === 'answer') asked.answer(answer.answer, answer.position)
      // It may be far enough by now, or within the time that is left.
      else if (this.#keeps && answer.code !== 'shutting-down') this.#wait(asked)
      else asked.fail(answer.code)
    })
  }

  #answerIfReached({ question, after, answer }: Waiting): boolean {
    const { projector } = this.#parts
    const { position } = projector
    if (after !== undefined && !hasReached(position, after)) return false
    const asked = projector.ask((queries) => this.#answer(queries, question))
    if (asked !== undefined) answer(asked.answer, position)
    return asked !== undefined
  }

  #answer(queries: Queries, question: AskedOfProjection): AnswerTo<AskedOfProjection> {
    switch (question.type) {
      case 'listReservations':
        throwIfPoison(question.filter.reference)
        return queries.list(question.filter, question)
      case 'findReservation':
        return queries.find(question.reservationId)
      case 'readStockAt': {
        const { projector, shards } = this.#parts
        const { productId, moment } = question
        return queries.stockAt(productId, moment, projector.floorOf(shardOf(productId, shards)))
      }
      case 'listStockEvents':
        return queries.stockEvents(question.productId, question)
      default:
        return unreachable(question)
    }
  }
}
