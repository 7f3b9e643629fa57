/**
 * All events of a journal that are certain, by time, then shard, then sequence; a segment of each stream in memory at once.
 *
 * An event is certain when its frame is durable: a later frame or the mark says so, or a newer stream has opened its
 * shard behind it. What is only written may yet be cut off by a crash; it is counted, and held back.
 *
 * Streams that were written at the same time are merged by time. Within a shard times never go back, so that its
 * sequences come in order too, which is checked: a gap is damage here as it is in recovery.
 */
import type { Event } from '../domain/events.ts'
import type { ShardId } from '../domain/ids.ts'
import { type Missing, missingRanges, readArchive } from '../persistence/journal/archived.ts'
import { BytesDamaged } from '../persistence/journal/bytes.ts'
import { eventsOf, type Section } from '../persistence/journal/frame.ts'
import type { JournalEvent } from '../persistence/journal/journal-follower.ts'
import {
  type Catalog,
  fenceAfter,
  framesOf,
  JournalDamaged,
  type PlacedFrame,
  readCatalog,
  readFirstFrame,
  type Stream,
} from '../persistence/journal/streams.ts'
import { hasCode, type JournalFiles } from './journal-files.ts'

export type ReadOptions = {
  /** Of all where it is absent. */
  readonly shard?: ShardId | undefined
  /** By shard, the first sequence that is wanted; where a shard is not named, all of its events are. */
  readonly from?: ReadonlyMap<ShardId, number>
  /** Events before this time may be left out; segments without later ones are not read. */
  readonly fromMs?: number | undefined
  /** Called with the bytes of each frame that was read. */
  readonly onBytes?: (bytes: number) => void
}

type Placed = { readonly section: Section; readonly stream: Stream; readonly at: PlacedFrame }

/** A running engine may turn to its next segment between two reads. */
const livePassesMax = 5

/**
 * Yields each event once; returns how many are written and not certain. Throws `JournalDamaged`. Events that are archived
 * or were given up are left out: sequences then have a gap.
 */
export function* readEvents(files: JournalFiles, options: ReadOptions = {}): Generator<JournalEvent, number> {
  const due = new Map(options.from)
  for (let pass = 1; ; pass++) {
    try {
      const events = readOnce(files, { ...options, from: due })
      for (;;) {
        const step = events.next()
        if (step.done === true) return step.value
        due.set(step.value.shard, step.value.sequence + 1)
        yield step.value
      }
    } catch (error) {
      const mayBeLate = error instanceof JournalDamaged || hasCode(error, 'ENOENT')
      if (!mayBeLate || pass === livePassesMax || !files.isLive()) throw error
    }
  }
}

function* readOnce(
  files: JournalFiles,
  options: ReadOptions & { readonly from: ReadonlyMap<ShardId, number> },
): Generator<JournalEvent, number> {
  const { disk, journal } = files
  const catalog = readCatalog(disk, journal)
  const missing = Map.groupBy(
    missingRanges(readArchive(disk, journal), new Set(disk.list(journal))),
    ({ shard }) => shard,
  )
  const merge = new Merge(
    catalog.streams
      .filter((stream) => isWanted(catalog, stream, options))
      .map((stream) => ({ stream, sections: () => sectionsOf(files, { catalog, stream, options }) })),
  )
  const next = new Map<ShardId, number>()
  for (const step of inOrder(merge)) {
    const { section, at } = step
    const { shard, firstSequence, atMs, count } = section
    const first = options.from.get(shard) ?? 1
    // Reading may begin before what is wanted, and, by time, anywhere.
    const begins = options.fromMs === undefined ? Math.min(first, firstSequence) : firstSequence
    const due = next.get(shard) ?? begins
    next.set(shard, firstSequence + count)
    if (firstSequence + count <= first) continue
    if (due !== firstSequence && !isExplained(missing.get(shard) ?? [], due, firstSequence - 1)) {
      const why = `shard ${shard} goes on at sequence ${firstSequence}, and ${due} was due`
      throw new JournalDamaged(at.file, at.at, why)
    }
    const events = decoded(step)
    for (let i = Math.max(0, first - firstSequence); i < events.length; i++)
      yield { atMs, shard, sequence: firstSequence + i, event: events[i] as Event }
  }
  return merge.heldBack
}

/** Whether none of these sequences is missing without a reason. */
function isExplained(missing: readonly Missing[], from: number, to: number): boolean {
  let due = from
  for (const range of missing.toSorted((a, b) => a.from - b.from))
    if (range.from <= due && range.to >= due) due = range.to + 1
  return due > to && from <= to
}

/** What has the same time by shard, so that the order does not depend on who wrote it. */
function* inOrder(merge: Merge): Generator<Placed> {
  let together: Placed[] = []
  for (;;) {
    const step = merge.next()
    if (step !== undefined && step.section.atMs === together[0]?.section.atMs) {
      together.push(step)
      continue
    }
    yield* together.sort((a, b) => a.section.shard - b.section.shard)
    if (step === undefined) return
    together = [step]
  }
}

function decoded({ section, at }: Placed): readonly Event[] {
  try {
    return [...eventsOf(section)]
  } catch (error) {
    if (error instanceof BytesDamaged) throw new JournalDamaged(at.file, at.at, error.message)
    throw error
  }
}

