/**
 * A short text's characters as bytes, for whoever looks at each of them. V8 asks with every character what kind of string
 * it is taken from; one call that copies all of them costs less (docs/decisions/thread-messages.md).
 */

/** No character takes more in UTF-8, counted by UTF-16 units. */
const BYTES_PER_UNIT_MAX = 3

/** Longer texts are not short. */
const SHORT_TEXT_MAX = 255

/** What `toBytes` wrote last. */
export const textBytes: Buffer = Buffer.allocUnsafeSlow(SHORT_TEXT_MAX * BYTES_PER_UNIT_MAX)

/** Writes a text of at most 255 characters into `textBytes` as UTF-8; how many bytes. As many as characters: all are ASCII. */
export function toBytes(text: string): number {
  return textBytes.write(text)
}
