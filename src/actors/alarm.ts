import { dayMs } from '../domain/bounds.ts'
import type { Timer, Timers } from '../seams.ts'

/** Rings when the earliest of the times it was set for has come, or before. One timer for all of them. */
export class Alarm {
  readonly #timers: Timers
  readonly #ring: () => void
  #set: { readonly atMs: number; readonly timer: Timer } | undefined

  constructor(timers: Timers, ring: () => void) {
    this.#timers = timers
    this.#ring = ring
  }

  /** Both in milliseconds of the same clock. */
  set(atMs: number, nowMs: number): void {
    if (this.#set !== undefined && this.#set.atMs <= atMs && this.#set.atMs > nowMs) return
    this.#set?.timer.cancel()
    // Node's timers hold at most 24.8 days; who is woken early finds nothing due and sets it again.
    const delayMs = Math.min(Math.max(0, atMs - nowMs), dayMs)
    const timer = this.#timers.after(delayMs, () => {
      this.#set = undefined
      this.#ring()
    })
    this.#set = { atMs, timer }
  }

  cancel(): void {
    this.#set?.timer.cancel()
    this.#set = undefined
  }
}