/** Streams by their openings' times, each begun only when its time has come. */
class Merge {
  heldBack = 0
  readonly #waiting: { readonly stream: Stream; readonly sections: () => Generator<Placed, number> }[]
  readonly #heads: { readonly rest: Generator<Placed, number>; head: Placed }[] = []

  constructor(
    streams: readonly { readonly stream: Stream; readonly sections: () => Generator<Placed, number> }[],
  ) {
    this.#waiting = streams.toSorted(
      ({ stream: a }, { stream: b }) => b.opening.timeMs - a.opening.timeMs || b.id.epoch - a.id.epoch,
    )
  }

  /** The next section of all, or undefined at the end of the last stream. */
  next(): Placed | undefined {
    for (;;) {
      const first = this.#first()
      const waiting = this.#waiting.at(-1)
      const isDue =
        waiting !== undefined &&
        (first === undefined || waiting.stream.opening.timeMs <= first.head.section.atMs)
      if (!isDue) {
        if (first === undefined) return undefined
        const { head } = first
        this.#advance(first)
        return head
      }
      this.#waiting.pop()
      const rest = waiting.sections()
      const step = rest.next()
      if (step.done === true) this.heldBack += step.value
      else this.#heads.push({ rest, head: step.value })
    }
  }

  #advance(of: { readonly rest: Generator<Placed, number>; head: Placed }): void {
    const step = of.rest.next()
    if (step.done !== true) {
      of.head = step.value
      return
    }
    this.heldBack += step.value
    this.#heads.splice(this.#heads.indexOf(of), 1)
  }

  #first(): { readonly rest: Generator<Placed, number>; head: Placed } | undefined {
    let first = this.#heads[0]
    for (const other of this.#heads)
      if (first !== undefined && isBefore(other.head, first.head)) first = other
    return first
  }
}

function isBefore(one: Placed, other: Placed): boolean {
  const byTime = one.section.atMs - other.section.atMs
  return byTime < 0 || (byTime === 0 && one.stream.id.epoch < other.stream.id.epoch)
}

/** The sections of a stream that count and are certain; returns how many events are not. */
function* sectionsOf(
  files: JournalFiles,
  of: { readonly catalog: Catalog; readonly stream: Stream; readonly options: ReadOptions },
): Generator<Placed, number> {
  const { catalog, stream, options } = of
  let waiting: (Placed & { readonly ordinal: number })[] = []
  let durable = stream.markedOrdinal
  const frames = framesOf(files.disk, catalog, stream, { fromSegment: firstNeeded(files, stream, options) })
  for (;;) {
    const step = frames.next()
    if (step.done === true) return waiting.reduce((sum, { section }) => sum + section.count, 0)
    const frame = step.value
    options.onBytes?.(frame.bytes.length)
    durable = Math.max(durable, frame.durableOrdinal)
    if (frame.kind === 'batch') {
      for (const section of frame.sections) {
        if (options.shard !== undefined && section.shard !== options.shard) continue
        const fence = fenceAfter(catalog, section.shard, stream.id.epoch)
        if (fence !== undefined && section.firstSequence >= fence.nextSequence) continue
        waiting.push({ section, stream, at: frame, ordinal: fence === undefined ? frame.ordinal : 0 })
      }
    }
    const certain = waiting.filter(({ ordinal }) => ordinal <= durable)
    if (certain.length === 0) continue
    waiting = waiting.filter(({ ordinal }) => ordinal > durable)
    yield* certain
  }
}

/** Whether the stream has a shard that is wanted, and can have events that are. */
function isWanted(catalog: Catalog, stream: Stream, options: ReadOptions): boolean {
  const { shard: wanted, from, fromMs = Number.NEGATIVE_INFINITY } = options
  return stream.opening.sections.some(({ shard }) => {
    if (wanted !== undefined && shard !== wanted) return false
    const fence = fenceAfter(catalog, shard, stream.id.epoch)
    if (fence === undefined) return true
    // Whoever took the shard over went on at no earlier time.
    const taker = catalog.streams.find(
      ({ id, opening }) =>
        id.epoch === fence.epoch && opening.sections.some((section) => section.shard === shard),
    )
    return fence.nextSequence > (from?.get(shard) ?? 1) && (taker?.opening.timeMs ?? fromMs) >= fromMs
  })
}

/** The last segment before which there is nothing that is wanted. */
function firstNeeded({ disk }: JournalFiles, stream: Stream, options: ReadOptions): number {
  const { shard: wanted, from, fromMs } = options
  let bySequence = 0
  let byTime = 0
  for (let i = 1; i < stream.segments.length; i++) {
    const opening = readFirstFrame(disk, stream.segments[i] as Stream['segments'][number])
    if (opening?.kind !== 'open') break
    const isBelow = opening.sections.every(({ shard, firstSequence }) => {
      return (wanted !== undefined && shard !== wanted) || firstSequence <= (from?.get(shard) ?? 1)
    })
    // An opening's time is that of the last frame before it, and that frame may have later sections.
    const isEarlier = fromMs !== undefined && opening.timeMs < fromMs
    if (isBelow) bySequence = i
    if (isEarlier) byTime = i - 1
    if (!isBelow && !isEarlier) break
  }
  return Math.max(bySequence, byTime)
}
