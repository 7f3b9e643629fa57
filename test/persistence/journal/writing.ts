/** A journal writer on a disk in memory, and a recovery from the same disk: what tests of the journal begin with. */
import * as assert from 'uvu/assert'
import { openStream } from '../../../src/actors/shard-start.ts'
import type { Event } from '../../../src/domain/events.ts'
import type { ProductId, ShardId } from '../../../src/domain/ids.ts'
import { tidyJournal } from '../../../src/persistence/journal/carry.ts'
import { noLink, type StreamId } from '../../../src/persistence/journal/frame.ts'
import { type Recovery, type RecoveryOptions, recover } from '../../../src/persistence/journal/recovery.ts'
import { SegmentLog, type SegmentLogOptions } from '../../../src/persistence/journal/segment-log.ts'
import { nextEpoch } from '../../../src/persistence/journal/segments.ts'
import { encodeState } from '../../../src/persistence/journal/state-codec.ts'
import {
  JournalWriter,
  type ShardPosition,
  type WriterOptions,
} from '../../../src/persistence/journal/writer.ts'
import { ManualClock, ManualTimers } from '../../support/manual-time.ts'
import { MemoryDisk } from '../../support/memory-disk.ts'
import { noonMs } from './values.ts'

export const journal = '/data/journal'
export const snapshots = '/data/snapshots'
export const shardsOfData = 4
export const allShards: readonly ShardId[] = [0, 1, 2, 3].map((shard) => shard as ShardId)
export const KIB = 1_024

export type OpenOptions = {
  readonly disk?: MemoryDisk
  readonly timers?: ManualTimers
  readonly worker?: number
  readonly shards?: readonly ShardId[]
  readonly segmentBytes?: number
}

/** A disk with its directories, and nothing in them. */
export function emptyDisk(): MemoryDisk {
  const disk = new MemoryDisk()
  const session = disk.session()
  session.makeDirectory(journal)
  session.makeDirectory(snapshots)
  return disk
}

/** A writer, what it said, and the next version of each product it writes about. */
export class Written {
  readonly disk: MemoryDisk
  readonly timers: ManualTimers
  readonly stream: StreamId
  readonly durable: number[] = []
  readonly failures: unknown[] = []
  readonly rolls: number[] = []
  readonly storage: unknown[] = []
  readonly cuts: string[] = []
  recovery: Recovery | undefined
  readonly #session: ReturnType<MemoryDisk['session']>
  readonly #timerSession: ReturnType<ManualTimers['session']>
  readonly #options: WriterOptions & SegmentLogOptions
  readonly #shards: readonly ShardId[]
  readonly #sequences = new Map<ShardId, number>()
  readonly #versions = new Map<ShardId, number>()
  #writer: JournalWriter | undefined

