/**
 * One script that touches everything the journal does, run again and again with another fault each time, and a ledger
 * of what its callers were told, against which whatever is found afterwards is held.
 *
 * The script: two workers, stock, holds and all their ends, rolls of both journals, snapshots taken while they are
 * written, expiry, a quiet moment, an orderly end; a start with another number of workers, a kill in the middle of
 * things, a third start. Its disk has small segments, so all of that is a few hundred calls.
 */
import * as assert from 'uvu/assert'
import type { Reply, Request } from '../../src/actors/requests.ts'
import { shardsOfWorker } from '../../src/actors/routing.ts'
import type { ProductId, ReservationId, ShardId } from '../../src/domain/ids.ts'
import type { ShardState } from '../../src/domain/stock.ts'
import { tidyJournal } from '../../src/persistence/journal/carry.ts'
import { recover } from '../../src/persistence/journal/recovery.ts'
import { writeSnapshot } from '../../src/persistence/journal/snapshot.ts'
import { encodeState } from '../../src/persistence/journal/state-codec.ts'
import { JournalDamaged } from '../../src/persistence/journal/streams.ts'
import {
  InProcessEngine,
  journalDirectory,
  snapshotDirectory,
  startMs,
} from '../support/in-process-engine.ts'
import { ManualClock, ManualTimers } from '../support/manual-time.ts'
import { MemoryDisk, SessionOver } from '../support/memory-disk.ts'
import {
  addStock,
  confirm,
  extend,
  giveBack,
  phone,
  productOf,
  readReservation,
  readStock,
  release,
  reserve,
  startPayment,
} from './asking.ts'

export const SHARDS = 4
const SEGMENT = 16 * 1_024
const SECOND = 1_000
/** So long that two dozen events fill a segment. */
const reason = '汉'.repeat(250)
const products: readonly ProductId[] = [phone, productOf(1), productOf(2), productOf(3)]

/** The power is gone, or the process: whatever the script still wanted to do will not happen. */
export class Cut extends Error {
  override readonly name = 'Cut'
}

/** What a reservation may be: absent, or a status with its units held or sold and those returned. */
type Possible = `${string}/${number}/${number}`
const ABSENT: Possible = 'absent/0/0'
/** Codes that promise that nothing happened; the one other leaves it open. */
const NOTHING = new Set([
  'overloaded',
  'shard-unavailable',
  'storage-full',
  'read-only',
  'memory-full',
  'shutting-down',
  'command-quarantined',
])

/** What callers were told, and what therefore may be found. */
export class Ledger {
  readonly reservations = new Map<ReservationId, { possible: Set<Possible>; readonly productId: ProductId }>()
  /** Units added to each product, at least and at most. */
  readonly added = new Map<ProductId, { least: number; most: number }>()
  acknowledged = 0

  /** Called before the request leaves: until it is answered, it may have happened or not. */
  begin(request: Request): void {
    if (request.type === 'adjust' && 'delta' in request.change) {
      const bounds = this.#boundsOf(request.productId)
      bounds.most += request.change.delta
    } else if (request.type === 'reserve') {
      const held: Possible = `held/${request.quantity}/0`
      const possible = new Set([ABSENT, held])
      this.reservations.set(request.reservationId, { possible, productId: request.productId })
    } else if ('reservationId' in request) {
      const known = this.reservations.get(request.reservationId)
      if (known === undefined) return
      for (const each of [...known.possible])
        for (const next of afterwards(each, request)) known.possible.add(next)
    }
  }

  end(request: Request, outcome: Reply | string): void {
    if (typeof outcome === 'string') {
      if (NOTHING.has(outcome)) this.#undo(request)
      else assert.is(outcome, 'outcome-unknown')
      return
    }
    this.acknowledged += 1
    if (request.type === 'adjust' && 'delta' in request.change) {
      if (outcome.type === 'stock') this.#boundsOf(request.productId).least += request.change.delta
      else this.#undo(request)
    } else if (outcome.type === 'held' && request.type === 'reserve') {
      this.#known(request.reservationId, `held/${outcome.quantity}/0`)
    } else if (outcome.type === 'reservation') {
      const { reservationId, status, lines } = outcome
      for (const { quantity, returned } of lines)
        this.#known(reservationId, `${status}/${quantity}/${returned}`)
    } else if (outcome.type === 'refused' && outcome.refusal.reason === 'unknownReservation') {
      if ('reservationId' in request) this.#known(request.reservationId, ABSENT)
    } else if (outcome.type === 'refused') this.#undo(request)
  }

