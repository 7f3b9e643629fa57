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
import type { ReservationId, ShardId } from '../domain/ids.ts'
import type { SplitReservation } from '../domain/split.ts'
import { availableOf, isLive, type Reservation, type ShardState, type Stock } from '../domain/stock.ts'
import { serveLine } from '../domain/waitlist.ts'
import {
  abortedKnownMs,
  eventBytesMax,
  keyKnownMs,
  keyKnownMsMin,
  keysPerShardMax,
  lineBytesMax,
  recoveryGraceMs,
  servedPerTurnMax,
} from '../limits.ts'
import { decodeAnswer, encodeAnswer } from './answer-codec.ts'
import { type Moment, outcomeAnswer, reservationAnswer, stockAnswer, waitlistAnswer } from './answers.ts'
import { type CommandKey, fingerprintIn, hashIn } from './command-key.ts'
import { Deadlines } from './deadlines.ts'
import type { EngineErrorCode } from './engine-error.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { ClaimKey, FreeKey, KeyRequest, Reply, Request } from './requests.ts'
import { type Duty, SplitDuties } from './split-duties.ts'

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

export type ShardCounters = {
  held: number
  confirmed: number
  released: number
  expired: number
  returned: number
  adjusted: number
  /** Answered as before, under an idempotency key. */
  replayed: number
  /** By the refusal's reason. */
  readonly refused: Map<string, number>
}

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

/** Requests that give units back or sell them: there is room for these when there is none for new holds. */
const SETTLEMENTS: ReadonlySet<Command['type']> = new Set([
  'confirm',
  'release',
  'return',
  'expire',
  'settle',
  'acknowledge',
  'askOutcome',
  'leaveWaitlist',
])

/** What has a time by which something is to be done. */
type Timed = Reservation | SplitReservation
type Decided = Exclude<
  Request,
  KeyRequest | { readonly type: 'readStock' | 'readReservation' | 'readWaitlist' }
>

export class Shard {
  readonly id: ShardId
  readonly counters: ShardCounters = {
    held: 0,
    confirmed: 0,
    released: 0,
    expired: 0,
    returned: 0,
    adjusted: 0,
    replayed: 0,
    refused: new Map(),
  }
  readonly #state: ShardState
  readonly #journal: EventSink
  readonly #readyAtMs: number
  readonly #returnWindowMs: number
  readonly #memory: MemoryBudget
  // A reservation has one entry in one of these, never later than it is due: an extension or an end leaves the entry as
  // it is, and when it comes up it goes to where it belongs by then.
  /** Ends of holds: they give units back, so they come first, and need little room. */
  readonly #expiries = new Deadlines<Timed>()
  /** Return windows to close. */
  readonly #closings = new Deadlines<Timed>()
  /** Ended reservations to forget. */
  readonly #forgettings = new Deadlines<Timed>()
  readonly #duties: SplitDuties
  /** Products whose line could have more than one turn was to give. */
  readonly #stillWaiting = new Set<Stock>()
  #nextSequence: number
  #nowMs = 0
  #inSection = false

  constructor(start: ShardStart, journal: EventSink) {
    this.id = start.shard
    this.#state = start.state
    this.#nextSequence = start.nextSequence
    this.#readyAtMs = start.readyAtMs
    this.#returnWindowMs = start.returnWindowMs
    this.#memory = start.memory
    this.#journal = journal
    this.#memory.add(start.state.footprintBytes)
    this.#duties = new SplitDuties(start.shard, start.state, start.readyAtMs)
    for (const reservation of start.state.reservations.values()) this.#note(reservation)
    for (const split of start.state.splits.values()) this.#note(split)
    for (const stock of start.state.products.values()) this.#resumeLine(stock)
    start.state.unserved.clear()
  }

  /** Whom a snapshot may read, between turns. */
  get state(): ShardState {
    return this.#state
  }

  /** Entries that wait for their time: one for each reservation. */
  get deadlines(): number {
    return this.#expiries.size + this.#closings.size + this.#forgettings.size
  }

  get nextSequence(): number {
    return this.#nextSequence
  }

