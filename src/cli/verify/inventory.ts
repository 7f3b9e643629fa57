/**
 * What stands in a journal directory before any frame is followed: streams, their openings, their marks, and the frames
 * that were carried from one stream to the next.
 *
 * It walks the files by itself: the engine's own reader is among what is being checked.
 */
import { basename, join } from 'node:path'
import { type Frame, isBlank, type Link, type StreamId, streamName } from '../../persistence/journal/frame.ts'
import { markFileBytes, markPath, readMark } from '../../persistence/journal/mark.ts'
import {
  carriedIndex,
  listSegments,
  readWhole,
  type SegmentName,
} from '../../persistence/journal/segments.ts'
import { framesIn } from '../frames-in.ts'
import { type JournalFiles, namesIn, shownPath } from '../journal-files.ts'
import type { Findings } from './findings.ts'
import { lastingBytes, provenIn, readFirst } from './reading.ts'

export type OpenedStream = {
  readonly id: StreamId
  readonly name: string
  /** Its own segments, from the first. */
  readonly segments: readonly SegmentName[]
  readonly opening: Frame
  readonly markedOrdinal: number
}

/** Where a stream took a shard over. */
export type Fence = { readonly stream: StreamId; readonly nextSequence: number }

/** Where the copy of a frame stands that was written anew, and what it must be equal to. */
export type Copy = {
  readonly path: string
  readonly offset: number
  readonly length: number
  readonly link: Link
  /** Epochs of the streams that carry it. Workers that start together each carry what matters to their shards. */
  readonly carriers: Set<number>
}

export type Inventory = {
  /** By epoch, then worker. */
  readonly streams: readonly OpenedStream[]
  /** By shard, by epoch. */
  readonly fences: ReadonlyMap<number, readonly Fence[]>
  /** By `copyKey`. */
  readonly copies: ReadonlyMap<string, Copy>
  readonly marks: number
  readonly bytes: number
}

export function copyKey(stream: StreamId, ordinal: number): string {
  return `${streamName(stream)}/${ordinal}`
}

const MARK = /^(\d{8})-w(\d{3})\.mark$/
const CUT = /\.segment\.cut-\d+$/
const FIRST_SLOT_END = 32
const SECOND_SLOT_AT = markFileBytes - FIRST_SLOT_END

export function takeInventory(files: JournalFiles, findings: Findings): Inventory {
  const { disk, journal } = files
  const names = namesIn(disk, journal)
  const segments = listSegments(disk, journal)
  const known = new Set(segments.map(({ name }) => name))
  const streams: OpenedStream[] = []
  const copies = new Map<string, Copy>()
  let marks = 0
  let bytes = 0

  for (const [name, ofStream] of Map.groupBy(segments, ({ stream }) => streamName(stream))) {
    const { stream: id } = ofStream[0] as SegmentName
    const own = ofStream.filter(({ index }) => index !== carriedIndex)
    known.add(basename(markPath(journal, id)))
    for (const { path } of ofStream) bytes += lastingBytes(files, path)
    const first = own[0]?.index === 1 ? readFirst(files, own[0]) : undefined
    const opening = first?.type === 'frame' ? first.frame : undefined
    const hasOpened = opening?.kind === 'open' && opening.ordinal === 1 && streamName(opening.stream) === name
    const markedOrdinal = checkMark(files, findings, { id, hasOpened })
    if (markedOrdinal > 0) marks += 1
    if (opening === undefined || !hasOpened) {
      const foreign = first?.type === 'foreign' ? first.why : undefined
      checkUnopened(files, findings, { name, files: ofStream, markedOrdinal, foreign })
      continue
    }
    own.forEach(({ index, path }, i) => {
      const before = i === 0 ? 0 : (own[i - 1] as SegmentName).index
      if (index === before + 1) return
      findings.add(
        'damaged',
        { file: shownPath(files, path) },
        `segment ${before + 1} of this stream is missing`,
      )
    })
    streams.push({ id, name, segments: own, opening, markedOrdinal })
    const carried = ofStream.find(({ index }) => index === carriedIndex)
    if (carried !== undefined) readCopies(files, findings, { file: carried, copies })
  }
  checkOtherNames(files, findings, { names, known })
  return { streams, fences: fencesOf(streams), copies, marks, bytes }
}

