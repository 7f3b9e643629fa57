/**
 * The record of what was taken out of a journal directory on purpose: `archived.jsonl`.
 *
 * A file that is neither in the directory nor in this record is lost, and that is damage. One that is in it was archived:
 * no recovery needs it and no reader misses it. So the record is written and synced before the first file goes.
 *
 * A1  Of a stream its first segments go, without gaps; its last one only together with its carried frames and its mark.
 * A2  What is recorded and present counts as present: a move that was interrupted, or a file that was brought back.
 * A3  What a repair gave up is recorded here too, and nowhere else does it pass for archived.
 *
 * Its first line has the SHA-256 of all that follow; of those each is one file, or one loss, the newest last.
 */
import { hash } from 'node:crypto'
import { join } from 'node:path'
import type { ShardId } from '../../domain/ids.ts'
import { BytesDamaged } from './bytes.ts'
import type { Disk } from './disk.ts'
import { type Frame, type Link, parseFrame, type StreamId, streamName } from './frame.ts'
import { carriedIndex, markNamed, readWhole, segmentNamed } from './segments.ts'

/** Sequences of one shard, both ends included. */
export type SequenceRange = { readonly shard: ShardId; readonly from: number; readonly to: number }

/** What must be known of a segment that is not there. */
export type ArchivedSegment = {
  /** The events in it, shards without any left out. */
  readonly events: readonly SequenceRange[]
  /** What the frame must be that comes behind its last one. */
  readonly next: { readonly ordinal: number; readonly previous: Link }
  /** Of its first frame and its newest event, RFC 3339. */
  readonly begins: string
  readonly ends: string
  /** The frame it begins with, in base 64; of a stream's first segment only. */
  readonly opening?: string
}

export type ArchivedFile = {
  readonly file: string
  readonly bytes: number
  readonly sha256: string
  /** The directory it was moved to, or the place in a bucket (`s3://…/`); null where a repair gave it up. */
  readonly to: string | null
  readonly at: string
  /** Of a stream's own segments, not of carried frames and marks. */
  readonly segment?: ArchivedSegment
}

/** Events that a repair gave up, and that a snapshot makes up for. */
export type GivenUp = { readonly lost: readonly SequenceRange[]; readonly at: string }

export type ArchivedStream = {
  readonly id: StreamId
  readonly opening: Frame
  /** From the first on, without gaps (A1). */
  readonly segments: readonly (ArchivedFile & { readonly segment: ArchivedSegment })[]
  /** Nothing of it is left to be missed. */
  readonly isWhole: boolean
}

export type Archive = {
  readonly files: ReadonlyMap<string, ArchivedFile>
  readonly givenUp: readonly GivenUp[]
  /** By name, in order of their epochs. */
  readonly streams: ReadonlyMap<string, ArchivedStream>
  /** Where files were moved to. */
  readonly directories: readonly string[]
}

export const archiveRecordName = 'archived.jsonl'
const FORMAT = 1
const ASIDE = '.writing'

/** What was taken out of this directory; nothing, where there is no record. Throws `BytesDamaged`. */
export function readArchive(disk: Disk, directory: string): Archive {
  const path = join(directory, archiveRecordName)
  if (!disk.exists(path)) return archiveOf([])
  return parseArchive(readWhole(disk, path))
}

