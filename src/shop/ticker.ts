/** Calls for work again and again: after a while, or sooner where somebody knows of some. One call at a time. */
import { TablesError } from '../persistence/tables/tables-error.ts'
import type { Timer, Timers } from '../seams.ts'

export type TickerParts = {
  readonly timers: Timers
  readonly tickMs: number
  /** One round of work; says whether more is known to wait. */
  readonly tick: () => Promise<boolean>
  /** Hears of what a round failed with, but for the tables' own troubles: those pass, or end the process, but for damage. */
  readonly onTrouble: (error: unknown) => void
}

/** From the first who knows of work until the round: what comes in a burst is done in one. */
const gatherMs = 20

export class Ticker {
  readonly #parts: TickerParts
  #timer: Timer | undefined
  #mode: 'stopped' | 'waiting' | 'woken' | 'ticking' | 'ticking-again' = 'stopped'

  constructor(parts: TickerParts) {
    this.#parts = parts
  }

  start(): void {
    if (this.#mode === 'stopped') this.#schedule(0)
  }

  /** A round that is under way ends as it may; none begins. */
  stop(): void {
    this.#mode = 'stopped'
    this.#timer?.cancel()
  }

  /** There may be work sooner than the next round. */
  wake(): void {
    if (this.#mode === 'ticking') this.#mode = 'ticking-again'
    if (this.#mode !== 'waiting') return
    this.#timer?.cancel()
    this.#schedule(gatherMs, 'woken')
  }

  /** As for a failed round, for what a round has begun and left to itself. */
  trouble(error: unknown): void {
    if (!(error instanceof TablesError) || error.code === 'damaged') this.#parts.onTrouble(error)
  }

  #schedule(delayMs: number, mode: 'waiting' | 'woken' = 'waiting'): void {
    this.#mode = mode
    this.#timer = this.#parts.timers.after(delayMs, () => {
      this.#mode = 'ticking'
      this.#parts.tick().then(
        (hasMore) => this.#ticked(hasMore),
        (error: unknown) => {
          this.trouble(error)
          if (this.#mode !== 'stopped') this.#schedule(this.#parts.tickMs)
        },
      )
    })
  }

  #ticked(hasMore: boolean): void {
    if (this.#mode === 'stopped') return
    if (this.#mode === 'ticking-again') this.#schedule(gatherMs, 'woken')
    else this.#schedule(hasMore ? 0 : this.#parts.tickMs)
  }
}
