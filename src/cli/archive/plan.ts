/**
 * Which files of a journal can be archived: whole segments, the oldest of each stream first, that no recovery needs, even
 * if the newest snapshot of every shard were damaged, and of which other systems have been told where they are to be.
 *
 * Of a stream that newer ones took over from, all can go, and then its carried frames and its mark go with them (A1 in
 * archived.ts). Of a stream that is being written, or was written last, the last two segments stay.
 */
import { basename, join } from 'node:path'
import type { ShardId } from '../../domain/ids.ts'
import {
  type Archive,
  type ArchivedFile,
  type ArchivedSegment,
  readArchive,
  type SequenceRange,
} from '../../persistence/journal/archived.ts'
import { timeText } from '../../persistence/journal/event-fields.ts'
import { streamName } from '../../persistence/journal/frame.ts'
import { markPath } from '../../persistence/journal/mark.ts'
import {
  carriedIndex,
  listSegments,
  markNamed,
  type SegmentName,
  segmentNamed,
} from '../../persistence/journal/segments.ts'
import {
  type Catalog,
  fenceAfter,
  framesOf,
  isTakenOver,
  JournalDamaged,
  readCatalog,
  readFirstFrame,
  type Stream,
} from '../../persistence/journal/streams.ts'
import { readTold, type Told } from '../../persistence/journal/told.ts'
import type { JournalFiles } from '../journal-files.ts'
import { type Coverage, coverageOf } from './coverage.ts'
import { describeFile, type Scan, scanSegment } from './segment-scan.ts'

/** A file to be moved, and its line of the record but for where and when it goes. */
export type PlannedFile = Omit<ArchivedFile, 'to' | 'at'>

export type ArchivePlan = {
  /** In the order in which they must be removed. */
  readonly files: readonly PlannedFile[]
  /** Own segments that stay, and why the first of each stream that does not go does not. */
  readonly kept: number
  readonly reasons: readonly { readonly file: string; readonly why: string }[]
}

export type PlanOptions = {
  /** Only segments whose every event is before this time. */
  readonly beforeMs?: number | undefined
  /** The newest so many segments stay. */
  readonly keep?: number | undefined
  readonly onBytes?: (bytes: number) => void
}

/** A whole segment that was read. */
type Fit = Scan & { readonly type: 'whole' }
type Candidate = { readonly name: SegmentName; readonly scan: Fit }
/** The last begun segment is the one that is written; the one before it is read when its snapshot is taken. */
const keptOfNewest = 2

/** Reads what may go, and changes nothing. Throws `JournalDamaged`. */
export function planArchive(files: JournalFiles, options: PlanOptions = {}): ArchivePlan {
  const archive = readArchive(files.disk, files.journal)
  const catalog = readCatalog(files.disk, files.journal)
  const coverage = coverageOf(files)
  const told = readTold(files.disk, files.journal)
  const reasons: { file: string; why: string }[] = []
  const bounded = boundedBy(files, catalog, options)
  const planned: {
    readonly stream: Stream
    readonly going: readonly Candidate[]
    readonly isWhole: boolean
  }[] = []
  const staying = new Set<ShardId>()
  for (const stream of catalog.streams) {
    const { going, stop } = goingOf(files, {
      stream,
      catalog,
      archive,
      coverage,
      told,
      bounded,
      options,
    })
    // An older stream that stays needs to know how far it counts, which is what this one's opening says (C1).
    const isNeeded = stream.opening.sections.some(({ shard }) => staying.has(shard))
    const isWhole = stop === undefined && !isNeeded
    if (!isWhole) for (const { shard } of stream.opening.sections) staying.add(shard)
    planned.push({ stream, going: isWhole ? going : withoutLast(files, stream, going), isWhole })
    if (stop !== undefined) reasons.push(stop)
    else if (isNeeded) reasons.push({ file: `${streamName(stream.id)}.mark`, why: 'an older stream stays' })
  }
  const own = catalog.streams.reduce((sum, { segments }) => sum + segments.length, 0)
  const kept = own - planned.reduce((sum, { going }) => sum + going.length, 0)
  return {
    files: [...unfinished(files, archive, catalog), ...planned.flatMap((part) => filesOf(files, part))],
    kept,
    reasons,
  }
}

