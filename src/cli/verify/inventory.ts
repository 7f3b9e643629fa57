/**
 * What stands in a journal directory before any frame is followed: streams, their openings, their marks, the frames that
 * were carried from one stream to the next, and what is archived.
 *
 * It walks the files by itself: the engine's own reader is among what is being checked.
 */
import { basename, join } from 'node:path'
import type { ShardId } from '../../domain/ids.ts'
import {
  type Archive,
  archivedBefore,
  archiveRecordName,
  goneSequences,
  missingRanges,
  readArchive,
} from '../../persistence/journal/archived.ts'
import { BytesDamaged } from '../../persistence/journal/bytes.ts'
import {
  type Frame,
  type Link,
  mayBeSegment,
  noLink,
  type StreamId,
  streamName,
} from '../../persistence/journal/frame.ts'
import { framesIn } from '../../persistence/journal/frames-in.ts'
import { markPath } from '../../persistence/journal/mark.ts'
import {
  carriedIndex,
  listSegments,
  type SegmentName,
  segmentPath,
} from '../../persistence/journal/segments.ts'
import { type JournalFiles, namesIn, shownPath } from '../journal-files.ts'
import { type Copy, readCopies } from './copies.ts'
import type { Findings } from './findings.ts'
import { type CheckedMark, checkMark } from './mark-check.ts'
import { checkOtherNames } from './other-names.ts'
import { lastingBytes, provenIn, readFirst, readLasting } from './reading.ts'

export type OpenedStream = {
  readonly id: StreamId
  readonly name: string
  /** Its own segments that are here, from the first, or from the one behind those that are archived. */
  readonly segments: readonly SegmentName[]
  readonly opening: Frame
  /** What its first frame here must be. */
  readonly begins: { readonly ordinal: number; readonly previous: Link }
  readonly markedOrdinal: number
}

/** Where a stream took a shard over. */
export type Fence = { readonly stream: StreamId; readonly nextSequence: number }

export type Inventory = {
  /** By epoch, then worker. */
  readonly streams: readonly OpenedStream[]
  /** By shard, by epoch. */
  readonly fences: ReadonlyMap<number, readonly Fence[]>
  /** By `copyKey`. */
  readonly copies: ReadonlyMap<string, Copy>
  readonly archive: Archive
  /** By shard, the highest sequence of which some event is not here any more. */
  readonly gone: ReadonlyMap<ShardId, number>
  readonly marks: number
  readonly bytes: number
}

type FilesOfStream = { readonly id: StreamId; readonly files: readonly SegmentName[] }

export function takeInventory(files: JournalFiles, findings: Findings): Inventory {
  const { disk, journal } = files
  const archive = archiveIn(files, findings)
  const names = namesIn(disk, journal)
  const known = new Set([archiveRecordName])
  const streams: OpenedStream[] = []
  const copies = new Map<string, Copy>()
  let marks = 0
  let bytes = 0

  for (const { id, files: ofStream } of streamsIn(listSegments(disk, journal), archive)) {
    for (const { name, path } of ofStream) {
      known.add(name)
      bytes += lastingBytes(files, path)
    }
    known.add(basename(markPath(journal, id)))
    const mark = checkMark(files, findings, id)
    if (mark.ordinal > 0) marks += 1
    const stream = openedStream(files, findings, { id, files: ofStream, mark, archive })
    if (stream === undefined) continue
    streams.push(stream)
    const carried = ofStream.find(({ index }) => index === carriedIndex)
    if (carried !== undefined) readCopies(files, findings, { file: carried, copies })
  }
  checkOtherNames(files, findings, { names, known, archive })
  const gone = goneSequences(missingRanges(archive, new Set(names)))
  return { streams, fences: fencesOf(streams), copies, archive, gone, marks, bytes }
}

/** Where the next newer stream took this shard over, if one did. */
export function fenceAfter(inventory: Inventory, shard: number, epoch: number): Fence | undefined {
  return inventory.fences.get(shard)?.find(({ stream }) => stream.epoch > epoch)
}

function archiveIn({ disk, journal }: JournalFiles, findings: Findings): Archive {
  try {
    return readArchive(disk, journal)
  } catch (error) {
    if (!(error instanceof BytesDamaged)) throw error
    const file = join('journal', archiveRecordName)
    findings.add('damaged', { file, offset: 0, what: 'archiveRecord' }, error.message)
    return { files: new Map(), givenUp: [], streams: new Map(), directories: [] }
  }
}

/** Those with segments here, and those of which only a part was archived: they must have some. */
function streamsIn(segments: readonly SegmentName[], archive: Archive): readonly FilesOfStream[] {
  const byName = Map.groupBy(segments, ({ stream }) => streamName(stream))
  const found = new Map<string, FilesOfStream>()
  for (const [name, files] of byName) found.set(name, { id: (files[0] as SegmentName).stream, files })
  for (const [name, { id, isWhole }] of archive.streams)
    if (!isWhole && !found.has(name)) found.set(name, { id, files: [] })
  return [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, stream]) => stream)
}

