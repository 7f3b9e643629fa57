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
import type { ProductId, ReservationId, ShardId } from '../domain/ids.ts'
import { availableOf, isLive, type Reservation, type ShardState } from '../domain/stock.ts'
import { recoveryGraceMs } from '../limits.ts'
import { Deadlines } from './deadlines.ts'
import type { EngineErrorCode } from './engine-error.ts'
import type { MemoryBudget } from './memory-budget.ts'
import type { Refused, Reply, Request, ReservationReply, StockReply } from './requests.ts'

/** The part of the journal a shard uses. */
export type EventSink = {
  readonly room: 'all' | 'settlements' | 'none'
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
const SETTLEMENTS: ReadonlySet<Command['type']> = new Set(['confirm', 'release', 'return', 'expire'])

export class Shard {
  readonly id: ShardId
  readonly counters: ShardCounters = {
    held: 0,
    confirmed: 0,
    released: 0,
    expired: 0,
    returned: 0,
    adjusted: 0,
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
  readonly #expiries = new Deadlines<Reservation>()
  /** Return windows to close. */
  readonly #closings = new Deadlines<Reservation>()
  /** Ended reservations to forget. */
  readonly #forgettings = new Deadlines<Reservation>()
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
    for (const reservation of start.state.reservations.values()) this.#note(reservation)
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
    const forgetAtMs = this.#forgettings.firstAtMs - this.#forgetEarlierMs
    return Math.min(this.#expiries.firstAtMs, this.#closings.firstAtMs, forgetAtMs)
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
    if (request.type === 'readStock') return this.#stockReply(request.productId)
    if (request.type === 'readReservation') return this.#reservationReply(request.reservationId)
    if (request.type === 'reserve') throwIfPoison(request.reference)
    if (!this.#hasRoomFor(request)) return withoutRoom(this.#journal)

    const decision = decide(this.#state, request, this.#nowMs)
    if (decision.type === 'refused') {
      const { reason } = decision.refusal
      this.counters.refused.set(reason, (this.counters.refused.get(reason) ?? 0) + 1)
      return decision
    }
    if (this.#memory.isSpent && decision.events.some(makesRecord)) {
      this.#memory.refused += 1
      return undecided('memory-full', `${this.#memory.maxBytes} bytes of records are this worker's most`)
    }
    for (const event of decision.events) this.#apply(event)
    return this.#replyTo(request, decision.events)
  }

  /** Does what is due by itself within a turn; looks at no more than `max` entries, so that a turn stays short. */
  doWhatIsDue(max: number): void {
    let left = max
    for (const due of [this.#expiries, this.#closings, this.#forgettings]) left -= this.#doOf(due, left)
  }

  /** Works one kind of entry off; returns at how many it looked. */
  #doOf(due: Deadlines<Reservation>, max: number): number {
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
      const decision = decide(this.#state, command, this.#nowMs)
      assert(decision.type === 'accepted', 'what is due is not refused')
      for (const event of decision.events) this.#apply(event)
      if (this.#state.reservations.has(reservation.id)) this.#note(reservation)
    }
    return looked
  }

  /** Where memory is short, what ended is forgotten sooner: the oldest first, and no more than makes room. */
  get #forgetEarlierMs(): number {
    return this.#memory.isShort ? endedKnownMs - endedKnownMsMin : 0
  }

  #hasRoomFor(command: Command): boolean {
    const { room } = this.#journal
    return room === 'all' || (room === 'settlements' && SETTLEMENTS.has(command.type))
  }

  /** Into memory and into the journal's open frame, in one breath (S1). */
  #apply(event: Event): void {
    const footprintBytes = this.#state.footprintBytes
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
    if (event.type === 'UnitsHeld' && reservation !== undefined) this.#note(reservation)
  }

  #note(reservation: Reservation): void {
    this.#queueOf(reservation).add(this.#dueAtMs(reservation), reservation)
  }

  #queueOf({ status, returnClosed }: Reservation): Deadlines<Reservation> {
    if (isLive(status)) return this.#expiries
    return status === 'confirmed' && !returnClosed ? this.#closings : this.#forgettings
  }

  #dueAtMs(reservation: Reservation): number {
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

  #replyTo(request: Command, events: readonly Event[]): Reply {
    if (request.type === 'reserve') {
      const [event] = events
      assert(event?.type === 'UnitsHeld', 'a reservation begins with its hold')
      const { quantity, available, expiresAtMs } = event
      return { type: 'held', quantity, available, expiresAtMs, sequence: this.#nextSequence - 1 }
    }
    if ('reservationId' in request) return this.#reservationReply(request.reservationId)
    return this.#stockReply(request.productId)
  }

  #stockReply(productId: ProductId): StockReply | Refused {
    const stock = this.#state.products.get(productId)
    if (stock === undefined) return { type: 'refused', refusal: { reason: 'unknownProduct', productId } }
    const { version, onHand, held, sold, retired, sale } = stock
    return {
      type: 'stock',
      productId,
      version,
      onHand,
      held,
      available: availableOf(stock),
      sold,
      retired,
      sale,
      asOfMs: this.#nowMs,
      sequence: this.#nextSequence - 1,
    }
  }

  #reservationReply(reservationId: ReservationId): ReservationReply | Refused {
    const reservation = this.#state.reservations.get(reservationId)
    if (reservation === undefined) return { type: 'refused', refusal: { reason: 'unknownReservation' } }
    const { stock, customerId, reference, status, quantity, returned, createdAtMs, expiresAtMs } = reservation
    return {
      type: 'reservation',
      reservationId,
      productId: stock.productId,
      customerId,
      reference,
      status,
      quantity,
      returned,
      createdAtMs,
      expiresAtMs,
      resolvedAtMs: isLive(status) ? undefined : reservation.resolvedAtMs,
      sequence: this.#nextSequence - 1,
    }
  }

  #count(event: Event): void {
    const { counters } = this
    switch (event.type) {
      case 'UnitsHeld':
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

function commandWhenDue({ id, status, returnClosed }: Reservation): Command {
  if (isLive(status)) return { type: 'expire', reservationId: id }
  if (status === 'confirmed' && !returnClosed) return { type: 'closeReturns', reservationId: id }
  return { type: 'forget', reservationId: id }
}

function withoutRoom({ room }: EventSink): Undecided {
  return room === 'none'
    ? undecided('read-only', 'the disk has no room for any more events')
    : undecided('storage-full', 'the disk has no room for more than what settles')
}

function undecided(code: EngineErrorCode, why: string): Undecided {
  return { type: 'undecided', code, why }
}
