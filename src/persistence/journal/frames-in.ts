/** The frames that stand in a segment's bytes one after the other, and what comes behind the last of them. */
import { BytesDamaged } from './bytes.ts'
import { type Frame, isBlank, type Parsed, parseFrame } from './frame.ts'

export type FrameAt = { readonly frame: Frame; readonly offset: number }

/** What follows the last frame that could be read. */
export type Rest =
  /** Nothing but zeros, or nothing. */
  | { readonly type: 'blank'; readonly offset: number }
  /** Bytes that are no frame; `troubleAt` is the first that should be another. */
  | { readonly type: 'bytes'; readonly offset: number; readonly troubleAt: number; readonly why: string }
  /** A whole frame, in a format that this version does not know. */
  | { readonly type: 'foreign'; readonly offset: number; readonly troubleAt: number; readonly why: string }

/** Yields the frames from an offset on. Whether each follows the one before is for the caller to check. */
export function* framesIn(bytes: Buffer, from: number): Generator<FrameAt, Rest> {
  let offset = from
  for (;;) {
    const parsed = parseKnown(bytes, offset)
    switch (parsed.type) {
      case 'frame':
        yield { frame: parsed.frame, offset }
        offset += parsed.frame.bytes.length
        continue
      case 'blank': {
        if (isBlank(bytes, offset)) return { type: 'blank', offset }
        let troubleAt = offset
        while (bytes[troubleAt] === 0) troubleAt += 1
        return { type: 'bytes', offset, troubleAt, why: 'a byte is not zero where nothing was written' }
      }
      case 'damaged':
        return { type: 'bytes', offset, troubleAt: offset, why: parsed.why }
      case 'foreign':
        return { type: 'foreign', offset, troubleAt: offset, why: parsed.why }
    }
  }
}

/** `parseFrame`, with a frame of another format as a value. */
export function parseKnown(
  bytes: Buffer,
  offset: number,
): Parsed | { readonly type: 'foreign'; readonly why: string } {
  try {
    return parseFrame(bytes, offset)
  } catch (error) {
    if (error instanceof BytesDamaged) return { type: 'foreign', why: error.message }
    throw error
  }
}
