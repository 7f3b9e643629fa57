/** What a provider has still to bring: now or late, once or twenty times, in its order or in any other, or never. */
import type { Dice } from '../../support/dice.ts'

export type Letter = {
  readonly eventId: string
  readonly body: string
  /** What nobody could find out by asking is never lost. */
  readonly isAllThereIs?: boolean
}
type Delivery = { readonly letter: Letter; readonly dueAtMs: number }

/** Of those that the ways before have left: a fifth of all, a fifth, a twentieth. */
const DUPLICATED = 0.21
const COPIES_MAX = 20
const REORDERED = 0.22
const LATE = 0.053
const LOST = 0.03
const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const KEPT_MAX = 300

export class Postbag {
  readonly counts = { events: 0, duplicated: 0, reordered: 0, late: 0, lost: 0 }
  /** Some of the newest, for whoever wants to forge one. */
  readonly seen: Letter[] = []
  /** Ids of all that was ever put in. */
  readonly events = new Set<string>()
  readonly #dice: Dice
  #deliveries: Delivery[] = []

  constructor(dice: Dice) {
    this.#dice = dice
  }

  put(letter: Letter, nowMs: number): void {
    const { counts } = this
    const dice = this.#dice
    counts.events += 1
    this.seen.push(letter)
    this.events.add(letter.eventId)
    if (this.seen.length > KEPT_MAX) this.seen.shift()
    if (letter.isAllThereIs !== true && dice.hits(LOST)) {
      counts.lost += 1
      return
    }
    const dueAtMs = nowMs + this.#delayMs()
    this.#deliveries.push({ letter, dueAtMs })
    if (!dice.hits(DUPLICATED)) return
    counts.duplicated += 1
    // Few copies are more likely than many.
    const copies = 2 + Math.floor(dice.fraction() ** 4 * (COPIES_MAX - 1))
    for (let copy = 2; copy <= copies; copy++) {
      const laterMs = dice.hits(0.5) ? 0 : dice.between(0, 10 * MINUTE_MS)
      this.#deliveries.push({ letter, dueAtMs: dueAtMs + laterMs })
    }
  }

  /** The shop did not say that it has it. */
  again(letter: Letter, nowMs: number): void {
    this.#deliveries.push({ letter, dueAtMs: nowMs + 2_000 })
  }

  /** All that is due, in any order. */
  take(nowMs: number): Letter[] {
    const due = this.#deliveries.filter(({ dueAtMs }) => dueAtMs <= nowMs)
    if (due.length === 0) return []
    this.#deliveries = this.#deliveries.filter(({ dueAtMs }) => dueAtMs > nowMs)
    return this.#dice.shuffled(due).map(({ letter }) => letter)
  }

  get nextAtMs(): number | undefined {
    const next = this.#deliveries.reduce((least, { dueAtMs }) => Math.min(least, dueAtMs), Number.MAX_VALUE)
    return this.#deliveries.length === 0 ? undefined : next
  }

  #delayMs(): number {
    const { counts } = this
    const dice = this.#dice
    if (dice.hits(LATE)) {
      counts.late += 1
      return dice.hits(0.5) ? dice.between(16 * MINUTE_MS, 60 * MINUTE_MS) : DAY_MS + dice.between(0, DAY_MS)
    }
    if (!dice.hits(REORDERED)) return 0
    counts.reordered += 1
    return dice.between(1_000, 3 * MINUTE_MS)
  }
}
