/**
 * Reservation ids as five numbers: of the 28 characters behind `res_`, six go into each of four words, five bits each,
 * and the last four into a fifth of 20 bits. The form of an id is in ids.ts.
 */
import { assert } from './assert.ts'
import { CROCKFORD, type ReservationId } from './ids.ts'
import { textBytes, toBytes } from './text-bytes.ts'

export const packedWords = 5
const PREFIX = 'res_'
const ID_CHARS = 32
/** By an ASCII character's code; −1 is no digit. */
const VALUES: Int8Array = new Int8Array(128).map((_, code) => CROCKFORD.indexOf(String.fromCharCode(code)))
const PAIRS: readonly string[] = Array.from(
  { length: 1_024 },
  (_, bits) => `${CROCKFORD[bits >> 5]}${CROCKFORD[bits & 31]}`,
)

/** Packs an id; false where it has not the form of one. */
export function packId(id: string, into: Int32Array): boolean {
  if (id.length !== ID_CHARS || toBytes(id) !== ID_CHARS) return false
  // Any character that is no digit makes its word negative, whatever is added to it.
  let all = 0
  for (let word = 0, at = 4; word < 4; word++, at += 6) {
    const bits =
      (digitAt(at) << 25) |
      (digitAt(at + 1) << 20) |
      (digitAt(at + 2) << 15) |
      (digitAt(at + 3) << 10) |
      (digitAt(at + 4) << 5) |
      digitAt(at + 5)
    into[word] = bits
    all |= bits
  }
  const last = (digitAt(28) << 15) | (digitAt(29) << 10) | (digitAt(30) << 5) | digitAt(31)
  into[4] = last
  return (all | last) >= 0
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

function digitAt(at: number): number {
  return VALUES[textBytes[at] as number] as number
}
