/** A shard alone, with a journal that only notes: what it keeps in memory, and what it does when that is full. */
import * as assert from 'uvu/assert'
import { MemoryBudget } from '../../src/actors/memory-budget.ts'
import type { Reply, Request } from '../../src/actors/requests.ts'
import { Shard, type Undecided } from '../../src/actors/shard.ts'
import { endedKnownMs, referenceLengthMax } from '../../src/domain/bounds.ts'
import type { Event } from '../../src/domain/events.ts'
import { evolve } from '../../src/domain/evolve.ts'
import { footprintOf } from '../../src/domain/footprint.ts'
import {
  type CustomerId,
  type ProductId,
  type ReservationId,
  reservationIdOf,
  type ShardId,
} from '../../src/domain/ids.ts'
import { emptyShard } from '../../src/domain/stock.ts'
import {
  abortedKnownMs,
  eventBytesMax,
  redeliverAfterMs,
  servedPerTurnMax,
  storageRetryMs,
} from '../../src/limits.ts'
import type { Room } from '../../src/persistence/journal/frame-log.ts'
import { encodeState } from '../../src/persistence/journal/state-codec.ts'
import {
  adjustTo,
  cable,
  confirm,
  extend,
  giveBack,
  hourMs,
  minuteMs,
  noonMs,
  phone,
  release,
  reserve,
  scheduleSale,
  startPayment,
} from '../domain/examples.ts'
import { joinWaitlist } from '../domain/waitlist-examples.ts'
import { suite } from '../support/suite.ts'

const deadlines = suite('the deadlines of a shard')

deadlines('are one for each reservation, however often it is extended', () => {
  const shard = new LoneShard()
  shard.ask(adjustTo(10))
  const reservationId = shard.reserve()
  for (let n = 0; n < 1_000; n++) {
    shard.nowMs += 1_000
    const reply = shard.ask({ ...extend(hourMs), reservationId })
    assert.is(reply.type, 'reservation')
    assert.is(shard.shard.deadlines, 1)
  }
  const expiresAtMs = shard.nowMs + hourMs
  shard.passUntil(expiresAtMs - 1)
  assert.is(shard.statusOf(reservationId), 'held')
  shard.passUntil(expiresAtMs)
  assert.is(shard.statusOf(reservationId), 'expired')
  assert.is(shard.shard.deadlines, 1)
})

deadlines('are one for each reservation through all of its ends', () => {
  for (const end of [confirm(), release()]) {
    const shard = new LoneShard()
    shard.ask(adjustTo(10))
    const reservationId = shard.reserve()
    shard.ask({ ...end, reservationId })
    const endedAtMs = shard.nowMs
    const knownMs = endedKnownMs + (end.type === 'confirm' ? returnWindowMs : 0)
    for (const atMs of [endedAtMs, endedAtMs + hourMs, endedAtMs + knownMs - 1]) {
      shard.passUntil(atMs)
      assert.is(shard.shard.deadlines, 1)
      assert.is(shard.statusOf(reservationId), end.type === 'confirm' ? 'confirmed' : 'released')
    }
    shard.passUntil(endedAtMs + knownMs)
    assert.is(shard.statusOf(reservationId), undefined)
    assert.is(shard.shard.deadlines, 0)
  }
})

deadlines.run()

const memory = suite('a shard whose worker has no memory for more')

