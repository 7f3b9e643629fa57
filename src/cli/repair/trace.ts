/** A stream followed from its first frame to where it cannot be followed any further. */
import { basename } from 'node:path'
import type { ShardId } from '../../domain/ids.ts'
import { type Archive, archivedBefore, readArchive } from '../../persistence/journal/archived.ts'
import { BytesDamaged } from '../../persistence/journal/bytes.ts'
import {
  type Frame,
  type Link,
  magicBytes,
  noLink,
  type StreamId,
  streamName,
} from '../../persistence/journal/frame.ts'
import { framesIn, parseKnown } from '../../persistence/journal/frames-in.ts'
import {
  carriedIndex,
  listSegments,
  readWhole,
  type SegmentName,
} from '../../persistence/journal/segments.ts'
import type { JournalFiles } from '../journal-files.ts'

export type Trace = {
  readonly id: StreamId
  readonly name: string
  /** Its own segments that are here. */
  readonly segments: readonly SegmentName[]
  /** How many of its first were archived. */
  readonly archived: number
  /** What its first frame here must be. */
  readonly begins: { readonly ordinal: number; readonly previous: Link }
  /** The first frame of all, where it can be read. */
  readonly opening: Frame | undefined
  /** The newest frame that can be followed to; the one before the first where there is none. */
  readonly last: { readonly ordinal: number; readonly link: Link }
  /** By shard, the sequence that comes next. */
  readonly next: ReadonlyMap<ShardId, number>
  /** Where it ends: a segment, and how far into it. None where it has no segment to begin with. */
  readonly end: { readonly segment: SegmentName; readonly offset: number; readonly bytes: Buffer } | undefined
}

/** What was archived; nothing where the record cannot be read. */
export function archiveOf({ disk, journal }: JournalFiles): Archive {
  try {
    return readArchive(disk, journal)
  } catch (error) {
    if (!(error instanceof BytesDamaged)) throw error
    return { files: new Map(), givenUp: [], streams: new Map(), directories: [] }
  }
}

/** A stream as its first frame tells. */
export type StreamHead = Pick<Trace, 'id' | 'name' | 'archived' | 'opening'>

/** By epoch, then worker. */
export function streamHeads(files: JournalFiles): readonly StreamHead[] {
  const { disk, journal } = files
  const archive = archiveOf(files)
  const byName = Map.groupBy(listSegments(disk, journal), ({ stream }) => streamName(stream))
  return [...byName].map(([name, own]) => {
    const { stream: id } = own[0] as SegmentName
    const ofArchive = archive.streams.get(name)
    const archived = archivedBefore(ofArchive, own)
    const first = own.find(({ index }) => index === 1)
    const parsed = first === undefined ? undefined : parseKnown(readWhole(disk, first.path), 0)
    const opening = parsed?.type === 'frame' && parsed.frame.kind === 'open' ? parsed.frame : undefined
    return { id, name, archived, opening: archived > 0 ? ofArchive?.opening : opening }
  })
}

/** `until` is a frame's place that counts as the end, however whole it is. */
export function traceStream(
  files: JournalFiles,
  name: string,
  until?: { readonly file: string; readonly offset: number },
): Trace | undefined {
  const { disk, journal } = files
  const ofStream = listSegments(disk, journal).filter(({ stream }) => streamName(stream) === name)
  const archived = archiveOf(files).streams.get(name)
  const id = ofStream[0]?.stream ?? archived?.id
  if (id === undefined) return undefined
  const before = archivedBefore(archived, ofStream)
  const segments = ofStream.filter(({ index }) => index !== carriedIndex && index > before)
  const begins = archived?.segments[before - 1]?.segment.next ?? { ordinal: 1, previous: noLink }
  const follower = new Follower(name, begins)
  let end: Trace['end']
  let opening = before > 0 ? archived?.opening : undefined
  for (const [i, segment] of segments.entries()) {
    if (segment.index !== before + i + 1) break
    const bytes = readWhole(disk, segment.path)
    const stopAt = until !== undefined && basename(until.file) === segment.name ? until.offset : undefined
    const first = parseKnown(bytes, 0)
    const goesOn = first.type === 'frame' && follower.isNext(first.frame)
    if (end !== undefined && (!goesOn || stopAt === 0)) break
    if (goesOn && first.frame.ordinal === 1) opening = first.frame
    const offset = follower.follow(bytes, stopAt)
    end = { segment, offset, bytes }
    if (stopAt !== undefined) break
  }
  return {
    id,
    name,
    segments,
    archived: before,
    begins,
    opening,
    last: follower.last,
    next: follower.next,
    end,
  }
}

class Follower {
  readonly #name: string
  readonly next = new Map<ShardId, number>()
  last: { ordinal: number; link: Link }

  constructor(name: string, begins: { readonly ordinal: number; readonly previous: Link }) {
    this.#name = name
    this.last = { ordinal: begins.ordinal - 1, link: begins.previous }
  }

  isNext({ stream, ordinal, previous }: Frame): boolean {
    const { last } = this
    return streamName(stream) === this.#name && ordinal === last.ordinal + 1 && previous === last.link
  }

  /** Takes the frames of a segment as far as they follow, and returns where they end. */
  follow(bytes: Buffer, stopAt: number | undefined): number {
    let end = 0
    for (const { frame, offset } of framesIn(bytes, 0)) {
      if (!this.isNext(frame) || offset === stopAt) break
      this.last = { ordinal: frame.ordinal, link: frame.link }
      for (const { shard, firstSequence, count } of frame.sections)
        this.next.set(shard, firstSequence + count)
      end = offset + frame.bytes.length
    }
    return end
  }
}

/** Whole frames that begin anywhere in these bytes, whatever stands between them. */
export function* framesAnywhere(bytes: Buffer, from = 0): Generator<{ frame: Frame; offset: number }> {
  for (let at = bytes.indexOf(magicBytes, from); at !== -1; ) {
    const parsed = parseKnown(bytes, at)
    if (parsed.type === 'frame') {
      yield { frame: parsed.frame, offset: at }
      at = bytes.indexOf(magicBytes, at + parsed.frame.bytes.length)
    } else at = bytes.indexOf(magicBytes, at + 1)
  }
}