  /** Time passes beyond every deadline: what was held may have expired. */
  expire(): void {
    for (const { possible } of this.reservations.values()) {
      for (const each of [...possible])
        if (/^(held|paying)/.test(each)) possible.add(each.replace(/^\w+/, 'expired') as Possible)
    }
  }

  clone(): Ledger {
    const copy = new Ledger()
    for (const [id, { possible, productId }] of this.reservations)
      copy.reservations.set(id, { possible: new Set(possible), productId })
    for (const [id, bounds] of this.added) copy.added.set(id, { ...bounds })
    copy.acknowledged = this.acknowledged
    return copy
  }

  /** Holds what was found against what was said: I1 to I4 and I6 of FAULTS.md. */
  check(states: ReadonlyMap<ShardId, ShardState>, where: string): void {
    const found = new Map<ProductId, { held: number; sold: number }>()
    const all = [...states.values()]
    for (const [id, { possible, productId }] of this.reservations) {
      const reservation = all.map((state) => state.reservations.get(id)).find((each) => each !== undefined)
      const seen: Possible =
        reservation === undefined
          ? ABSENT
          : `${reservation.status}/${reservation.quantity}/${reservation.returned}`
      assert.ok(possible.has(seen), `${where}: ${id} is ${seen}, and may be ${[...possible].join(' or ')}`)
      if (reservation === undefined) continue
      const sums = found.get(productId) ?? { held: 0, sold: 0 }
      if (/^(held|paying)/.test(seen)) sums.held += reservation.quantity
      if (seen.startsWith('confirmed')) sums.sold += reservation.quantity - reservation.returned
      found.set(productId, sums)
    }
    const made = all.reduce((sum, { reservations }) => sum + reservations.size, 0)
    assert.ok(made <= this.reservations.size, `${where}: there are reservations that nobody asked for`)
    for (const [productId, { least, most }] of this.added) {
      const stock = all.map(({ products: known }) => known.get(productId)).find((each) => each !== undefined)
      const { held, sold } = found.get(productId) ?? { held: 0, sold: 0 }
      const total = (stock?.onHand ?? 0) + (stock?.sold ?? 0)
      assert.ok(
        total >= least && total <= most,
        `${where}: ${productId} has ${total} units, not ${least} to ${most}`,
      )
      assert.equal([stock?.held ?? 0, stock?.sold ?? 0], [held, sold], `${where}: ${productId}'s counters`)
      assert.ok((stock?.onHand ?? 0) >= held, `${where}: ${productId} is oversold`)
    }
  }

  #undo(request: Request): void {
    if (request.type === 'adjust' && 'delta' in request.change) {
      this.#boundsOf(request.productId).most -= request.change.delta
    } else if (request.type === 'reserve') this.#known(request.reservationId, ABSENT)
    else if ('reservationId' in request) {
      const known = this.reservations.get(request.reservationId)
      if (known === undefined) return
      // What only this request could have brought about has not come about.
      for (const each of [...known.possible]) {
        const isOld = [...known.possible].some(
          (other) => other !== each && afterwards(other, request).includes(each),
        )
        if (isOld && !this.#before.get(request)?.has(each)) known.possible.delete(each)
      }
    }
  }

  readonly #before = new WeakMap<Request, Set<Possible>>()

  /** What was possible before a request, for the case that it turns out to have done nothing. */
  remember(request: Request): void {
    if (!('reservationId' in request) || request.type === 'reserve') return
    const known = this.reservations.get(request.reservationId)
    if (known !== undefined) this.#before.set(request, new Set(known.possible))
  }

  #known(id: ReservationId, is: Possible): void {
    const known = this.reservations.get(id)
    if (known === undefined) return
    assert.ok(
      known.possible.has(is),
      `${id} was said to be ${is}, and may be ${[...known.possible].join(' or ')}`,
    )
    known.possible = new Set([is])
  }

  #boundsOf(productId: ProductId) {
    const bounds = this.added.get(productId) ?? { least: 0, most: 0 }
    this.added.set(productId, bounds)
    return bounds
  }
}

/** What a request may make of a reservation. */
function afterwards(before: Possible, request: Request): Possible[] {
  const [status = '', held = '0', returned = '0'] = before.split('/')
  const isLive = status === 'held' || status === 'paying'
  switch (request.type) {
    case 'confirm':
      return isLive ? [`confirmed/${Number(held)}/0`] : []
    case 'release':
      return isLive ? [`released/${Number(held)}/0`] : []
    case 'startPayment':
      return status === 'held' ? [`paying/${Number(held)}/0`] : []
    case 'return':
      return status === 'confirmed' ? [`confirmed/${Number(held)}/${Number(held)}`] : []
    default:
      return [`${status}/${Number(held)}/${Number(returned)}`]
  }
}

