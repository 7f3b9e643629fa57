/** Reading files that an engine may be writing, rolling or tidying at the same moment. */
import { magicBytes, streamName } from '../../persistence/journal/frame.ts'
import { parseKnown } from '../../persistence/journal/frames-in.ts'
import { readWhole, type SegmentName } from '../../persistence/journal/segments.ts'
import { hasCode, type JournalFiles } from '../journal-files.ts'

/** More than the largest opening has. */
const OPENING_BYTES_MAX = 64 * 1_024

/** A file's bytes; none where a live engine has removed it since it was listed, which it does only to blank ones. */
export function readLasting(files: JournalFiles, path: string): Buffer {
  return unlessRemoved(files, Buffer.alloc(0), () => readWhole(files.disk, path))
}

/** Its size, in the same way. */
export function lastingBytes(files: JournalFiles, path: string): number {
  return unlessRemoved(files, 0, () => {
    const file = files.disk.open(path, 'read')
    try {
      return file.size()
    } finally {
      file.close()
    }
  })
}

/** What a segment begins with. */
export function readFirst(files: JournalFiles, segment: SegmentName): ReturnType<typeof parseKnown> {
  const bytes = unlessRemoved(files, Buffer.alloc(0), () => {
    const file = files.disk.open(segment.path, 'read')
    try {
      return file.read(0, OPENING_BYTES_MAX)
    } finally {
      file.close()
    }
  })
  return parseKnown(bytes, 0)
}

/** The highest ordinal that whole frames of a stream, standing anywhere from `from` on, say was durable. */
export function provenIn(bytes: Buffer, from: number, stream: string): number {
  let proven = 0
  for (let at = bytes.indexOf(magicBytes, from); at !== -1; at = bytes.indexOf(magicBytes, at + 1)) {
    const parsed = parseKnown(bytes, at)
    if (parsed.type !== 'frame' || streamName(parsed.frame.stream) !== stream) continue
    proven = Math.max(proven, parsed.frame.durableOrdinal)
  }
  return proven
}

/** Blocks this thread: a command has nothing else to do. */
export function pause(delayMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, delayMs)
}

function unlessRemoved<T>(files: JournalFiles, none: T, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (hasCode(error, 'ENOENT') && files.isLive()) return none
    throw error
  }
}
