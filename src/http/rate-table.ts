/**
 * What identities have used of one rate, in memory that all listeners share.
 *
 * Each has a leaky bucket that holds a second's worth (GCRA): one number, the time at which nothing will have been used any
 * more. The table never grows: an identity has a place in one set of eight, found by a keyed hash.
 *
 * T1  Counting is exact across threads: a request is taken by one compare-and-exchange.
 * T2  Nobody gains by being forgotten: who finds its set full gets the place of whoever there has used least, together with
 *     what was used of it. So a set allows eight times the rate, whatever identities are made up.
 * T3  Nobody is forgotten while limited: a place with nothing left is given to nobody.
 */
import { assert } from '../domain/assert.ts'
import { ratePerSecondMax } from '../limits.ts'
import type { KeyedHash } from './keyed-hash.ts'

/** Places of a set: their tags lie side by side in half a cache line. */
const WAYS = 8
const SECOND_MS = 1_000
const NOBODY = 0

export type Taken =
  /** `left` requests may follow at once; all of the second's worth in `fullInMs`. */
  | { readonly type: 'taken'; readonly left: number; readonly fullInMs: number }
  | { readonly type: 'refused'; readonly retryInMs: number }

export type RateTableMemory = {
  readonly perSecond: number
  readonly buffer: SharedArrayBuffer
}

/** Room for this many identities: a power of two. */
export function rateTableMemory(perSecond: number, places: number): RateTableMemory {
  assert(perSecond >= 1 && perSecond <= ratePerSecondMax, 'a rate is within its bounds')
  assert(places >= WAYS && Number.isInteger(Math.log2(places)), 'places are a power of two')
  return { perSecond, buffer: new SharedArrayBuffer(places * 3 * Int32Array.BYTES_PER_ELEMENT) }
}

export class RateTable {
  readonly places: number
  /** Parts of a hash that tell the identities of a set apart. */
  readonly #tags: Int32Array
  /** When nothing will have been used any more, in ticks, which wrap around after an hour. */
  readonly #emptyAt: Int32Array
  /** The second of the last request: what is older says nothing, wherever the ticks have wrapped to. */
  readonly #seconds: Int32Array
  readonly #setMask: number
  /** Ticks that a request takes, and those of a second's worth. */
  readonly #cost: number
  readonly #depth: number

  constructor({ perSecond, buffer }: RateTableMemory) {
    const bytes = buffer.byteLength / 3
    const part = (index: number) =>
      new Int32Array(buffer, index * bytes, bytes / Int32Array.BYTES_PER_ELEMENT)
    this.#tags = part(0)
    this.#emptyAt = part(1)
    this.#seconds = part(2)
    this.places = this.#tags.length
    this.#setMask = this.places / WAYS - 1
    this.#cost = Math.floor(ratePerSecondMax / perSecond)
    this.#depth = this.#cost * perSecond
  }

  /** Takes one request of the identity that was digested last. */
  take(identity: KeyedHash, nowMs: number): Taken {
    const first = (identity.high & this.#setMask) * WAYS
    const tag = identity.low === NOBODY ? 1 : identity.low
    const now = this.#tickOf(nowMs)
    const second = secondOf(nowMs)
    for (;;) {
      const place = this.#find(first, tag) ?? this.#claim(first, tag, now, second)
      if (typeof place === 'object') return place
      if (place === undefined) continue // Another thread has taken the place meanwhile.
      const emptyAt = Atomics.load(this.#emptyAt, place)
      const used = this.#ticksUsed(place, emptyAt, now, second) + this.#cost
      if (used > this.#depth) return this.#refused(used)
      // Before the time it vouches for, or another thread could take the old time for a fresh one.
      Atomics.store(this.#seconds, place, second)
      if (Atomics.compareExchange(this.#emptyAt, place, emptyAt, (now + used) | 0) !== emptyAt) continue
      return {
        type: 'taken',
        left: Math.floor((this.#depth - used) / this.#cost),
        fullInMs: this.#msOf(used),
      }
    }
  }

  /** Identities that have used something of their second. */
  inUse(nowMs: number): number {
    const now = this.#tickOf(nowMs)
    const second = secondOf(nowMs)
    let count = 0
    for (let place = 0; place < this.places; place++) {
      if (this.#tags[place] === NOBODY) continue
      if (this.#ticksUsed(place, this.#emptyAt[place] as number, now, second) > 0) count += 1
    }
    return count
  }

  #find(first: number, tag: number): number | undefined {
    for (let place = first; place < first + WAYS; place++) if (this.#tags[place] === tag) return place
    return undefined
  }

  /** A place for somebody new (T2), or why there is none (T3). Undefined where another thread was quicker. */
  #claim(first: number, tag: number, now: number, second: number): number | Taken | undefined {
    let least = first
    let leastUsed = Number.POSITIVE_INFINITY
    for (let place = first; place < first + WAYS && leastUsed > 0; place++) {
      const used = this.#ticksUsed(place, Atomics.load(this.#emptyAt, place), now, second)
      if (used >= leastUsed) continue
      least = place
      leastUsed = used
    }
    if (leastUsed + this.#cost > this.#depth) return this.#refused(leastUsed + this.#cost)
    const before = Atomics.load(this.#tags, least)
    if (Atomics.compareExchange(this.#tags, least, before, tag) !== before) return undefined
    // Another thread may have made a place for the same identity meanwhile: the first of them counts (T1).
    const made = this.#find(first, tag)
    if (made !== least) Atomics.compareExchange(this.#tags, least, tag, NOBODY)
    return made
  }

  #ticksUsed(place: number, emptyAt: number, now: number, second: number): number {
    // A thread that read its clock a moment ago may see the next second: so the difference counts, not the order.
    if (Math.abs((second - Atomics.load(this.#seconds, place)) | 0) > 1) return 0
    return Math.max(0, (emptyAt - now) | 0)
  }

  #refused(wanted: number): Taken {
    return { type: 'refused', retryInMs: this.#msOf(wanted - this.#depth) }
  }

  #tickOf(nowMs: number): number {
    return Math.floor((nowMs * this.#depth) / SECOND_MS) | 0
  }

  #msOf(ticks: number): number {
    return (ticks * SECOND_MS) / this.#depth
  }
}

function secondOf(nowMs: number): number {
  return Math.floor(nowMs / SECOND_MS) | 0
}
