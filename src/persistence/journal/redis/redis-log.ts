/**
 * A stream as entries of a stream in Redis: one shard's frames, one entry a frame.
 *
 * R1  A frame is acknowledged only when the policy is met: its append has answered, from an AOF that is synced before each
 *     answer, or as many replicas as a primary has say that they have it. `WAIT` is sent behind the append on the same
 *     connection, and its answer is counted, since it also returns when its time is over.
 * R2  What was not acknowledged is sent again, byte for byte, for as long as this writer lives: to another primary after a
 *     failover, too. The script answers `already` where it is the newest frame, so it is there once (FAULTS.md, 68).
 * R3  An append that finds another newest frame than this writer's last one is refused by the script. Then somebody else
 *     has the shard, or the log lost its end; either way memory here is worth nothing: that is a failed sync (J2).
 */
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import { assert } from '../../../domain/assert.ts'
import type { ShardId } from '../../../domain/ids.ts'
import { redisAckWaitMs, redisRetryMaxMs, redisRetryMinMs, redisSoonMs } from '../../../limits/redis.ts'
import type { Timers } from '../../../seams.ts'
import type { RedisNodes } from '../../redis/redis-nodes.ts'
import type { StreamId } from '../frame.ts'
import type { FrameLog, Room, WrittenFrame } from '../frame-log.ts'
import { entryIdOf, type Head, journalKeysOf } from './place.ts'

/** When an append counts as durable. */
export type AckPolicy = { readonly type: 'aof' } | { readonly type: 'replicas'; readonly count: number }

/** Ways to the primary that has a key, as a `RedisNodes` gives them. */
export type Primaries = Pick<RedisNodes, 'connect' | 'forget'>

export type RedisLogOptions = {
  readonly primaries: Primaries
  readonly timers: Timers
  readonly shard: ShardId
  readonly stream: StreamId
  /** Drawn by this writer, and by no other ever. */
  readonly writer: string
  /** The newest frame, as of this writer's recovery. */
  readonly head: Head
  readonly ack: AckPolicy
  readonly segmentBytes: number
  /** Whether acknowledgements may be believed now: not so where a primary has more replicas than the policy counts. */
  readonly mayAcknowledge: () => boolean
  /** Called when Redis refuses to write, and again, without an error, when it wrote. */
  readonly onStorage: (error: unknown | undefined) => void
  /** Called when nothing could be sent for a while; it goes on trying. */
  readonly onTrouble: (error: unknown) => void
}

/** Another frame is the newest than the one this writer appended last: it has nothing to say any more. */
export class JournalFenced extends Error {
  override readonly name = 'JournalFenced'
}

type Pending = { readonly place: string; readonly link: string; readonly bytes: Buffer }

const SCRIPT = readFileSync(join(import.meta.dirname, 'append.lua'), 'utf8')
const SHA = hash('sha1', SCRIPT)
/** Redis takes no writes now, whoever sends them; nothing was written. */
const REFUSALS = /^(?:OOM|MISCONF|NOREPLICAS)\b/

export class RedisLog implements FrameLog {
  readonly segmentBytes: number
  segmentIndex = 1
  readonly #options: RedisLogOptions
  readonly #keys: readonly [journal: string, head: string]
  /** Written and not acknowledged, oldest first. */
  #pending: Pending[] = []
  /** The newest that was acknowledged, as the script is to find it. */
  #newest: { readonly place: string; readonly link: string }
  #offset = 0
  #redis: Redis | undefined
  #isRefused = false
  #isClosed = false

  constructor(options: RedisLogOptions) {
    this.#options = options
    this.segmentBytes = options.segmentBytes
    const { journal, head } = journalKeysOf(options.shard)
    this.#keys = [journal, head]
    this.#newest = { place: entryIdOf(options.head.place), link: options.head.link }
  }

  roomFor(): Room {
    return this.#isRefused ? 'none' : 'all'
  }

  fits(bytes: number): boolean {
    return this.#offset + bytes <= this.segmentBytes
  }

  write({ bytes, ordinal, link }: WrittenFrame): void {
    assert(!this.#isClosed, 'a log that was closed takes no frames')
    const place = entryIdOf({ epoch: this.#options.stream.epoch, ordinal })
    this.#pending.push({ place, link, bytes: Buffer.from(bytes) })
    this.#offset += bytes.length
  }

  async sync(): Promise<void> {
    for (let failures = 0; this.#pending.length > 0; ) {
      try {
        if (await this.#append(this.#pending)) return
        failures += 1
      } catch (error) {
        if (error instanceof JournalFenced || this.#isClosed) throw error
        failures += 1
        this.#note(error)
      }
      await this.#pause(Math.min(redisRetryMaxMs, redisRetryMinMs * 2 ** Math.min(failures, 8)))
      if (this.#isClosed) throw new Error('the journal was closed before its frames were acknowledged')
    }
  }

  /** A seal says the same, in the log itself. */
  mark(): Promise<void> {
    return Promise.resolve()
  }

  begin(): void {}

  roll(): void {
    this.segmentIndex += 1
    this.#offset = 0
  }

  check(): void {}

  stop(): void {}

  finish(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    this.#isClosed = true
    this.#drop()
    return Promise.resolve()
  }

  /** What was written of the stream may be there, and stand at its head: whoever comes next goes on from it. */
  abandon(): Promise<void> {
    return this.close()
  }

  /** Whether all of these are durable by the policy (R1). */
  async #append(frames: readonly Pending[]): Promise<boolean> {
    const { primaries, ack, writer, mayAcknowledge } = this.#options
    this.#redis ??= await primaries.connect(this.#keys[0], { withinMs: redisSoonMs })
    const args = frames.flatMap(({ place, link, bytes }) => [place, link, bytes])
    const { place, link } = this.#newest
    const pipeline = this.#redis.pipeline()
    pipeline.evalsha(SHA, 2, ...this.#keys, writer, place, link, ...args)
    if (ack.type === 'replicas') pipeline.wait(ack.count, redisAckWaitMs)
    const [appended, waited] = (await pipeline.exec()) ?? []
    if (appended?.[0]?.message.startsWith('NOSCRIPT') === true) {
      await this.#redis.script('LOAD', SCRIPT)
      return this.#append(frames)
    }
    const error = appended?.[0] ?? waited?.[0]
    if (error) throw error
    const [answer, foundId, foundLink] = (appended?.[1] ?? []) as readonly string[]
    if (answer !== 'appended' && answer !== 'already') {
      const found = `${foundId} with link ${foundLink}`
      const why =
        answer === 'lost'
          ? `the journal is gone, and its head is at ${found}`
          : `the newest frame of shard ${this.#options.shard} is ${found}, and ${place} with link ${link} was expected`
      throw new JournalFenced(why)
    }
    this.#noteWritten()
    if (ack.type === 'replicas' && (waited?.[1] as number) < ack.count) return false
    if (!mayAcknowledge()) return false
    const last = frames.at(-1) as Pending
    this.#newest = { place: last.place, link: last.link }
    this.#pending = this.#pending.slice(frames.length)
    return true
  }

  #note(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    if (REFUSALS.test(message)) {
      this.#isRefused = true
      this.#options.onStorage(error)
      return
    }
    this.#drop()
    this.#options.primaries.forget()
    this.#options.onTrouble(error)
  }

  #noteWritten(): void {
    if (!this.#isRefused) return
    this.#isRefused = false
    this.#options.onStorage(undefined)
  }

  #drop(): void {
    this.#redis?.disconnect()
    this.#redis = undefined
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#options.timers.after(ms, resolve))
  }
}