memory('refuses what would make another record, and settles all there is', () => {
  const shard = new LoneShard(50_000)
  shard.ask(adjustTo(1_000))
  shard.ask({ ...adjustTo(5), productId: cable })
  const made = shard.fill()
  assert.ok(made.length > 50, `${made.length} were made`)
  const { refused } = shard.memory
  shard.isFull({ ...adjustTo(1), productId: another })
  shard.isFull(reserve(1, { reservationId: shard.newId(), productId: cable }))
  assert.is(shard.memory.refused, refused + 2)

  const usedBytes = shard.memory.usedBytes
  const reference = '汉'.repeat(referenceLengthMax)
  const [first, second, third, ...rest] = made
  for (const request of [
    adjustTo(2_000),
    scheduleSale({ perCustomerLimit: 2_000 }),
    { ...extend(hourMs), reservationId: first },
    { ...startPayment(), reservationId: second },
    { ...confirm(), reservationId: second, reference },
    { ...giveBack(), reservationId: second },
    { ...release(), reservationId: third },
    ...rest.map((reservationId) => ({ ...confirm(), reservationId, reference })),
  ]) {
    const { type } = shard.ask(request as Request)
    assert.ok(type === 'reservation' || type === 'stock', `${request.type} was answered with ${type}`)
  }
  const referenceBytes = (made.length - 2) * 2 * 3 * referenceLengthMax
  assert.ok(shard.memory.usedBytes <= usedBytes + referenceBytes, 'nothing but the references that came late')
  assert.is(shard.memory.usedBytes, footprintOf(shard.shard.state))
})

memory('still says what a rule refuses', () => {
  const shard = new LoneShard(50_000)
  shard.ask(adjustTo(1_000))
  const [first] = shard.fill()
  const refusals: readonly [Request, string][] = [
    [reserve(2_000, { reservationId: shard.newId() }), 'outOfStock'],
    [reserve(1, { reservationId: first as ReservationId }), 'reservationExists'],
    [reserve(1, { reservationId: shard.newId(), productId: another }), 'unknownProduct'],
  ]
  for (const [request, reason] of refusals) {
    const reply = shard.ask(request)
    assert.is(reply.type === 'refused' && reply.refusal.reason, reason)
  }
})

memory(
  'forgets the oldest that ended more than an hour ago before it refuses, and no more than it must',
  () => {
    const shard = new LoneShard(50_000)
    shard.ask(adjustTo(1_000))
    const made = shard.fill()
    const [oldest, older, old, ...living] = made
    for (const reservationId of [oldest, older, old]) {
      shard.ask({ ...release(), reservationId } as Request)
      shard.nowMs += minuteMs
    }
    // What ended takes less than what lives; filled up again nothing is left of that.
    living.push(...shard.fill())
    for (const reservationId of living) shard.ask({ ...extend(hourMs), reservationId })
    shard.passUntil(shard.nowMs + 57 * minuteMs - 1)
    shard.isFull(reserve(1, { reservationId: shard.newId() }))
    const before = shard.events.length
    shard.passUntil(shard.nowMs + 1)
    assert.equal(
      shard.events.slice(before).map(({ type }) => type),
      ['ReservationForgotten'],
    )
    assert.equal(
      [oldest, older, old].map((id) => shard.statusOf(id)),
      [undefined, 'released', 'released'],
    )
    for (const reservationId of living) assert.is(shard.statusOf(reservationId), 'held')
  },
)

memory('makes room by itself for whoever asks an hour after the end, and replays to the same bytes', () => {
  const shard = new LoneShard(50_000)
  shard.ask(adjustTo(1_000))
  for (let round = 0; round < 5; round++) {
    const made = shard.fill()
    for (const reservationId of made) shard.ask({ ...release(), reservationId })
    shard.fill()
    shard.passUntil(shard.nowMs + hourMs)
    assert.ok(shard.memory.usedBytes <= footprintOf(shard.shard.state))
  }
  const replayed = emptyShard()
  shard.events.forEach((event, i) => void evolve(replayed, event, shard.times[i] as number))
  assert.ok(encodeState(replayed).equals(encodeState(shard.shard.state)), 'the same bytes')
  assert.is(replayed.footprintBytes, shard.shard.state.footprintBytes)
  assert.ok(shard.events.some(({ type }) => type === 'ReservationForgotten'))
  const { length } = shard.events.filter(({ type }) => type === 'UnitsHeld')
  assert.ok(length > 3 * 74, `${length} were made with room for fewer than a hundred at a time`)
})

