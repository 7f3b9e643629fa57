/**
 * The streams of a journal directory: which there are, where each shard went on in each, and their frames in order.
 *
 * C1  Where a newer stream opened with a shard, its opening says exactly how far the older ones count: what they lack is
 *     a loss, what they have beyond it was never acknowledged.
 * C2  A damaged frame that the mark, or the durable ordinal of any valid frame behind it, proves to have been durable is
 *     a loss (`JournalDamaged`), unless a carried copy of it is whole. Any other, and all behind it, is a torn tail.
 * C4  A stream has opened when its mark says so: it served nothing before. Its carried copies count from then on, for it
 *     opened only after they were synced. An opening without a mark may be lost yet; nothing rests on it.
 *
 * Segments that archived.ts knows of are not missed; that nothing in them is needed, the openings behind them say (C1).
 */
import { join } from 'node:path'
import type { ShardId } from '../../domain/ids.ts'
import { type Archive, archivedBefore, archiveRecordName, despiteArchiving, readArchive } from './archived.ts'
import { BytesDamaged } from './bytes.ts'
import type { Disk } from './disk.ts'
import {
  type Frame,
  isBlank,
  magicBytes,
  mayBeSegment,
  type Parsed,
  parseFrame,
  type StreamId,
  streamName,
} from './frame.ts'
import { type MarkRead, markPath, readMark } from './mark.ts'
import {
  carriedIndex,
  listMarked,
  listSegments,
  readWhole,
  type SegmentName,
  segmentPath,
} from './segments.ts'

/** Acknowledged events cannot be read. Nothing was changed; somebody must restore the file or decide what to lose. */
export class JournalDamaged extends Error {
  override readonly name = 'JournalDamaged'
  readonly file: string
  readonly offset: number

  constructor(file: string, offset: number, why: string) {
    super(`${file} at byte ${offset}: ${why}`)
    this.file = file
    this.offset = offset
  }
}

export type Stream = {
  readonly id: StreamId
  /** Its own that are here, by index without gaps: from 1, or behind those that were archived. */
  readonly segments: readonly SegmentName[]
  /** How many of its first segments were archived. */
  readonly archived: number
  readonly opening: Frame
  /** Frames up to here were known to be durable. */
  readonly markedOrdinal: number
}

/** Where a stream took a shard over. */
export type Fence = { readonly epoch: number; readonly nextSequence: number }

export type Catalog = {
  /** Those that opened, by epoch, then worker. */
  readonly streams: readonly Stream[]
  /** Streams that never opened: left by an interrupted start, and nothing rests on their files. */
  readonly leftovers: readonly { readonly id: StreamId; readonly files: readonly SegmentName[] }[]
  /** By shard, by epoch. */
  readonly fences: ReadonlyMap<ShardId, readonly Fence[]>
  /** Copies of frames written anew by a recovery, by `frameKey`. */
  readonly carried: ReadonlyMap<string, Frame>
  /** Directories that hold what was archived. */
  readonly archives: readonly string[]
}

/** A frame and where it stands: its file, and the byte it begins at. */
export type PlacedFrame = Frame & { readonly file: string; readonly at: number }

/** A segment and how far into it. */
export type Place = { readonly segment: SegmentName; readonly offset: number }
export type StreamEnd =
  | ({ readonly type: 'clean' } & Place)
  /** Bytes that are no frame, or no frame in its place, and that nothing proves to have been durable. */
  | ({ readonly type: 'torn'; readonly why: string } & Place)

/** An opening has a section of at most 40 bytes a shard. */
const OPENING_BYTES_MAX = 64 + 1_024 * 40

export function frameKey(stream: StreamId, ordinal: number): string {
  return `${streamName(stream)}/${ordinal}`
}

/** Reads what every stream says of itself. Throws `JournalDamaged` where one must have opened and cannot be read. */
export function readCatalog(disk: Disk, directory: string): Catalog {
  return despiteArchiving(disk, directory, () =>
    catalogOf(disk, directory, readArchiveRecord(disk, directory)),
  )
}

