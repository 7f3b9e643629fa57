/** Notes beside the journal how far others were told, so that nobody archives what they were not; seldom, for it costs a file. */
import type { ThreadLog } from '../kept-thread.ts'
import { eventsNoteMs } from '../limits/events.ts'
import type { JournalPlace } from '../persistence/journal/stream-follower.ts'
import { type Told, writeTold } from '../persistence/journal/told.ts'
import type { Clock } from '../seams.ts'
import type { RelayPosition } from './relay-position.ts'

export class ToldNote {
  readonly #place: JournalPlace
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #log: ThreadLog
  #nextAtMs = 0
  #fails = false

  constructor(place: JournalPlace, { clock, log }: { readonly clock: Clock; readonly log: ThreadLog }) {
    this.#place = place
    this.#clock = clock
    this.#log = log
  }

  /** All up to here was told; undefined: nothing was yet. */
  note(position: RelayPosition | undefined): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs < this.#nextAtMs) return
    this.#nextAtMs = nowMs + eventsNoteMs
    const { disk, journal } = this.#place
    try {
      writeTold(disk, journal, sequencesOf(position))
      this.#fails = false
    } catch (error) {
      // A disk without room: the note stays behind, and whoever archives waits.
      if (!(error instanceof Error && 'syscall' in error)) throw error
      if (!this.#fails) this.#log('warn', 'events.notNoted', { why: error.message })
      this.#fails = true
    }
  }
}

function sequencesOf(position: RelayPosition | undefined): Told {
  return new Map([...(position?.shards ?? [])].map(([shard, { sequence }]) => [shard, sequence]))
}