  /** When this shard has something to do by itself. */
  get nextDueMs(): number {
    if (this.#stillWaiting.size > 0) return this.#nowMs
    const { keys, aborted } = this.#state
    const [abortedAtMs = Number.POSITIVE_INFINITY] = aborted.values()
    return Math.min(
      this.#expiries.firstAtMs,
      this.#closings.firstAtMs,
      this.#forgettings.firstAtMs - this.#forgetEarlierMs,
      (keys.oldestAtMs ?? Number.POSITIVE_INFINITY) + keyKnownMs,
      abortedAtMs + abortedKnownMs,
      this.#duties.firstAtMs,
    )
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
    if (!this.#hasRoomFor(request)) return withoutRoom(this.#roomFor(request))
    const decision = decide(this.#state, request, this.#nowMs)
    if (decision.type === 'refused') {
      const { reason } = decision.refusal
      this.counters.refused.set(reason, (this.counters.refused.get(reason) ?? 0) + 1)
      return decision
    }
    if (this.#memory.isSpent && decision.events.some(makesRecord)) return this.#withoutMemory()
    this.#applyAll(decision.events)
    return this.#replyTo(request, decision.events)
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

  #answerKey(request: ClaimKey | FreeKey): Reply | Undecided {
    const hash = hashIn(request.key)
    const fingerprint = fingerprintIn(request.key)
    const known = this.#state.keys.find(hash)
    if (request.type === 'freeKey') {
      const isTheirs = known?.kind === 'claim' && known.value === request.reservationId
      if (isTheirs && this.#journal.roomFor(eventBytesMax) !== 'none') this.#apply({ type: 'KeyFreed', hash })
      return { type: 'done' }
    }
    if (known !== undefined) {
      if (known.fingerprint !== fingerprint) {
        return { type: 'refused', refusal: { reason: 'idempotencyMismatch' } }
      }
      return { type: 'claimed', reservationId: known.value as ReservationId }
    }
    const room = this.#journal.roomFor(eventBytesMax)
    if (room !== 'all') return withoutRoom(room)
    if (this.#memory.isSpent) return this.#withoutMemory()
    if (!this.#makeRoomForKey()) return tooManyKeys()
    this.#apply({ type: 'KeyClaimed', hash, fingerprint, reservationId: request.reservationId })
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
    for (const due of [this.#expiries, this.#closings, this.#forgettings]) left -= this.#doOf(due, left)
    for (const stock of this.#stillWaiting) this.#serve(stock)
    this.#forgetOld(max)
  }

  /** Works one kind of entry off; returns at how many it looked. */
  #doOf(due: Deadlines<Timed>, max: number): number {
    let looked = 0
    for (; looked < max && !this.#journal.isFull(); looked++) {
      const atMs = due.firstAtMs
      if (atMs - (due === this.#forgettings ? this.#forgetEarlierMs : 0) > this.#nowMs) break
      const reservation = due.take()
      if (this.#queueOf(reservation) !== due || this.#dueAtMs(reservation) > atMs) {
        this.#note(reservation)
        continue
      }
      const command = commandWhenDue(reservation)
      if (!this.#hasRoomFor(command)) {
        this.#note(reservation)
        break
      }
      // Other shards must have heard of its end first.
      if (command.type === 'forget' && 'unsettled' in reservation && reservation.unsettled.size > 0) {
        due.add(this.#nowMs + abortedKnownMs, reservation)
        continue
      }
      const decision = decide(this.#state, command, this.#nowMs)
      assert(decision.type === 'accepted', 'what is due is not refused')
      this.#applyAll(decision.events)
      if (command.type !== 'forget') this.#note(reservation)
    }
    return looked
  }

  #forgetOld(max: number): void {
    const { keys, aborted } = this.#state
    if (this.#journal.roomFor(eventBytesMax) !== 'all' || this.#journal.isFull()) return
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

  #hasRoomFor(command: Command): boolean {
    const room = this.#roomFor(command)
    return room === 'all' || (room === 'settlements' && SETTLEMENTS.has(command.type))
  }

  #roomFor(command: Command): 'all' | 'settlements' | 'none' {
    let lines = 0
    if ('lines' in command) lines = command.lines.length
    else if ('reservationId' in command) {
      lines = this.#state.splits.get(command.reservationId)?.lines.length ?? 0
    }
    if (command.type === 'reserveSplit') lines += command.heldElsewhere.length
    return this.#journal.roomFor(eventBytesMax + lines * lineBytesMax)
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
    const isServing =
      this.#journal.roomFor(eventBytesMax * servedPerTurnMax) === 'all' && !this.#journal.isFull()
    const { events, hasMore } = serveLine(stock, this.#nowMs, isServing ? servedPerTurnMax : 0)
    for (const event of events) this.#apply(event)
    if (stock.waitlist !== undefined) stock.waitlist.freed = 0
    if (hasMore) this.#stillWaiting.add(stock)
    else this.#stillWaiting.delete(stock)
  }

  /** A line that was being served when its worker ended goes on. */
  #resumeLine(stock: Stock): void {
    if (stock.waitlist === undefined) return
    stock.waitlist.freed = 0
    const [head] = stock.waitlist.line.values()
    if (head !== undefined && stock.earmarked >= head.quantity) this.#stillWaiting.add(stock)
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
    this.#count(event)
    switch (event.type) {
      case 'UnitsHeld':
      case 'WaitlistServed':
      case 'SplitHeld':
        if (reservation !== undefined) this.#note(reservation)
        return
      case 'SplitSettled':
      case 'SplitAcknowledged':
      case 'HoldPlaced':
      case 'HoldSettled':
        this.#duties.note(event, this.#nowMs)
    }
  }

  #note(reservation: Timed): void {
    this.#queueOf(reservation).add(this.#dueAtMs(reservation), reservation)
  }

  #queueOf({ status, returnClosed }: Timed): Deadlines<Timed> {
    if (isLive(status)) return this.#expiries
    return status === 'confirmed' && !returnClosed ? this.#closings : this.#forgettings
  }

  #dueAtMs(reservation: Timed): number {
    if (isLive(reservation.status)) {
      const { createdAtMs, expiresAtMs } = reservation
      return createdAtMs < this.#readyAtMs
        ? Math.max(expiresAtMs, this.#readyAtMs + recoveryGraceMs)
        : expiresAtMs
    }
    if (reservation.status !== 'confirmed') return reservation.resolvedAtMs + endedKnownMs
    const closesAtMs = reservation.resolvedAtMs + this.#returnWindowMs
    return reservation.returnClosed ? closesAtMs + endedKnownMs : closesAtMs
  }

  #replyTo(request: Decided, events: readonly Event[]): Reply {
    const moment = this.#moment
    switch (request.type) {
      case 'reserve': {
        const [event] = events
        assert(event?.type === 'UnitsHeld', 'a reservation begins with its hold')
        const { quantity, available, expiresAtMs } = event
        return { type: 'held', quantity, available, expiresAtMs, sequence: moment.sequence }
      }
      case 'reserveSplit': {
        const event = events.at(-1)
        assert(event?.type === 'SplitHeld', 'a reservation of several products is made last')
        const { reservationId, lines, expiresAtMs } = event
        return { type: 'splitHeld', reservationId, lines, expiresAtMs, sequence: moment.sequence }
      }
      case 'holdLines': {
        const holds = this.#state.holds.get(request.reservationId) ?? []
        const lines = holds.map(({ stock, held }) => {
          return { productId: stock.productId, quantity: held, available: availableOf(stock) }
        })
        return { type: 'linesHeld', lines, ttlMs: leastTtlMs(holds) }
      }
      case 'askOutcome':
        return outcomeAnswer(this.#state, request.reservationId, request.participant)
      case 'settle':
      case 'acknowledge':
        return { type: 'done' }
      case 'joinWaitlist': {
        const waiting = waitlistAnswer(this.#state, request, moment)
        assert(waiting.type === 'waiting', 'who joined the line stands in it')
        return waiting
      }
      case 'leaveWaitlist':
        return { type: 'left', sequence: moment.sequence }
      case 'adjust':
      case 'scheduleSale':
      case 'retire':
        return stockAnswer(this.#state, request.productId, moment)
      default:
        return reservationAnswer(this.#state, request.reservationId, moment)
    }
  }

  #count(event: Event): void {
    const { counters } = this
    switch (event.type) {
      case 'UnitsHeld':
      case 'SplitHeld':
      case 'WaitlistServed':
        counters.held += 1
        return
      case 'UnitsConfirmed':
        counters.confirmed += 1
        return
      case 'UnitsReleased':
        counters.released += 1
        return
      case 'HoldExpired':
        counters.expired += 1
        return
      case 'UnitsReturned':
        counters.returned += 1
        return
      case 'StockAdjusted':
        counters.adjusted += 1
        return
    }
  }
}

function commandWhenDue({ id, status, returnClosed }: Timed): Command {
  if (isLive(status)) return { type: 'expire', reservationId: id }
  if (status === 'confirmed' && !returnClosed) return { type: 'closeReturns', reservationId: id }
  return { type: 'forget', reservationId: id }
}

/** The least time to live that the sales of these products ask for. */
function leastTtlMs(holds: readonly { readonly stock: Stock }[]): number | undefined {
  const ttls = holds.flatMap(({ stock }) => stock.sale.holdTtlMs ?? [])
  return ttls.length === 0 ? undefined : Math.min(...ttls)
}

function tooManyKeys(): Undecided {
  return undecided('overloaded', `${keysPerShardMax} idempotency keys of the last hour are a shard's most`)
}

function withoutRoom(room: 'settlements' | 'none' | 'all'): Undecided {
  return room === 'none'
    ? undecided('read-only', 'the disk has no room for any more events')
    : undecided('storage-full', 'the disk has no room for more than what settles')
}

function undecided(code: EngineErrorCode, why: string): Undecided {
  return { type: 'undecided', code, why }
}
