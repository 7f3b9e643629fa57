/**
 * A listener's way to the history: questions, and products to watch. The thread behind it may come and go; what is watched
 * is watched again in its next life, and counts as changed.
 */
import type { MessagePort } from 'node:worker_threads'
import type { ProductId } from '../domain/ids.ts'
import { historyCallsMax, historySilentMs, historyTimeoutMs } from '../limits.ts'
import type { ToLinkedClient } from '../linked-thread.ts'
import type { Position } from '../persistence/journal/position.ts'
import type { Clock, Port, Timers } from '../seams.ts'
import { ThreadCalls } from '../thread-calls.ts'
import { HistoryError, type HistoryErrorCode } from './history-error.ts'
import type {
  Answered,
  AnswerOfHistory,
  FromHistory,
  HistoryNews,
  Question,
  ToHistory,
  ToHistoryAlone,
} from './history-protocol.ts'

export type HistoryClientParts = {
  readonly clock: Clock
  readonly timers: Timers
  /** From main; nothing is sent back on it. */
  readonly control: Port<ToLinkedClient, never>
  readonly portOf: (end: MessagePort) => Port<FromHistory, ToHistory>
}

export class HistoryClient {
  readonly #clock: Clock
  readonly #calls: ThreadCalls<AnswerOfHistory, HistoryNews, ToHistoryAlone, HistoryErrorCode>
  /** By product, who is told of its changes. */
  readonly #watched = new Map<ProductId, () => void>()
  /** When it was last told that nothing is missing. */
  #heardAtMs = Number.NEGATIVE_INFINITY

  constructor({ clock, ...parts }: HistoryClientParts) {
    this.#clock = clock
    this.#calls = new ThreadCalls<AnswerOfHistory, HistoryNews, ToHistoryAlone, HistoryErrorCode>({
      ...parts,
      name: 'the history',
      callsMax: historyCallsMax,
      timeoutMs: historyTimeoutMs,
      failure: (code, message) => new HistoryError(code, message),
      onLink: () => this.#watchAgain(),
      onMessage: (message) => this.#hear(message),
    })
  }

  /**
   * Asks; the answer reaches `after`, where that is given. Rejects with `HistoryError`.
   */
  async ask<Q extends Question>(question: Q, after?: Position): Promise<Answered<Q>> {
    // The server answers each type of question with its own type of answer; the union does not say which.
    return (await this.#calls.ask({ question, after })) as Answered<Question> as Answered<Q>
  }

  /**
   * Calls `onChange` when the product may have changed. Resolves when no change can be missed any more, or where nobody
   * can tell of any; then `isWatching` is false, and the caller may look by itself.
   */
  async watch(productId: ProductId, onChange: () => void): Promise<void> {
    this.#watched.set(productId, onChange)
    await this.#watch(productId)
  }

  unwatch(productId: ProductId): void {
    if (this.#watched.delete(productId)) this.#calls.tell({ type: 'unwatch', productId })
  }

  /** Whether every change is told, as far as one can know. */
  get isWatching(): boolean {
    return this.#calls.isLinked && this.#clock.monotonicMs() - this.#heardAtMs < historySilentMs
  }

  close(): void {
    this.#calls.close()
  }

  async #watch(productId: ProductId): Promise<void> {
    try {
      await this.#calls.ask({ question: { type: 'watch', productId }, after: undefined })
    } catch (error) {
      if (!(error instanceof HistoryError)) throw error
    }
  }

  #watchAgain(): void {
    for (const [productId, onChange] of this.#watched) {
      // What happened between two lives nobody told of.
      void this.#watch(productId).then(() => {
        if (this.#watched.get(productId) === onChange) onChange()
      })
    }
  }

  #hear(message: HistoryNews): void {
    if (message.type === 'alive') {
      this.#heardAtMs = this.#clock.monotonicMs()
      return
    }
    for (const productId of message.productIds) this.#watched.get(productId)?.()
  }
}