function catalogOf(disk: Disk, directory: string, archive: Archive): Catalog {
  const streams: Stream[] = []
  const leftovers: { id: StreamId; files: readonly SegmentName[] }[] = []
  const fences = new Map<ShardId, Fence[]>()
  const carried = new Map<string, Frame>()
  for (const { id, files, mark } of listStreams(disk, directory, archive)) {
    const name = streamName(id)
    const ofArchive = archive.streams.get(name)
    const archived = archivedBefore(ofArchive, files)
    const segments = files.filter(({ index }) => index !== carriedIndex && index > archived)
    // What is left of a stream that went as a whole is about to go.
    if (ofArchive?.isWhole === true && segments.length === 0) continue
    if (mark.type === 'damaged')
      throw new JournalDamaged(markPath(directory, id), 0, 'neither slot holds a mark')
    const markedOrdinal = mark.type === 'mark' ? mark.ordinal : 0
    const hasOpened =
      ofArchive !== undefined ||
      markedOrdinal > 0 ||
      provenBehind(disk, id, { segments, from: 0, bytes: undefined, at: 0 }) > 0
    if (!hasOpened) {
      for (const { path } of files) checkLeftover(disk, path)
      leftovers.push({ id, files })
      continue
    }
    // After what says that it is there: another worker may just be writing it.
    const opening = archived > 0 ? ofArchive?.opening : readOpening(disk, id, segments)
    if (opening === undefined) {
      const path = segments[0]?.path ?? segmentPath(directory, id, 1)
      throw new JournalDamaged(path, 0, `stream ${name} has opened, and its opening cannot be read`)
    }
    const missing = segments.findIndex(({ index }, i) => index !== archived + i + 1)
    if (missing !== -1 || segments.length === 0) {
      const index = archived + Math.max(0, missing) + 1
      const path = segmentPath(directory, id, index)
      throw new JournalDamaged(path, 0, `segment ${index} of stream ${name} is missing`)
    }
    streams.push({ id, segments, archived, opening, markedOrdinal })
    for (const { shard, firstSequence } of opening.sections) {
      const ofShard = fences.get(shard) ?? []
      ofShard.push({ epoch: id.epoch, nextSequence: firstSequence })
      fences.set(shard, ofShard)
    }
    const carriedFile = files.find(({ index }) => index === carriedIndex)
    if (carriedFile !== undefined) readCarried(disk, carriedFile, carried)
  }
  return { streams, leftovers, fences, carried, archives: archive.directories }
}

type ListedStream = {
  readonly id: StreamId
  readonly files: readonly SegmentName[]
  readonly mark: MarkRead
}

/** Every stream that left a segment, a mark or a record: one that lost all its segments must not pass for none. */
function listStreams(disk: Disk, directory: string, archive: Archive): readonly ListedStream[] {
  const found = new Map<string, { id: StreamId; files: SegmentName[]; mark: MarkRead }>()
  const of = (id: StreamId) => {
    const name = streamName(id)
    const known = found.get(name) ?? { id, files: [], mark: { type: 'none' } }
    found.set(name, known)
    return known
  }
  // Another worker's stream may open meanwhile, and its first segment is there before its mark is, and says anything:
  // what a mark says is read before the last look. What is archived meanwhile is seen by the first look, and then missed.
  const seen = listSegments(disk, directory)
  for (const id of listMarked(disk, directory)) of(id).mark = readMark(disk, markPath(directory, id))
  const segments = new Map([...seen, ...listSegments(disk, directory)].map((file) => [file.path, file]))
  for (const file of [...segments.values()].sort((a, b) => (a.path < b.path ? -1 : 1)))
    of(file.stream).files.push(file)
  for (const { id, isWhole } of archive.streams.values()) if (!isWhole) of(id)
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, stream]) => stream)
}

