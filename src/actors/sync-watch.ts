/**
 * Notices a disk whose syncs do not return (FAULTS.md, 31): nothing can be acknowledged, so nobody should be let wait.
 *
 * Looked at only while something waits, and seldom, since a sync must cost nothing more: it takes `syncStuckMs` to twice
 * that until it is noticed.
 */
import { syncStuckMs } from '../limits.ts'
import type { Timer, Timers } from '../seams.ts'

export type SyncProgress = {
  /** The frame on which all that was decided rests. */
  readonly restsOn: number
  /** The last frame that is on the disk. */
  readonly durableOrdinal: number
}

export class SyncWatch {
  readonly #timers: Timers
  readonly #onStuck: () => void
  #timer: Timer | undefined

  constructor(timers: Timers, onStuck: () => void) {
    this.#timers = timers
    this.#onStuck = onStuck
  }

  /** After something was given to the journal. Calls `onStuck` where none of its frames becomes durable in time. */
  watch(journal: SyncProgress): void {
    if (this.#timer !== undefined || journal.restsOn <= journal.durableOrdinal) return
    const before = journal.durableOrdinal
    this.#timer = this.#timers.after(syncStuckMs, () => {
      this.#timer = undefined
      if (journal.durableOrdinal > before) this.watch(journal)
      else this.#onStuck()
    })
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
