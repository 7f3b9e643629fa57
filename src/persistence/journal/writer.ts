/**
 * The journal as its one writer sees it: sections of events go in, and an ordinal becomes durable.
 *
 * Owns the frame being gathered and the chain of those that were written. Knows nothing of rules, replies or threads, nor
 * of where frames are kept (frame-log.ts).
 *
 * J1  Group commit in two stages: while one frame syncs, the next is gathered; a frame is written only when the one
 *     before it is durable. So a frame may say that its predecessor is.
 * J2  A failed write or sync is never tried again: the writer is dead, and says so once (DESIGN.md, S3).
 * J3 and J4 are in segment-log.ts.
 */

import { crashPoint } from '../../crash-points.ts'
import { assert } from '../../domain/assert.ts'
import type { Event } from '../../domain/events.ts'
import type { ShardId } from '../../domain/ids.ts'
import { eventBytesMax, frameBytesMax, sealAgainMs, sealIdleMs } from '../../limits.ts'
import type { Timer, Timers } from '../../seams.ts'
import {
  FrameBuilder,
  frameHeaderBytes,
  frameOverheadBytes,
  type Link,
  noLink,
  type StreamId,
} from './frame.ts'
import type { FrameLog, Room } from './frame-log.ts'

/** Where a shard's events go on: after recovery, the next sequence and the link of its newest frame. */
export type ShardPosition = { readonly shard: ShardId; readonly nextSequence: number; readonly link: Link }

export type WriterOptions = {
  readonly timers: Timers
  readonly stream: StreamId
  /** How many the data has, not only this stream's. */
  readonly shards: number
  /** Shard time, in milliseconds since 1970; never goes back. */
  readonly nowMs: () => number
  /** Called when frames up to this ordinal survive power loss. */
  readonly onDurable: (ordinal: number) => void
  /** Called once, when a write or a sync failed; nothing becomes durable any more. */
  readonly onFailure: (error: unknown) => void
  /** Called when a segment is full and the next one is in use. */
  readonly onRoll: (index: number) => void
}

export type JournalCounters = {
  frames: number
  events: number
  bytes: number
  syncs: number
  seals: number
  rolls: number
}

export class JournalWriter {
  readonly counters: JournalCounters = { frames: 0, events: 0, bytes: 0, syncs: 0, seals: 0, rolls: 0 }
  readonly #options: WriterOptions
  readonly #frame: FrameBuilder
  readonly #frameBytesMax: number
  /** Of each shard, as of the newest frame written. */
  readonly #positions = new Map<ShardId, { nextSequence: number; link: Link }>()
  /** The shards in the frame being gathered, with the sequence after their newest event. */
  readonly #gathered = new Map<ShardId, number>()
  readonly #log: FrameLog
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

  private constructor(log: FrameLog, options: WriterOptions) {
    this.#log = log
    this.#options = options
    this.#frameBytesMax = Math.min(frameBytesMax, Math.floor(log.segmentBytes / 4))
    this.#frame = new FrameBuilder(options.stream, {
      shards: options.shards,
      capacity: this.#frameBytesMax + eventBytesMax,
    })
    this.#lastTimeMs = options.nowMs()
  }

  /** Begins the stream in a log that is empty: when this resolves, the opening is durable. Else nothing is left of it. */
  static async open(
    log: FrameLog,
    options: WriterOptions,
    positions: readonly ShardPosition[],
  ): Promise<JournalWriter> {
    try {
      const writer = new JournalWriter(log, options)
      for (const { shard, nextSequence, link } of positions)
        writer.#positions.set(shard, { nextSequence, link })
      crashPoint('recovery.beforeOpen')
      writer.#writeOpening()
      await log.sync()
      writer.counters.syncs += 1
      writer.#durable = writer.#written
      // Or, until its first seal, a stream whose file is gone would pass for one that never opened.
      await log.mark(writer.#durable)
      log.begin()
      writer.#sealWhenIdle()
      return writer
    } catch (error) {
      await log.abandon()
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
    return this.#log.segmentIndex
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
    return this.#log.roomFor(bytes, this.#frame.length)
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
    this.#log.stop()
    while (this.#syncing || this.#frame.events > 0) {
      if (this.#hasFailed) break
      await new Promise<void>((resolve) => this.#options.timers.soon(resolve))
    }
    if (!this.#hasFailed) {
      this.#writeSeal()
      await this.#log.sync()
      await this.#log.mark(this.#written)
      await this.#log.finish()
    }
    await this.#log.close()
    if (this.#hasFailed) throw new Error('the journal failed while it was closing')
  }

  get #hasFailed(): boolean {
    return this.#state === 'failed'
  }

  #writeGathered(): void {
    if (!this.#log.fits(this.#frame.length + frameOverheadBytes)) this.#roll()
    const { events } = this.#frame
    const link = this.#writeFrame(this.#frame, 'batch')
    for (const [shard, nextSequence] of this.#gathered) this.#positions.set(shard, { nextSequence, link })
    this.#gathered.clear()
    this.counters.events += events
  }

  /** Turns to the next segment: the old one is durable whole (J1), which the mark may say at leisure. */
  #roll(): void {
    this.#log.roll()
    this.#writeMark(this.#durable)
    this.#writeOpening()
    this.counters.rolls += 1
    this.#options.onRoll(this.#log.segmentIndex)
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
    this.#log.write({ bytes, ordinal, link })
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
    this.#log.sync().then(
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
        this.#log.check()
        if (isAgain && !this.#log.fits(frameOverheadBytes)) this.#roll()
        this.#writeSeal()
      } catch (error) {
        return this.#fail(error)
      }
      this.#sync()
    })
  }

  #writeMark(ordinal: number): void {
    this.#log.mark(ordinal).catch((error: unknown) => this.#fail(error))
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
    this.#log.stop()
    this.#options.onFailure(error)
  }
}
