/**
 * Follows the journals of all shards in Redis, and keeps their frames in files of this node (mirror-file.ts).
 *
 * M1  Frames are written as they are read, whether they are acknowledged or not; who reads the files knows by the frames
 *     behind what is certain, as with files that a worker wrote.
 * M2  A shard's head is read together with what comes behind the tail, when somebody asks where it ends and every
 *     `mirrorLookMs`; between, a busy shard's frames are read alone, by one command instead of four. A head before a frame that later
 *     ones prove to have been durable means that Redis lost what was acknowledged (FAULTS.md, 70): the shard is not to be
 *     served from it.
 * M3  Frames that Redis lost without having acknowledged them stay in the file: the next epoch's opening says that they
 *     do not count (C1), and whoever takes the shard over is told where it ends.
 */
import type { Redis } from 'ioredis'
import type { ShardId } from '../../../domain/ids.ts'
import {
  mirrorFramesMax,
  mirrorGatherMs,
  mirrorLookMs,
  mirrorSyncMs,
  redisRetryMaxMs,
  redisRetryMinMs,
  redisSoonMs,
} from '../../../limits/redis.ts'
import type { Clock, Timers } from '../../../seams.ts'
import type { Disk } from '../disk.ts'
import { type Frame, noLink, parseFrame, type StreamId } from '../frame.ts'
import { JournalWatch } from './journal-watch.ts'
import { MirrorFile, type Position } from './mirror-file.ts'
import { entryIdOf, type Head, isBefore, journalKeysOf, noHead, placeOfEntry } from './place.ts'
import type { Primaries } from './redis-log.ts'

/** A shard's journal as it ends, all of it in this node's files. */
export type ShardEnd = { readonly head: Head; readonly position: Position }

/** Redis has less, or other, than what was acknowledged. Somebody has to restore it, or to decide what to lose. */
export class JournalLost extends Error {
  override readonly name = 'JournalLost'
}

export type MirrorParts = {
  readonly primaries: Primaries
  readonly disk: Disk
  readonly directory: string
  readonly shards: number
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly timers: Timers
  readonly log: (level: 'info' | 'warn' | 'error', event: string, detail: object) => void
  /** A stream has begun this segment: those before are whole. */
  readonly onRoll: (stream: StreamId, segment: number) => void
  /** A frame was written. */
  readonly onFrame?: () => void
}

export type MirrorStatus = {
  readonly shard: ShardId
  readonly epoch: number
  readonly ordinal: number
  readonly nextSequence: number
  /** Milliseconds since its head was read last. */
  readonly ageMs: number
  readonly trouble: string | undefined
}

type Mirrored = {
  readonly shard: ShardId
  readonly file: MirrorFile
  readonly watch: JournalWatch
  redis: Redis | undefined
  readAtMs: number
  trouble: string | undefined
  /** Those who wait for its end. */
  waiting: { readonly resolve: (end: ShardEnd) => void; readonly reject: (error: Error) => void }[]
  wake: (() => void) | undefined
}

type Read = { readonly head: Head | undefined; readonly frames: readonly Frame[]; readonly isWhole: boolean }
type Entry = [id: Buffer, fields: [Buffer, Buffer]]

export class Mirror {
  readonly #parts: MirrorParts
  readonly #shards: readonly Mirrored[]
  #hasEnded = false
  #running: Promise<unknown> = Promise.resolve()

