import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { KeyedHash } from '../../src/http/keyed-hash.ts'
import { RateTable, rateTableMemory, type Taken } from '../../src/http/rate-table.ts'
import { debtWindowsMax } from '../../src/limits/common-limits.ts'
import { ratePlaces, rateQuotaMax } from '../../src/limits.ts'
import { suite } from '../support/suite.ts'
import type { HammerData } from './rate-hammer.ts'

const START_MS = 86_400_000

/** One table, and time that a test moves. */
class Limited {
  nowMs = START_MS
  readonly table: RateTable
  readonly #hash = new KeyedHash([0x2545f491, 0x4f6cdd1d])

  constructor(quota: number, places = 1_024, windowMs = 1_000) {
    this.table = new RateTable(rateTableMemory({ quota, windowMs }, places))
  }

  take(who = 'ann'): Taken {
    this.#hash.digest(who)
    return this.table.take(this.#hash, this.nowMs)
  }

  owe(times: number, who = 'ann'): void {
    this.#hash.digest(who)
    for (let i = 0; i < times; i++) this.table.owe(this.#hash, this.nowMs)
  }

  setUsed(usedMs: number, who = 'ann'): void {
    this.#hash.digest(who)
    this.table.setUsed(this.#hash, usedMs, this.nowMs)
  }

  giveBack(who = 'ann'): void {
    this.#hash.digest(who)
    this.table.giveBack(this.#hash, this.nowMs)
  }

  isTaken(who?: string): boolean {
    return this.take(who).type === 'taken'
  }

  /** How many of these are taken at once. */
  count(times: number, who?: string): number {
    let taken = 0
    for (let i = 0; i < times; i++) if (this.isTaken(who)) taken += 1
    return taken
  }
}

const rates = suite('one identity')

rates('may do a second’s worth at once, then one after each part of the second', () => {
  const limited = new Limited(20)
  assert.equal(limited.take(), { type: 'taken', left: 19, fullInMs: 50 })
  for (let left = 18; left >= 0; left--) {
    const taken = limited.take()
    assert.is(taken.type === 'taken' && taken.left, left)
  }
  assert.equal(limited.take(), { type: 'refused', retryInMs: 50 })
  limited.nowMs += 49
  assert.equal(limited.take(), { type: 'refused', retryInMs: 1 })
  limited.nowMs += 1
  assert.equal(limited.take(), { type: 'taken', left: 0, fullInMs: 1_000 })
  limited.nowMs += 175
  assert.is(limited.count(100), 3)
  limited.nowMs += 1_000
  assert.is(limited.count(100), 20)
})

rates('pays nothing for what is refused', () => {
  const limited = new Limited(10)
  limited.count(10)
  for (let tenth = 0; tenth < 50; tenth++) {
    limited.nowMs += 100
    assert.is(limited.count(1_000), 1)
  }
})

rates('gets its rate and no more, however its requests are spread', () => {
  const steps = fc.array(fc.tuple(fc.double({ min: 0, max: 700, noNaN: true }), fc.nat(12)), {
    maxLength: 60,
    size: 'max',
  })
  fc.assert(
    fc.property(fc.constantFrom(1, 3, 7, 20, 333, 1_000), steps, (perSecond, list) => {
      const limited = new Limited(perSecond)
      let taken = 0
      for (const [waitMs, requests] of list) {
        limited.nowMs += waitMs
        taken += limited.count(requests)
        const most = perSecond + ((limited.nowMs - START_MS) * perSecond) / 1_000
        // A tick may be gained at each request, by rounding.
        assert.ok(taken <= most + 0.001, `${taken} of ${most}`)
        // Whoever waits as long as they are told is served.
        const next = limited.take()
        if (next.type === 'taken') taken += 1
        else {
          limited.nowMs += next.retryInMs + 0.001
          assert.ok(limited.isTaken())
          taken += 1
        }
      }
    }),
  )
})

rates('is counted the same in windows of minutes', () => {
  const limited = new Limited(10, 64, 900_000)
  assert.is(limited.count(15), 10)
  limited.nowMs += 89_990
  assert.is(limited.count(5), 0)
  limited.nowMs += 20
  assert.is(limited.count(5), 1)
  limited.nowMs += 2 * 900_000
  assert.is(limited.count(15), 10)
})

rates('has back what was given back, and never more than a window’s worth', () => {
  const limited = new Limited(4)
  assert.is(limited.count(4), 4)
  limited.giveBack()
  limited.giveBack()
  assert.is(limited.count(4), 2)
  for (let i = 0; i < 9; i++) limited.giveBack()
  assert.is(limited.count(9), 4)
  limited.nowMs += 875
  limited.giveBack()
  assert.is(limited.count(9), 4)
})

rates('has the least and the highest rate exactly', () => {
  const slow = new Limited(1)
  assert.is(slow.count(5), 1)
  slow.nowMs += 999
  assert.is(slow.count(5), 0)
  slow.nowMs += 1
  assert.is(slow.count(5), 1)
  const quick = new Limited(rateQuotaMax)
  assert.is(quick.count(rateQuotaMax + 5), rateQuotaMax)
})

rates('is counted on when the ticks wrap around, and forgotten when they come round to the same', () => {
  const roundMs = 2 ** 32 / 1_000
  for (const nowMs of [roundMs - 0.5, 2 * roundMs - 0.01, 1e10, 0, 3]) {
    const limited = new Limited(10)
    limited.nowMs = nowMs
    assert.is(limited.count(15), 10, String(nowMs))
    limited.nowMs += 100
    assert.is(limited.count(15), 1)
    limited.nowMs += roundMs
    assert.is(limited.count(15), 10, 'the time of the last round is over')
    limited.nowMs += roundMs / 2
    assert.is(limited.count(15), 10)
  }
})

rates('stays counted where a thread’s clock is read a moment before another’s', () => {
  const limited = new Limited(10)
  limited.nowMs = 5_000
  limited.count(10)
  limited.nowMs = 4_999.9
  assert.is(limited.count(5), 0)
})

rates(
  'owes what it took elsewhere, even beyond its window, and waits for all of it but no more than four windows',
  () => {
    const limited = new Limited(20)
    assert.is(limited.count(20), 20)
    limited.owe(20)
    assert.equal(limited.take(), { type: 'refused', retryInMs: 1_050 })
    limited.nowMs += 1_050
    assert.is(limited.count(100), 1)
    limited.owe(1_000)
    assert.equal(limited.take(), { type: 'refused', retryInMs: (debtWindowsMax - 1) * 1_000 + 50 })
    limited.nowMs += debtWindowsMax * 1_000
    assert.is(limited.count(100), 20)
    limited.owe(20, 'bob')
    assert.not(limited.isTaken('bob'), 'of whom nothing was known here')
  },
)

rates('has used what it was counted to have used elsewhere', () => {
  const limited = new Limited(20)
  limited.setUsed(950)
  assert.equal([limited.isTaken(), limited.isTaken()], [true, false])
  limited.setUsed(0)
  assert.is(limited.count(100), 20)
})

rates.run()

const many = suite('many identities', { limitMs: 60_000 })

many('each have their own', () => {
  const limited = new Limited(5, ratePlaces)
  for (let i = 0; i < 1_000; i++) assert.is(limited.count(9, `customer ${i}`), 5)
  assert.is(limited.table.inUse(limited.nowMs), 1_000)
  limited.nowMs += 1_000
  assert.is(limited.table.inUse(limited.nowMs), 0)
})

many(
  'a million made up, all at once, get no more than the table’s bound and free nobody who is limited',
  () => {
    const limited = new Limited(20, ratePlaces)
    const limitedOnes = Array.from({ length: 500 }, (_, i) => `limited ${i}`)
    for (const who of limitedOnes) limited.count(20, who)
    let taken = 0
    for (let i = 0; i < 1_000_000; i++) if (limited.isTaken(`made up ${i}`)) taken += 1
    assert.is(limited.table.places, ratePlaces, 'it has not grown')
    assert.ok(taken <= 20 * (ratePlaces - limitedOnes.length), String(taken))
    assert.ok(taken > 900_000, 'there was room for most')
    for (const who of limitedOnes) assert.not(limited.isTaken(who), who)
    assert.is(limited.table.inUse(limited.nowMs), ratePlaces)
  },
)

many('a million made up, faster than a process can answer them, get in nobody’s way', () => {
  const limited = new Limited(20, ratePlaces)
  for (let i = 0; i < 1_000_000; i++) {
    limited.nowMs += 0.01
    assert.ok(limited.isTaken(`made up ${i}`))
    // Twenty a second of her own.
    if (i % 5_000 === 0) assert.ok(limited.isTaken('ann'))
  }
  assert.ok(limited.table.inUse(limited.nowMs) <= 5_001)
})

many('that share a set together get what it bounds, and nobody gains by being forgotten', () => {
  const who = fc.integer({ min: 0, max: 30 })
  fc.assert(
    fc.property(fc.array(fc.tuple(who, fc.nat(7)), { maxLength: 300, size: 'max' }), (list) => {
      const limited = new Limited(5, 8)
      const taken = new Map<number, number>()
      for (const [number, requests] of list) {
        taken.set(number, (taken.get(number) ?? 0) + limited.count(requests, `customer ${number}`))
      }
      const all = [...taken.values()].reduce((sum, count) => sum + count, 0)
      assert.ok(all <= 8 * 5, `${all} were taken of a set`)
    }),
  )
})

many('that come anew take no place from one with nothing left', () => {
  const limited = new Limited(5, 8)
  limited.count(5, 'ann')
  for (let i = 0; i < 10_000; i++) {
    limited.take(`made up ${i}`)
    assert.not(limited.isTaken('ann'))
  }
})

many.run()

const threads = suite('threads that share a table')

threads('count exactly together', async () => {
  const memory = rateTableMemory({ quota: 500_000, windowMs: 1_000 }, 64)
  const gate = new SharedArrayBuffer(4)
  const workers = Array.from({ length: 3 }, () => {
    const workerData: HammerData = {
      memory,
      gate,
      identities: ['ann', 'bob'],
      times: 250_000,
      nowMs: START_MS,
    }
    return new Worker(new URL('./rate-hammer.ts', import.meta.url), { workerData })
  })
  const ready = workers.map((worker) => once(worker, 'message'))
  await Promise.all(ready)
  const counted = workers.map((worker) => once(worker, 'message') as Promise<[number[]]>)
  Atomics.store(new Int32Array(gate), 0, 1)
  Atomics.notify(new Int32Array(gate), 0)
  const sums: [number, number] = [0, 0]
  for (const [[ann = 0, bob = 0]] of await Promise.all(counted)) {
    sums[0] += ann
    sums[1] += bob
  }
  assert.equal(sums, [500_000, 500_000], 'of 750,000 each')
})

threads.run()