/** `readArchive`, with damage named as such: without the record nobody knows what is missing. */
function readArchiveRecord(disk: Disk, directory: string): Archive {
  try {
    return readArchive(disk, directory)
  } catch (error) {
    if (error instanceof BytesDamaged)
      throw new JournalDamaged(join(directory, archiveRecordName), 0, error.message)
    throw error
  }
}

function readOpening(disk: Disk, id: StreamId, segments: readonly SegmentName[]): Frame | undefined {
  const first = segments[0]
  if (first === undefined || first.index !== 1) return undefined
  const opening = readFirstFrame(disk, first)
  if (opening === undefined || opening.kind !== 'open' || opening.ordinal !== 1) return undefined
  return isOf(opening, id) ? opening : undefined
}

/**
 * `parseFrame`. A whole frame of another format is no torn tail: somebody wrote it, with a version that this one is not,
 * so nothing here may be cut off or gone on from.
 */
function parseAt(path: string, bytes: Buffer, offset: number): Parsed {
  try {
    return parseFrame(bytes, offset)
  } catch (error) {
    if (error instanceof BytesDamaged) throw new JournalDamaged(path, offset, error.message)
    throw error
  }
}

/** Throws where a file has the name of a segment and is none: whoever put it there must say what it is. */
function checkLeftover(disk: Disk, path: string): void {
  const file = disk.open(path, 'read')
  try {
    if (!mayBeSegment(file.read(0, magicBytes.length)))
      throw new JournalDamaged(path, 0, 'this is no segment of a journal')
  } finally {
    file.close()
  }
}

/** The frame a segment begins with, if it is one. */
export function readFirstFrame(disk: Disk, segment: SegmentName): Frame | undefined {
  const file = disk.open(segment.path, 'read')
  try {
    const parsed = parseAt(segment.path, file.read(0, OPENING_BYTES_MAX), 0)
    return parsed.type === 'frame' ? parsed.frame : undefined
  } finally {
    file.close()
  }
}

function readCarried(disk: Disk, file: SegmentName, carried: Map<string, Frame>): void {
  const bytes = readWhole(disk, file.path)
  for (let offset = 0; offset < bytes.length; ) {
    const parsed = parseAt(file.path, bytes, offset)
    if (parsed.type !== 'frame') throw new JournalDamaged(file.path, offset, 'a carried frame cannot be read')
    const { frame } = parsed
    const key = frameKey(frame.stream, frame.ordinal)
    const twin = carried.get(key)
    if (twin !== undefined && !twin.bytes.equals(frame.bytes)) {
      throw new JournalDamaged(file.path, offset, `frame ${key} was carried twice, and differs`)
    }
    carried.set(key, frame)
    offset += frame.bytes.length
  }
}

/**
 * The frames of a stream in order, from one of its segments on, each checked to follow the one before; ends with where
 * and how the stream ends. Throws `JournalDamaged` by C2.
 */