/** What a record says, wherever it comes from. Throws `BytesDamaged`. */
export function parseArchive(bytes: Buffer): Archive {
  const headEnd = bytes.indexOf('\n') + 1
  const body = bytes.subarray(headEnd)
  const head = parseLine(bytes.toString('utf8', 0, headEnd)) as Partial<Head>
  if (head.format !== undefined && head.format !== FORMAT) {
    throw new BytesDamaged(
      `a record of archived files of format ${head.format}; this version reads format ${FORMAT}`,
    )
  }
  if (!bytes.subarray(0, headEnd).equals(Buffer.from(headOf(body)))) {
    throw new BytesDamaged('the record of archived files does not match its checksum')
  }
  // Their form is what this module wrote: the checksum says so.
  return archiveOf(
    body
      .toString('utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => parseLine(line) as ArchivedFile | GivenUp),
  )
}

/** Replaces the record; on return it survives power loss. */
export function writeArchive(
  disk: Disk,
  directory: string,
  { files, givenUp }: { readonly files: Iterable<ArchivedFile>; readonly givenUp: Iterable<GivenUp> },
): void {
  const path = join(directory, archiveRecordName)
  if (disk.exists(path + ASIDE)) disk.remove(path + ASIDE)
  const file = disk.create(path + ASIDE)
  try {
    file.write(encodeArchive([...files, ...givenUp]), 0)
    file.syncNow()
  } finally {
    file.close()
  }
  disk.rename(path + ASIDE, path)
  disk.syncDirectory(directory)
}

export function encodeArchive(lines: readonly (ArchivedFile | GivenUp)[]): Buffer {
  const body = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return Buffer.concat([Buffer.from(headOf(body)), body])
}

/** How many of a stream's first segments are not here because they were archived; `files` are those that are here. */
export function archivedBefore(
  stream: ArchivedStream | undefined,
  files: readonly { readonly index: number }[],
): number {
  if (stream === undefined) return 0
  const here = new Set(files.map(({ index }) => index))
  return stream.segments.findLastIndex((_, i) => !here.has(i + 1)) + 1
}

/** Events that are not here, and where they went; null where a repair gave them up. */
export type Missing = SequenceRange & { readonly went: string | null }

/** Ranges of events that are not here because they were archived or given up; `present` are the names that are here. */
export function missingRanges(archive: Archive, present: ReadonlySet<string>): readonly Missing[] {
  const missing: Missing[] = archive.givenUp.flatMap(({ lost }) =>
    lost.map((range) => ({ ...range, went: null })),
  )
  for (const { segments } of archive.streams.values()) {
    const last = segments.findLastIndex(({ file }) => !present.has(file))
    for (const { segment, to: went } of segments.slice(0, last + 1))
      missing.push(...segment.events.map((range) => ({ ...range, went })))
  }
  return missing
}

/** By shard, the highest sequence of which some event is not here any more: what is to be known begins behind it. */
export function goneSequences(missing: readonly Missing[]): ReadonlyMap<ShardId, number> {
  const gone = new Map<ShardId, number>()
  for (const { shard, to } of missing) gone.set(shard, Math.max(gone.get(shard) ?? 0, to))
  return gone
}

/** Reads, and reads anew where a file went into the archive meanwhile: by then the record says so. */
export function despiteArchiving<T>(disk: Disk, directory: string, read: () => T): T {
  for (;;) {
    const before = disk.list(directory)
    try {
      return read()
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
      const { files } = readArchive(disk, directory)
      const now = new Set(disk.list(directory))
      if (!before.some((name) => files.has(name) && !now.has(name))) throw error
    }
  }
}

function archiveOf(lines: readonly (ArchivedFile | GivenUp)[]): Archive {
  const files = new Map<string, ArchivedFile>()
  const givenUp: GivenUp[] = []
  for (const line of lines) {
    if ('lost' in line) givenUp.push(line)
    else files.set(line.file, line)
  }
  const directories = new Set([...files.values()].flatMap(({ to }) => to ?? []))
  return { files, givenUp, streams: streamsIn(files), directories: [...directories] }
}

function streamsIn(files: ReadonlyMap<string, ArchivedFile>): ReadonlyMap<string, ArchivedStream> {
  const segments = new Map<string, (ArchivedFile & { readonly segment: ArchivedSegment })[]>()
  const whole = new Set<string>()
  for (const file of [...files.values()].sort((a, b) => (a.file < b.file ? -1 : 1))) {
    const mark = markNamed(file.file)
    if (mark !== undefined) whole.add(streamName(mark))
    const name = segmentNamed('', file.file)
    if (name === undefined || name.index === carriedIndex || file.segment === undefined) continue
    const ofStream = segments.get(streamName(name.stream)) ?? []
    if (name.index !== ofStream.length + 1)
      throw new BytesDamaged(`the record skips a segment at ${file.file}`)
    ofStream.push({ ...file, segment: file.segment })
    segments.set(streamName(name.stream), ofStream)
  }
  const streams = new Map<string, ArchivedStream>()
  for (const [name, ofStream] of segments) {
    const opening = parseFrame(Buffer.from(ofStream[0]?.segment.opening ?? '', 'base64'), 0)
    if (opening.type !== 'frame') throw new BytesDamaged(`the record lacks the opening of stream ${name}`)
    const { frame } = opening
    streams.set(name, { id: frame.stream, opening: frame, segments: ofStream, isWhole: whole.has(name) })
  }
  return streams
}

type Head = { readonly product: 'holdfast'; readonly format: number; readonly sha256: string }

function headOf(body: Buffer): string {
  const head: Head = { product: 'holdfast', format: FORMAT, sha256: hash('sha256', body) }
  return `${JSON.stringify(head)}\n`
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line) ?? {}
  } catch (error) {
    if (error instanceof SyntaxError) throw new BytesDamaged('a line of the record of archived files is none')
    throw error
  }
}
