/** What recovery writes: carried frames, and the ends of old streams made tidy. */
import type { Disk } from './disk.ts'
import { isBlank, type StreamId } from './frame.ts'
import { markPath } from './mark.ts'
import { carriedIndex, readWhole, segmentPath } from './segments.ts'
import type { Catalog, Stream, StreamEnd } from './streams.ts'

/**
 * Writes frames anew, byte for byte, ahead of a stream that is about to open; they survive power loss on return. What an
 * attempt for the same stream left that found no room is replaced.
 */
export function writeCarried(
  disk: Disk,
  directory: string,
  options: { readonly stream: StreamId; readonly frames: readonly Buffer[] },
): void {
  if (options.frames.length === 0) return
  const path = segmentPath(directory, options.stream, carriedIndex)
  if (disk.exists(path)) disk.remove(path)
  const file = disk.create(path)
  try {
    let offset = 0
    for (const frame of options.frames) {
      file.write(frame, offset)
      offset += frame.length
    }
    file.syncNow()
  } finally {
    file.close()
  }
  disk.syncDirectory(directory)
}

/**
 * Ends a stream where its last frame ends: a torn tail is copied aside and cut, blank room is given back. Doing it
 * again does nothing. Returns the file that keeps what was cut.
 */
export function closeStream(
  disk: Disk,
  directory: string,
  ended: { stream: Stream; end: StreamEnd },
): string | undefined {
  const { stream, end } = ended
  const bytes = readWhole(disk, end.segment.path)
  const tail = bytes.subarray(end.offset)
  let kept: string | undefined
  if (!isBlank(tail, 0)) {
    kept = `${end.segment.path}.cut-${end.offset}`
    keep(disk, kept, tail)
  }
  for (const later of stream.segments.slice(end.segment.index)) {
    if (!disk.exists(later.path)) continue
    if (isBlank(readWhole(disk, later.path), 0)) disk.remove(later.path)
    else {
      kept = `${later.path}.cut-0`
      disk.rename(later.path, kept)
    }
  }
  if (tail.length > 0) {
    const file = disk.open(end.segment.path, 'readWrite')
    try {
      file.truncate(end.offset)
      file.syncNow()
    } finally {
      file.close()
    }
  }
  disk.syncDirectory(directory)
  return kept
}

function keep(disk: Disk, path: string, bytes: Buffer): void {
  if (disk.exists(path)) disk.remove(path)
  const file = disk.create(path)
  try {
    file.write(bytes, 0)
    file.syncNow()
  } finally {
    file.close()
  }
}

/** Removes what starts that never came to an opening left behind. Only while no other worker is starting. */
export function removeLeftovers(disk: Disk, directory: string, catalog: Catalog): void {
  for (const { stream, path } of catalog.leftovers) {
    // The mark first: a name without segments would be given out again, and find its mark taken.
    const mark = markPath(directory, stream)
    if (disk.exists(mark)) disk.remove(mark)
    disk.remove(path)
  }
  if (catalog.leftovers.length > 0) disk.syncDirectory(directory)
}
