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
 *     exists can always be settled. Two raise it and are never refused: an answer kept under a key, since the number of
 *     keys has its own bound, and an abort, since it lets go of a hold that is larger.
 *
 * A new kind of record needs its bytes here and in `footprintOf`, its event in `makesRecord`, and `evolve` to add and take
 * off what it costs.
 */
import { customerIdLengthMax, referenceLengthMax } from './bounds.ts'
import type { Event } from './events.ts'
import { type KeyRecord, keyInlineMax } from './key-table.ts'
import { isLive, type ReservationView, type ShardView, type SplitView, type WaitlistView } from './stock.ts'

/** Measured: 323 with a short id; with a whole sale, an id of 64 characters and an empty count of customers some 590. */
export const productBytes = 640
/** Measured: 213 with its id, its places in the table and in the heap of deadlines; the rest is room for these to grow. */
const RESERVATION_BYTES = 240
/** Measured: 33; twice as much right after the map has grown. */
const COUNTED_CUSTOMER_BYTES = 64
/** The header of a string, and what rounds it up to whole words. */
const STRING_BYTES = 24
const BYTES_PER_CHARACTER_MAX = 2

/** Reckoned from their fields, like those above, and never less than measured. */
const SPLIT_BYTES = 640
const SPLIT_LINE_BYTES = 160
const HOLD_BYTES = 320
const WAITING_BYTES = 420
const KEY_BYTES = 24
const KEY_BESIDE_BYTES = 120
export const abortedBytes = 160

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

/** The whole reservation at its home, from its making to its end the same. */
export function splitBytes({ lines, customerId }: Pick<SplitView, 'lines' | 'customerId'>): number {
  return SPLIT_BYTES + lines.length * SPLIT_LINE_BYTES + REFERENCE_BYTES_MAX + nameBytesOf(customerId)
}

/** One line of it, in its product's actor. */
export function holdBytes({ customerId }: { readonly customerId: string | undefined }): number {
  return HOLD_BYTES + COUNTED_CUSTOMER_BYTES + 2 * nameBytesOf(customerId)
}

/** Those who wait, and those who were served. */
export function waitlistBytes(waitlist: WaitlistView | undefined): number {
  if (waitlist === undefined) return 0
  // Whoever waits is charged with the reservation that serves them.
  return waitlist.line.size * (WAITING_BYTES + reservationBytesMax) + waitlist.served.size * WAITING_BYTES
}

/** What of a key's record stands in the heap: its cell does not. */
export function keyBytes({ value }: Pick<KeyRecord, 'value'>): number {
  return KEY_BYTES + (value.length > keyInlineMax ? KEY_BESIDE_BYTES + value.length : 0)
}

function nameBytesOf(customerId: string | undefined): number {
  return customerId === undefined ? 0 : STRING_BYTES + customerId.length
}

/** Whether the event makes a record that can be refused: without these the footprint does not grow, but as F1 says. */
export function makesRecord(event: Event): boolean {
  switch (event.type) {
    case 'UnitsHeld':
    case 'HoldPlaced':
    case 'SplitHeld':
    case 'WaitlistJoined':
    case 'KeyClaimed':
      return true
    case 'StockAdjusted':
      return event.version === 1
    default:
      return false
  }
}

/** Of a whole state, counted anew. */
export function footprintOf(shard: ShardView): number {
  let bytes = shard.products.size * productBytes
  for (const reservation of shard.reservations.values()) bytes += reservationBytes(reservation)
  for (const { waitlist } of shard.products.values()) bytes += waitlistBytes(waitlist)
  for (const split of shard.splits.values()) bytes += splitBytes(split)
  for (const holds of shard.holds.values()) for (const hold of holds) bytes += holdBytes(hold)
  bytes += shard.aborted.size * abortedBytes
  for (const record of shard.keys.values()) bytes += keyBytes(record)
  return bytes
}
