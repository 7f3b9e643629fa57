/**
 * A shard: the actors of its products, and the one place where their state changes.
 *
 * S1  A batch never suspends: between reading a product's state and handing its events to the journal nothing else runs
 *     on this shard. So nothing in this file waits for anything, and `tidy` refuses the words for it.
 *
 * It knows nothing of threads, callers or disks: requests come in as values, replies go out as values, events go to a
 * journal that takes them at once. When the reply may leave is its worker's business (S2).
 */
import { crashPoint, throwIfPoison } from '../crash-points.ts'
import { assert } from '../domain/assert.ts'
import { endedKnownMs, endedKnownMsMin } from '../domain/bounds.ts'
import type { Command } from '../domain/commands.ts'
import { decide } from '../domain/decide.ts'
import type { Event } from '../domain/events.ts'
import { evolve } from '../domain/evolve.ts'
import { makesRecord } from '../domain/footprint.ts'
import type { CustomerId, ProductId, ReservationId, ShardId } from '../domain/ids.ts'
import type { ShardState, Stock } from '../domain/stock.ts'
import { exitOf, serveLine } from '../domain/waitlist.ts'
import {
  abortedKnownMs,
  eventBytesMax,
  keyKnownMs,
  keyKnownMsMin,
  keysPerShardMax,
  redeliverAfterMs,
  servedPerTurnMax,
  storageRetryMs,
} from '../limits.ts'
import { decodeAnswer, encodeAnswer } from './answer-codec.ts'
import {
  answerTo,
  type Decided,
  type Moment,
  reservationAnswer,
  stockAnswer,
  waitlistAnswer,
} from './answers.ts'
import { ChangedStocks } from './changed-stocks.ts'
import { KeyClaimants } from './claimants.ts'
import { type CommandKey, fingerprintIn, hashIn } from './command-key.ts'
import { mayUse, writtenBytesMax } from './command-room.ts'
import { type DueKind, Dues, dueKinds } from './dues.ts'
import type { EngineErrorCode } from './engine-error.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { KeyRequest, Reply, Request } from './requests.ts'
import { countEvent, isExpiry, newCounters, type ShardCounters } from './shard-counters.ts'
import { type Duty, SplitDuties } from './split-duties.ts'
import { tooManyKeys, undecided, withoutRoom } from './undecided.ts'
import { WaitingLines } from './waiting-lines.ts'

/** The part of the journal a shard uses. */
export type EventSink = {
  /** What may be decided if it writes no more than so many bytes. */
  roomFor(bytes: number): 'all' | 'settlements' | 'none'
  /** Its frame takes no more. */
  isFull(): boolean
  beginSection(shard: ShardId, firstSequence: number, atMs: number): void
  append(event: Event): void
  endSection(): void
}

/** Nothing was decided, for this reason. */
export type Undecided = { readonly type: 'undecided'; readonly code: EngineErrorCode; readonly why: string }

export type ShardStart = {
  readonly shard: ShardId
  readonly state: ShardState
  readonly nextSequence: number
  /** Shard time at which it began to serve: holds made before get the grace of a recovery. */
  readonly readyAtMs: number
  readonly returnWindowMs: number
  /** What it may keep in memory, together with the other shards of its worker. */
  readonly memory: MemoryBudget
}

export class Shard {
  readonly id: ShardId
  readonly counters: ShardCounters = newCounters()
  /** Whose reservations have expired since the worker last took this. */
  readonly expired: CustomerId[] = []
  /** For the board. */
  readonly changed = new ChangedStocks()
  readonly #state: ShardState
  readonly #journal: EventSink
  readonly #memory: MemoryBudget
  readonly #dues: Dues
  readonly #duties: SplitDuties
  readonly #claimants = new KeyClaimants()
  readonly #lines = new WaitingLines()
  /** Something that is due was put off for want of room. */
  #lacksRoom = false
  #nextSequence: number
  #nowMs = 0
  #inSection = false