export function* framesOf(
  disk: Disk,
  catalog: Catalog,
  stream: Stream,
  options: { readonly fromSegment: number; readonly beforeSegment?: number },
): Generator<PlacedFrame, StreamEnd> {
  const segments = stream.segments.slice(0, options.beforeSegment)
  let last: Frame | undefined
  let place: Place = { segment: segments[options.fromSegment] as SegmentName, offset: 0 }
  let why = ''
  let bytes: Buffer = Buffer.alloc(0)
  let reached = options.fromSegment

  reading: for (let i = options.fromSegment; i < segments.length; i++) {
    const segment = segments[i] as SegmentName
    if (last !== undefined) {
      // A segment that does not go on where the one before ended is looked at as what lies behind that end.
      const first = readFirstFrame(disk, segment)
      if (first === undefined || !follows(first, stream, last)) break
    }
    reached = i
    bytes = readWhole(disk, segment.path)
    place = { segment, offset: 0 }
    for (;;) {
      const parsed = parseAt(segment.path, bytes, place.offset)
      if (parsed.type !== 'frame') {
        why = parsed.type === 'damaged' ? parsed.why : ''
        break
      }
      const { frame } = parsed
      if (!follows(frame, stream, last)) {
        why = `frame ${frame.ordinal} of stream ${streamName(frame.stream)} does not follow`
        break reading
      }
      checkTwin(catalog, frame, place)
      yield Object.assign(frame, { file: segment.path, at: place.offset })
      last = frame
      place = { segment, offset: place.offset + frame.bytes.length }
    }
  }

  // What comes before a segment that is being written is whole; how the stream ends is not known yet.
  if (options.beforeSegment !== undefined) return { type: 'clean', ...place }

  const ordinal = last?.ordinal ?? 0
  let next = ordinal + 1
  for (;;) {
    const copy: Frame | undefined = catalog.carried.get(frameKey(stream.id, next))
    if (copy === undefined || !follows(copy, stream, last)) break
    yield Object.assign(copy, { file: place.segment.path, at: place.offset })
    last = copy
    next += 1
  }
  const behind = { segments, from: reached, bytes, at: place.offset }
  const proven = Math.max(stream.markedOrdinal, provenBehind(disk, stream.id, behind))
  if (proven >= next) {
    throw new JournalDamaged(
      place.segment.path,
      place.offset,
      `frame ${next} was durable and cannot be read: ${why || 'nothing is there'}`,
    )
  }
  if (why === '' && !isBlank(bytes, place.offset)) why = 'bytes behind the last frame'
  if (why === '' && segments.slice(reached + 1).some((later) => !isBlank(readWhole(disk, later.path), 0))) {
    why = 'bytes in a segment that was never begun'
  }
  return why === '' ? { type: 'clean', ...place } : { type: 'torn', why, ...place }
}

function follows(frame: Frame, stream: Stream, last: Frame | undefined): boolean {
  if (!isOf(frame, stream.id)) return false
  if (last === undefined) return frame.kind === 'open'
  return frame.ordinal === last.ordinal + 1 && frame.previous === last.link
}

function isOf(frame: Frame, stream: StreamId): boolean {
  return frame.stream.epoch === stream.epoch && frame.stream.worker === stream.worker
}

function checkTwin(catalog: Catalog, frame: Frame, place: Place): void {
  const twin = catalog.carried.get(frameKey(frame.stream, frame.ordinal))
  if (twin !== undefined && !twin.bytes.equals(frame.bytes)) {
    throw new JournalDamaged(
      place.segment.path,
      place.offset,
      `frame ${frame.ordinal} differs from its carried copy`,
    )
  }
}

/** The highest ordinal that valid frames of this stream, found anywhere behind a place, say was durable. */
function provenBehind(
  disk: Disk,
  stream: StreamId,
  behind: {
    readonly segments: readonly SegmentName[]
    /** Index of the segment to begin in, its bytes where they were read already, and where in it. */
    readonly from: number
    readonly bytes: Buffer | undefined
    readonly at: number
  },
): number {
  let proven = 0
  for (let i = behind.from; i < behind.segments.length; i++) {
    const { path } = behind.segments[i] as SegmentName
    const isFirst = i === behind.from
    const bytes = (isFirst ? behind.bytes : undefined) ?? readWhole(disk, path)
    let at = bytes.indexOf(magicBytes, isFirst ? behind.at : 0)
    while (at !== -1) {
      const parsed = parseAt(path, bytes, at)
      if (parsed.type === 'frame' && isOf(parsed.frame, stream)) {
        proven = Math.max(proven, parsed.frame.durableOrdinal)
      }
      at = bytes.indexOf(magicBytes, at + 1)
    }
  }
  return proven
}

/** Whether newer streams took over every shard of this one: what it ends with matters to nobody any more. */
export function isTakenOver(catalog: Catalog, { id, opening }: Stream): boolean {
  return opening.sections.every(({ shard }) => fenceAfter(catalog, shard, id.epoch) !== undefined)
}

/** Where the next newer stream took this shard over, if one did (C1). */
export function fenceAfter(catalog: Catalog, shard: ShardId, epoch: number): Fence | undefined {
  return catalog.fences.get(shard)?.find((fence) => fence.epoch > epoch)
}
