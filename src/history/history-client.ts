/**
 * A listener's way to the history: questions, and products to watch. The thread behind it may come and go; what is watched
 * is watched again in its next life, and counts as changed.
 */
import type { MessagePort } from 'node:worker_threads'
import type { ProductId } from '../domain/ids.ts'
import { historyCallsMax, historySilentMs, historyTimeoutMs } from '../limits.ts'
import type { Clock, Port, Timer, Timers } from '../seams.ts'
import { HistoryError, type HistoryErrorCode } from './history-error.ts'
import type { Answered, FromHistory, Question, ToHistory, ToHistoryClient } from './history-protocol.ts'
import type { Position } from './position.ts'

export type HistoryClientParts = {
  readonly clock: Clock
  readonly timers: Timers
  /** From main; nothing is sent back on it. */
  readonly control: Port<ToHistoryClient, never>
  readonly portOf: (end: MessagePort) => Port<FromHistory, ToHistory>
}

type Call = {
  readonly timer: Timer
  readonly resolve: (answered: Answered<Question>) => void
  readonly reject: (error: HistoryError) => void
}

export class HistoryClient {
  readonly #parts: HistoryClientParts
  readonly #calls = new Map<number, Call>()
  /** By product, who is told of its changes. */
  readonly #watched = new Map<ProductId, () => void>()
  #port: Port<FromHistory, ToHistory> | undefined
  /** When it was last told that nothing is missing. */
  #heardAtMs = Number.NEGATIVE_INFINITY
  #lastCall = 0
  #isClosed = false

  constructor(parts: HistoryClientParts) {
    this.#parts = parts
    parts.control.receive((message) => {
      if (message.type === 'link') this.#connect(parts.portOf(message.port))
      else this.#disconnect('unavailable', 'the history is starting anew')
    })
  }

  /**
   * Asks; the answer reaches `after`, where that is given. Rejects with `HistoryError`.
   */
  async ask<Q extends Question>(question: Q, after?: Position): Promise<Answered<Q>> {
    // The server answers each type of question with its own type of answer; the union does not say which.
    return (await this.#ask(question, after)) as Answered<Q>
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
    if (this.#watched.delete(productId)) this.#port?.send({ type: 'unwatch', productId })
  }

  /** Whether every change is told, as far as one can know. */
  get isWatching(): boolean {
    return this.#port !== undefined && this.#parts.clock.monotonicMs() - this.#heardAtMs < historySilentMs
  }

  close(): void {
    this.#isClosed = true
    this.#parts.control.close()
    this.#disconnect('shutting-down', 'the listener is closing')
  }

  #ask(question: Question, after: Position | undefined): Promise<Answered<Question>> {
    const port = this.#port
    if (port === undefined) {
      const code = this.#isClosed ? 'shutting-down' : 'unavailable'
      return Promise.reject(new HistoryError(code, 'the history is not connected'))
    }
    if (this.#calls.size >= historyCallsMax) {
      return Promise.reject(new HistoryError('overloaded', `${historyCallsMax} questions wait already`))
    }
    return new Promise((resolve, reject) => {
      const call = ++this.#lastCall
      const timer = this.#parts.timers.after(historyTimeoutMs, () =>
        this.#fail(call, 'unavailable', `no answer within ${historyTimeoutMs} ms`),
      )
      this.#calls.set(call, { timer, resolve, reject })
      port.send({ type: 'ask', call, question, after })
    })
  }

  async #watch(productId: ProductId): Promise<void> {
    try {
      await this.#ask({ type: 'watch', productId }, undefined)
    } catch (error) {
      if (!(error instanceof HistoryError)) throw error
    }
  }

  #connect(port: Port<FromHistory, ToHistory>): void {
    this.#disconnect('unavailable', 'the history was started anew')
    this.#port = port
    port.receive((message) => {
      if (this.#port === port) this.#receive(message)
    })
    for (const [productId, onChange] of this.#watched) {
      // What happened between two lives nobody told of.
      void this.#watch(productId).then(() => {
        if (this.#watched.get(productId) === onChange) onChange()
      })
    }
  }

  #receive(message: FromHistory): void {
    switch (message.type) {
      case 'answer':
        return this.#settle(message.call)?.resolve(message)
      case 'failed':
        return this.#fail(message.call, message.code, message.message)
      case 'alive':
        this.#heardAtMs = this.#parts.clock.monotonicMs()
        return
      case 'changed':
        for (const productId of message.productIds) this.#watched.get(productId)?.()
        return
    }
  }

  #disconnect(code: HistoryErrorCode, message: string): void {
    this.#port?.close()
    this.#port = undefined
    for (const call of [...this.#calls.keys()]) this.#fail(call, code, message)
  }

  #fail(call: number, code: HistoryErrorCode, message: string): void {
    this.#settle(call)?.reject(new HistoryError(code, message))
  }

  #settle(call: number): Call | undefined {
    const waiting = this.#calls.get(call)
    this.#calls.delete(call)
    waiting?.timer.cancel()
    return waiting
  }
}
