/**
 * What is lost and cannot even be counted: frames at the ends of streams that must have been there, or may have, and of
 * which nothing is left. Anywhere else the sequences behind a gap say how much it held.
 */
import type { ShardId } from '../../domain/ids.ts'
import { type Frame, isBlank, streamName } from '../../persistence/journal/frame.ts'
import { markPath, readMark } from '../../persistence/journal/mark.ts'
import {
  carriedIndex,
  listMarked,
  listSegments,
  readWhole,
  type SegmentName,
} from '../../persistence/journal/segments.ts'
import type { JournalFiles } from '../journal-files.ts'
import type { Loss } from '../repairs-record.ts'
import { Findings } from '../verify/findings.ts'
import { fenceAfter, takeInventory } from '../verify/inventory.ts'
import { framesAnywhere, type StreamHead, streamHeads } from './trace.ts'

/** What can be read of a stream, wherever it stands. */
class Remains {
  readonly ordinals = new Set<number>()
  last = 0
  /** By shard, the last frame that says how far it came. */
  readonly told = new Map<ShardId, number>()
  /** The highest ordinal that anything says was durable. */
  proven = 0
  /** The last segment with a frame: its number, its size, and what stands behind its frames. */
  lastIndex = 0
  lastBytes = 0
  isCutShort = false
  /** Bytes of the largest segment, and whether one is gone behind the last frame. */
  madeBytes = 0
  isBroken = false

  add({ ordinal, durableOrdinal, sections }: Frame): void {
    this.ordinals.add(ordinal)
    this.last = Math.max(this.last, ordinal)
    this.proven = Math.max(this.proven, durableOrdinal)
    for (const { shard } of sections) this.told.set(shard, Math.max(this.told.get(shard) ?? 0, ordinal))
  }

  addSegment({ index }: SegmentName, bytes: Buffer): void {
    this.madeBytes = Math.max(this.madeBytes, bytes.length)
    let end = 0
    for (const { frame, offset } of framesAnywhere(bytes)) {
      this.add(frame)
      end = offset + frame.bytes.length
    }
    if (end === 0) {
      if (index > this.lastIndex + 1 && this.lastBytes > 0) this.isBroken = true
      return
    }
    this.isBroken = false
    this.lastIndex = index
    this.lastBytes = bytes.length
    this.isCutShort = end < bytes.length && !isBlank(bytes, end)
  }

  /** What is there after all: behind it nothing was missing. */
  putBack(frame: Frame): void {
    if (frame.ordinal > this.last) {
      this.isBroken = false
      this.isCutShort = false
    }
    this.add(frame)
  }

  /** Frames that are gone, and that nothing behind them tells of, as far as these shards are concerned. */
  untold(stream: string, shards: readonly ShardId[]): Loss['untold'] {
    const told = Math.min(...shards.map((shard) => this.told.get(shard) ?? 0))
    const { last } = this
    const gone: number[] = []
    for (let ordinal = told + 1; ordinal <= Math.max(this.proven, last); ordinal++)
      if (!this.ordinals.has(ordinal)) gone.push(ordinal)
    const isShort = this.isBroken || (this.isCutShort && this.lastBytes < this.madeBytes)
    const [from = last + 1] = gone
    if (isShort) return [{ stream, from, to: null }]
    return gone.length === 0 ? [] : [{ stream, from, to: gone.at(-1) as number }]
  }
}

/** `after` is what is left of it, and perhaps put back. */
export function untoldIn(files: JournalFiles, after: JournalFiles): Loss['untold'] {
  const { disk, journal } = files
  const remains = new Map<string, Remains>()
  const of = (name: string): Remains => {
    const known = remains.get(name) ?? new Remains()
    remains.set(name, known)
    return known
  }
  for (const segment of listSegments(disk, journal)) {
    const bytes = readWhole(disk, segment.path)
    if (segment.index === carriedIndex)
      for (const { frame } of framesAnywhere(bytes)) of(streamName(frame.stream)).add(frame)
    else of(streamName(segment.stream)).addSegment(segment, bytes)
  }
  for (const id of listMarked(disk, journal)) {
    const mark = readMark(disk, markPath(journal, id))
    const known = of(streamName(id))
    if (mark.type === 'mark') known.proven = Math.max(known.proven, mark.ordinal)
  }
  for (const { path } of listSegments(after.disk, journal))
    for (const { frame } of framesAnywhere(readWhole(after.disk, path)))
      of(streamName(frame.stream)).putBack(frame)
  const inventory = takeInventory(files, new Findings())
  const heads = new Map(streamHeads(files).map((head) => [head.name, head]))
  const newest = [...remains.keys()].sort().at(-1)
  return [...remains].flatMap(([name, known]) => {
    const head = heads.get(name)
    // Where a newer stream went on, its opening says how far this one came.
    if (head?.opening === undefined) return name === newest ? known.untold(name, [NO_SHARD]) : []
    const ends = endsOf(head, (shard) => fenceAfter(inventory, shard, head.id.epoch) !== undefined)
    return ends.length === 0 ? [] : known.untold(name, ends)
  })
}

/** Of a stream that does not say which it has. */
const NO_SHARD = -1 as ShardId

function endsOf({ opening }: StreamHead, isTakenOver: (shard: ShardId) => boolean): ShardId[] {
  return opening?.sections.map(({ shard }) => shard).filter((shard) => !isTakenOver(shard)) ?? []
}
