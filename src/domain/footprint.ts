/**
 * What the records of a shard take of memory, in bytes, never less than they do: in the heap, whose limit ends the thread,
 * or outside it, where the rows and texts of reservations lie.
 *
 * F1  Only an event that makes a record raises what a shard takes of the heap. A reservation is charged with an entry
 *     among the product's customers as long as it is known, whether these are counted or not. So who refuses such events
 *     bounds the heap, and whatever exists can always be settled. Three raise the footprint and are never refused: an
 *     answer kept under a key, since the number of keys has its own bound; an abort, since it lets go of a hold that is
 *     larger; and a confirmation that brings a reference, which lies outside the heap.
 *
 * A new kind of record needs its bytes here and in `footprintOf`, its event in `makesRecord`, and `evolve` to add and take
 * off what it costs.
 */
import { customerIdLengthMax, referenceLengthMax } from './bounds.ts'
import type { Event } from './events.ts'
import { type KeyRecord, keyInlineMax } from './key-table.ts'
import { textBytesOf } from './reservation-texts.ts'
import type { ShardView, SplitView, TextLengths, WaitlistView } from './stock.ts'

/** Measured: 323 with a short id; with a whole sale, an id of 64 characters and an empty count of customers some 590. */
export const productBytes = 640
/**
 * Its row and a deleted one that was not left out yet, their slots, and its deadline, in arrays that may just have doubled.
 * These and its texts lie outside the heap, and are counted as if they did not.
 */
const RESERVATION_BYTES = 208
/** Of the bytes of its texts: as many again were perhaps not left out yet. */
const TEXTS_SHARE = 2
const UTF8_BYTES_PER_CHARACTER_MAX = 3
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
/** Of a customer with the longest name, without a reference. */
const PLAIN_BYTES_MAX =
  RESERVATION_BYTES +
  TEXTS_SHARE * textBytesOf(customerIdLengthMax, 0) +
  COUNTED_CUSTOMER_BYTES +
  STRING_BYTES +
  customerIdLengthMax
/** And with the longest reference. */
export const reservationBytesMax: number =
  PLAIN_BYTES_MAX + TEXTS_SHARE * UTF8_BYTES_PER_CHARACTER_MAX * referenceLengthMax

/** Of a reservation; as long as it is known only a reference that its confirmation brings changes it (F1). */
export function reservationBytes({ textBytes, customerIdLength }: TextLengths): number {
  const bytes = RESERVATION_BYTES + TEXTS_SHARE * textBytes
  return customerIdLength === 0 ? bytes : bytes + COUNTED_CUSTOMER_BYTES + STRING_BYTES + customerIdLength
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
  return waitlist.line.size * (WAITING_BYTES + PLAIN_BYTES_MAX) + waitlist.served.size * WAITING_BYTES
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