memory('keeps a confirmed one as long as it can be returned', () => {
  const shard = new LoneShard(50_000)
  shard.ask(adjustTo(1_000))
  const made = shard.fill()
  for (const reservationId of made) shard.ask({ ...confirm(), reservationId })
  const confirmedAtMs = shard.nowMs
  made.push(...shard.fill())
  for (const reservationId of made.slice(-2)) shard.ask({ ...confirm(), reservationId })
  shard.fill()
  const [first] = made
  assert.ok(first !== undefined)
  shard.passUntil(confirmedAtMs + returnWindowMs - 1)
  assert.is(shard.statusOf(first), 'confirmed')
  shard.fill()
  shard.passUntil(confirmedAtMs + returnWindowMs + hourMs - 1)
  assert.is(shard.statusOf(first), 'confirmed', 'its window is over, and the hour is not')
  shard.fill()
  shard.passUntil(confirmedAtMs + returnWindowMs + hourMs)
  assert.is(shard.statusOf(first), undefined)
})

memory('asks no oftener than each second whether another shard has heard of an end', () => {
  const shard = new LoneShard(2_600)
  const { reservationId } = shard.reserveSplit()
  shard.ask({ type: 'release', reservationId, items: undefined })
  shard.ask({ ...adjustTo(1), productId: another })
  assert.ok(shard.memory.isShort, `${shard.memory.usedBytes} bytes`)
  const endMs = shard.nowMs + 2 * hourMs
  for (let turns = 0; shard.nowMs < endMs; turns++) {
    assert.ok(turns <= (2 * (2 * hourMs)) / redeliverAfterMs, `${turns} turns`)
    shard.turn()
    shard.shard.takeDuties(10)
    shard.nowMs = Math.min(shard.shard.nextDueMs, endMs)
  }
})

memory.run()

const wanting = suite('a shard that finds no room in its journal')

/** Each gives it something to do that needs more room than is left, and says until when. */
const works: Readonly<Record<string, (shard: LoneShard) => number>> = {
  'to serve a line': (shard) => {
    shard.ask(adjustTo(1))
    shard.reserve()
    for (let n = 0; n < 3 * servedPerTurnMax; n++) {
      shard.ask(joinWaitlist(`c-${n}` as CustomerId, 1, { reservationId: shard.newId() }))
    }
    shard.room = 'settlements'
    shard.bytesLeft = eventBytesMax
    shard.ask(adjustTo(1 + 3 * servedPerTurnMax))
    return shard.nowMs
  },
  'to let a reservation of many products expire': (shard) => {
    const { expiresAtMs } = shard.reserveSplit()
    shard.room = 'none'
    shard.bytesLeft = eventBytesMax
    return expiresAtMs
  },
  'to forget an abort': (shard) => {
    shard.ask({ type: 'askOutcome', reservationId: shard.newId(), participant: 1 as ShardId })
    shard.room = 'settlements'
    shard.bytesLeft = 0
    return shard.nowMs + abortedKnownMs
  },
}

for (const [what, work] of Object.entries(works)) {
  wanting(`${what} tries again each second, and goes on once there is some`, () => {
    const shard = new LoneShard()
    shard.nowMs = work(shard)
    const { length } = shard.events
    for (let second = 0; second < 5; second++) {
      shard.passUntil(shard.nowMs)
      assert.is(shard.shard.nextDueMs, shard.nowMs + storageRetryMs)
      shard.nowMs += storageRetryMs
    }
    assert.is(shard.events.length, length, 'nothing was written')
    shard.room = 'all'
    shard.bytesLeft = Number.POSITIVE_INFINITY
    shard.passUntil(shard.nowMs)
    assert.ok(shard.events.length > length)
    assert.ok(shard.shard.nextDueMs > shard.nowMs, 'all is done')
  })
}

wanting.run()

const returnWindowMs = 7 * 24 * hourMs
const another = 'another' as ProductId

