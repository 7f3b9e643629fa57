/**
 * Makes real journals: the engine's own writer, recovery and rules, with commands drawn by chance, and starts, orderly
 * ends and crashes at will. No threads, so that a test says what happens when.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStream } from '../../src/actors/shard-start.ts'
import { type JournalFiles, openJournalFiles } from '../../src/cli/journal-files.ts'
import type { Command } from '../../src/domain/commands.ts'
import { decide } from '../../src/domain/decide.ts'
import type { Decision } from '../../src/domain/decision.ts'
import type { Event } from '../../src/domain/events.ts'
import { evolve } from '../../src/domain/evolve.ts'
import {
  type CustomerId,
  type ProductId,
  type ReservationId,
  reservationIdOf,
  type ShardId,
  shardOf,
} from '../../src/domain/ids.ts'
import type { Reservation, ShardState } from '../../src/domain/stock.ts'
import { serveLine } from '../../src/domain/waitlist.ts'
import { tidyJournal } from '../../src/persistence/journal/carry.ts'
import { type Disk, type DiskFile, realDisk } from '../../src/persistence/journal/disk.ts'
import { type RecoveredShard, recover } from '../../src/persistence/journal/recovery.ts'
import { nextEpoch } from '../../src/persistence/journal/segments.ts'
import { writeSnapshot } from '../../src/persistence/journal/snapshot.ts'
import type { JournalWriter } from '../../src/persistence/journal/writer.ts'
import type { Timers } from '../../src/seams.ts'
import { tradeSeveral } from './several.ts'

export type WorkshopOptions = {
  readonly shards?: number
  readonly segmentBytes?: number
  readonly products?: number
  readonly seed?: number
}

type Worker = {
  readonly writer: JournalWriter
  readonly shards: readonly RecoveredShard[]
  hasNext(): boolean
}

const beganAtMs = Date.UTC(2026, 0, 5, 9)
const CUSTOMERS = ['ann', 'bob', 'cem', 'dora', 'eve'] as CustomerId[]

export class Workshop {
  readonly root: string
  readonly journal: string
  readonly snapshots: string
  readonly shards: number
  nowMs = beganAtMs
  readonly #segmentBytes: number
  readonly #products: readonly ProductId[]
  readonly #chance: () => number
  readonly #known: Reservation[] = []
  #workers: Worker[] = []
  #open: DiskFile[] = []
  #syncs = 0
  #ids = 0
  /** What waits for a quiet moment. It comes when a test says so. */
  readonly #idle = new Set<() => void>()
  readonly #timers: Timers = {
    after: (_delayMs, call) => {
      this.#idle.add(call)
      return { cancel: () => void this.#idle.delete(call) }
    },
    soon: (call) => void setImmediate(call),
  }

  constructor(options: WorkshopOptions = {}) {
    this.root = mkdtempSync(join(tmpdir(), 'holdfast-journal-'))
    this.journal = join(this.root, 'journal')
    this.snapshots = join(this.root, 'snapshots')
    this.shards = options.shards ?? 4
    this.#segmentBytes = options.segmentBytes ?? 64 * 1_024
    this.#products = Array.from({ length: options.products ?? 12 }, (_, i) => `product-${i}` as ProductId)
    this.#chance = chanceOf(options.seed ?? 1)
    mkdirSync(this.journal)
    mkdirSync(this.snapshots)
    const record = { product: 'holdfast', format: 1, shards: this.shards }
    writeFileSync(join(this.root, 'holdfast.json'), JSON.stringify(record))
  }

  /** Its journal as `verify` finds it. */
  get files(): JournalFiles {
    return openJournalFiles(this.root)
  }

  /** As the engine starts: each worker recovers its shards, tidies what ended before, and opens a stream. */
  async start(workers: number): Promise<void> {
    const disk = this.#tracked()
    this.#known.length = 0
    tidyJournal(disk, this.journal)
    for (let worker = 0; worker < workers; worker++) {
      const shards = Array.from({ length: this.shards }, (_, shard) => shard as ShardId).filter(
        (shard) => shard % workers === worker,
      )
      const recovery = recover({
        disk,
        journalDirectory: this.journal,
        snapshotDirectory: this.snapshots,
        shards,
        shardsOfData: this.shards,
      })
      let hasNext = false
      const writer = await openStream(recovery, {
        disk,
        timers: this.#timers,
        directory: this.journal,
        stream: { epoch: nextEpoch(disk, this.journal), worker },
        shards: this.shards,
        segmentBytes: this.#segmentBytes,
        nowMs: () => this.nowMs,
        onDurable() {},
        onFailure: (error) => {
          throw error
        },
        onRoll() {
          hasNext = false
        },
        onStorage(error) {
          hasNext = error === undefined
        },
        onCut() {},
      })
      this.#workers.push({ writer, shards: [...recovery.shards.values()], hasNext: () => hasNext })
      for (const { state } of recovery.shards.values()) {
        this.#known.push(...state.reservations.values())
        for (const { waitlist } of state.products.values()) if (waitlist !== undefined) waitlist.freed = 0
        state.unserved.clear()
      }
    }
    await this.#allReady()
  }

  /** Decides commands at random, some to a frame, and waits until each frame is durable. */
  async trade(frames: number, perFrame = 12): Promise<void> {
    for (let i = 0; i < frames; i++) {
      for (const worker of this.#workers) this.#fill(worker, perFrame)
      await this.#durable()
      await this.#allReady()
    }
  }

  /** Writes events as they are, whatever the rules say of them, each in its own section. */
  async forge(shard: number, events: readonly Event[]): Promise<void> {
    for (const { writer, shards } of this.#workers) {
      const at = shards.find((candidate) => candidate.shard === shard)
      if (at === undefined) continue
      for (const event of events) {
        this.nowMs += 1
        writer.beginSection(at.shard, at.nextSequence, this.nowMs)
        writer.append(event)
        writer.endSection()
        at.nextSequence += 1
      }
      writer.flush()
    }
    await this.#durable()
  }

  /** What a shard's state is now. */
  stateOf(shard: number): ShardState {
    return this.#at(shard).at.state
  }

  /** Decides a command in a shard, or writes events as they are, and waits until what comes of it is durable. */
  async tell(shard: number, said: Command | readonly Event[]): Promise<Decision> {
    const { writer, at } = this.#at(shard)
    this.nowMs += 1
    const decision: Decision =
      'type' in said ? decide(at.state, said, this.nowMs) : { type: 'accepted', events: said }
    if (decision.type === 'accepted') this.#write(writer, at, decision.events)
    writer.flush()
    await this.#durable()
    await this.#allReady()
    return decision
  }

  /** An id that no other reservation has. */
  drawId(home: ShardId): ReservationId {
    this.#ids += 1
    const ulid = `01${String(this.nowMs).padStart(14, '0')}${String(this.#ids).padStart(10, '0')}`
    return reservationIdOf(ulid, home)
  }

  #at(shard: number): { readonly writer: JournalWriter; readonly at: RecoveredShard } {
    for (const { writer, shards } of this.#workers) {
      const at = shards.find((candidate) => candidate.shard === shard)
      if (at !== undefined) return { writer, at }
    }
    throw new Error(`nobody serves shard ${shard}`)
  }

  /** Lets the moment pass after which the streams are sealed and marked. */
  async rest(): Promise<void> {
    for (const call of [...this.#idle]) {
      this.#idle.delete(call)
      call()
    }
    await this.#quiet()
  }

  /** Leaves a snapshot of every shard. */
  snapshot(): void {
    for (const { writer, shards } of this.#workers) {
      for (const { shard, state, nextSequence } of shards) {
        writeSnapshot(realDisk, this.snapshots, {
          shard,
          shards: this.shards,
          sequence: nextSequence - 1,
          timeMs: this.nowMs,
          link: writer.linkOf(shard),
          state,
        })
      }
    }
  }

  /** An orderly end: sealed, marked, cut to size. */
  async close(): Promise<void> {
    for (const { writer } of this.#workers) await writer.close()
    this.#workers = []
    this.#open = []
    this.nowMs += 1_000
  }

  /** Ends as a kill would: nothing is written any more. */
  async crash(): Promise<void> {
    await this.#quiet()
    this.#idle.clear()
    for (const file of this.#open) file.close()
    this.#workers = []
    this.#open = []
    this.nowMs += 1_000
  }

  async remove(): Promise<void> {
    if (this.#open.length > 0) await this.crash()
    rmSync(this.root, { recursive: true, force: true })
  }

  #fill({ writer, shards }: Worker, commands: number): void {
    this.nowMs += Math.floor(this.#chance() * 50)
    const own = this.#products.filter((product) =>
      shards.some(({ shard }) => shard === shardOf(product, this.shards)),
    )
    for (let i = 0; i < commands; i++) {
      const command = this.#draw(own)
      const productId =
        'productId' in command
          ? command.productId
          : this.#known.find(({ id }) => id === command.reservationId)?.stock.productId
      if (productId === undefined) continue
      const at = shards.find(({ shard }) => shard === shardOf(productId, this.shards))
      if (at === undefined) continue
      const decision = decide(at.state, command, this.nowMs)
      if (decision.type === 'accepted') this.#write(writer, at, decision.events)
    }
    writer.flush()
  }

  /** The events of one command in a section of their own, with what they bring those who wait in line. */
  #write(writer: JournalWriter, at: RecoveredShard, events: readonly Event[]): void {
    if (events.length === 0) return
    const { state, shard } = at
    writer.beginSection(shard, at.nextSequence, this.nowMs)
    const append = (event: Event) => {
      writer.append(event)
      evolve(state, event, this.nowMs)
      at.nextSequence += 1
      if (event.type !== 'UnitsHeld' && event.type !== 'WaitlistServed') return
      const made = state.reservations.get(event.reservationId)
      if (made !== undefined) this.#known.push(made)
    }
    for (const event of events) append(event)
    for (const stock of state.unserved) {
      for (const event of serveLine(stock, this.nowMs, Number.POSITIVE_INFINITY).events) append(event)
      if (stock.waitlist !== undefined) stock.waitlist.freed = 0
    }
    state.unserved.clear()
    writer.endSection()
  }

  #draw(own: readonly ProductId[]): Command {
    const productId = this.#oneOf(own)
    const dice = this.#chance()
    if (dice < 0.12) {
      const delta = 1 + Math.floor(this.#chance() * 40)
      return {
        type: 'adjust',
        productId,
        change: { delta },
        reason: 'delivery \u{1F4E6}',
        reference: undefined,
      }
    }
    if (dice < 0.14) {
      const sale = this.#chance() < 0.5 ? {} : { perCustomerLimit: 50, holdTtlMs: 60_000 }
      return { type: 'scheduleSale', productId, sale }
    }
    if (dice < 0.55 || this.#known.length === 0) {
      const reservationId = this.drawId(shardOf(productId, this.shards))
      return {
        type: 'reserve',
        reservationId,
        productId,
        customerId: this.#chance() < 0.9 ? this.#oneOf(CUSTOMERS) : undefined,
        quantity: 1 + Math.floor(this.#chance() * 4),
        ttlMs: undefined,
        allowPartial: this.#chance() < 0.3,
        reference: this.#chance() < 0.2 ? `order ${this.#ids}` : undefined,
      }
    }
    return this.#drawFor(this.#oneOf(this.#known))
  }

  #drawFor({ id: reservationId, status, quantity, returned, returnClosed, stock }: Reservation): Command {
    const units = 1 + Math.floor(this.#chance() * Math.max(1, quantity - returned))
    const items = this.#chance() < 0.4 ? [{ productId: stock.productId, quantity: units }] : undefined
    if (status === 'confirmed' && !returnClosed) {
      if (this.#chance() < 0.3) return { type: 'closeReturns', reservationId }
      return { type: 'return', reservationId, items, reason: 'too small' }
    }
    if (status !== 'held' && status !== 'paying') return { type: 'forget', reservationId }
    const dice = this.#chance()
    if (dice < 0.1) return { type: 'extend', reservationId, ttlMs: 3_600_000 }
    if (dice < 0.3) return { type: 'startPayment', reservationId, payingMs: 900_000 }
    if (dice < 0.5) return { type: 'release', reservationId, items }
    if (dice < 0.85) return { type: 'confirm', reservationId, items, reference: undefined }
    return { type: 'expire', reservationId }
  }

  #oneOf<T>(values: readonly T[]): T {
    return values[Math.floor(this.#chance() * values.length)] as T
  }

  /** Until no sync is under way. */
  async #quiet(): Promise<void> {
    for (let idleTurns = 0; idleTurns < 3; ) {
      await new Promise<void>((resolve) => void setImmediate(resolve))
      idleTurns = this.#syncs === 0 ? idleTurns + 1 : 0
    }
  }

  async #durable(): Promise<void> {
    for (const { writer } of this.#workers) {
      while (writer.durableOrdinal < writer.restsOn)
        await new Promise<void>((resolve) => void setImmediate(resolve))
    }
  }

  /** Until every writer has its next segment, so that a crash finds no write under way. */
  async #allReady(): Promise<void> {
    while (!this.#workers.every((worker) => worker.hasNext())) {
      await new Promise<void>((resolve) => void setImmediate(resolve))
    }
  }

  /** The machine's disk, remembering what is open, which a kill would close. */
  #tracked(): Disk {
    const track = (file: DiskFile): DiskFile => {
      const tracked = {
        ...file,
        sync: async () => {
          this.#syncs += 1
          try {
            await file.sync()
          } finally {
            this.#syncs -= 1
          }
        },
        close: () => {
          this.#open = this.#open.filter((other) => other !== tracked)
          file.close()
        },
      }
      this.#open.push(tracked)
      return tracked
    }
    return {
      ...realDisk,
      create: (path) => track(realDisk.create(path)),
      open: (path, mode) => track(realDisk.open(path, mode)),
    }
  }
}

/** Numbers in [0, 1) that a seed determines (mulberry32). */
export function chanceOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

/**
 * A journal with all there can be, reservations of several products among it: several starts with different workers, orderly ends and crashes, seals, snapshots.
 * The last stream is closed in order, or left with frames that nothing proves.
 */
export async function makeEventful(
  options: WorkshopOptions & { readonly frames?: number; readonly end?: 'closed' | 'crashed' } = {},
): Promise<Workshop> {
  const shop = new Workshop(options)
  const frames = options.frames ?? 20
  await shop.start(1)
  await shop.trade(frames)
  await tradeSeveral(shop, 4, 1)
  shop.snapshot()
  await shop.close()
  await shop.start(2)
  await tradeSeveral(shop, 4, 2)
  await shop.trade(frames)
  await shop.crash()
  await shop.start(3)
  await shop.trade(frames)
  await tradeSeveral(shop, 4, 3)
  await shop.rest()
  shop.snapshot()
  await shop.trade(3)
  await shop.crash()
  await shop.start(1)
  await shop.trade(frames)
  await tradeSeveral(shop, 4, 4)
  await shop.rest()
  await shop.trade(frames)
  if (options.end === 'crashed') await shop.crash()
  else await shop.close()
  return shop
}
