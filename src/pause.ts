/** The rest between two turns, which whoever has news may end. */
import type { Timer, Timers } from './seams.ts'

export class Pause {
  readonly #timers: Timers
  #resting: { readonly timer: Timer; readonly resolve: () => void } | undefined

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /** Resolves when so much time has passed, or with `end`. One at a time. */
  rest(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#resting = { timer: this.#timers.after(delayMs, () => this.end()), resolve }
    })
  }

  /** Says nothing to who does not rest. */
  end(): void {
    this.#resting?.timer.cancel()
    this.#resting?.resolve()
    this.#resting = undefined
  }
}
