/**
 * From files back to state: the newest valid snapshot of each shard, then every event behind it, in order. Changes
 * nothing on disk.
 *
 * C1, C2 and C4 are in streams.ts.
 * C3  What stands at the end of a stream and is not proven durable is handed on as `carry`: it must be written anew,
 *     byte for byte, before anything rests on it, since reading it back proves nothing after a failed sync.
 */
import { crashPoint } from '../../crash-points.ts'
import { assert, InvariantBroken } from '../../domain/assert.ts'
import { evolve } from '../../domain/evolve.ts'
import type { ShardId } from '../../domain/ids.ts'
import { emptyShard, type ShardState } from '../../domain/stock.ts'
import { despiteArchiving } from './archived.ts'
import { BytesDamaged } from './bytes.ts'
import type { EndedStream } from './carry.ts'
import type { Disk } from './disk.ts'
import { allEventsOf, type Frame, type Link, linkIn, noLink, type Section, type StreamId } from './frame.ts'
import { listSnapshots, readSnapshot } from './snapshot.ts'
import {
  type Catalog,
  fenceAfter,
  framesOf,
  JournalDamaged,
  type PlacedFrame,
  readCatalog,
  readFirstFrame,
  type Stream,
} from './streams.ts'

export type RecoveredShard = {
  readonly shard: ShardId
  readonly state: ShardState
  /** Of the snapshot it began from; 0 where there was none. */
  readonly snapshotSequence: number
  /** Of the next event to come; the first is 1. */
  nextSequence: number
  /** Of the frame that carried the newest event. */
  link: Link
  /** Of the newest event; 0 where there is none. */
  lastTimeMs: number
}

export type Recovery = {
  readonly shards: ReadonlyMap<ShardId, RecoveredShard>
  /** Whole frames to write anew (C3), oldest first. */
  readonly carry: readonly Buffer[]
  /** How the streams ended that no newer stream has taken over from. */
  readonly ends: readonly EndedStream[]
  /** What was odd and did not matter: a damaged snapshot that an older one replaced. */
  readonly notes: readonly string[]
  readonly eventsReplayed: number
  /** The newest time that anything of these shards' streams was recorded at, quiet time included; 0 where nothing was. */
  readonly lastTimeMs: number
}

export type RecoveryOptions = {
  readonly disk: Disk
  readonly journalDirectory: string
  readonly snapshotDirectory: string
  /** The shards to recover. */
  readonly shards: readonly ShardId[]
  /** How many the data has. */
  readonly shardsOfData: number
  /** Stop before this segment of a stream that is being written; what lies before it is durable. */
  readonly before?: { readonly stream: StreamId; readonly index: number }
  /** Of a shard, the sequence from which on nothing counts, though it may be there: somebody knows where it ends. */
  readonly until?: ReadonlyMap<ShardId, number>
  /** False rebuilds from the first event. */
  readonly useSnapshots?: boolean
  /** Called with what each shard begins from, before its first event; again where recovery had to begin again. */
  readonly onBase?: (shard: RecoveredShard) => void
  /** Called after each event that was replayed. */
  readonly onEvent?: (shard: RecoveredShard) => void
  /** Called with each section whose events count, before they are replayed. */
  readonly onSection?: (section: Section, frame: Frame, stream: Stream) => void
}

/** Throws `JournalDamaged` where anything acknowledged is missing or changed. */
export function recover(options: RecoveryOptions): Recovery {
  return despiteArchiving(options.disk, options.journalDirectory, () => recoverOnce(options))
}

function recoverOnce(options: RecoveryOptions): Recovery {
  const { disk } = options
  const catalog = readCatalog(disk, options.journalDirectory)
  const notes: string[] = []
  const shards = new Map<ShardId, RecoveredShard>()
  for (const shard of options.shards) {
    const base = newestSnapshot(options, shard, notes) ?? emptyRecovered(shard)
    shards.set(shard, base)
    options.onBase?.(base)
  }
  const replay = new Replay(options, catalog, shards)
  for (const stream of catalog.streams) {
    if (stream.opening.shards !== options.shardsOfData) {
      const [first] = stream.segments
      throw new JournalDamaged(
        first?.path ?? '',
        0,
        `written for ${stream.opening.shards} shards, not ${options.shardsOfData}`,
      )
    }
    if (replay.needs(stream)) replay.readStream(stream)
  }
  replay.checkReached()
  const { carry, ends, events: eventsReplayed, lastTimeMs } = replay
  return { shards, carry, ends, notes, eventsReplayed, lastTimeMs }
}

