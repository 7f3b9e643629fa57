/**
 * Reservation ids as five numbers: of the 28 characters behind `res_`, six go into each of four words, five bits each,
 * and the last four into a fifth of 20 bits. The form of an id is in ids.ts.
 */
import { assert } from './assert.ts'
import { CROCKFORD, type ReservationId } from './ids.ts'

export const packedWords = 5
const PREFIX = 'res_'
const ID_CHARS = 32
/** By character code; −1 is no digit. */
const CODES = 128
const VALUES: Int8Array = new Int8Array(CODES).map((_, code) => CROCKFORD.indexOf(String.fromCharCode(code)))
const PAIRS: readonly string[] = Array.from(
  { length: 1_024 },
  (_, bits) => `${CROCKFORD[bits >> 5]}${CROCKFORD[bits & 31]}`,
)

/** Packs an id; false where it has not the form of one. */
export function packId(id: string, into: Int32Array): boolean {
  if (id.length !== ID_CHARS) return false
  into[0] = six(id, 4)
  into[1] = six(id, 10)
  into[2] = six(id, 16)
  into[3] = six(id, 22)
  const last = (pair(id, 28) << 10) | pair(id, 30)
  into[4] = last
  // Any character that is no digit has made its word negative.
  return ((into[0] as number) | (into[1] as number) | (into[2] as number) | (into[3] as number) | last) >= 0
}

/** The id that was packed. */
export function unpackId(words: Int32Array, at: number, last: number): ReservationId {
  assert(at + 4 <= words.length, 'a packed id has its words')
  let id = PREFIX
  for (let word = at; word < at + 4; word++) {
    const bits = words[word] as number
    id += (PAIRS[bits >> 20] as string) + PAIRS[(bits >> 10) & 1_023] + PAIRS[bits & 1_023]
  }
  return (id + PAIRS[last >> 10] + PAIRS[last & 1_023]) as ReservationId
}

function six(id: string, at: number): number {
  return (pair(id, at) << 20) | (pair(id, at + 2) << 10) | pair(id, at + 4)
}

function pair(id: string, at: number): number {
  return (digitAt(id, at) << 5) | digitAt(id, at + 1)
}

/** −1 where there is no digit; no character is looked up beyond the table. */
function digitAt(id: string, at: number): number {
  const code = id.charCodeAt(at)
  return code < CODES ? (VALUES[code] as number) : -1
}