/** A stream that can be walked; undefined where it never opened, or cannot. */
function openedStream(
  files: JournalFiles,
  findings: Findings,
  of: FilesOfStream & { readonly mark: CheckedMark; readonly archive: Archive },
): OpenedStream | undefined {
  const { id, mark } = of
  const { journal } = files
  const name = streamName(id)
  const archived = of.archive.streams.get(name)
  const before = archivedBefore(archived, of.files)
  const own = of.files.filter(({ index }) => index !== carriedIndex && index > before)
  if (own.length === 0 && archived?.isWhole === true) {
    const place = { file: shownPath(files, segmentPath(journal, id, 1)) }
    findings.add('note', place, `stream ${name} is archived; its last files are about to go`)
    return undefined
  }
  // Nothing is served before the mark says that the opening is durable, nor is a second segment made.
  const hasOpened =
    archived !== undefined || mark.ordinal > 0 || own.some(({ index }) => index > 1) || isProven(files, own)
  if (!hasOpened) {
    checkLeftover(files, findings, { name, files: of.files })
    return undefined
  }
  if (mark.isBlank && !of.archive.files.has(basename(mark.file)))
    findings.add('damaged', { file: mark.file, what: 'mark' }, 'this stream has opened, and its mark is gone')
  const opening = before > 0 ? archived?.opening : openingOf(files, findings, { id, own })
  if (opening === undefined) return undefined
  checkGaps(files, findings, { id, before, own })
  const begins = archived?.segments[before - 1]?.segment.next ?? { ordinal: 1, previous: noLink }
  return { id, name, segments: own, opening, begins, markedOrdinal: mark.ordinal }
}

function openingOf(
  files: JournalFiles,
  findings: Findings,
  { id, own }: { readonly id: StreamId; readonly own: readonly SegmentName[] },
): Frame | undefined {
  const name = streamName(id)
  const first = own[0]?.index === 1 ? readFirst(files, own[0]) : undefined
  const opening = first?.type === 'frame' ? first.frame : undefined
  if (opening?.kind === 'open' && opening.ordinal === 1 && streamName(opening.stream) === name) return opening
  const isForeign = first?.type === 'foreign'
  const why = isForeign ? first.why : `stream ${name} has opened, and its opening cannot be read`
  const what = isForeign ? 'format' : first === undefined ? 'segmentGone' : 'frame'
  const place = { file: shownPath(files, segmentPath(files.journal, id, 1)), offset: 0, what } as const
  findings.add('damaged', place, why)
  return undefined
}

function checkGaps(
  files: JournalFiles,
  findings: Findings,
  of: { readonly id: StreamId; readonly before: number; readonly own: readonly SegmentName[] },
): void {
  const indexes = of.own.map(({ index }) => index)
  const [first = of.before + 2] = indexes
  const last = Math.max(first, ...indexes)
  const here = new Set(indexes)
  for (let index = of.before + 1; index < last; index++) {
    if (here.has(index)) continue
    const place = {
      file: shownPath(files, segmentPath(files.journal, of.id, index)),
      what: 'segmentGone',
    } as const
    findings.add('damaged', place, `segment ${index} of this stream is missing`)
  }
}

function fencesOf(streams: readonly OpenedStream[]): Map<number, Fence[]> {
  const fences = new Map<number, Fence[]>()
  for (const { id, opening } of streams) {
    for (const section of opening.sections) {
      const ofShard = fences.get(section.shard) ?? []
      ofShard.push({ stream: id, nextSequence: section.firstSequence })
      fences.set(section.shard, ofShard)
    }
  }
  return fences
}

/** Whether a frame says that an earlier one of its stream was durable. */
function isProven(files: JournalFiles, segments: readonly SegmentName[]): boolean {
  return segments.some(({ path, stream }) => provenIn(readLasting(files, path), 0, streamName(stream)) > 0)
}

/** What a start left that came to nothing. Nothing rests on it, but it must be what such a start leaves. */
function checkLeftover(
  files: JournalFiles,
  findings: Findings,
  left: { readonly name: string; readonly files: readonly SegmentName[] },
): void {
  const { name } = left
  const isLive = files.isLive()
  for (const { path, index } of left.files) {
    const place = { file: shownPath(files, path), offset: 0 }
    const bytes = readLasting(files, path)
    const frames = framesIn(bytes, 0)
    let step = frames.next()
    while (step.done !== true) step = frames.next()
    const { type } = step.value
    if (type === 'foreign') findings.add('damaged', { ...place, what: 'format' }, step.value.why)
    else if (isLive) findings.add('note', place, `stream ${name} is about to open`)
    else if (type === 'blank')
      findings.add('note', place, `stream ${name} never opened; the next start removes it`)
    else if (index === carriedIndex || mayBeSegment(bytes)) {
      const why = `stream ${name} was cut off while it opened; nothing rests on it and the next start removes it`
      findings.add('torn', place, why)
    } else findings.add('damaged', { ...place, what: 'notOurs' }, 'this is no segment of a journal')
  }
}