class LoneShard {
  readonly shard: Shard
  readonly memory: MemoryBudget
  readonly events: Event[] = []
  /** Of the events. */
  readonly times: number[] = []
  nowMs = noonMs
  /** For what needs no more than so many bytes there is room for all, else for this. */
  bytesLeft = Number.POSITIVE_INFINITY
  room: Room = 'all'
  #made = 0

  constructor(memoryBytes = Number.POSITIVE_INFINITY) {
    this.memory = new MemoryBudget(memoryBytes)
    const journal = {
      roomFor: (bytes: number): Room => (bytes <= this.bytesLeft ? 'all' : this.room),
      isFull: () => false,
      beginSection: () => {},
      append: (event: Event) => {
        this.events.push(event)
        this.times.push(this.nowMs)
      },
      endSection: () => {},
    }
    const start = {
      shard: 0 as ShardId,
      state: emptyShard(),
      nextSequence: 1,
      readyAtMs: noonMs,
      returnWindowMs,
      memory: this.memory,
    }
    this.shard = new Shard(start, journal)
  }

  /** Asks in a turn of its own. */
  ask(request: Request): Reply | Undecided {
    this.shard.beginTurn(this.nowMs)
    const answer = this.shard.answer(request)
    this.shard.doWhatIsDue(512)
    this.shard.endTurn()
    return answer
  }

  newId(): ReservationId {
    return reservationIdOf(String(++this.#made).padStart(26, '0'), this.shard.id)
  }

  reserve(): ReservationId {
    const reservationId = this.newId()
    const reply = this.ask(reserve(1, { reservationId, ttlMs: 10 * minuteMs }))
    assert.is(reply.type, 'held', JSON.stringify(reply))
    return reservationId
  }

  /** Of one product here and one elsewhere. */
  reserveSplit(): { readonly reservationId: ReservationId; readonly expiresAtMs: number } {
    const reservationId = this.newId()
    this.ask({ ...adjustTo(10), productId: cable })
    const reply = this.ask({
      type: 'reserveSplit',
      reservationId,
      home: this.shard.id,
      customerId: undefined,
      ttlMs: undefined,
      allowPartial: false,
      reference: undefined,
      lines: [{ productId: cable, quantity: 1 }],
      heldElsewhere: [{ productId: phone, shard: 1 as ShardId, quantity: 1, available: 1, holdVersion: 2 }],
      ttlMsElsewhere: undefined,
    })
    assert.is(reply.type, 'splitHeld', JSON.stringify(reply))
    return { reservationId, expiresAtMs: reply.type === 'splitHeld' ? reply.expiresAtMs : 0 }
  }

  /** Reserves until there is no memory; answers what was made. */
  fill(): ReservationId[] {
    const made: ReservationId[] = []
    for (;;) {
      const reservationId = this.newId()
      const reply = this.ask(reserve(1, { reservationId, ttlMs: hourMs }))
      if (reply.type !== 'held') {
        assert.is(reply.type === 'undecided' && reply.code, 'memory-full', JSON.stringify(reply))
        return made
      }
      made.push(reservationId)
    }
  }

  isFull(request: Request): void {
    const reply = this.ask(request)
    assert.is(reply.type === 'undecided' && reply.code, 'memory-full', JSON.stringify(reply))
  }

  statusOf(reservationId: ReservationId | undefined): string | undefined {
    return reservationId && this.shard.state.reservations.get(reservationId)?.status
  }

  /** Lets the time come, with a turn whenever something is due. */
  passUntil(atMs: number): void {
    while (this.shard.nextDueMs <= atMs) {
      this.nowMs = Math.max(this.nowMs, this.shard.nextDueMs)
      this.turn()
    }
    this.nowMs = Math.max(this.nowMs, atMs)
  }

  /** In which nobody asks for anything. */
  turn(): void {
    this.shard.beginTurn(this.nowMs)
    this.shard.doWhatIsDue(512)
    this.shard.endTurn()
  }
}
