/**
 * A row's seal: two sums of 32 bits over all its values, of which 53 are kept, as many as a number holds. Each step of either
 * is a bijection, so what differs in one letter or one half of a number has another seal for certain; of what differs in
 * more, one in 2^53 has the same. Neither is a secret: seals are against disks, not against who can write to the file.
 */

/** As SQLite gives them to a function of this program. */
export type RowValue = string | number | null | Uint8Array

/** FNV-1a's basis and prime, by letters instead of bytes; and MurmurHash2's multiplier for the other. */
const FIRST = { basis: 0x811c9dc5 | 0, prime: 0x01000193 }
const SECOND = { basis: 0x9747b28c | 0, prime: 0x5bd1e995 }
/** Stand before each value, so that a text and a number, or two texts and one, are never the same: more than a letter can be. */
const KIND = { text: 0x1_0001, whole: 0x1_0002, bytes: 0x1_0003, nothing: 0x1_0004 }
const HALF = 2 ** 32
/** Bits of the second sum that fit beside the first into a number that is exact. */
const secondBits = 21

/** The table's name is part of it, so that a page in another's place is noticed too. */
export function rowSeal(table: string, values: readonly RowValue[]): number {
  // Locals, in one function: this runs for every row that is read or written.
  let first = FIRST.basis
  let second = SECOND.basis
  for (let at = -1; at < values.length; at++) {
    const value = at < 0 ? table : (values[at] as RowValue)
    if (typeof value === 'number' && Number.isSafeInteger(value)) {
      first = step(
        step(step(first, KIND.whole, FIRST.prime), value | 0, FIRST.prime),
        Math.floor(value / HALF),
        FIRST.prime,
      )
      second = step(
        step(step(second, KIND.whole, SECOND.prime), value | 0, SECOND.prime),
        Math.floor(value / HALF),
        SECOND.prime,
      )
    } else if (value === null) {
      first = step(first, KIND.nothing, FIRST.prime)
      second = step(second, KIND.nothing, SECOND.prime)
    } else {
      const isBytes = typeof value === 'object'
      const text = isBytes ? Buffer.from(value).toString('latin1') : String(value)
      const kind = isBytes ? KIND.bytes : KIND.text
      first = step(first, kind, FIRST.prime)
      second = step(second, kind, SECOND.prime)
      for (let letter = 0; letter < text.length; letter++) {
        const code = text.charCodeAt(letter)
        first = step(first, code, FIRST.prime)
        second = step(second, code, SECOND.prime)
      }
    }
  }
  return (first >>> 0) * 2 ** secondBits + (second >>> (32 - secondBits))
}

function step(sum: number, part: number, prime: number): number {
  return Math.imul(sum ^ part, prime)
}
