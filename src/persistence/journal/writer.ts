/**
 * The journal as its one writer sees it: sections of events go in, and an ordinal becomes durable.
 *
 * Owns a stream's open segment, the frame being gathered, and the segment that comes next. Knows nothing of rules,
 * replies or threads.
 *
 * J1  Group commit in two stages: while one frame syncs, the next is gathered; a frame is written only when the one
 *     before it is durable. So a frame may say that its predecessor is.
 * J2  A failed write or sync is never tried again: the writer is dead, and says so once (DESIGN.md, S3).
 * J3  Each segment was made ahead of its use (next-segment.ts).
 * J4  With no next segment, the last part of the open one is kept for what gives units back or sells them.
 */

import { crashesHere, crashPoint, die } from '../../crash-points.ts'
import { assert } from '../../domain/assert.ts'
import type { Event } from '../../domain/events.ts'
import type { ShardId } from '../../domain/ids.ts'
import { eventBytesMax, frameBytesMax, sealAgainMs, sealIdleMs, settlementRoomShare } from '../../limits.ts'
import type { Timer, Timers } from '../../seams.ts'
import type { Disk, DiskFile } from './disk.ts'
import { FrameBuilder, frameHeaderBytes, type Link, noLink, type StreamId } from './frame.ts'
import { MarkWriter, markPath } from './mark.ts'
import { NextSegment } from './next-segment.ts'
import { prepareSegment, segmentPath } from './segments.ts'

/** Where a shard's events go on: after recovery, the next sequence and the link of its newest frame. */
export type ShardPosition = { readonly shard: ShardId; readonly nextSequence: number; readonly link: Link }

/** Who may write what: everything, only what settles reservations that exist, or nothing more. */
export type Room = 'all' | 'settlements' | 'none'

export type WriterOptions = {
  readonly disk: Disk
  readonly timers: Timers
  readonly directory: string
  readonly stream: StreamId
  /** How many the data has, not only this stream's. */
  readonly shards: number
  readonly segmentBytes: number
  /** Shard time, in milliseconds since 1970; never goes back. */
  readonly nowMs: () => number
  /** Called when frames up to this ordinal survive power loss. */
  readonly onDurable: (ordinal: number) => void
  /** Called once, when a write or a sync failed; nothing becomes durable any more. */
  readonly onFailure: (error: unknown) => void
  /** Called when a segment is full and the next one is in use. */
  readonly onRoll: (index: number) => void
  /** Called when the next segment cannot be made, and again, without an error, when it could. */
  readonly onStorage: (error: unknown | undefined) => void
}

export type JournalCounters = {
  frames: number
  events: number
  bytes: number
  syncs: number
  seals: number
  rolls: number
}

/** A seal and a section's header, with room to spare. */
const FRAME_OVERHEAD_BYTES = 2 * frameHeaderBytes + 64

export class JournalWriter {
  readonly counters: JournalCounters = { frames: 0, events: 0, bytes: 0, syncs: 0, seals: 0, rolls: 0 }
  readonly #options: WriterOptions
  readonly #frame: FrameBuilder
  readonly #frameBytesMax: number
  /** Of each shard, as of the newest frame written. */
  readonly #positions = new Map<ShardId, { nextSequence: number; link: Link }>()
  /** The shards in the frame being gathered, with the sequence after their newest event. */
  readonly #gathered = new Map<ShardId, number>()
  readonly #mark: MarkWriter
  #segment: DiskFile
  #segmentIndex = 1
  #offset = 0
  readonly #next: NextSegment
  #section: { readonly shard: ShardId; nextSequence: number } | undefined
  #previous: Link = noLink
  #written = 0
  #durable = 0
  #sealed = 0
  #syncing = false
  #state: 'open' | 'closing' | 'failed' = 'open'
  #idle: Timer | undefined
  /** Of the newest section, or seal. */
  #lastTimeMs: number
  /** Of the newest frame that was written. */
  #writtenTimeMs = 0

