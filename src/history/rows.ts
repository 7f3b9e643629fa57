/** How a row of the projection stands for a reservation. */
import type { CustomerId, ProductId, ReservationId } from '../domain/ids.ts'
import type { ReservationStatus } from '../domain/stock.ts'
import { ByteReader, ByteWriter } from '../persistence/journal/bytes.ts'
import type { Line, PastReservation } from './fold.ts'
import { ProjectionDamaged, unpacked } from './projection-damaged.ts'

export type ReservationRow = {
  readonly id: string
  readonly status: number
  readonly customer: string | null
  readonly reference: string | null
  /** What nobody searches for. */
  readonly rest: Buffer
}

/** Columns of `reservations` as a `ReservationRow`. */
export const RESERVATION_COLUMNS = 'id, status, customer, reference, rest'

/** In the order of their numbers. */
const STATUSES: readonly ReservationStatus[] = ['held', 'paying', 'confirmed', 'released', 'expired']
const PREFIX = 'res_'
const packing = new ByteWriter(1_024)

export function statusNumber(status: ReservationStatus): number {
  return STATUSES.indexOf(status)
}

export function bareId(id: ReservationId): string {
  return id.slice(PREFIX.length)
}

export function wholeId(bare: string): ReservationId {
  return (PREFIX + bare) as ReservationId
}

/** The `rest` of its row; those bytes until the next call. */
export function packedRest(reservation: PastReservation): Buffer {
  const { lines, createdAtMs, expiresAtMs, resolvedAtMs, sequence } = reservation
  packing.reset()
  packing.varint(createdAtMs)
  packing.signed(expiresAtMs - createdAtMs)
  packing.varint(resolvedAtMs)
  packing.varint(sequence)
  for (const { productId, quantity, returned } of lines) {
    packing.ascii(productId)
    packing.varint(quantity)
    packing.varint(returned)
  }
  return packing.bytes.subarray(0, packing.length)
}

/** Throws `ProjectionDamaged`. */
export function reservationOf(row: ReservationRow): PastReservation {
  const status = STATUSES[row.status]
  if (status === undefined) throw new ProjectionDamaged(`there is no status ${row.status}`)
  return unpacked(() => {
    const reader = new ByteReader(row.rest)
    const createdAtMs = reader.varint()
    const expiresAtMs = createdAtMs + reader.signed()
    const resolvedAtMs = reader.varint()
    const sequence = reader.varint()
    const lines: Line[] = []
    while (!reader.isAtEnd) {
      const productId = reader.ascii() as ProductId
      lines.push({ productId, quantity: reader.varint(), returned: reader.varint() })
    }
    return {
      reservationId: wholeId(row.id),
      customerId: (row.customer ?? undefined) as CustomerId | undefined,
      reference: row.reference ?? undefined,
      status,
      lines,
      createdAtMs,
      expiresAtMs,
      resolvedAtMs,
      sequence,
    }
  })
}
