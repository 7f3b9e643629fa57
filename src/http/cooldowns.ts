/**
 * Customers whose reservations expire again and again: after `cooldownExpiries` within `cooldownWindowMs` they may take no
 * units until fewer of them lie within it.
 *
 * Main hears of expiries from the workers, once they are durable, and is the one writer of a table that every listener
 * reads. It is bounded: where eight customers share a set, a ninth takes the place of the one with the fewest expiries.
 */

import type { HashedIdentity } from '../cluster/limits/announcement.ts'
import { assert } from '../domain/assert.ts'
import type { CustomerId } from '../domain/ids.ts'
import { cooldownExpiries, cooldownPlaces, cooldownWindowMs } from '../limits.ts'
import type { Clock, Random } from '../seams.ts'
import { type HashKey, KeyedHash } from './keyed-hash.ts'
import { hashKey } from './rate-limits.ts'

export type Cooldowns = {
  /** How long this customer may take no units, in milliseconds; 0 where they may. At once where it can be. */
  leftMs(customerId: CustomerId): number | Promise<number>
}

/** May be sent to other threads, and is then the same memory there. */
export type CooldownMemory = { readonly hashKey: HashKey; readonly buffer: SharedArrayBuffer }

const WAYS = 8
const SECOND_MS = 1_000
const WINDOW_SECONDS = cooldownWindowMs / SECOND_MS
const NOBODY = 0
/** Of an expiry that has not been. */
const NEVER = 0

/** Room for this many customers: a power of two. */
export function cooldownMemory(random: Random, places: number = cooldownPlaces): CooldownMemory {
  assert(places >= WAYS && Number.isInteger(Math.log2(places)), 'places are a power of two')
  const cells = places * (1 + cooldownExpiries)
  return {
    hashKey: hashKey(random),
    buffer: new SharedArrayBuffer(cells * Int32Array.BYTES_PER_ELEMENT),
  }
}

export class SharedCooldowns implements Cooldowns {
  /** Parts of a hash that tell the customers of a set apart. */
  readonly #tags: Int32Array
  /** The newest expiries of each, in whole seconds from 1 on, in no order: so that noting one is one write. */
  readonly #seconds: Int32Array
  readonly #places: number
  readonly #setMask: number
  readonly #hash: KeyedHash
  readonly #clock: Clock

  constructor({ hashKey, buffer }: CooldownMemory, clock: Clock) {
    this.#places = buffer.byteLength / Int32Array.BYTES_PER_ELEMENT / (1 + cooldownExpiries)
    this.#tags = new Int32Array(buffer, 0, this.#places)
    this.#seconds = new Int32Array(buffer, this.#places * Int32Array.BYTES_PER_ELEMENT)
    this.#setMask = this.#places / WAYS - 1
    this.#hash = new KeyedHash(hashKey)
    this.#clock = clock
  }

  leftMs(customerId: CustomerId): number {
    this.#hash.digest(customerId)
    const place = this.#find(this.#hash)
    return place === undefined ? 0 : Math.max(0, this.#endsAt(place) - this.#now()) * SECOND_MS
  }

  /** One reservation of each of these has expired. For the one thread that writes. */
  note(customerIds: readonly CustomerId[]): void {
    for (const customerId of customerIds) {
      this.#hash.digest(customerId)
      this.noteHashed(this.#hash)
    }
  }

  /** One reservation of a customer has expired of whom no more is known. */
  noteHashed(customer: HashedIdentity): void {
    const now = this.#now()
    const place = this.#find(customer) ?? this.#claim(customer, now)
    if (place !== undefined) Atomics.store(this.#seconds, this.#oldestOf(place), now)
  }

  /** Customers with an expiry within the window, those of them who may take no units, and how many can be known. */
  sizes(): { readonly known: number; readonly coolingDown: number; readonly max: number } {
    const now = this.#now()
    let known = 0
    let coolingDown = 0
    for (let place = 0; place < this.#places; place++) {
      const expiries = this.#expiriesOf(place, now)
      if (expiries > 0) known += 1
      if (expiries === cooldownExpiries) coolingDown += 1
    }
    return { known, coolingDown, max: this.#places }
  }

  #now(): number {
    return Math.floor(this.#clock.monotonicMs() / SECOND_MS) + 1
  }

  #find(customer: HashedIdentity): number | undefined {
    const first = this.#firstOfSet(customer)
    const tag = tagOf(customer)
    for (let place = first; place < first + WAYS; place++) {
      if (Atomics.load(this.#tags, place) === tag) return place
    }
    return undefined
  }

  /** A place for the customer who was not found; undefined where all eight may take no units, and one more must wait. */
  #claim(customer: HashedIdentity, now: number): number | undefined {
    const first = this.#firstOfSet(customer)
    let place = first
    for (let other = first + 1; other < first + WAYS; other++) {
      const more = this.#expiriesOf(other, now) - this.#expiriesOf(place, now)
      if (more < 0 || (more === 0 && this.#newestOf(other) < this.#newestOf(place))) place = other
    }
    if (this.#expiriesOf(place, now) === cooldownExpiries) return undefined
    // In this order no listener reads one customer's expiries as another's.
    Atomics.store(this.#tags, place, NOBODY)
    for (let cell = place * cooldownExpiries; cell < (place + 1) * cooldownExpiries; cell++) {
      Atomics.store(this.#seconds, cell, NEVER)
    }
    Atomics.store(this.#tags, place, tagOf(customer))
    return place
  }

  #firstOfSet({ high }: HashedIdentity): number {
    return (high & this.#setMask) * WAYS
  }

  /** The second at which fewer than `cooldownExpiries` will lie within the window. */
  #endsAt(place: number): number {
    const oldest = this.#secondAt(this.#oldestOf(place))
    return oldest === NEVER ? NEVER : oldest + WINDOW_SECONDS
  }

  /** Where the oldest expiry stands, or one that has not been. */
  #oldestOf(place: number): number {
    let oldest = place * cooldownExpiries
    for (let cell = oldest + 1; cell < (place + 1) * cooldownExpiries; cell++) {
      if (this.#secondAt(cell) < this.#secondAt(oldest)) oldest = cell
    }
    return oldest
  }

  #newestOf(place: number): number {
    let newest = NEVER
    for (let cell = place * cooldownExpiries; cell < (place + 1) * cooldownExpiries; cell++) {
      newest = Math.max(newest, this.#secondAt(cell))
    }
    return newest
  }

  /** Those within the window. */
  #expiriesOf(place: number, now: number): number {
    let count = 0
    for (let cell = place * cooldownExpiries; cell < (place + 1) * cooldownExpiries; cell++) {
      const second = this.#secondAt(cell)
      if (second !== NEVER && now < second + WINDOW_SECONDS) count += 1
    }
    return count
  }

  #secondAt(cell: number): number {
    return Atomics.load(this.#seconds, cell)
  }
}

function tagOf({ low }: HashedIdentity): number {
  return low === NOBODY ? 1 : low
}
