/**
 * When a shard has something to do with each of its reservations: end a hold, close a return window, forget an end.
 *
 * A reservation has one entry, never later than it is due: an extension or an end leaves the entry as it is, and when it
 * comes up it goes to where it belongs by then.
 */
import { assert } from '../domain/assert.ts'
import { endedKnownMs } from '../domain/bounds.ts'
import type { ReservationRow } from '../domain/reservation-row.ts'
import type { ReservationTable } from '../domain/reservation-table.ts'
import type { SplitReservation } from '../domain/split.ts'
import { isLive } from '../domain/stock.ts'
import { recoveryGraceMs } from '../limits.ts'
import { Deadlines } from './deadlines.ts'

/** The command that is due. Ends of holds give units back, so they come first, and need little room. */
export type DueKind = 'expire' | 'closeReturns' | 'forget'
export const dueKinds: readonly DueKind[] = ['expire', 'closeReturns', 'forget']

type Timed = ReservationRow | SplitReservation
/** A reservation of one product by its number, since it is no object to be kept. */
type Entry = number | SplitReservation

export class Dues {
  readonly #reservations: Pick<ReservationTable, 'at'>
  readonly #readyAtMs: number
  readonly #returnWindowMs: number
  readonly #queues: Readonly<Record<DueKind, Deadlines<Entry>>> = {
    expire: new Deadlines(),
    closeReturns: new Deadlines(),
    forget: new Deadlines(),
  }

  /** Holds made before `readyAtMs` get the grace of a recovery. */
  constructor(
    reservations: Pick<ReservationTable, 'at'>,
    options: { readonly readyAtMs: number; readonly returnWindowMs: number },
  ) {
    this.#reservations = reservations
    this.#readyAtMs = options.readyAtMs
    this.#returnWindowMs = options.returnWindowMs
  }

  /** One for each reservation. */
  get size(): number {
    return dueKinds.reduce((sum, kind) => sum + this.#queues[kind].size, 0)
  }

  /** When the first is due, where ended reservations are forgotten so much earlier. */
  firstAtMs(forgetEarlierMs: number): number {
    const { expire, closeReturns, forget } = this.#queues
    return Math.min(expire.firstAtMs, closeReturns.firstAtMs, forget.firstAtMs - forgetEarlierMs)
  }

  /** Once when it is made, and again after each thing that was due. */
  note(reservation: Timed): void {
    this.#queues[kindOf(reservation)].add(this.#dueAtMs(reservation), entryOf(reservation))
  }

  postpone(kind: DueKind, reservation: Timed, atMs: number): void {
    this.#queues[kind].add(atMs, entryOf(reservation))
  }

  /** Takes the first of a kind that is due; `not yet` where the first entry came up too early and was put off. */
  take(kind: DueKind, nowMs: number): Timed | 'not yet' | undefined {
    const queue = this.#queues[kind]
    const atMs = queue.firstAtMs
    if (atMs > nowMs) return undefined
    const entry = queue.take()
    const reservation = typeof entry === 'number' ? this.#reservations.at(entry) : entry
    assert(reservation !== undefined, 'nothing is forgotten before it is due')
    if (kindOf(reservation) === kind && this.#dueAtMs(reservation) <= atMs) return reservation
    this.note(reservation)
    return 'not yet'
  }

  #dueAtMs(reservation: Timed): number {
    if (isLive(reservation.status)) {
      const { createdAtMs, expiresAtMs } = reservation
      return createdAtMs < this.#readyAtMs
        ? Math.max(expiresAtMs, this.#readyAtMs + recoveryGraceMs)
        : expiresAtMs
    }
    if (reservation.status !== 'confirmed') return reservation.resolvedAtMs + endedKnownMs
    const closesAtMs = reservation.resolvedAtMs + this.#returnWindowMs
    return reservation.returnClosed ? closesAtMs + endedKnownMs : closesAtMs
  }
}

function entryOf(reservation: Timed): Entry {
  return 'number' in reservation ? reservation.number : reservation
}

function kindOf({ status, returnClosed }: Timed): DueKind {
  if (isLive(status)) return 'expire'
  return status === 'confirmed' && !returnClosed ? 'closeReturns' : 'forget'
}
