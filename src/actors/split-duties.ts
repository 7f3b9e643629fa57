/**
 * What a shard owes to others on behalf of split reservations: settlements that were not acknowledged (P3), and questions
 * about holds whose outcome nobody told (P4). Follows from the state; kept apart so that nobody has to search it.
 */
import type { Event } from '../domain/events.ts'
import { homeOf, type ReservationId, type ShardId } from '../domain/ids.ts'
import { type Settlement, settlementFor } from '../domain/split.ts'
import type { ShardView } from '../domain/stock.ts'
import { doubtAfterMs, redeliverAfterMs } from '../limits.ts'

/** One thing to say to another shard. */
export type Duty =
  | { readonly type: 'settle'; readonly settlement: Settlement }
  | { readonly type: 'ask'; readonly reservationId: ReservationId; readonly participant: ShardId }

export class SplitDuties {
  readonly #shard: ShardId
  readonly #state: ShardView
  /** When to speak, oldest first. */
  readonly #unsettled = new Map<ReservationId, number>()
  readonly #doubtful = new Map<ReservationId, number>()

  constructor(shard: ShardId, state: ShardView, nowMs: number) {
    this.#shard = shard
    this.#state = state
    for (const { id, unsettled } of state.splits.values())
      if (unsettled.size > 0) this.#unsettled.set(id, nowMs)
    for (const [id, holds] of state.holds) {
      if (homeOf(id) !== shard && holds.some(({ step }) => step === 0)) this.#doubtful.set(id, nowMs)
    }
  }

  get size(): number {
    return this.#unsettled.size + this.#doubtful.size
  }

  /** When the first is due. */
  get firstAtMs(): number {
    const [unsettledAtMs = Number.POSITIVE_INFINITY] = this.#unsettled.values()
    const [doubtfulAtMs = Number.POSITIVE_INFINITY] = this.#doubtful.values()
    return Math.min(unsettledAtMs, doubtfulAtMs)
  }

  note(event: Event, nowMs: number): void {
    switch (event.type) {
      case 'SplitSettled':
      case 'SplitAcknowledged': {
        const { reservationId } = event
        const isOwing = (this.#state.splits.get(reservationId)?.unsettled.size ?? 0) > 0
        this.#unsettled.delete(reservationId)
        // Whoever caused it delivers it first; this is for when they do not.
        if (isOwing) this.#unsettled.set(reservationId, nowMs + redeliverAfterMs)
        return
      }
      case 'HoldPlaced':
        if (homeOf(event.reservationId) !== this.#shard)
          this.#doubtful.set(event.reservationId, nowMs + doubtAfterMs)
        return
      case 'HoldSettled':
        this.#doubtful.delete(event.reservationId)
        return
    }
  }

  /** The home has answered: the hold stands as it is. */
  settleDoubt(reservationId: ReservationId): void {
    this.#doubtful.delete(reservationId)
  }

  /** Takes what is due, to be said now; each comes again later unless it has been seen to. */
  take(nowMs: number, max: number): readonly Duty[] {
    const duties: Duty[] = []
    for (const [reservationId, atMs] of this.#unsettled) {
      if (atMs > nowMs || duties.length >= max) break
      this.#unsettled.delete(reservationId)
      const split = this.#state.splits.get(reservationId)
      if (split === undefined || split.unsettled.size === 0) continue
      this.#unsettled.set(reservationId, nowMs + redeliverAfterMs)
      for (const shard of split.unsettled)
        duties.push({ type: 'settle', settlement: settlementFor(split, shard) })
    }
    for (const [reservationId, atMs] of this.#doubtful) {
      if (atMs > nowMs || duties.length >= max) break
      this.#doubtful.delete(reservationId)
      if (!this.#state.holds.has(reservationId)) continue
      this.#doubtful.set(reservationId, nowMs + doubtAfterMs)
      duties.push({ type: 'ask', reservationId, participant: this.#shard })
    }
    return duties
  }
}