function emptyRecovered(shard: ShardId): RecoveredShard {
  return { shard, state: emptyShard(), snapshotSequence: 0, nextSequence: 1, link: noLink, lastTimeMs: 0 }
}

function newestSnapshot(
  options: RecoveryOptions,
  shard: ShardId,
  notes: string[],
): RecoveredShard | undefined {
  if (options.useSnapshots === false) return undefined
  for (const found of listSnapshots(options.disk, options.snapshotDirectory)) {
    if (found.shard !== shard) continue
    try {
      const snapshot = readSnapshot(options.disk, found.path)
      const { state, sequence, link, timeMs, shards } = snapshot
      if (shards !== options.shardsOfData) throw new BytesDamaged(`of data with ${shards} shards`)
      if (snapshot.shard !== shard || sequence !== found.sequence)
        throw new BytesDamaged(`it is of shard ${snapshot.shard} at sequence ${sequence}`)
      return {
        shard,
        state,
        snapshotSequence: sequence,
        nextSequence: sequence + 1,
        link,
        lastTimeMs: timeMs,
      }
    } catch (error) {
      if (!(error instanceof BytesDamaged)) throw error
      notes.push(`snapshot ${found.name} is not used: ${error.message}`)
    }
  }
  return undefined
}

/** One pass over the streams, oldest first. */
class Replay {
  readonly carry: Buffer[] = []
  readonly ends: EndedStream[] = []
  events = 0
  lastTimeMs = 0
  readonly #options: RecoveryOptions
  readonly #catalog: Catalog
  readonly #shards: ReadonlyMap<ShardId, RecoveredShard>
  /** The next sequence that the journal itself was seen to reach, by shard. */
  readonly #reached = new Map<ShardId, number>()

  constructor(options: RecoveryOptions, catalog: Catalog, shards: ReadonlyMap<ShardId, RecoveredShard>) {
    this.#options = options
    this.#catalog = catalog
    this.#shards = shards
    for (const { lastTimeMs } of shards.values()) this.#noteTime(lastTimeMs)
  }