/** What an interrupted move left that no stream misses any more. */
function unfinished({ disk, journal }: JournalFiles, archive: Archive, catalog: Catalog): PlannedFile[] {
  const streams = new Map(catalog.streams.map((stream) => [streamName(stream.id), stream]))
  return [...archive.files.values()].flatMap(({ to, at, ...file }) => {
    const segment = segmentNamed(journal, file.file)
    const of = segment?.stream ?? markNamed(file.file)
    if (to === null || of === undefined || !disk.exists(join(journal, file.file))) return []
    const stream = streams.get(streamName(of))
    const isBehind = segment !== undefined && segment.index > 0 && segment.index <= (stream?.archived ?? 0)
    return stream === undefined || isBehind ? file : []
  })
}

/** The leading segments of a stream that can go, and what stops the next one. */
function goingOf(
  files: JournalFiles,
  of: {
    readonly stream: Stream
    readonly catalog: Catalog
    readonly archive: Archive
    readonly coverage: ReadonlyMap<ShardId, Coverage>
    readonly told: Told | undefined
    readonly bounded: ReadonlyMap<string, string>
    readonly options: PlanOptions
  },
): {
  readonly going: readonly Candidate[]
  readonly stop: { readonly file: string; readonly why: string } | undefined
} {
  const { stream, catalog, archive, bounded, options } = of
  const archived = archive.streams.get(streamName(stream.id))
  const isOver = isTakenOver(catalog, stream)
  const begun = stream.segments.filter((segment) => readFirstFrame(files.disk, segment) !== undefined)
  const last = isOver ? begun.length : begun.length - keptOfNewest
  const going: Candidate[] = []
  const stopAt = (name: SegmentName, why: string) => ({ going, stop: { file: name.name, why } })
  for (const [i, name] of stream.segments.entries()) {
    if (name !== begun[i]) return stopAt(name, 'it was never begun; the next start removes it')
    if (i >= last) return stopAt(name, 'it belongs to the end of the journal')
    const bound = bounded.get(name.name)
    if (bound !== undefined) return stopAt(name, bound)
    const scan = scanSegment(files, name)
    if (scan.type === 'unfit') {
      if (isOver && i === stream.segments.length - 1 && endsTorn(files, catalog, stream))
        return stopAt(name, 'its end is torn; the next start cuts it off')
      throw new JournalDamaged(name.path, 0, scan.why)
    }
    options.onBytes?.(scan.bytes)
    const before = going.at(-1)?.scan.segment ?? archived?.segments[stream.archived - 1]?.segment
    checkChain(name, scan, before?.next)
    const uncovered = whyNeeded(catalog, stream, { ...of, events: scan.segment.events })
    if (uncovered !== undefined) return stopAt(name, uncovered)
    if (options.beforeMs !== undefined && scan.endsMs >= options.beforeMs)
      return stopAt(name, `it was written until ${scan.segment.ends}`)
    going.push({ name, scan })
  }
  return { going, stop: whyNotWhole(of) }
}

/** Whether nothing proves what stands at its end. Throws `JournalDamaged` where something does. */
function endsTorn({ disk }: JournalFiles, catalog: Catalog, stream: Stream): boolean {
  const frames = framesOf(disk, catalog, stream, { fromSegment: stream.segments.length - 1 })
  let step = frames.next()
  while (step.done !== true) step = frames.next()
  return step.value.type === 'torn'
}

/** A stream of which a part stays must keep its last segment, and not a blank one. */
function withoutLast(files: JournalFiles, stream: Stream, going: readonly Candidate[]): readonly Candidate[] {
  const next = stream.segments[going.length]
  const isBegun = next !== undefined && readFirstFrame(files.disk, next) !== undefined
  return isBegun ? going : going.slice(0, -1)
}