  constructor(start: ShardStart, journal: EventSink) {
    this.id = start.shard
    this.#state = start.state
    this.#nextSequence = start.nextSequence
    this.#dues = new Dues(start.state.reservations, start)
    this.#memory = start.memory
    this.#journal = journal
    this.#memory.add(start.state.footprintBytes)
    this.#duties = new SplitDuties(start.shard, start.state, start.readyAtMs)
    for (const reservation of start.state.reservations.values()) this.#dues.note(reservation)
    for (const split of start.state.splits.values()) this.#dues.note(split)
    for (const stock of start.state.products.values()) this.#lines.resume(stock)
    start.state.unserved.clear()
  }

  /** Whom a snapshot may read, between turns. */
  get state(): ShardState {
    return this.#state
  }

  /** Entries that wait for their time: one for each reservation. */
  get deadlines(): number {
    return this.#dues.size
  }

  get nextSequence(): number {
    return this.#nextSequence
  }

  /** When this shard has something to do by itself. What found no room is tried again each second, not in every turn. */
  get nextDueMs(): number {
    const dueMs = Math.min(
      this.#lines.firstAtMs(this.#nowMs),
      this.#dues.firstAtMs(this.#forgetEarlierMs),
      this.#forgetOldAtMs,
      this.#duties.firstAtMs,
    )
    return this.#lacksRoom ? Math.max(dueMs, this.#nowMs + storageRetryMs) : dueMs
  }

