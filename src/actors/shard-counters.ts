/** What a shard has done since its worker started, for metrics. */
import type { Event } from '../domain/events.ts'

export type ShardCounters = {
  held: number
  confirmed: number
  released: number
  expired: number
  returned: number
  adjusted: number
  /** Answered as before, under an idempotency key. */
  replayed: number
  /** By the refusal's reason. */
  readonly refused: Map<string, number>
}

export function newCounters(): ShardCounters {
  return {
    held: 0,
    confirmed: 0,
    released: 0,
    expired: 0,
    returned: 0,
    adjusted: 0,
    replayed: 0,
    refused: new Map(),
  }
}

/** Whether with this event a reservation ends because its time was over; each does so once. */
export function isExpiry(event: Event): boolean {
  return event.type === 'HoldExpired' || (event.type === 'SplitSettled' && event.status === 'expired')
}

export function countEvent(counters: ShardCounters, event: Event): void {
  switch (event.type) {
    case 'UnitsHeld':
    case 'SplitHeld':
    case 'WaitlistServed':
      counters.held += 1
      return
    case 'UnitsConfirmed':
      counters.confirmed += 1
      return
    case 'UnitsReleased':
      counters.released += 1
      return
    case 'HoldExpired':
      counters.expired += 1
      return
    case 'UnitsReturned':
      counters.returned += 1
      return
    case 'StockAdjusted':
      counters.adjusted += 1
      return
  }
}
