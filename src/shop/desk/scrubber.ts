/**
 * Looks at all rows of the tables, again and again, so that a damaged one is known before somebody needs it. A little at a
 * time, on a connection of its own that can change nothing; what it finds is logged, counted and shown by `/readyz`.
 */
import Database from 'better-sqlite3'
import { scrubEveryMs, scrubStepMs, scrubStepRows, scrubWholeRowsMax } from '../../limits.ts'
import type { Logger } from '../../log.ts'
import type { DamageBoard } from '../../persistence/tables/seals/damage-board.ts'
import { type Damage, scrub } from '../../persistence/tables/seals/scrub.ts'
import type { Clock, Timer, Timers } from '../../seams.ts'

export type ScrubberParts = {
  /** The tables' file. */
  readonly path: string
  readonly board: DamageBoard
  readonly clock: Clock
  readonly timers: Timers
  readonly log: Logger
}

type Walk = {
  readonly database: Database.Database
  readonly steps: Generator<readonly Damage[], void>
  readonly sinceMs: number
  damaged: number
}

/** Of one walk; the number of all is in the metric. */
const loggedMax = 100

export class Scrubber {
  readonly #parts: ScrubberParts
  #timer: Timer | undefined
  #walk: Walk | undefined

  constructor(parts: ScrubberParts) {
    this.#parts = parts
  }

  start(): void {
    this.#schedule(scrubStepMs)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#walk?.database.close()
    this.#walk = undefined
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#parts.timers.after(delayMs, () => this.#step())
  }

  #step(): void {
    this.#walk ??= this.#begin()
    const walk = this.#walk
    const { value, done } = walk.steps.next()
    if (done === true) return this.#finish(walk)
    for (const { table, key, why } of value ?? []) {
      walk.damaged += 1
      if (walk.damaged <= loggedMax) this.#parts.log.error({ table, row: key, why }, 'tables.damaged')
    }
    this.#parts.board.found(walk.damaged)
    this.#schedule(scrubStepMs)
  }

  #begin(): Walk {
    const { path, clock } = this.#parts
    const database = new Database(path, { readonly: true, fileMustExist: true })
    const steps = scrub(database, { stepRows: scrubStepRows, wholeRowsMax: scrubWholeRowsMax })
    return { database, steps, sinceMs: clock.monotonicMs(), damaged: 0 }
  }

  #finish({ database, sinceMs, damaged }: Walk): void {
    database.close()
    this.#walk = undefined
    this.#parts.board.finish(damaged)
    this.#schedule(Math.max(scrubStepMs, sinceMs + scrubEveryMs - this.#parts.clock.monotonicMs()))
  }
}
