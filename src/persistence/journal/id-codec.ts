/** Ids as bytes. */
import { assert } from '../../domain/assert.ts'
import type { ReservationId } from '../../domain/ids.ts'
import type { ByteReader, ByteWriter } from './bytes.ts'

/** `res_` stands before every id; 26 characters of ULID and 2 of shard remain. */
const RESERVATION_PREFIX = 'res_'
const RESERVATION_ID_BARE = 28

export function writeReservationId(writer: ByteWriter, id: ReservationId): void {
  assert(id.length === RESERVATION_PREFIX.length + RESERVATION_ID_BARE, 'a reservation id has 32 characters')
  writer.asciiBare(id, RESERVATION_PREFIX.length)
}

export function readReservationId(reader: ByteReader): ReservationId {
  return (RESERVATION_PREFIX + reader.asciiBare(RESERVATION_ID_BARE)) as ReservationId
}