/** One run of the script. */
export class Scenario {
  readonly disk: MemoryDisk
  readonly timers = new ManualTimers(new ManualClock(startMs))
  readonly ledger = new Ledger()
  #world: InProcessEngine | undefined
  #isCut = false

  /** Called whenever a caller was told something. */
  onAnswer: (() => void) | undefined

  constructor(disk: MemoryDisk = new MemoryDisk()) {
    this.disk = disk
    const { soon } = this.timers.session()
    // A sync takes a while, in which replies that do not wait for it would leave.
    disk.finishLater = (finish) => soon(() => soon(() => soon(finish)))
  }

  /** The power goes, or the process, before this call to the disk takes effect. */
  cut(): never {
    this.#isCut = true
    this.#world?.crash()
    throw new Cut()
  }

  /** Runs it to its end, or to the cut. */
  async run(): Promise<void> {
    try {
      await this.#first()
      await this.#second()
      await this.#third()
    } catch (error) {
      if (!(this.#isCut && (error instanceof Cut || error instanceof SessionOver))) throw error
    } finally {
      this.#world?.crash()
    }
  }

  /** Only a start of two workers, with whatever is on the disk. */
  async startOnly(): Promise<void> {
    try {
      await this.#start(2)
    } catch (error) {
      if (!(this.#isCut && (error instanceof Cut || error instanceof SessionOver))) throw error
    } finally {
      this.#world?.crash()
    }
  }

  async #first(): Promise<void> {
    await this.#start(2)
    for (const product of products) await this.#ask(addStock(product, 40))
    const holds: ReservationId[] = []
    for (const productId of products)
      holds.push(await this.#reserve(productId, 2), await this.#reserve(productId, 3))
    await this.#ask(confirm(holds[0] as ReservationId))
    await this.#ask(release(holds[1] as ReservationId))
    await this.#ask(startPayment(holds[2] as ReservationId, 60 * SECOND))
    await this.#ask(extend(holds[3] as ReservationId, 900 * SECOND))
    await this.#ask(giveBack(holds[0] as ReservationId))
    for (let n = 0; n < 26; n++)
      await this.#askAll(products.slice(0, 3).map((product) => this.#long(product)))
    this.#snapshot()
    await this.#ask(readStock(phone))
    this.ledger.expire()
    await this.#advance(700 * SECOND)
    for (const id of holds) await this.#ask(readReservation(id))
    await this.#reserve(phone, 1)
    await this.#advance(SECOND)
    await this.#shutDown()
  }

  async #second(): Promise<void> {
    await this.#start(1)
    const held = await this.#reserve(phone, 1)
    await this.#askAll([
      this.#reserving(phone, 1),
      this.#reserving(products[1] as ProductId, 1),
      confirm(held),
    ])
    // It is killed with calls under way.
    for (const request of [this.#reserving(phone, 1), addStock(phone, 1)]) this.#call(request)
    await this.timers.step()
    await this.timers.step()
    this.#world?.crash()
    this.#checkCut()
  }

  async #third(): Promise<void> {
    await this.#start(3)
    for (const productId of products) await this.#reserve(productId, 1)
    for (let n = 0; n < 18; n++) await this.#ask(this.#long(phone))
    await this.#advance(SECOND)
    await this.#reserve(phone, 1)
  }

  /** A new process. Its workers are started again when they end, a few times, as a supervisor does. */
  async #start(workers: number): Promise<void> {
    this.#checkCut()
    try {
      this.#world = new InProcessEngine({
        disk: this.disk,
        timers: this.timers,
        workers,
        shards: SHARDS,
        segmentBytes: SEGMENT,
      })
      await this.#world.start()
    } catch (error) {
      if (this.#isCut || !isOfDisk(error)) throw error
      // A process that cannot even read its directory ends; there is nobody to ask.
      this.#world = undefined
    }
    await this.#revive()
  }

