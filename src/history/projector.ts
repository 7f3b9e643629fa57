/**
 * Keeps the projection up with the journal, a short turn at a time, and knows what to do about everything that can go
 * wrong with either: nothing of it is anybody's business but the history's own.
 *
 * Q1  It reads files and tells the shards nothing; it is behind when it is slow, and nobody waits for it.
 * Q2  What cannot be gone on from is deleted and filled again: from the first event, or, where the first ones are
 *     archived, from the newest snapshots. What could not be read or written is tried again, ever later.
 */

import { InvariantBroken } from '../domain/assert.ts'
import type { ShardId } from '../domain/ids.ts'
import type { ThreadLog } from '../kept-thread.ts'
import {
  historyCommitEvents,
  historyCommitMs,
  historyFreeBytesMin,
  historyReadBytes,
  historyRetryMsMax,
  historyRetryMsMin,
  historyTurnEvents,
} from '../limits.ts'
import { BytesDamaged } from '../persistence/journal/bytes.ts'
import { OtherHistory } from '../persistence/journal/cursors.ts'
import type { StreamId } from '../persistence/journal/frame.ts'
import { JournalGap, JournalTailer } from '../persistence/journal/journal-tailer.ts'
import { isJournalTrouble } from '../persistence/journal/journal-trouble.ts'
import type { Position } from '../persistence/journal/position.ts'
import { listSnapshots, readSnapshot, type Snapshot } from '../persistence/journal/snapshot.ts'
import type { CertainSection, JournalPlace } from '../persistence/journal/stream-follower.ts'
import { JournalDamaged, readCatalog } from '../persistence/journal/streams.ts'
import type { Clock } from '../seams.ts'
import { type Floor, Projection } from './projection.ts'
import { isDamage, isTrouble, openProjection, removeProjection } from './projection-file.ts'
import { Queries } from './queries.ts'

export type ProjectorOptions = {
  readonly place: JournalPlace
  readonly snapshots: string
  /** How many the data has. */
  readonly shards: number
  /** Of the projection's file. */
  readonly path: string
  readonly clock: Clock
  readonly log: ThreadLog
  /** Bytes left on the projection's disk. */
  readonly freeBytes: () => number
}

/** What the file holds, open. */
type Opened = {
  readonly projection: Projection
  readonly queries: Queries
  /** What it began with; once it was at the journal's end, that is its own checkpoint. */
  begunFrom: 'checkpoint' | 'first' | 'snapshots'
  tailer: JournalTailer | undefined
}

/** How long a look at the disk's room is good for. */
const FREE_BYTES_LOOK_MS = 1_000

export class Projector {
  readonly #options: ProjectorOptions
  #opened: Opened | undefined
  #beginFromSnapshots = false
  /** Read, and not taken into the projection yet. */
  #waiting: CertainSection[] = []
  #isAtEnd = false
  #hasCaughtUp = false
  #begunAtMs = 0
  #retryAtMs = 0
  #failures = 0
  #room: { readonly untilMs: number; readonly isShort: boolean } = { untilMs: 0, isShort: false }
  #lastAtMs = 0
  events = 0
  rebuilds = 0

  constructor(options: ProjectorOptions) {
    this.#options = options
  }

  /** Whether it was near the journal's end since it was begun, and can be asked. */
  get hasCaughtUp(): boolean {
    return this.#hasCaughtUp && this.#opened !== undefined
  }