/** Where the next newer stream took this shard over, if one did. */
export function fenceAfter(inventory: Inventory, shard: number, epoch: number): Fence | undefined {
  return inventory.fences.get(shard)?.find(({ stream }) => stream.epoch > epoch)
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

/** Every byte of a mark file is a slot's or zero. Answers the ordinal it proves. */
function checkMark(
  files: JournalFiles,
  findings: Findings,
  stream: { readonly id: StreamId; readonly hasOpened: boolean },
): number {
  const path = markPath(files.journal, stream.id)
  const file = shownPath(files, path)
  if (!files.disk.exists(path)) {
    if (stream.hasOpened) findings.add('damaged', { file }, 'the mark of this stream is missing')
    return 0
  }
  const bytes = readWhole(files.disk, path)
  const read = readMark(files.disk, path)
  const isWritten = !isBlank(bytes, 0)
  if (bytes.length > markFileBytes) {
    findings.add(
      'damaged',
      { file, offset: markFileBytes },
      `a mark file has ${markFileBytes} bytes, this ${bytes.length}`,
    )
  } else if (isWritten && bytes.length < markFileBytes) {
    findings.add(
      'damaged',
      { file, offset: bytes.length },
      `the mark is cut short: ${markFileBytes} bytes were written`,
    )
  }
  const between = bytes.subarray(FIRST_SLOT_END, SECOND_SLOT_AT)
  const strayAt = between.findIndex((byte) => byte !== 0)
  if (strayAt !== -1) {
    findings.add(
      'damaged',
      { file, offset: FIRST_SLOT_END + strayAt },
      'a byte between the slots is not zero',
    )
  }
  if (read.type === 'damaged') findings.add('damaged', { file, offset: 0 }, 'no slot holds a mark')
  if (read.type !== 'mark') return 0
  if (read.damagedSlots > 0) {
    findings.add('damaged', { file, offset: 0 }, `one slot is damaged; the other says ${read.ordinal}`)
  }
  return read.ordinal
}

/** A start that came to nothing left these, or the opening of a stream that mattered is lost. */
function checkUnopened(
  files: JournalFiles,
  findings: Findings,
  left: {
    readonly name: string
    readonly files: readonly SegmentName[]
    readonly markedOrdinal: number
    /** What it opens with, where that is a frame of another format. */
    readonly foreign: string | undefined
  },
): void {
  const own = left.files.filter(({ index }) => index !== carriedIndex)
  const place = { file: shownPath(files, (own[0] ?? (left.files[0] as SegmentName)).path), offset: 0 }
  if (left.foreign !== undefined) return findings.add('damaged', place, left.foreign)
  let proven = left.markedOrdinal
  // A stream's second segment is made only when its opening is durable.
  if (own.some(({ index }) => index > 1)) proven = Math.max(proven, 1)
  const contents = own.map(({ path }) => ({ path, bytes: readWhole(files.disk, path) }))
  for (const { bytes } of contents) proven = Math.max(proven, provenIn(bytes, 0, left.name))
  if (proven > 0) {
    return findings.add(
      'damaged',
      place,
      `the opening of stream ${left.name} cannot be read, and it was durable`,
    )
  }
  if (files.isLive()) return findings.add('note', place, `stream ${left.name} is about to open`)
  const written = contents.find(({ bytes }) => !isBlank(bytes, 0))
  if (written === undefined) {
    return findings.add('note', place, `stream ${left.name} never opened; the next start removes it`)
  }
  const why = `stream ${left.name} was cut off while it opened; nothing rests on it and the next start removes it`
  findings.add('torn', { file: shownPath(files, written.path), offset: 0 }, why)
}

function readCopies(
  files: JournalFiles,
  findings: Findings,
  carried: { readonly file: SegmentName; readonly copies: Map<string, Copy> },
): void {
  const { path } = carried.file
  const bytes = readWhole(files.disk, path)
  if (bytes.length === 0)
    findings.add('damaged', { file: shownPath(files, path) }, 'carried frames are missing')
  const frames = framesIn(bytes, 0)
  for (;;) {
    const step = frames.next()
    if (step.done === true) {
      const { offset } = step.value
      if (offset === bytes.length) return
      const why = step.value.type === 'blank' ? 'zeros behind the last one' : step.value.why
      return findings.add(
        'damaged',
        { file: shownPath(files, path), offset },
        `a carried frame cannot be read: ${why}`,
      )
    }
    const { frame, offset } = step.value
    const key = copyKey(frame.stream, frame.ordinal)
    const twin = carried.copies.get(key)
    if (twin !== undefined && (twin.link !== frame.link || twin.length !== frame.bytes.length)) {
      findings.add(
        'damaged',
        { file: shownPath(files, path), offset },
        `frame ${key} was carried twice, and differs`,
      )
    }
    const { epoch } = carried.file.stream
    if (twin !== undefined) twin.carriers.add(epoch)
    else
      carried.copies.set(key, {
        path,
        offset,
        length: frame.bytes.length,
        link: frame.link,
        carriers: new Set([epoch]),
      })
  }
}

/** Marks whose segments are gone, and files that are not the journal's. */
function checkOtherNames(
  files: JournalFiles,
  findings: Findings,
  listed: { readonly names: readonly string[]; readonly known: ReadonlySet<string> },
): void {
  for (const name of listed.names) {
    if (listed.known.has(name)) continue
    const path = join(files.journal, name)
    const file = shownPath(files, path)
    if (CUT.test(name)) findings.add('note', { file }, 'a torn tail that an earlier start cut off and kept')
    else if (!MARK.test(name)) findings.add('note', { file }, "not a file of the journal's")
    else if (isBlank(readWhole(files.disk, path), 0))
      findings.add('note', { file }, 'the mark of no stream, never written')
    else findings.add('damaged', { file }, 'all segments of the stream with this mark are missing')
  }
}
