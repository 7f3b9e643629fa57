/**
 * What identities have used of one rate, in memory that all listeners share.
 *
 * Each has a leaky bucket that holds a window's worth (GCRA): one number, the time at which nothing will have been used any
 * more. The table never grows: an identity has a place in one set of eight, found by a keyed hash.
 *
 * T1  Counting is exact across threads: a request is taken by one compare-and-exchange.
 * T2  Nobody gains by being forgotten: who finds its set full gets the place of whoever there has used least, together with
 *     what was used of it. So a set allows eight times the rate, whatever identities are made up.
 * T3  Nobody is forgotten while limited: a place with nothing left is given to nobody.
 * T4  What was taken elsewhere is owed: it may be more than a window's worth, and is waited for like the rest.
 */

import type { HashedIdentity } from '../cluster/limits/announcement.ts'
import { assert } from '../domain/assert.ts'
import { debtWindowsMax } from '../limits/common-limits.ts'
import { rateQuotaMax } from '../limits.ts'

/** Places of a set: their tags lie side by side in half a cache line. */
const WAYS = 8
const NOBODY = 0

export type Taken =
  /** `left` requests may follow at once; all of the window's worth in `fullInMs`. */
  | { readonly type: 'taken'; readonly left: number; readonly fullInMs: number }
  | { readonly type: 'refused'; readonly retryInMs: number }

/** So many requests in so many milliseconds, and as many of them at once. */
export type Rate = { readonly quota: number; readonly windowMs: number }

export type RateTableMemory = Rate & {
  readonly buffer: SharedArrayBuffer
}

/** Room for this many identities: a power of two. */
export function rateTableMemory({ quota, windowMs }: Rate, places: number): RateTableMemory {
  assert(quota >= 1 && quota <= rateQuotaMax, 'a rate is within its bounds')
  assert(places >= WAYS && Number.isInteger(Math.log2(places)), 'places are a power of two')
  return { quota, windowMs, buffer: new SharedArrayBuffer(places * 3 * Int32Array.BYTES_PER_ELEMENT) }
}

export class RateTable {
  readonly places: number
  /** Parts of a hash that tell the identities of a set apart. */
  readonly #tags: Int32Array
  /** When nothing will have been used any more, in ticks, which wrap around after some four thousand windows. */
  readonly #emptyAt: Int32Array
  /** The window of the last request: what is older says nothing, wherever the ticks have wrapped to. */
  readonly #windows: Int32Array
  readonly #setMask: number
  readonly #windowMs: number
  /** Ticks that a request takes, and those of a window's worth. */
  readonly #cost: number
  readonly #depth: number

  constructor({ quota, windowMs, buffer }: RateTableMemory) {
    const bytes = buffer.byteLength / 3
    const part = (index: number) =>
      new Int32Array(buffer, index * bytes, bytes / Int32Array.BYTES_PER_ELEMENT)
    this.#tags = part(0)
    this.#emptyAt = part(1)
    this.#windows = part(2)
    this.places = this.#tags.length
    this.#setMask = this.places / WAYS - 1
    this.#windowMs = windowMs
    this.#cost = Math.floor(rateQuotaMax / quota)
    this.#depth = this.#cost * quota
  }

