/**
 * What the records of a shard take of the heap, in bytes, never less than they do.
 *
 * Measured in Node 26: a million reservations over 1,000 products, made by a `Shard` from messages that had crossed
 * threads, the heap before and after a full collection; the same again with the state read from a snapshot. Arrays outside
 * the heap (25 to 65 bytes a reservation) are not in it: V8's limit does not count them.
 *
 * F1  Only an event that makes a record raises a shard's footprint. A live reservation is charged with the longest
 *     reference that its confirmation may bring, and one that counts for its customer with an entry among the product's
 *     customers, whether these are counted yet or not. So who refuses such events bounds the footprint, and whatever
 *     exists can always be settled.
 *
 * A new kind of record needs its bytes here and in `footprintOf`, its event in `makesRecord`, and `evolve` to add and take
 * off what it costs.
 */
import { customerIdLengthMax, referenceLengthMax } from './bounds.ts'
import type { Event } from './events.ts'
import { isLive, type ReservationView, type ShardView } from './stock.ts'

/** Measured: 323 with a short id; with a whole sale, an id of 64 characters and an empty count of customers some 590. */
export const productBytes = 640
/** Measured: 213 with its id, its places in the table and in the heap of deadlines; the rest is room for these to grow. */
const RESERVATION_BYTES = 240
/** Measured: 33; twice as much right after the map has grown. */
const COUNTED_CUSTOMER_BYTES = 64
/** The header of a string, and what rounds it up to whole words. */
const STRING_BYTES = 24
const BYTES_PER_CHARACTER_MAX = 2

const REFERENCE_BYTES_MAX = STRING_BYTES + BYTES_PER_CHARACTER_MAX * referenceLengthMax
/** One that lives, of a customer with the longest name. */
export const reservationBytesMax =
  RESERVATION_BYTES + REFERENCE_BYTES_MAX + COUNTED_CUSTOMER_BYTES + 2 * (STRING_BYTES + customerIdLengthMax)

/** Of a reservation as it stands; it can only fall from here on (F1). */
export function reservationBytes(reservation: ReservationView): number {
  const { status, customerId, reference, returnClosed } = reservation
  let bytes = RESERVATION_BYTES
  if (isLive(status)) bytes += REFERENCE_BYTES_MAX
  else if (reference !== undefined) bytes += STRING_BYTES + BYTES_PER_CHARACTER_MAX * reference.length
  if (customerId !== undefined) {
    const nameBytes = STRING_BYTES + customerId.length
    bytes += nameBytes
    // The entry's key may be the name as an earlier reservation of the same customer had it.
    if (isLive(status) || (status === 'confirmed' && !returnClosed))
      bytes += COUNTED_CUSTOMER_BYTES + nameBytes
  }
  return bytes
}

/** Whether the event makes a record: with these refused, the footprint does not grow (F1). */
export function makesRecord(event: Event): boolean {
  return event.type === 'UnitsHeld' || (event.type === 'StockAdjusted' && event.version === 1)
}

/** Of a whole state, counted anew. */
export function footprintOf(shard: ShardView): number {
  let bytes = shard.products.size * productBytes
  for (const reservation of shard.reservations.values()) bytes += reservationBytes(reservation)
  return bytes
}
