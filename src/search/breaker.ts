/**
 * Keeps callers away from something that fails, for longer and longer, and lets one of them try again.
 *
 * B1  Closed, everybody may call. After `failuresMax` failures in a row it opens.
 * B2  Open, nobody may, for a time that doubles with each opening in a row and that chance shortens by up to a half: many
 *     processes that have lost the same server shall not come back to it at the same moment.
 * B3  Then one caller may try. If that comes off it closes, and forgets; if not it opens again. A try of which nothing is
 *     heard is given up after the time it would be open for.
 *
 * Asks a clock and sets no timer: what waits is its caller's business.
 */
import type { Clock, Random } from '../seams.ts'

export type BreakerOptions = {
  readonly failuresMax: number
  readonly firstMs: number
  readonly longestMs: number
}

type Mode =
  | { readonly type: 'closed' }
  | { readonly type: 'open'; readonly untilMs: number }
  | { readonly type: 'trying'; readonly untilMs: number }

export class Breaker {
  readonly #options: BreakerOptions
  readonly #clock: Clock
  readonly #random: Random
  #mode: Mode = { type: 'closed' }
  /** In a row. */
  #failures = 0
  #openings = 0

  constructor(options: BreakerOptions, clock: Clock, random: Random) {
    this.#options = options
    this.#clock = clock
    this.#random = random
  }

  get isClosed(): boolean {
    return this.#mode.type === 'closed'
  }

  /** Until somebody may call; 0 where one may now. */
  get waitMs(): number {
    return this.#mode.type === 'closed' ? 0 : Math.max(0, this.#mode.untilMs - this.#clock.monotonicMs())
  }

  /** Whether to call now. Who is told so says afterwards how it went, by `succeeded` or `failed`. */
  mayCall(): boolean {
    if (this.#mode.type === 'closed') return true
    if (this.waitMs > 0) return false
    this.#mode = { type: 'trying', untilMs: this.#clock.monotonicMs() + this.#openMs() }
    return true
  }

  succeeded(): void {
    // Of a call from before it opened: that the server answered then says nothing of now.
    if (this.#mode.type === 'open') return
    this.#mode = { type: 'closed' }
    this.#failures = 0
    this.#openings = 0
  }

  failed(): void {
    if (this.#mode.type === 'open') return
    this.#failures += 1
    if (this.#mode.type === 'closed' && this.#failures < this.#options.failuresMax) return
    this.#openings += 1
    this.#mode = { type: 'open', untilMs: this.#clock.monotonicMs() + this.#openMs() }
  }

  #openMs(): number {
    const { firstMs, longestMs } = this.#options
    const wholeMs = Math.min(longestMs, firstMs * 2 ** (Math.max(1, this.#openings) - 1))
    return wholeMs * (1 - this.#random.fraction() / 2)
  }
}