  /** Takes one request of the identity. */
  take(identity: HashedIdentity, nowMs: number): Taken {
    const first = (identity.high & this.#setMask) * WAYS
    const tag = identity.low === NOBODY ? 1 : identity.low
    const now = this.#tickOf(nowMs)
    const window = this.#windowOf(nowMs)
    for (;;) {
      const place = this.#find(first, tag) ?? this.#claim(first, tag, now, window)
      if (typeof place === 'object') return place
      if (place === undefined) continue // Another thread has taken the place meanwhile.
      const emptyAt = Atomics.load(this.#emptyAt, place)
      const used = this.#ticksUsed(place, emptyAt, now, window) + this.#cost
      if (used > this.#depth) return this.#refused(used)
      // Before the time it vouches for, or another thread could take the old time for a fresh one.
      Atomics.store(this.#windows, place, window)
      if (Atomics.compareExchange(this.#emptyAt, place, emptyAt, (now + used) | 0) !== emptyAt) continue
      return {
        type: 'taken',
        left: Math.floor((this.#depth - used) / this.#cost),
        fullInMs: this.#msOf(used),
      }
    }
  }

  /** Takes back what one taken request of the identity has cost, as far as time has not yet. */
  giveBack(identity: HashedIdentity, nowMs: number): void {
    const first = (identity.high & this.#setMask) * WAYS
    const place = this.#find(first, identity.low === NOBODY ? 1 : identity.low)
    if (place === undefined) return
    const now = this.#tickOf(nowMs)
    const window = this.#windowOf(nowMs)
    for (;;) {
      const emptyAt = Atomics.load(this.#emptyAt, place)
      const used = this.#ticksUsed(place, emptyAt, now, window)
      if (used === 0) return
      const left = Math.max(0, used - this.#cost)
      if (Atomics.compareExchange(this.#emptyAt, place, emptyAt, (now + left) | 0) === emptyAt) return
    }
  }

  /** One request that the identity took elsewhere (T4): it is not asked whether it may. */
  owe(identity: HashedIdentity, nowMs: number): void {
    this.#put(identity, nowMs, (used) => used + this.#cost)
  }

  /** Where it was counted better: what the identity has used, in milliseconds until all of it is free again. */
  setUsed(identity: HashedIdentity, usedMs: number, nowMs: number): void {
    this.#put(identity, nowMs, () => Math.ceil((usedMs * this.#depth) / this.#windowMs))
  }

  #put(identity: HashedIdentity, nowMs: number, change: (used: number) => number): void {
    const first = (identity.high & this.#setMask) * WAYS
    const tag = identity.low === NOBODY ? 1 : identity.low
    const now = this.#tickOf(nowMs)
    const window = this.#windowOf(nowMs)
    for (;;) {
      const place = this.#find(first, tag) ?? this.#claim(first, tag, now, window)
      if (typeof place === 'object') return
      if (place === undefined) continue
      const emptyAt = Atomics.load(this.#emptyAt, place)
      const changed = change(this.#ticksUsed(place, emptyAt, now, window))
      const used = Math.min(changed, this.#depth * debtWindowsMax)
      Atomics.store(this.#windows, place, window)
      if (Atomics.compareExchange(this.#emptyAt, place, emptyAt, (now + used) | 0) === emptyAt) return
    }
  }

  /** Identities that have used something of their window. */
  inUse(nowMs: number): number {
    const now = this.#tickOf(nowMs)
    const window = this.#windowOf(nowMs)
    let count = 0
    for (let place = 0; place < this.places; place++) {
      if (this.#tags[place] === NOBODY) continue
      if (this.#ticksUsed(place, this.#emptyAt[place] as number, now, window) > 0) count += 1
    }
    return count
  }

  #find(first: number, tag: number): number | undefined {
    for (let place = first; place < first + WAYS; place++) if (this.#tags[place] === tag) return place
    return undefined
  }

  /** A place for somebody new (T2), or why there is none (T3). Undefined where another thread was quicker. */
  #claim(first: number, tag: number, now: number, window: number): number | Taken | undefined {
    let least = first
    let leastUsed = Number.POSITIVE_INFINITY
    for (let place = first; place < first + WAYS && leastUsed > 0; place++) {
      const used = this.#ticksUsed(place, Atomics.load(this.#emptyAt, place), now, window)
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

  #ticksUsed(place: number, emptyAt: number, now: number, window: number): number {
    // A thread that read its clock a moment ago may see the next window: so the difference counts, not the order.
    if (Math.abs((window - Atomics.load(this.#windows, place)) | 0) > debtWindowsMax) return 0
    return Math.max(0, (emptyAt - now) | 0)
  }

  #refused(wanted: number): Taken {
    return { type: 'refused', retryInMs: this.#msOf(wanted - this.#depth) }
  }

  #windowOf(nowMs: number): number {
    return Math.floor(nowMs / this.#windowMs) | 0
  }

  #tickOf(nowMs: number): number {
    return Math.floor((nowMs * this.#depth) / this.#windowMs) | 0
  }

  #msOf(ticks: number): number {
    return (ticks * this.#windowMs) / this.#depth
  }
}