  private constructor(options: WriterOptions, segment: DiskFile, mark: MarkWriter) {
    this.#options = options
    this.#segment = segment
    this.#frameBytesMax = Math.min(frameBytesMax, Math.floor(options.segmentBytes / 4))
    this.#frame = new FrameBuilder(options.stream, {
      shards: options.shards,
      capacity: this.#frameBytesMax + eventBytesMax,
    })
    this.#mark = mark
    this.#next = new NextSegment(options)
    this.#lastTimeMs = options.nowMs()
  }

  /** Makes the stream's first segment and opens it: when this resolves, the opening survives power loss. */
  static async open(options: WriterOptions, positions: readonly ShardPosition[]): Promise<JournalWriter> {
    const { disk, directory, stream, segmentBytes } = options
    removeAttempt(options)
    const segment = await prepareSegment(disk, segmentPath(directory, stream, 1), segmentBytes)
    let mark: MarkWriter | undefined
    try {
      mark = MarkWriter.create(disk, markPath(directory, stream))
      disk.syncDirectory(directory)
      const writer = new JournalWriter(options, segment, mark)
      for (const { shard, nextSequence, link } of positions)
        writer.#positions.set(shard, { nextSequence, link })
      crashPoint('recovery.beforeOpen')
      writer.#writeOpening()
      await segment.sync()
      writer.counters.syncs += 1
      writer.#durable = writer.#written
      // Or, until its first seal, a stream whose file is gone would pass for one that never opened.
      await writer.#mark.write(writer.#durable)
      writer.#next.prepare(2)
      writer.#sealWhenIdle()
      return writer
    } catch (error) {
      // Where any of this fails too, the next attempt begins with it.
      await mark?.close().catch(() => {})
      try {
        segment.close()
        removeAttempt(options)
      } catch {}
      throw error
    }
  }

  /** The newest frame that holds events or will: what any answer given now rests on (S2). */
  get restsOn(): number {
    return this.#frame.events > 0 ? this.#written + 1 : this.#written
  }

  get durableOrdinal(): number {
    return this.#durable
  }

  /** The link of the newest frame written that carried this shard's events. */
  linkOf(shard: ShardId): Link {
    return this.#positionOf(shard).link
  }

  get segmentIndex(): number {
    return this.#segmentIndex
  }

  /** The frame being gathered takes no more: stop deciding until the one before it is durable. */
  isFull(): boolean {
    return this.#frame.length >= this.#frameBytesMax
  }

  /** What may still be decided. */
  get room(): Room {
    return this.roomFor(eventBytesMax)
  }

  /** What may be decided if it writes no more than so many bytes. Ask before each command. */
  roomFor(bytes: number): Room {
    if (this.#next.isReady) return 'all'
    const left = this.#options.segmentBytes - this.#offset - this.#frame.length - FRAME_OVERHEAD_BYTES
    if (left < bytes) return 'none'
    return left < this.#options.segmentBytes * settlementRoomShare + bytes ? 'settlements' : 'all'
  }

  /** Begins the events of one shard and one time. Sections do not nest. */
  beginSection(shard: ShardId, firstSequence: number, atMs: number): void {
    assert(this.#state === 'open', 'a journal that failed or closes takes no events')
    assert(this.#section === undefined, 'sections do not nest')
    assert(
      firstSequence === this.#gathered.get(shard) || firstSequence === this.#positionOf(shard).nextSequence,
      'sequences have no gaps',
    )
    assert(atMs >= this.#lastTimeMs, 'time does not go back')
    this.#lastTimeMs = atMs
    this.#section = { shard, nextSequence: firstSequence }
    this.#frame.beginSection(shard, firstSequence, atMs)
  }

  append(event: Event): void {
    assert(this.#section !== undefined, 'events stand in sections')
    this.#frame.addEvent(event)
    this.#section.nextSequence += 1
  }

  endSection(): void {
    assert(this.#section !== undefined, 'a section was begun')
    this.#frame.endSection()
    this.#gathered.set(this.#section.shard, this.#section.nextSequence)
    this.#section = undefined
  }

  /** Writes what was gathered, now or as soon as the frame before it is durable. */
  flush(): void {
    if (this.#syncing || this.#frame.events === 0 || this.#state === 'failed') return
    this.#idle?.cancel()
    this.#idle = undefined
    try {
      this.#writeGathered()
    } catch (error) {
      return this.#fail(error)
    }
    this.#sync()
  }

  /** Writes everything, seals, marks and closes. Resolves when all of it survives power loss. */
  async close(): Promise<void> {
    assert(this.#state === 'open', 'a journal is closed once')
    this.flush()
    this.#state = 'closing'
    this.#idle?.cancel()
    this.#next.stop()
    while (this.#syncing || this.#frame.events > 0) {
      if (this.#hasFailed) break
      await new Promise<void>((resolve) => this.#options.timers.soon(resolve))
    }
    if (!this.#hasFailed) {
      this.#writeSeal()
      await this.#segment.sync()
      await this.#mark.write(this.#written)
      this.#segment.truncate(this.#offset)
      await this.#segment.sync()
    }
    await this.#mark.close()
    this.#segment.close()
    await this.#next.discard()
    if (this.#hasFailed) throw new Error('the journal failed while it was closing')
  }

  get #hasFailed(): boolean {
    return this.#state === 'failed'
  }

  #writeGathered(): void {
    if (this.#offset + this.#frame.length + FRAME_OVERHEAD_BYTES > this.#options.segmentBytes) this.#roll()
    const { events } = this.#frame
    const link = this.#writeFrame(this.#frame, 'batch')
    for (const [shard, nextSequence] of this.#gathered) this.#positions.set(shard, { nextSequence, link })
    this.#gathered.clear()
    this.counters.events += events
  }

  /** Turns to the next segment: the old one is durable whole (J1), which the mark may say at leisure. */
  #roll(): void {
    const full = this.#segment
    // Under constant load there is no idle moment in which to look.
    this.#checkInPlace()
    this.#segment = this.#next.take()
    this.#segmentIndex += 1
    this.#offset = 0
    full.close()
    this.#writeMark(this.#durable)
    this.#writeOpening()
    this.counters.rolls += 1
    this.#options.onRoll(this.#segmentIndex)
    this.#next.prepare(this.#segmentIndex + 1)
  }

  /** The frame every segment begins with: where each shard of this stream goes on. */
  #writeOpening(): void {
    const { stream, shards } = this.#options
    const opening = new FrameBuilder(stream, {
      shards,
      capacity: frameHeaderBytes + this.#positions.size * 64,
    })
    // What was gathered comes behind it, and began before now.
    const timeMs = this.#written === 0 ? this.#lastTimeMs : this.#writtenTimeMs
    for (const [shard, { nextSequence, link }] of this.#positions) {
      opening.beginSection(shard, nextSequence, timeMs)
      opening.endSection(link)
    }
    this.#writeFrame(opening, 'open')
  }

  /** A seal says the time too: a clock is believed by what was recorded, and a quiet day must not look like a leap. */
  #writeSeal(): void {
    this.#lastTimeMs = Math.max(this.#lastTimeMs, this.#options.nowMs())
    const { stream, shards } = this.#options
    this.#writeFrame(new FrameBuilder(stream, { shards, capacity: frameHeaderBytes }), 'seal')
    this.#sealed = this.#written
    this.counters.seals += 1
  }

  #writeFrame(frame: FrameBuilder, kind: 'open' | 'batch' | 'seal'): Link {
    const ordinal = this.#written + 1
    const { bytes, link, timeMs } = frame.finish({
      kind,
      ordinal,
      durableOrdinal: this.#durable,
      timeMs: this.#lastTimeMs,
      previous: this.#previous,
    })
    assert(this.#offset + bytes.length <= this.#options.segmentBytes, 'a frame lies within its segment')
    if (crashesHere('journal.midWrite')) {
      this.#segment.write(bytes.subarray(0, bytes.length >> 1), this.#offset)
      die()
    }
    this.#segment.write(bytes, this.#offset)
    this.#offset += bytes.length
    this.#previous = link
    this.#written = ordinal
    this.#writtenTimeMs = timeMs
    this.counters.frames += 1
    this.counters.bytes += bytes.length
    return link
  }

  #sync(): void {
    this.#syncing = true
    const reached = this.#written
    crashPoint('journal.beforeSync')
    this.#segment.sync().then(
      () => {
        crashPoint('journal.afterSync')
        this.counters.syncs += 1
        this.#syncing = false
        this.#durable = reached
        // A mark ahead of its seal would be a lie; one behind it is only late.
        if (reached === this.#sealed) this.#writeMark(reached)
        this.#options.onDurable(reached)
        this.flush()
        if (!this.#syncing) this.#sealWhenIdle()
      },
      (error: unknown) => this.#fail(error),
    )
  }

  #sealWhenIdle(): void {
    if (this.#state !== 'open' || this.#idle !== undefined) return
    const isAgain = this.#sealed === this.#written
    this.#idle = this.#options.timers.after(isAgain ? sealAgainMs : sealIdleMs, () => {
      this.#idle = undefined
      if (this.#syncing || this.#state !== 'open') return
      // A segment keeps room for one seal behind its last frame, not for one an hour.
      if (isAgain && this.room !== 'all') return this.#sealWhenIdle()
      try {
        this.#checkInPlace()
        if (this.#offset + FRAME_OVERHEAD_BYTES > this.#options.segmentBytes && isAgain) this.#roll()
        this.#writeSeal()
      } catch (error) {
        return this.#fail(error)
      }
      this.#sync()
    })
  }

  #checkInPlace(): void {
    if (!this.#segment.isInPlace()) throw new Error('the open segment was moved or removed')
  }

  #writeMark(ordinal: number): void {
    this.#mark.write(ordinal).catch((error: unknown) => this.#fail(error))
  }

  #positionOf(shard: ShardId): { nextSequence: number; link: Link } {
    const position = this.#positions.get(shard)
    assert(position !== undefined, 'a stream writes only its own shards')
    return position
  }

  #fail(error: unknown): void {
    if (this.#state === 'failed') return
    this.#state = 'failed'
    this.#idle?.cancel()
    this.#next.stop()
    this.#options.onFailure(error)
  }
}

/**
 * Takes away what an attempt to open a stream left: nothing rests on a stream that did not open, and its names are needed
 * by whoever tries again. A mark may have reached the disk all the same, and without its segment it would mean a loss: it
 * goes first, for good.
 */
function removeAttempt({ disk, directory, stream }: WriterOptions): void {
  const [mark, segment] = [markPath(directory, stream), segmentPath(directory, stream, 1)]
  if (!disk.exists(mark) && !disk.exists(segment)) return
  if (disk.exists(mark)) disk.remove(mark)
  disk.syncDirectory(directory)
  if (disk.exists(segment)) disk.remove(segment)
}
