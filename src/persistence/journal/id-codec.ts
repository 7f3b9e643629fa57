/** Ids as bytes. */
import { assert } from '../../domain/assert.ts'
import type { ReservationId } from '../../domain/ids.ts'
import type { ByteReader, ByteWriter } from './bytes.ts'

/** `res_` stands before every id; 26 characters of ULID and 2 of shard remain. */
const RESERVATION_PREFIX = 'res_'
const RESERVATION_ID_BARE = 28
const [R, E, S, UNDERSCORE] = [114, 101, 115, 95]

export function writeReservationId(writer: ByteWriter, id: ReservationId): void {
  assert(id.length === RESERVATION_PREFIX.length + RESERVATION_ID_BARE, 'a reservation id has 32 characters')
  writer.asciiFrom(id, RESERVATION_PREFIX.length)
}

/**
 * In one call, so that the text is made once and as a whole: prefix and rest put together would be taken apart again by
 * the first who looks at a character, which took half of the time that reading an event takes.
 */
export function readReservationId(reader: ByteReader): ReservationId {
  const at = reader.take(RESERVATION_ID_BARE)
  const { bytes } = reader
  // biome-ignore format: a row for each part of the id
  return String.fromCharCode(
    R, E, S, UNDERSCORE,
    bytes[at] as number, bytes[at + 1] as number, bytes[at + 2] as number, bytes[at + 3] as number,
    bytes[at + 4] as number, bytes[at + 5] as number, bytes[at + 6] as number, bytes[at + 7] as number,
    bytes[at + 8] as number, bytes[at + 9] as number, bytes[at + 10] as number, bytes[at + 11] as number,
    bytes[at + 12] as number, bytes[at + 13] as number, bytes[at + 14] as number, bytes[at + 15] as number,
    bytes[at + 16] as number, bytes[at + 17] as number, bytes[at + 18] as number, bytes[at + 19] as number,
    bytes[at + 20] as number, bytes[at + 21] as number, bytes[at + 22] as number, bytes[at + 23] as number,
    bytes[at + 24] as number, bytes[at + 25] as number, bytes[at + 26] as number, bytes[at + 27] as number,
  ) as ReservationId
}
