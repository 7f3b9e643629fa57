/** What starts write besides their own streams: carried frames, and the ends of old streams made tidy. */
import { despiteArchiving } from './archived.ts'
import type { Disk } from './disk.ts'
import { frameHeaderBytes, isBlank, type StreamId } from './frame.ts'
import { markPath, writeMarkAnew } from './mark.ts'
import { carriedIndex, readWhole, segmentPath } from './segments.ts'
import {
  type Catalog,
  framesOf,
  isTakenOver,
  readCatalog,
  readFirstFrame,
  type Stream,
  type StreamEnd,
} from './streams.ts'

export type EndedStream = {
  readonly stream: Stream
  readonly end: StreamEnd
  /** Up to which its frames are known to be durable. */
  readonly provenOrdinal: number
}

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
 * Makes outlast power loss how many of a stream's frames are durable. The seal or mark that says so was read from memory,
 * perhaps, and may never reach the disk; from here on others rest on these frames, which are not written anew.
 */
export function keepProof(disk: Disk, directory: string, { stream, provenOrdinal }: EndedStream): void {
  writeMarkAnew(disk, markPath(directory, stream.id), provenOrdinal)
  disk.syncDirectory(directory)
}

/**
 * Ends a stream where its last frame ends: a torn tail is copied aside and cut, blank room is
 * given back. Doing it again does nothing. Returns the file that keeps what was cut.
 */
export function closeStream(
  disk: Disk,
  directory: string,
  { stream, end }: Pick<EndedStream, 'stream' | 'end'>,
): string | undefined {
  const bytes = readWhole(disk, end.segment.path)
  const tail = bytes.subarray(end.offset)
  let kept: string | undefined
  if (!isBlank(tail, 0)) {
    kept = `${end.segment.path}.cut-${end.offset}`
    keep(disk, kept, tail)
  }
  for (const later of stream.segments.slice(end.segment.index - stream.archived)) {
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
      // What a failed sync lost is seen and not there. Cut behind it, the file would look as if somebody had cut it short.
      file.write(bytes.subarray(0, end.offset), 0)
      file.syncNow()
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

/**
 * Clears away what earlier starts left undone. Only while no worker runs: one may be reading what another closes. Returns
 * the files that keep what was cut. Throws `JournalDamaged`.
 */
export function tidyJournal(disk: Disk, directory: string): readonly string[] {
  return despiteArchiving(disk, directory, () => {
    const catalog = readCatalog(disk, directory)
    removeLeftovers(disk, directory, catalog)
    return closeTakenOver(disk, directory, catalog)
  })
}

/** Closes the streams that several workers took over from, or that a crash kept from being closed. */
function closeTakenOver(disk: Disk, directory: string, catalog: Catalog): readonly string[] {
  const kept: string[] = []
  for (const stream of catalog.streams) {
    if (!isTakenOver(catalog, stream)) continue
    const begun = stream.segments.findLastIndex((segment) => readFirstFrame(disk, segment) !== undefined)
    const last = stream.segments[begun]
    if (last === undefined || !endsBlank(disk, last.path)) continue
    const frames = framesOf(disk, catalog, stream, { fromSegment: begun })
    let step = frames.next()
    while (step.done !== true) step = frames.next()
    const cut = closeStream(disk, directory, { stream, end: step.value })
    if (cut !== undefined) kept.push(cut)
  }
  return kept
}

/** No frame ends with this many zeros: a file that does was never closed. */
function endsBlank(disk: Disk, path: string): boolean {
  const file = disk.open(path, 'read')
  try {
    return isBlank(file.read(Math.max(0, file.size() - frameHeaderBytes), frameHeaderBytes), 0)
  } finally {
    file.close()
  }
}

/** Removes what starts that never came to an opening left behind. */
function removeLeftovers(disk: Disk, directory: string, catalog: Catalog): void {
  for (const { id, files } of catalog.leftovers) {
    for (const { path } of files) disk.remove(path)
    const mark = markPath(directory, id)
    if (disk.exists(mark)) disk.remove(mark)
  }
  if (catalog.leftovers.length > 0) disk.syncDirectory(directory)
}