  /** Whether the stream has events of these shards that their snapshots do not hold, or may have. */
  needs(stream: Stream): boolean {
    return stream.opening.sections.some(({ shard }) => {
      const recovered = this.#shards.get(shard)
      if (recovered === undefined) return false
      const fence = fenceAfter(this.#catalog, shard, stream.id.epoch)
      return fence === undefined || fence.nextSequence > recovered.nextSequence
    })
  }

  readStream(stream: Stream): void {
    const { disk, before } = this.#options
    const isWritten = before?.stream.epoch === stream.id.epoch && before.stream.worker === stream.id.worker
    const beforeSegment = isWritten ? before.index - 1 - stream.archived : undefined
    if (beforeSegment === 0) return
    const frames = framesOf(
      disk,
      this.#catalog,
      stream,
      beforeSegment !== undefined
        ? { fromSegment: Math.min(this.#firstNeeded(stream), beforeSegment - 1), beforeSegment }
        : { fromSegment: this.#firstNeeded(stream) },
    )
    let unproven: Frame[] = []
    let provenOrdinal = stream.markedOrdinal
    for (;;) {
      const step = frames.next()
      if (step.done === true) {
        if (isWritten) return
        const isNewest = stream.opening.sections.some(({ shard }) => this.#isNewest(stream, shard))
        if (isNewest) this.ends.push({ stream, end: step.value, provenOrdinal })
        break
      }
      const frame = step.value
      this.#noteTime(frame.timeMs)
      this.#apply(stream, frame)
      provenOrdinal = Math.max(provenOrdinal, frame.durableOrdinal)
      unproven = unproven.filter(({ ordinal }) => ordinal > frame.durableOrdinal)
      unproven.push(frame)
    }
    const fresh = unproven.filter(({ ordinal }) => ordinal > stream.markedOrdinal)
    const lastThatMatters = fresh.findLastIndex(({ sections }) => {
      return sections.some(({ shard, count }) => count > 0 && this.#isNewest(stream, shard))
    })
    // Those between have no events, openings of segments and seals, but without them a copy would follow nothing.
    for (const frame of fresh.slice(0, lastThatMatters + 1)) this.carry.push(frame.bytes)
  }

  #noteTime(atMs: number): void {
    if (atMs > this.lastTimeMs) this.lastTimeMs = atMs
  }

  /** A snapshot beyond the journal's end means that the journal lost its end. */
  checkReached(): void {
    for (const { shard, nextSequence } of this.#shards.values()) {
      const reached = this.#reached.get(shard) ?? 1
      if (reached < nextSequence) {
        const why = `shard ${shard} ends at sequence ${reached - 1}, and its snapshot is of ${nextSequence - 1}`
        throw new JournalDamaged(this.#options.journalDirectory, 0, why)
      }
    }
  }

  /** Whether no newer stream has taken this shard over, among those recovered here. */
  #isNewest(stream: Stream, shard: ShardId): boolean {
    return this.#shards.has(shard) && fenceAfter(this.#catalog, shard, stream.id.epoch) === undefined
  }

  /** Segments whose every event the snapshots hold already need not be read. */
  #firstNeeded(stream: Stream): number {
    let first = 0
    for (let i = 1; i < stream.segments.length; i++) {
      const opening = readFirstFrame(this.#options.disk, stream.segments[i] as Stream['segments'][number])
      if (opening === undefined || opening.kind !== 'open') break
      const isCovered = opening.sections.every(({ shard, firstSequence }) => {
        const recovered = this.#shards.get(shard)
        return recovered === undefined || firstSequence <= recovered.nextSequence
      })
      if (!isCovered) break
      first = i
    }
    return first
  }

  #apply(stream: Stream, frame: PlacedFrame): void {
    for (const section of frame.sections) {
      const recovered = this.#shards.get(section.shard)
      if (recovered === undefined) continue
      if (frame.kind === 'open') this.#checkOpening(recovered, section, frame)
      else this.#applySection(stream, frame, recovered, section)
    }
  }

  #checkOpening(recovered: RecoveredShard, section: Section, frame: PlacedFrame): void {
    const { shard, firstSequence } = section
    this.#reached.set(shard, Math.max(this.#reached.get(shard) ?? 1, firstSequence))
    if (firstSequence > recovered.nextSequence) {
      const { archives } = this.#catalog
      const where = archives.length === 0 ? '' : `; what was archived is in ${archives.join(', ')}`
      const why = `shard ${shard} lacks sequence ${recovered.nextSequence} to ${firstSequence - 1}${where}`
      throw new JournalDamaged(frame.file, frame.at, why)
    }
    if (firstSequence === recovered.nextSequence && linkIn(section) !== recovered.link) {
      throw new JournalDamaged(
        frame.file,
        frame.at,
        `shard ${shard} goes on from another history at sequence ${firstSequence}`,
      )
    }
  }

  #applySection(stream: Stream, frame: PlacedFrame, recovered: RecoveredShard, section: Section): void {
    const { shard, firstSequence, count } = section
    const fence = fenceAfter(this.#catalog, shard, stream.id.epoch)
    if (fence !== undefined && firstSequence >= fence.nextSequence) return
    if (firstSequence >= (this.#options.until?.get(shard) ?? Number.POSITIVE_INFINITY)) return
    const after = firstSequence + count
    if (fence !== undefined && after > fence.nextSequence) {
      const why = `shard ${shard} was taken over at sequence ${fence.nextSequence}, within this frame`
      throw new JournalDamaged(frame.file, frame.at, why)
    }
    this.#reached.set(shard, Math.max(this.#reached.get(shard) ?? 1, after))
    if (after <= recovered.nextSequence) return
    if (firstSequence !== recovered.nextSequence) {
      const why = `shard ${shard} goes on at sequence ${firstSequence}, and ${recovered.nextSequence} was due`
      throw new JournalDamaged(frame.file, frame.at, why)
    }
    recovered.lastTimeMs = section.atMs
    this.#noteTime(section.atMs)
    this.#options.onSection?.(section, frame, stream)
    try {
      for (const event of allEventsOf(section)) {
        crashPoint('recovery.midReplay')
        evolve(recovered.state, event, section.atMs)
        recovered.nextSequence += 1
        this.#options.onEvent?.(recovered)
      }
      this.events += count
    } catch (error) {
      // Bytes of another version, or events of another history: replaying them again would end no better.
      if (!(error instanceof BytesDamaged || error instanceof InvariantBroken)) throw error
      throw new JournalDamaged(
        frame.file,
        frame.at,
        `shard ${shard} at sequence ${recovered.nextSequence}: ${error.message}`,
      )
    }
    assert(recovered.nextSequence === after, 'a section holds as many events as it says')
    recovered.link = frame.link
  }
}