  /** When the first key or aborted id need not be known any longer. */
  get #forgetOldAtMs(): number {
    const { keys, aborted } = this.#state
    const [abortedAtMs = Number.POSITIVE_INFINITY] = aborted.values()
    return Math.min((keys.oldestAtMs ?? Number.POSITIVE_INFINITY) + keyKnownMs, abortedAtMs + abortedKnownMs)
  }

  /** Begins a batch; everything up to `endTurn` happens at this time. */
  beginTurn(nowMs: number): void {
    assert(nowMs >= this.#nowMs, 'time does not go back')
    this.#nowMs = nowMs
  }

  endTurn(): void {
    if (!this.#inSection) return
    this.#journal.endSection()
    this.#inSection = false
  }

  /** Answers one request within a turn. */
  answer(request: Request): Reply | Undecided {
    switch (request.type) {
      case 'readStock':
        return stockAnswer(this.#state, request.productId, this.#moment)
      case 'readReservation':
        return reservationAnswer(this.#state, request.reservationId, this.#moment)
      case 'readWaitlist':
        return waitlistAnswer(this.#state, request, this.#moment)
      case 'claimKey':
      case 'freeKey':
      case 'readKey':
        return this.#answerKey(request)
      case 'reserve':
        throwIfPoison(request.reference)
    }
    const key = 'key' in request ? request.key : undefined
    return key === undefined ? this.#decide(request) : this.#decideOnce(request, key)
  }

  /** What other shards are to be told or asked by now. */
  takeDuties(max: number): readonly Duty[] {
    return this.#duties.take(this.#nowMs, max)
  }

  /** The home of a reservation has said that its hold stands as it is. */
  settleDoubt(reservationId: ReservationId): void {
    this.#duties.settleDoubt(reservationId)
  }

  get #moment(): Moment {
    return { sequence: this.#nextSequence - 1, nowMs: this.#nowMs }
  }

  #decide(request: Decided): Reply | Undecided {
    const room = this.#roomFor(request)
    if (!mayUse(room, request)) return withoutRoom(room)
    if (request.type === 'scheduleSale' && !this.#isLineOver(request.productId)) {
      return undecided('overloaded', 'the line of the sale that is over is still being emptied')
    }
    const decision = decide(this.#state, request, this.#nowMs)
    if (decision.type === 'refused') {
      const { reason } = decision.refusal
      this.counters.refused.set(reason, (this.counters.refused.get(reason) ?? 0) + 1)
      return decision
    }
    if (this.#memory.isSpent && decision.events.some(makesRecord)) return this.#withoutMemory()
    this.#applyAll(decision.events)
    return answerTo(request, decision.events, {
      shard: this.#state,
      sequence: this.#nextSequence - 1,
      nowMs: this.#nowMs,
    })
  }

  /** A command under a key: as it was answered before, or decided now and its answer kept in the same frame. */
  #decideOnce(request: Decided, key: CommandKey): Reply | Undecided {
    const hash = hashIn(key)
    const fingerprint = fingerprintIn(key)
    const known = this.#state.keys.find(hash)
    if (known !== undefined && known.fingerprint !== fingerprint) {
      return { type: 'refused', refusal: { reason: 'idempotencyMismatch' } }
    }
    if (known?.kind === 'answer') {
      this.counters.replayed += 1
      const answer = decodeAnswer(known, request, this.#state)
      return answer ?? { type: 'refused', refusal: { reason: 'unknownReservation' } }
    }
    if (!this.#makeRoomForKey()) return tooManyKeys()
    const reply = this.#decide(request)
    if (reply.type === 'refused' || reply.type === 'undecided') return reply
    this.#apply({ type: 'KeyAnswered', hash, fingerprint, answer: encodeAnswer(request, reply, this.#nowMs) })
    return reply
  }

  #answerKey(request: KeyRequest): Reply | Undecided {
    const hash = hashIn(request.key)
    const fingerprint = fingerprintIn(request.key)
    const known = this.#state.keys.find(hash)
    if (request.type === 'freeKey') {
      if (known?.kind !== 'claim' || known.value !== request.reservationId) return { type: 'done' }
      const isOver = this.#claimants.remove(hash) || request.isGivenUp === true
      if (request.isGivenUp === true) this.#claimants.forget(hash)
      if (isOver && this.#journal.roomFor(eventBytesMax) !== 'none') this.#apply({ type: 'KeyFreed', hash })
      return { type: 'done' }
    }
    if (known !== undefined && known.fingerprint !== fingerprint) {
      return { type: 'refused', refusal: { reason: 'idempotencyMismatch' } }
    }
    if (request.type === 'readKey') {
      if (known?.kind !== 'answer') return { type: 'done' }
      this.counters.replayed += 1
      return decodeAnswer(known, request, this.#state) ?? { type: 'done' }
    }
    if (known !== undefined) {
      this.#claimants.grant(hash, this.#nowMs)
      return { type: 'claimed', reservationId: known.value as ReservationId }
    }
    const room = this.#journal.roomFor(eventBytesMax)
    if (room !== 'all') return withoutRoom(room)
    if (this.#memory.isSpent) return this.#withoutMemory()
    if (!this.#makeRoomForKey()) return tooManyKeys()
    this.#apply({ type: 'KeyClaimed', hash, fingerprint, reservationId: request.reservationId })
    this.#claimants.claim(hash, this.#nowMs)
    return { type: 'claimed', reservationId: request.reservationId }
  }

  /** Forgets the oldest keys where there are too many and they may be forgotten. */
  #makeRoomForKey(): boolean {
    const { keys } = this.#state
    if (keys.size < keysPerShardMax) return true
    const count = keys.countBefore(this.#nowMs - keyKnownMsMin, servedPerTurnMax)
    if (count > 0) this.#apply({ type: 'KeysForgotten', count })
    return count > 0
  }

  /** Does what is due by itself within a turn; looks at no more than `max` entries, so that a turn stays short. */
  doWhatIsDue(max: number): void {
    let left = max
    this.#lacksRoom = false
    for (const kind of dueKinds) left -= this.#doOf(kind, left)
    for (const stock of this.#lines.takeDue(this.#nowMs, max)) this.#serve(stock)
    this.#forgetOld(max)
  }

  /** Works one kind of entry off; returns at how many it looked. */
  #doOf(kind: DueKind, max: number): number {
    let looked = 0
    for (; looked < max && !this.#journal.isFull(); looked++) {
      const taken = this.#dues.take(kind, this.#nowMs + (kind === 'forget' ? this.#forgetEarlierMs : 0))
      if (taken === undefined) break
      if (taken === 'not yet') continue
      const command: Command = { type: kind, reservationId: taken.id }
      // Other shards must have heard of its end before it is forgotten.
      const isOwing = kind === 'forget' && 'unsettled' in taken && taken.unsettled.size > 0
      if (isOwing) this.#dues.postpone(kind, taken, this.#nowMs + this.#forgetEarlierMs + redeliverAfterMs)
      if (isOwing) continue
      if (!mayUse(this.#roomFor(command), command)) {
        this.#dues.note(taken)
        this.#lacksRoom = true
        break
      }
      const decision = decide(this.#state, command, this.#nowMs)
      assert(decision.type === 'accepted', 'what is due is not refused')
      this.#applyAll(decision.events)
      if (kind !== 'forget') this.#dues.note(taken)
    }
    return looked
  }

  #forgetOld(max: number): void {
    const { keys, aborted } = this.#state
    if (this.#forgetOldAtMs > this.#nowMs || this.#journal.isFull()) return
    if (this.#journal.roomFor(eventBytesMax) !== 'all') {
      this.#lacksRoom = true
      return
    }
    const count = keys.countBefore(this.#nowMs - keyKnownMs + 1, max)
    if (count > 0) this.#apply({ type: 'KeysForgotten', count })
    let left = max
    for (const [reservationId, atMs] of aborted) {
      if (left === 0 || atMs + abortedKnownMs > this.#nowMs) break
      left -= 1
      this.#apply({ type: 'AbortForgotten', reservationId })
    }
  }

  /** Where memory is short, what ended is forgotten sooner: the oldest first, and no more than makes room. */
  get #forgetEarlierMs(): number {
    return this.#memory.isShort ? endedKnownMs - endedKnownMsMin : 0
  }

  #roomFor(command: Command): 'all' | 'settlements' | 'none' {
    return this.#journal.roomFor(writtenBytesMax(command, this.#state))
  }

  #withoutMemory(): Undecided {
    this.#memory.refused += 1
    return undecided('memory-full', `${this.#memory.maxBytes} bytes of records are this worker's most`)
  }

  /** Events of one command, and whatever they bring those who wait in line, in the same frame (W1). */
  #applyAll(events: readonly Event[]): void {
    for (const event of events) this.#apply(event)
    const { unserved } = this.#state
    if (unserved.size === 0) return
    for (const stock of unserved) this.#serve(stock)
    unserved.clear()
  }

  /** Without room for new holds the units are put aside, and the line served when there is. */
  #serve(stock: Stock): void {
    const hasRoom = this.#journal.roomFor(eventBytesMax * servedPerTurnMax) === 'all'
    const isServing = hasRoom && !this.#journal.isFull()
    const { events, hasMore } = serveLine(stock, this.#nowMs, isServing ? servedPerTurnMax : 0)
    for (const event of events) this.#apply(event)
    if (stock.waitlist !== undefined) stock.waitlist.freed = 0
    this.#lines.note(stock, hasMore)
    if (hasMore && !hasRoom) this.#lacksRoom = true
  }

  /** Nobody who stood in line when a sale was over stands there for the next one. */
  #isLineOver(productId: ProductId): boolean {
    const stock = this.#state.products.get(productId)
    if (stock?.waitlist === undefined || exitOf(stock, this.#nowMs) === undefined) return true
    this.#serve(stock)
    return !this.#lines.isUnfinished(stock)
  }

  /** Into memory and into the journal's open frame, in one breath (S1). */
  #apply(event: Event): void {
    const { footprintBytes } = this.#state
    const reservation = evolve(this.#state, event, this.#nowMs)
    this.#memory.add(this.#state.footprintBytes - footprintBytes)
    crashPoint('shard.afterApply')
    if (!this.#inSection) {
      this.#journal.beginSection(this.id, this.#nextSequence, this.#nowMs)
      this.#inSection = true
    }
    this.#journal.append(event)
    this.#nextSequence += 1
    countEvent(this.counters, event)
    this.changed.note(this.#state, event, reservation)
    if (isExpiry(event) && reservation?.customerId !== undefined) this.expired.push(reservation.customerId)
    switch (event.type) {
      case 'UnitsHeld':
      case 'WaitlistServed':
      case 'SplitHeld':
        if (reservation !== undefined) this.#dues.note(reservation)
        return
      case 'SplitSettled':
      case 'SplitAcknowledged':
      case 'HoldPlaced':
      case 'HoldSettled':
        this.#duties.note(event, this.#nowMs)
        return
      case 'WaitlistJoined':
      case 'SaleScheduled':
        this.#lines.watch(this.#state.products.get(event.productId) as Stock)
    }
  }
}
