/** How long a reservation lives, whatever it holds. */
import { reservationLifetimeMsMax } from './bounds.ts'
import type { Refusal } from './decision.ts'
import type { ReservationStatus } from './stock.ts'

type Timed = {
  readonly status: ReservationStatus
  readonly createdAtMs: number
  readonly expiresAtMs: number
}

/** When the hold ends if it is extended: never sooner than before, never beyond its lifetime. */
export function extendedTo(reservation: Timed, ttlMs: number, nowMs: number): number | Refusal {
  if (reservation.status === 'paying') {
    return { reason: 'paymentStarted', deadlineMs: reservation.expiresAtMs }
  }
  const latestExpiryMs = reservation.createdAtMs + reservationLifetimeMsMax
  if (nowMs + ttlMs > latestExpiryMs) return { reason: 'lifetimeExceeded', latestExpiryMs }
  return Math.max(reservation.expiresAtMs, nowMs + ttlMs)
}

/** The deadline is max(expiry, now + its time) within the lifetime, set by the first of any number of attempts. */
export function paymentDeadline(reservation: Timed, payingMs: number, nowMs: number): number {
  const latestExpiryMs = reservation.createdAtMs + reservationLifetimeMsMax
  return Math.min(Math.max(reservation.expiresAtMs, nowMs + payingMs), latestExpiryMs)
}
