/**
 * What stands in a journal directory before any frame is followed: streams, their openings, their marks, and the frames
 * that were carried from one stream to the next.
 *
 * It walks the files by itself: the engine's own reader is among what is being checked.
 */
import { basename, join } from 'node:path'
import {
  type Frame,
  isBlank,
  type Link,
  magicBytes,
  type StreamId,
  streamName,
} from '../../persistence/journal/frame.ts'
import { framesIn } from '../../persistence/journal/frames-in.ts'
import { markPath } from '../../persistence/journal/mark.ts'
import {
  carriedIndex,
  listSegments,
  readWhole,
  type SegmentName,
} from '../../persistence/journal/segments.ts'
import { type JournalFiles, namesIn, shownPath } from '../journal-files.ts'
import type { Findings } from './findings.ts'
import { checkMark } from './mark-check.ts'
import { lastingBytes, provenIn, readFirst, readLasting } from './reading.ts'

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
    const mark = checkMark(files, findings, id)
    if (mark.ordinal > 0) marks += 1
    // Nothing is served before the mark says that the opening is durable, nor is a second segment made.
    const hasOpened = mark.ordinal > 0 || own.some(({ index }) => index > 1) || isProven(files, own)
    if (!hasOpened) {
      checkLeftover(files, findings, { name, files: ofStream })
      continue
    }
    if (mark.isBlank)
      findings.add('damaged', { file: mark.file }, 'this stream has opened, and its mark is gone')
    const first = own[0]?.index === 1 ? readFirst(files, own[0]) : undefined
    const opening = first?.type === 'frame' ? first.frame : undefined
    if (opening?.kind !== 'open' || opening.ordinal !== 1 || streamName(opening.stream) !== name) {
      const why =
        first?.type === 'foreign' ? first.why : `stream ${name} has opened, and its opening cannot be read`
      const { path } = own[0] ?? (ofStream[0] as SegmentName)
      findings.add('damaged', { file: shownPath(files, path), offset: 0 }, why)
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
    streams.push({ id, name, segments: own, opening, markedOrdinal: mark.ordinal })
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
    if (type === 'foreign') findings.add('damaged', place, step.value.why)
    else if (isLive) findings.add('note', place, `stream ${name} is about to open`)
    else if (type === 'blank')
      findings.add('note', place, `stream ${name} never opened; the next start removes it`)
    else if (index === carriedIndex || couldBeOurs(bytes)) {
      const why = `stream ${name} was cut off while it opened; nothing rests on it and the next start removes it`
      findings.add('torn', place, why)
    } else findings.add('damaged', place, 'this is no segment of a journal')
  }
}

function couldBeOurs(bytes: Buffer): boolean {
  const head = bytes.subarray(0, magicBytes.length)
  return isBlank(head, 0) || magicBytes.subarray(0, head.length).equals(head)
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
