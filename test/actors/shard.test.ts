/** A shard alone, with a journal that only notes: what it keeps in memory, and what it does when that is full. */
import * as assert from 'uvu/assert'
import type { Reply, Request } from '../../src/actors/requests.ts'
import { Shard, type Undecided } from '../../src/actors/shard.ts'
import { endedKnownMs } from '../../src/domain/bounds.ts'
import type { Event } from '../../src/domain/events.ts'
import { type ReservationId, reservationIdOf, type ShardId } from '../../src/domain/ids.ts'
import { emptyShard } from '../../src/domain/stock.ts'
import { adjustTo, confirm, extend, hourMs, minuteMs, noonMs, release, reserve } from '../domain/examples.ts'
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

const returnWindowMs = 7 * 24 * hourMs

class LoneShard {
  readonly shard: Shard
  readonly events: Event[] = []
  nowMs = noonMs
  #made = 0

  constructor() {
    const journal = {
      room: 'all' as const,
      isFull: () => false,
      beginSection: () => {},
      append: (event: Event) => void this.events.push(event),
      endSection: () => {},
    }
    const start = {
      shard: 0 as ShardId,
      state: emptyShard(),
      nextSequence: 1,
      readyAtMs: noonMs,
      returnWindowMs,
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

  reserve(): ReservationId {
    const reservationId = reservationIdOf(String(++this.#made).padStart(26, '0'), this.shard.id)
    const reply = this.ask(reserve(1, { reservationId, ttlMs: 10 * minuteMs }))
    assert.is(reply.type, 'held', JSON.stringify(reply))
    return reservationId
  }

  statusOf(reservationId: ReservationId): string | undefined {
    return this.shard.state.reservations.get(reservationId)?.status
  }

  /** Lets the time come, with a turn whenever something is due. */
  passUntil(atMs: number): void {
    while (this.shard.nextDueMs <= atMs) {
      this.nowMs = Math.max(this.nowMs, this.shard.nextDueMs)
      this.shard.beginTurn(this.nowMs)
      this.shard.doWhatIsDue(512)
      this.shard.endTurn()
    }
    this.nowMs = Math.max(this.nowMs, atMs)
  }
}