function checkChain(name: SegmentName, { begins }: Fit, next: ArchivedSegment['next'] | undefined): void {
  if (next === undefined || (begins.ordinal === next.ordinal && begins.previous === next.previous)) return
  throw new JournalDamaged(name.path, 0, `frame ${begins.ordinal} does not follow the segment before`)
}

/** Why recovery may need some of these events, or others are to be told of them; undefined where nobody will. */
function whyNeeded(
  catalog: Catalog,
  stream: Stream,
  of: {
    readonly coverage: ReadonlyMap<ShardId, Coverage>
    /** How far other systems were told; undefined where nobody is to be. */
    readonly told: Told | undefined
    readonly events: readonly SequenceRange[]
  },
): string | undefined {
  for (const { shard, to } of of.events) {
    const fence = fenceAfter(catalog, shard, stream.id.epoch)
    // What a newer stream did not go on from was never acknowledged.
    const counts = Math.min(to, (fence?.nextSequence ?? Number.POSITIVE_INFINITY) - 1)
    const known = of.coverage.get(shard) ?? { sequence: 0, newest: 0 }
    if (of.told !== undefined && counts > (of.told.get(shard) ?? 0))
      return `other systems have not been told of shard ${shard} up to s${shard}.${counts} (EVENTS_URL)`
    if (counts <= known.sequence) continue
    if (counts <= known.newest)
      return `only one snapshot of shard ${shard} knows its events up to s${shard}.${counts}`
    return `no snapshot of shard ${shard} knows its events up to s${shard}.${counts}`
  }
  return undefined
}

/** Frames that are whole in copies only, behind the last segment, must not be needed either. */
function whyNotWhole(of: {
  readonly stream: Stream
  readonly catalog: Catalog
  readonly coverage: ReadonlyMap<ShardId, Coverage>
  readonly told: Told | undefined
}): { readonly file: string; readonly why: string } | undefined {
  const { stream, catalog } = of
  const events = stream.opening.sections.flatMap(({ shard }) => {
    const fence = fenceAfter(catalog, shard, stream.id.epoch)
    return fence === undefined || fence.nextSequence === 1
      ? []
      : { shard, from: 1, to: fence.nextSequence - 1 }
  })
  const why = whyNeeded(catalog, stream, { ...of, events })
  return why === undefined ? undefined : { file: `${streamName(stream.id)}.mark`, why }
}

/** Segments that were asked to stay: the newest so many, by what their openings say. */
function boundedBy(
  files: JournalFiles,
  catalog: Catalog,
  { keep }: PlanOptions,
): ReadonlyMap<string, string> {
  if (keep === undefined) return new Map()
  const opened = catalog.streams.flatMap(({ segments }) =>
    segments.flatMap((segment) => {
      const opening = readFirstFrame(files.disk, segment)
      return opening === undefined ? [] : { segment, timeMs: opening.timeMs }
    }),
  )
  const newest = opened
    .sort((a, b) => b.timeMs - a.timeMs || (a.segment.name < b.segment.name ? 1 : -1))
    .slice(0, keep)
  return new Map(
    newest.map(({ segment, timeMs }) => [
      segment.name,
      `it is among the newest ${keep}, begun at ${timeText(timeMs)}`,
    ]),
  )
}

function filesOf(
  files: JournalFiles,
  {
    stream,
    going,
    isWhole,
  }: { readonly stream: Stream; readonly going: readonly Candidate[]; readonly isWhole: boolean },
): PlannedFile[] {
  const segments = going.map(({ name, scan }) => {
    const { bytes, sha256, segment } = scan
    return { file: name.name, bytes, sha256, segment }
  })
  if (!isWhole) return segments
  // The mark comes last: without it the rest would pass for a stream that never opened.
  const carried = listSegments(files.disk, files.journal).filter(({ stream: { epoch, worker }, index }) => {
    return index === carriedIndex && epoch === stream.id.epoch && worker === stream.id.worker
  })
  const others = [...carried.map(({ path }) => path), markPath(files.journal, stream.id)]
  return [
    ...segments,
    ...others
      .filter((path) => files.disk.exists(path))
      .map((path) => ({ file: basename(path), ...describeFile(files, path) })),
  ]
}