  /** Asks; undefined where there is nothing to ask, or its file turned out to be unusable. */
  ask<T>(question: (queries: Queries) => T): { readonly answer: T } | undefined {
    if (!this.#hasCaughtUp || this.#opened === undefined) return undefined
    try {
      this.#opened.projection.flush()
      return { answer: question(this.#opened.queries) }
    } catch (error) {
      this.#recover(error, this.#options.clock.monotonicMs())
      return undefined
    }
  }

  /** Up to where the answers reach. */
  get position(): Position {
    const checkpoints = this.#opened?.projection.checkpoints ?? []
    return new Map([...checkpoints].map(([shard, { sequence }]) => [shard, sequence]))
  }

  floorOf(shard: ShardId): Floor {
    return this.#opened?.projection.checkpoints.get(shard)?.floor ?? { sequence: 0, atMs: 0 }
  }

  /** Events that are known to be in the journal and are not in the projection. */
  get behindEvents(): number {
    const unread = this.#opened?.tailer?.behindBy ?? 0
    return unread + this.#waiting.reduce((sum, { section }) => sum + section.count, 0)
  }

  /** How old the newest event is that was taken, where there are newer ones. */
  get behindMs(): number {
    const isBehind = (!this.#isAtEnd || this.#waiting.length > 0) && this.#lastAtMs > 0
    return isBehind ? Math.max(0, this.#options.clock.wallMs() - this.#lastAtMs) : 0
  }

  /** Does a turn's work. True where there is more to do at once. */
  turn(): boolean {
    const nowMs = this.#options.clock.monotonicMs()
    if (nowMs < this.#retryAtMs || this.#isShortOfRoom(nowMs)) return false
    try {
      this.#opened ??= this.#open()
      const isDone = this.#advance(this.#opened)
      this.#commitWhenDue(this.#opened.projection, nowMs)
      if (isDone) this.#failures = 0
      return !isDone
    } catch (error) {
      this.#recover(error, nowMs)
      return false
    }
  }

  /** Looks for streams of workers that nobody told of. */
  look(): void {
    try {
      this.#opened?.tailer?.look()
    } catch (error) {
      this.#recover(error, this.#options.clock.monotonicMs())
    }
  }

  noteDurable(stream: StreamId, ordinal: number): void {
    if (this.#opened?.tailer?.noteDurable(stream, ordinal) === false) this.look()
  }

  /** Keeps what was taken, and closes the file. */
  close(): void {
    const opened = this.#opened
    if (opened === undefined) return
    try {
      opened.projection.commit()
    } catch (error) {
      if (!isDamage(error) && !isTrouble(error)) throw error
      this.#options.log('warn', 'history.notKept', { why: error.message })
    }
    this.#close(opened)
  }

  #open(): Opened {
    const { path, log } = this.#options
    const database = openProjection(path, (why) => log('warn', 'history.replaced', { why }))
    const projection = new Projection(database)
    try {
      const begunFrom =
        projection.checkpoints.size > 0 ? 'checkpoint' : this.#beginFromSnapshots ? 'snapshots' : 'first'
      this.#beginFromSnapshots = false
      if (begunFrom === 'snapshots') this.#seed(projection)
      for (const { atMs } of projection.checkpoints.values()) this.#lastAtMs = Math.max(this.#lastAtMs, atMs)
      return { projection, queries: new Queries(database), begunFrom, tailer: undefined }
    } catch (error) {
      projection.close()
      throw error
    }
  }

  /** True where all that is certain was taken. */
  #advance(opened: Opened): boolean {
    const { projection } = opened
    if (this.#waiting.length === 0) {
      const { place, shards } = this.#options
      opened.tailer ??= JournalTailer.behind(place, { shards, checkpoints: projection.checkpoints })
      const { sections, isAtEnd } = opened.tailer.read(historyReadBytes)
      this.#waiting = [...sections]
      this.#isAtEnd = isAtEnd
    }
    let taken = 0
    let count = 0
    for (const certain of this.#waiting) {
      if (taken >= historyTurnEvents) break
      if (projection.uncommitted === 0) this.#begunAtMs = this.#options.clock.monotonicMs()
      projection.apply(certain)
      taken += certain.section.count
      count += 1
      this.#lastAtMs = Math.max(this.#lastAtMs, certain.section.atMs)
    }
    this.#waiting = this.#waiting.slice(count)
    this.events += taken
    const isDone = this.#isAtEnd && this.#waiting.length === 0
    if (isDone) {
      this.#hasCaughtUp = true
      opened.begunFrom = 'checkpoint'
    }
    return isDone
  }

  #commitWhenDue(projection: Projection, nowMs: number): void {
    const { uncommitted } = projection
    if (uncommitted === 0) return
    if (uncommitted >= historyCommitEvents || nowMs - this.#begunAtMs >= historyCommitMs) projection.commit()
  }

  /** The newest snapshot of each shard that can be read. */
  #seed(projection: Projection): void {
    const { place, snapshots, log } = this.#options
    const { fences } = readCatalog(place.disk, place.journal)
    const seeded = new Set<ShardId>()
    for (const { shard, path } of listSnapshots(place.disk, snapshots)) {
      if (seeded.has(shard)) continue
      let snapshot: Snapshot
      try {
        snapshot = readSnapshot(place.disk, path)
      } catch (error) {
        if (!(error instanceof BytesDamaged)) throw error
        log('warn', 'history.snapshotNotUsed', { why: error.message })
        continue
      }
      const { sequence, link, timeMs: atMs, state } = snapshot
      const ofShard = fences.get(shard) ?? []
      // The stream that its newest event stands in; where that is archived, one before all that are here.
      const epoch = ofShard.findLast(({ nextSequence }) => nextSequence <= sequence)?.epoch
      projection.seed(shard, state, { sequence, link, atMs, epoch: epoch ?? (ofShard[0]?.epoch ?? 1) - 1 })
      seeded.add(shard)
    }
  }

  #isShortOfRoom(nowMs: number): boolean {
    if (nowMs < this.#room.untilMs) return this.#room.isShort
    const isShort = this.#options.freeBytes() < historyFreeBytesMin
    if (isShort !== this.#room.isShort) {
      this.#options.log(isShort ? 'warn' : 'info', isShort ? 'history.noRoom' : 'history.room', {})
    }
    this.#room = { untilMs: nowMs + FREE_BYTES_LOOK_MS, isShort }
    return isShort
  }

  /** Q2 */
  #recover(error: unknown, nowMs: number): void {
    const opened = this.#opened
    const begunFrom = opened?.begunFrom
    const why = error instanceof Error ? error.message : String(error)
    if (isDamage(error) || error instanceof OtherHistory) this.#rebuild(why, nowMs)
    else if (error instanceof InvariantBroken) {
      // Once it may be the file's fault; from the first event on it is this program's.
      if (begunFrom === 'checkpoint') this.#rebuild(why, nowMs)
      else this.#tryLater(error, nowMs)
    } else if (error instanceof JournalGap && begunFrom !== 'snapshots') {
      this.#rebuild(why, nowMs)
      this.#beginFromSnapshots = true
    } else if (error instanceof JournalDamaged && begunFrom === 'first') {
      // What a snapshot makes up for need not be read.
      this.#rebuild(why, nowMs)
      this.#beginFromSnapshots = true
    } else if (isTrouble(error) || isJournalTrouble(error)) this.#tryLater(error, nowMs)
    else throw error
  }

  #rebuild(why: string, nowMs: number): void {
    this.#options.log('warn', 'history.rebuilt', { why })
    this.rebuilds += 1
    this.#hasCaughtUp = false
    if (this.#opened !== undefined) this.#close(this.#opened)
    removeProjection(this.#options.path)
    // At once the first time; a reason that comes again comes ever later.
    if (this.#failures > 0) this.#delay(nowMs)
    this.#failures += 1
  }

  /** Answers go on from what there is, unless it is the file itself that cannot be used. */
  #tryLater(error: Error, nowMs: number): void {
    if (this.#failures === 0) this.#options.log('error', 'history.trouble', { why: error.message })
    const opened = this.#opened
    if (opened !== undefined && (isTrouble(error) || error instanceof InvariantBroken)) this.#close(opened)
    else if (opened !== undefined) this.#drop(opened)
    this.#failures += 1
    this.#delay(nowMs)
  }

  #delay(nowMs: number): void {
    this.#retryAtMs = nowMs + Math.min(historyRetryMsMax, historyRetryMsMin * 2 ** (this.#failures - 1))
  }

  #close(opened: Opened): void {
    this.#drop(opened)
    this.#opened = undefined
    this.#hasCaughtUp = false
    opened.projection.close()
  }

  /** What was read and not taken is read again. */
  #drop(opened: Opened): void {
    opened.tailer?.close()
    opened.tailer = undefined
    this.#waiting = []
    this.#isAtEnd = false
  }
}
