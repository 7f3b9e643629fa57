/** Says that webhooks were forged, once a second at most: whoever sends them can send very many. */
import type { Logger } from 'pino'
import type { Clock } from '../seams.ts'

const everyMs = 1_000

export class ForgeryLog {
  readonly #log: Pick<Logger, 'warn'>
  readonly #clock: Pick<Clock, 'monotonicMs'>
  #nextMs = Number.NEGATIVE_INFINITY
  #unsaid = 0

  constructor(log: Pick<Logger, 'warn'>, clock: Pick<Clock, 'monotonicMs'>) {
    this.#log = log
    this.#clock = clock
  }

  note(forgery: { readonly provider: string; readonly why: string }): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs < this.#nextMs) {
      this.#unsaid += 1
      return
    }
    const others = this.#unsaid === 0 ? undefined : this.#unsaid
    this.#log.warn({ ...forgery, others }, 'payment.forged')
    this.#unsaid = 0
    this.#nextMs = nowMs + everyMs
  }
}
