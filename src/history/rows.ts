/** How the projection's rows stand for what they mean. */
import type { CustomerId, ProductId, ReservationId } from '../domain/ids.ts'
import type { ReservationStatus } from '../domain/stock.ts'
import type { Counts, Line, PastReservation } from './fold.ts'

export type CountsRow = {
  readonly version: number
  readonly onHand: number
  readonly held: number
  readonly sold: number
  readonly waiting: number
  readonly earmarked: number
  readonly retired: number
}

export type ReservationRow = {
  readonly id: string
  readonly status: number
  readonly customer: string | null
  readonly reference: string | null
  readonly lines: string
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly resolvedAtMs: number
  readonly sequence: number
}

/** Columns of `reservations` as a `ReservationRow`. */
export const RESERVATION_COLUMNS = `reservations.id, status, customer, reference, lines, created_at_ms AS createdAtMs,
  expires_at_ms AS expiresAtMs, resolved_at_ms AS resolvedAtMs, reservations.sequence`

/** In the order of their numbers. */
const STATUSES: readonly ReservationStatus[] = ['held', 'paying', 'confirmed', 'released', 'expired']
const PREFIX = 'res_'

export function statusNumber(status: ReservationStatus): number {
  return STATUSES.indexOf(status)
}

export function bareId(id: ReservationId): string {
  return id.slice(PREFIX.length)
}

export function wholeId(bare: string): ReservationId {
  return (PREFIX + bare) as ReservationId
}

/** Product, quantity and what came back, in turn. */
export function packLines(lines: readonly Line[]): string {
  return JSON.stringify(lines.flatMap(({ productId, quantity, returned }) => [productId, quantity, returned]))
}

export function reservationOf(row: ReservationRow): PastReservation {
  const cells = JSON.parse(row.lines) as (string | number)[]
  const lines: Line[] = []
  for (let at = 0; at < cells.length; at += 3) {
    const [productId, quantity, returned] = cells.slice(at, at + 3) as [ProductId, number, number]
    lines.push({ productId, quantity, returned })
  }
  return {
    reservationId: wholeId(row.id),
    customerId: (row.customer ?? undefined) as CustomerId | undefined,
    reference: row.reference ?? undefined,
    status: STATUSES[row.status] as ReservationStatus,
    lines,
    createdAtMs: row.createdAtMs,
    expiresAtMs: row.expiresAtMs,
    resolvedAtMs: row.resolvedAtMs,
    sequence: row.sequence,
  }
}

export function countsOf(row: CountsRow): Counts {
  const { version, onHand, held, sold, waiting, earmarked, retired } = row
  return { version, onHand, held, sold, waiting, earmarked, retired: retired === 1 }
}