  constructor({
    disk = emptyDisk(),
    timers,
    worker = 0,
    shards = allShards,
    segmentBytes = 64 * KIB,
  }: OpenOptions) {
    this.disk = disk
    this.timers = timers ?? new ManualTimers(new ManualClock(noonMs))
    this.#session = disk.session()
    this.#timerSession = this.timers.session()
    this.#shards = shards
    this.stream = { epoch: nextEpoch(this.#session, journal), worker }
    this.#options = {
      disk: this.#session,
      timers: this.#timerSession,
      directory: journal,
      stream: this.stream,
      shards: shardsOfData,
      segmentBytes,
      nowMs: () => this.#nowMs(),
      onDurable: (ordinal) => void this.durable.push(ordinal),
      onFailure: (error) => void this.failures.push(error),
      onRoll: (index) => void this.rolls.push(index),
      onStorage: (error) => void this.storage.push(error),
    }
  }

  get writer(): JournalWriter {
    assert.ok(this.#writer, 'it was opened')
    return this.#writer as JournalWriter
  }

  /** Recovers and takes the shards over, as a worker does. */
  async open(): Promise<this> {
    const recovery = recoverFrom(this.#session, { shards: this.#shards })
    this.recovery = recovery
    const opening = openStream(recovery, {
      ...this.#options,
      onCut: (keptAs) => void this.cuts.push(keptAs),
    })
    this.#writer = await settled(this.timers, opening)
    for (const { shard, nextSequence, state } of recovery.shards.values()) {
      this.#sequences.set(shard, nextSequence)
      this.#versions.set(shard, state.products.get(productIn(shard))?.version ?? 0)
    }
    return this
  }

  /** Opens without a recovery, as the first stream of all. */
  async openFresh(): Promise<this> {
    const positions: ShardPosition[] = this.#shards.map((shard) => ({ shard, nextSequence: 1, link: noLink }))
    this.#writer = await settled(this.timers, openOn(this.#options, positions))
    return this
  }

  /** Gathers events of one shard in a section; a long reason makes each of them some 1,000 bytes. */
  gather(shard: ShardId, count: number, reason = 'count'): void {
    const first = this.#sequences.get(shard) ?? 1
    this.writer.beginSection(shard, first, this.#nowMs())
    for (let n = 0; n < count; n++) this.writer.append(this.#nextEvent(shard, reason))
    this.writer.endSection()
    this.#sequences.set(shard, first + count)
  }

  /** Gathers, writes, and lets it become durable if nothing holds it. Returns what a reply would have to wait for. */
  async append(shard: ShardId, count = 1, reason?: string): Promise<number> {
    this.gather(shard, count, reason)
    const { restsOn } = this.writer
    this.writer.flush()
    await this.timers.settle()
    return restsOn
  }

  /** The newest sequence of a shard that was gathered. */
  newest(shard: ShardId): number {
    return (this.#sequences.get(shard) ?? 1) - 1
  }

  /** Its thread ends here. */
  end(): void {
    this.#session.end()
    this.#timerSession.end()
  }

  async close(): Promise<void> {
    await settled(this.timers, this.writer.close())
    this.end()
  }

  #nextEvent(shard: ShardId, reason: string): Event {
    const version = (this.#versions.get(shard) ?? 0) + 1
    this.#versions.set(shard, version)
    return {
      type: 'StockAdjusted',
      productId: productIn(shard),
      version,
      delta: 1,
      onHand: version,
      reason,
      reference: undefined,
    }
  }

  #nowMs(): number {
    return Math.floor(this.timers.clock.monotonicMs() - 1_000) + noonMs
  }
}

export function productIn(shard: ShardId): ProductId {
  return `product-${shard}` as ProductId
}

/** A stream that recovered what is on the disk and goes on from there. */
export function written(options: OpenOptions = {}): Promise<Written> {
  return new Written(options).open()
}

export function recoverFrom(
  disk: MemoryDisk | RecoveryOptions['disk'],
  options: Partial<RecoveryOptions> = {},
): Recovery {
  return recover({
    disk: disk instanceof MemoryDisk ? disk.session() : disk,
    journalDirectory: journal,
    snapshotDirectory: snapshots,
    shards: allShards,
    shardsOfData,
    ...options,
  })
}

/** What a new process does before its workers start. */
export function clearLeftovers(disk: MemoryDisk): readonly string[] {
  return tidyJournal(disk.session(), journal)
}

/** How many events of each shard were recovered. */
export function reached(recovery: Recovery): number[] {
  return [...recovery.shards.values()].map(({ nextSequence }) => nextSequence - 1)
}

/** Every shard's state as bytes. */
export function bytesOf(recovery: Recovery): Buffer[] {
  return [...recovery.shards.values()].map(({ state }) => Buffer.from(encodeState(state)))
}

export function sameBytes(one: Recovery, other: Recovery, message?: string): void {
  const [a, b] = [bytesOf(one), bytesOf(other)]
  assert.equal(reached(one), reached(other), message)
  assert.ok(
    a.every((bytes, n) => bytes.equals(b[n] as Buffer)),
    message ?? 'the states are the same, byte for byte',
  )
}

/** The only segment files of a stream, in order. */
export function segmentsOf(disk: MemoryDisk, epoch?: number): string[] {
  const names = disk.files(journal).filter((name) => name.endsWith('.segment'))
  return names
    .filter((name) => epoch === undefined || Number(name.slice(0, 8)) === epoch)
    .map((name) => `${journal}/${name}`)
}

async function settled<T>(timers: ManualTimers, promise: Promise<T>): Promise<T> {
  let isDone = false
  const watched = promise.finally(() => {
    isDone = true
  })
  watched.catch(() => {})
  await timers.settle()
  if (!isDone) throw new Error('it waits for something that does not come')
  return watched
}

async function openOn(
  options: WriterOptions & SegmentLogOptions,
  positions: readonly ShardPosition[],
): Promise<JournalWriter> {
  return JournalWriter.open(await SegmentLog.create(options), options, positions)
}