  constructor(parts: MirrorParts) {
    this.#parts = parts
    this.#shards = Array.from({ length: parts.shards }, (_, shard) => ({
      shard: shard as ShardId,
      file: new MirrorFile(parts.disk, parts.directory, shard as ShardId),
      watch: new JournalWatch(parts.primaries, journalKeysOf(shard as ShardId).journal),
      redis: undefined,
      readAtMs: parts.clock.monotonicMs(),
      trouble: undefined,
      waiting: [],
      wake: undefined,
    }))
  }

  start(): void {
    this.#running = Promise.all(this.#shards.map((mirrored) => this.#follow(mirrored)))
    this.#syncNowAndThen()
  }

  /**
   * Resolves with where a shard's journal ends once all of it is here. Rejects with `JournalLost` where it lacks what was
   * durable, and with another error where it cannot be read now.
   */
  endOf(shard: ShardId): Promise<ShardEnd> {
    const mirrored = this.#shards[shard] as Mirrored
    return new Promise((resolve, reject) => {
      mirrored.waiting.push({ resolve, reject })
      mirrored.wake?.()
    })
  }

  status(): readonly MirrorStatus[] {
    const nowMs = this.#parts.clock.monotonicMs()
    return this.#shards.map(({ shard, file: { tail }, readAtMs, trouble }) => ({
      shard,
      ...tail.place,
      nextSequence: tail.position.nextSequence,
      ageMs: nowMs - readAtMs,
      trouble,
    }))
  }

  /** Ends when what is being read was written, and survives power loss. */
  async close(): Promise<void> {
    this.#hasEnded = true
    for (const { wake, redis, watch } of this.#shards) {
      redis?.disconnect()
      watch.close()
      wake?.()
    }
    await this.#running
    for (const { file, waiting } of this.#shards) {
      file.close()
      for (const { reject } of waiting) reject(new Error('the mirror has closed'))
    }
  }

  async #follow(mirrored: Mirrored): Promise<void> {
    let failures = 0
    while (!this.#hasEnded) {
      try {
        const found = await this.#step(mirrored)
        failures = 0
        if (found === 'part') continue
        if (found === 'all') await this.#pause(mirrored, mirrorGatherMs)
        else await this.#untilMore(mirrored)
      } catch (error) {
        this.#trouble(mirrored, error as Error)
        failures += 1
        await this.#pause(mirrored, Math.min(redisRetryMaxMs, redisRetryMinMs * 2 ** failures))
      }
    }
  }

  /** Reads on: whether there was nothing, all of something, or part of it. */
  async #step(mirrored: Mirrored): Promise<'nothing' | 'all' | 'part'> {
    const { head, frames, isWhole } = await this.#read(mirrored)
    for (const frame of frames) this.#accept(mirrored, frame)
    if (!isWhole) return 'part'
    if (head !== undefined) {
      const position = this.#check(mirrored, head)
      mirrored.readAtMs = this.#parts.clock.monotonicMs()
      mirrored.trouble = undefined
      for (const { resolve } of mirrored.waiting.splice(0)) resolve({ head, position })
    }
    return frames.length > 0 ? 'all' : 'nothing'
  }

  /** What stands behind the tail, and where it is time for it the head as of the same moment. */
  async #read(mirrored: Mirrored): Promise<Read> {
    const { shard, file, trouble, waiting, readAtMs } = mirrored
    const { journal, head: headKey } = journalKeysOf(shard)
    mirrored.redis ??= await this.#parts.primaries.connect(journal, { withinMs: redisSoonMs })
    const { redis } = mirrored
    const range = [journal, `(${entryIdOf(file.tail.place)}`, '+', 'COUNT', mirrorFramesMax] as const
    const isHeadDue = this.#parts.clock.monotonicMs() - readAtMs >= mirrorLookMs
    if (!isHeadDue && trouble === undefined && waiting.length === 0)
      return { head: undefined, ...readOf((await redis.callBuffer('XRANGE', ...range)) as Entry[]) }
    const results = await redis
      .multi()
      .hmget(headKey, 'id', 'link')
      .callBuffer('XRANGE', ...range)
      .exec()
    const [[headError, headFields], [readError, entries]] = results as [
      [Error | null, [string | null, string | null]],
      [Error | null, Entry[]],
    ]
    if (headError ?? readError) throw headError ?? readError
    const [id, link] = headFields
    const head = id === null ? noHead : { place: placeOfEntry(id), link: link ?? noLink }
    return { head, ...readOf(entries) }
  }

  #accept({ shard, file }: Mirrored, frame: Frame): void {
    const segment = file.segmentIndex
    const { epoch } = file.stream
    const accepted = file.accept(frame)
    if (accepted === 'gap') {
      const from = entryIdOf(file.tail.place)
      throw new JournalLost(
        `shard ${shard} goes on at ${entryIdOf({ epoch: frame.stream.epoch, ordinal: frame.ordinal })} in Redis, and ends at ${from} here: what lies between was trimmed or is lost`,
      )
    }
    if (accepted === 'conflict') {
      throw new JournalLost(
        `frame ${frame.ordinal} of epoch ${frame.stream.epoch} of shard ${shard} in Redis is not the one that is here`,
      )
    }
    this.#parts.onFrame?.()
    if (file.stream.epoch !== epoch || file.segmentIndex !== segment) {
      this.#parts.onRoll(file.stream, file.segmentIndex)
    }
  }

  /** M2 */
  #check({ shard, file }: Mirrored, head: Head): Position {
    const { place, link, proven, position } = file.tail
    if (isBefore(head.place, proven)) {
      throw new JournalLost(
        `shard ${shard} ends at ${entryIdOf(head.place)} in Redis, and ${entryIdOf(proven)} was durable: Redis lost what it had acknowledged`,
      )
    }
    if (!isBefore(head.place, place)) {
      if (head.link === link) return position
      throw new JournalLost(
        `the newest frame of shard ${shard} in Redis, ${entryIdOf(head.place)}, is not the one that is here`,
      )
    }
    const ended = file.positionAt(head.place)
    if (ended !== undefined) return ended
    throw new JournalLost(`shard ${shard} ends at ${entryIdOf(head.place)} in Redis, which is not here`)
  }

  #trouble(mirrored: Mirrored, error: Error): void {
    if (this.#hasEnded) return
    mirrored.redis?.disconnect()
    mirrored.redis = undefined
    mirrored.watch.close()
    this.#parts.primaries.forget()
    if (mirrored.trouble !== error.message) {
      const level = error instanceof JournalLost ? 'error' : 'warn'
      this.#parts.log(level, 'mirror.trouble', { shard: mirrored.shard, why: error.message })
    }
    mirrored.trouble = error.message
    for (const { reject } of mirrored.waiting.splice(0)) reject(error)
  }

  /** Until something was appended, somebody asks, or it is time to look anyway. */
  async #untilMore(mirrored: Mirrored): Promise<void> {
    if (this.#hasEnded) return
    void mirrored.watch.behind(mirrored.file.tail.place).then((hasMore) => {
      if (hasMore) mirrored.wake?.()
    })
    await this.#pause(mirrored, mirrorLookMs)
  }

  #pause(mirrored: Mirrored, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#parts.timers.after(ms, () => mirrored.wake?.())
      mirrored.wake = () => {
        timer.cancel()
        mirrored.wake = undefined
        resolve()
      }
      // Somebody came while it was reading.
      if (mirrored.waiting.length > 0 || this.#hasEnded) mirrored.wake()
    })
  }

  #syncNowAndThen(): void {
    this.#parts.timers.after(mirrorSyncMs, () => {
      if (this.#hasEnded) return
      for (const { file } of this.#shards) file.sync()
      this.#syncNowAndThen()
    })
  }
}

function readOf(entries: readonly Entry[]): Omit<Read, 'head'> {
  const frames = entries.map(([id, [, bytes]]) => frameOf(id.toString(), bytes))
  return { frames, isWhole: entries.length < mirrorFramesMax }
}

function frameOf(id: string, bytes: Buffer): Frame {
  const parsed = parseFrame(bytes, 0)
  if (parsed.type !== 'frame') throw new JournalLost(`entry ${id} holds no whole frame: ${parsed.type}`)
  const { frame } = parsed
  const { epoch, ordinal } = placeOfEntry(id)
  if (frame.stream.epoch !== epoch || frame.ordinal !== ordinal) {
    throw new JournalLost(`entry ${id} holds frame ${frame.ordinal} of epoch ${frame.stream.epoch}`)
  }
  return frame
}
