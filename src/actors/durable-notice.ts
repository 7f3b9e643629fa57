import { durableNoticeMs } from '../limits.ts'
import type { Timer, Timers } from '../seams.ts'

/** Tells what became durable: at once, and then no more often than every `durableNoticeMs`, always the newest. */
export class DurableNotice {
  readonly #timers: Timers
  readonly #tell: (ordinal: number) => void
  #newest = 0
  #told = 0
  #pause: Timer | undefined

  constructor(timers: Timers, tell: (ordinal: number) => void) {
    this.#timers = timers
    this.#tell = tell
  }

  note(ordinal: number): void {
    this.#newest = ordinal
    if (this.#pause === undefined) this.#tellNewest()
  }

  #tellNewest(): void {
    this.#told = this.#newest
    this.#tell(this.#told)
    this.#pause = this.#timers.after(durableNoticeMs, () => {
      this.#pause = undefined
      if (this.#newest > this.#told) this.#tellNewest()
    })
  }
}
