/**
 * The one bit of a frame that was flipped, if that is all that is wrong with it.
 *
 * A checksum is linear: flipping a bit changes it by an amount that depends only on how far the bit is from the end. So
 * one walk over the distances finds the bit, without trying them all. The frame's own link to the one before it, and the
 * next frame's to it, then say whether that is what was written.
 */
import { crc32c } from '../../persistence/journal/crc32c.ts'
import { type Frame, frameHeaderBytes } from '../../persistence/journal/frame.ts'
import { parseKnown } from '../../persistence/journal/frames-in.ts'

export type Flip = { readonly byte: number; readonly bit: number }

/** Magic, length and checksum itself: few enough to be tried. */
const HEAD_BYTES = 12
const CRC_AT = 8
const LENGTH_AT = 4

/** The bit which, flipped back, makes a frame at an offset that `isIt`; undefined where none does. */
export function flippedBit(
  damaged: Buffer,
  offset: number,
  isIt: (frame: Frame) => boolean,
): Flip | undefined {
  if (damaged.length - offset < frameHeaderBytes) return undefined
  const bytes = Buffer.from(damaged)
  const isMended = (flip: Flip): boolean => {
    flipBit(bytes, flip)
    const parsed = parseKnown(bytes, offset)
    flipBit(bytes, flip)
    return parsed.type === 'frame' && isIt(parsed.frame)
  }
  for (let byte = offset; byte < offset + HEAD_BYTES; byte++)
    for (let bit = 0; bit < 8; bit++) if (isMended({ byte, bit })) return { byte, bit }
  const flip = flipInBody(bytes, offset)
  return flip !== undefined && isMended(flip) ? flip : undefined
}

/** Changes the bytes in place. */
export function flipBit(bytes: Buffer, { byte, bit }: Flip): void {
  bytes[byte] = (bytes[byte] as number) ^ (1 << bit)
}

/** The bit that would explain the checksum. */
function flipInBody(bytes: Buffer, offset: number): Flip | undefined {
  const length = bytes.readUInt32LE(offset + LENGTH_AT)
  if (length < frameHeaderBytes || length > bytes.length - offset) return undefined
  const begin = offset + HEAD_BYTES
  const end = offset + length
  const wanted = (crc32c(bytes, begin, end) ^ bytes.readUInt32LE(offset + CRC_AT)) >>> 0
  if (wanted === 0) return undefined
  const table = Uint32Array.from({ length: 256 }, (_, byte) => effectOf(byte))
  const effects = Uint32Array.from({ length: 8 }, (_, bit) => table[1 << bit] as number)
  for (let byte = end - 1; byte >= begin; byte--) {
    for (let bit = 0; bit < 8; bit++) {
      const effect = effects[bit] as number
      if (effect === wanted) return { byte, bit }
      // The same bit one byte further from the end.
      effects[bit] = (table[effect & 255] as number) ^ (effect >>> 8)
    }
  }
  return undefined
}

/** How a message's last byte changes its checksum. */
function effectOf(byte: number): number {
  return (crc32c(Uint8Array.of(byte), 0, 1) ^ crc32c(Uint8Array.of(0), 0, 1)) >>> 0
}