  async #revive(): Promise<void> {
    for (let times = 0; times < 2; times++) {
      this.#checkCut()
      const world = this.#world
      world?.lives.forEach((lives, worker) => {
        if (lives.at(-1)?.isOver === true) world.spawn(worker)
      })
      await this.#settle()
    }
  }

  async #ask(request: Request): Promise<void> {
    await this.#askAll([request])
  }

  async #askAll(requests: readonly Request[]): Promise<void> {
    for (const request of requests) this.#call(request)
    await this.#settle()
    await this.#revive()
  }

  async #reserve(productId: ProductId, quantity: number): Promise<ReservationId> {
    const request = this.#reserving(productId, quantity)
    await this.#ask(request)
    return request.reservationId
  }

  #reserving(productId: ProductId, quantity: number) {
    return reserve(this.#world ?? nobody, { productId, quantity })
  }

  #long(productId: ProductId) {
    return { ...addStock(productId, 1), reason }
  }

  #call(request: Request): void {
    const world = this.#world
    if (world === undefined) return
    this.ledger.remember(request)
    this.ledger.begin(request)
    const answer = (outcome: Reply | string) => {
      this.ledger.end(request, outcome)
      this.onAnswer?.()
    }
    world.engine
      .execute(request)
      .then(answer, ({ code }) => answer(code))
      .catch((error: unknown) => {
        this.#wrong = error
      })
  }

  #wrong: unknown

  #snapshot(): void {
    const world = this.#world
    if (world === undefined) return
    for (const [worker, lives] of world.lives.entries()) {
      const life = lives.at(-1)
      if (life === undefined || life.isOver || life.rolled.length === 0) continue
      const disk = this.disk.session()
      try {
        const { shards } = recover({
          disk,
          journalDirectory,
          snapshotDirectory,
          shards: shardsOfWorker(worker, { shards: SHARDS, workers: world.options.workers }),
          shardsOfData: SHARDS,
          before: { stream: life.settings.stream, index: life.rolled.at(-1) as number },
        })
        for (const { shard, nextSequence, link, lastTimeMs: timeMs, state } of shards.values()) {
          const snapshot = { shard, shards: SHARDS, sequence: nextSequence - 1, timeMs, link, state }
          if (snapshot.sequence > 0) writeSnapshot(disk, snapshotDirectory, snapshot)
        }
      } catch (error) {
        // Its thread ends, and nobody but the log hears of it.
        if (!isOfDisk(error)) throw error
      }
    }
    this.#checkCut()
  }

  async #advance(ms: number): Promise<void> {
    await this.timers.advance(ms)
    await this.#revive()
  }

  async #shutDown(): Promise<void> {
    await this.#world?.shutDown()
    this.#checkCut()
    this.#world?.crash()
  }

  async #settle(): Promise<void> {
    await this.timers.settle()
    this.#checkCut()
  }

  #checkCut(): void {
    if (this.#wrong !== undefined) throw this.#wrong
    if (this.#isCut) throw new Cut()
  }
}

const nobody = new InProcessEngine()

/** Whether a disk that fails may say so with this; `JournalDamaged` it may not: nothing was damaged. */
function isOfDisk(error: unknown): boolean {
  return error instanceof Error && 'code' in error && !(error instanceof JournalDamaged)
}

/**
 * Recovers every shard from a disk, with and without snapshots, and holds it against the ledger. Changes nothing but
 * what a starting process clears away.
 */
export function checkDisk(disk: MemoryDisk, ledger: Ledger, where: string): void {
  const session = disk.session()
  session.makeDirectory(journalDirectory)
  session.makeDirectory(snapshotDirectory)
  tidyJournal(session, journalDirectory)
  const options = {
    disk: session,
    journalDirectory,
    snapshotDirectory,
    shards: Array.from({ length: SHARDS }, (_, shard) => shard as ShardId),
    shardsOfData: SHARDS,
  }
  const { shards } = recover(options)
  const states = new Map([...shards.values()].map(({ shard, state }) => [shard, state]))
  ledger.check(states, where)
  for (const { shard, state } of recover({ ...options, useSnapshots: false }).shards.values()) {
    const bytes = Buffer.from(encodeState(state))
    const quick = Buffer.from(encodeState(states.get(shard) as ShardState))
    assert.ok(quick.equals(bytes), `${where}: shard ${shard} replayed in full is another`)
  }
}

/** A start after all faults are over: it serves again, answers as the ledger says, and takes new orders (I11). */
export async function checkStart(
  disk: MemoryDisk,
  ledger: Ledger,
  where: string,
  timers: ManualTimers,
): Promise<void> {
  const world = new InProcessEngine({ disk, timers, workers: 2, shards: SHARDS, segmentBytes: SEGMENT })
  await world.start()
  for (const lives of world.lives) {
    const life = lives.at(-1)
    assert.is(
      life?.state.type,
      'ready',
      `${where}: ${JSON.stringify(life?.state)} ${life?.failures[0]?.why ?? ''}`,
    )
  }
  for (const id of ledger.reservations.keys()) {
    const request = readReservation(id)
    ledger.end(request, await world.ask(request))
  }
  const adding = addStock(phone, 1)
  ledger.begin(adding)
  ledger.end(adding, await world.ask(adding))
  const reserving = reserve(world)
  ledger.begin(reserving)
  ledger.end(reserving, await world.ask(reserving))
  world.crash()
  checkDisk(disk.afterPowerLoss(), ledger, where)
}
