/**
 * Reservations by id, listed in the order in which they were made.
 *
 * A `Map` would do, but for its cost: putting a reservation into a map of a million was the largest part of making one
 * (docs/decisions/reservation-table.md). This is open addressing over 32 bits of the id's random part. Ids are drawn by
 * the engine and not by clients, so nobody can choose them to collide.
 */
import { assert } from './assert.ts'
import type { ReservationId } from './ids.ts'

/** Power of two. */
const SLOTS_MIN = 64
const FREE = 0
const DELETED = -1

type Tabled = {
  readonly id: ReservationId
  /** `number` is the product's own within the shard, and never another's. */
  readonly stock: { readonly number: number }
}

/** A map from id to reservation with the few methods that are used. `values` goes in the order of adding. */
export class ReservationTable<Reservation extends Tabled> {
  /** In order of making; holes are those that were deleted. */
  #items: (Reservation | undefined)[] = []
  /** The product of each item, deleted ones included, so that those of one are found without a look at all others. */
  #stockNumbers = new Int32Array(SLOTS_MIN / 2)
  #size = 0
  /** A place in `#items` + 1, or `FREE`, or `DELETED`. */
  #slots = new Int32Array(SLOTS_MIN)
  /** Of the item in the same slot, so that only likely ones are compared and none is read to grow. */
  #hashes = new Int32Array(SLOTS_MIN)

  get size(): number {
    return this.#size
  }

  get(id: ReservationId): Reservation | undefined {
    const slot = this.#find(id)
    return slot === undefined ? undefined : this.#items[(this.#slots[slot] as number) - 1]
  }

  has(id: ReservationId): boolean {
    return this.#find(id) !== undefined
  }

  /** Adds one whose id is not there yet; anything else is a broken invariant. */
  add(reservation: Reservation): void {
    // At most half of the slots lead to an item, deleted ones included, so that a search soon meets a free one.
    if (this.#items.length * 2 >= this.#slots.length) this.#rebuild()
    const hash = hashOf(reservation.id)
    const mask = this.#slots.length - 1
    let slot = hash & mask
    for (; this.#slots[slot] !== FREE; slot = (slot + 1) & mask) {
      if (this.#hashes[slot] !== hash || this.#slots[slot] === DELETED) continue
      assert(
        this.#items[(this.#slots[slot] as number) - 1]?.id !== reservation.id,
        'a reservation is made once',
      )
    }
    this.#stockNumbers[this.#items.length] = reservation.stock.number
    this.#items.push(reservation)
    this.#slots[slot] = this.#items.length
    this.#hashes[slot] = hash
    this.#size += 1
  }

  /** False where there is no such reservation. */
  delete(id: ReservationId): boolean {
    const slot = this.#find(id)
    if (slot === undefined) return false
    this.#items[(this.#slots[slot] as number) - 1] = undefined
    this.#slots[slot] = DELETED
    this.#size -= 1
    return true
  }

  /** In the order in which they were added. */
  *values(): Generator<Reservation> {
    for (const item of this.#items) if (item !== undefined) yield item
  }

  /**
   * Those of one product, in the order in which they were added. The others are passed over at 0.3 ns each, so that what
   * it costs is its own.
   */
  *ofStock({ number }: Tabled['stock']): Generator<Reservation> {
    const numbers = this.#stockNumbers.subarray(0, this.#items.length)
    for (let place = numbers.indexOf(number); place !== -1; place = numbers.indexOf(number, place + 1)) {
      const item = this.#items[place]
      if (item !== undefined) yield item
    }
  }

  #find(id: ReservationId): number | undefined {
    const hash = hashOf(id)
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const item = this.#slots[slot] as number
      if (item === FREE) return undefined
      if (item !== DELETED && this.#hashes[slot] === hash && this.#items[item - 1]?.id === id) return slot
    }
  }

  /** Drops holes, and makes room for as many again. */
  #rebuild(): void {
    const numbers = this.#stockNumbers.filter((_, place) => this.#items[place] !== undefined)
    this.#items = this.#items.filter((item) => item !== undefined)
    let length = SLOTS_MIN
    while (length < this.#items.length * 4) length *= 2
    this.#slots = new Int32Array(length)
    this.#hashes = new Int32Array(length)
    this.#stockNumbers = new Int32Array(length / 2)
    this.#stockNumbers.set(numbers)
    const mask = length - 1
    this.#items.forEach((item, place) => {
      const hash = hashOf((item as Reservation).id)
      let slot = hash & mask
      while (this.#slots[slot] !== FREE) slot = (slot + 1) & mask
      this.#slots[slot] = place + 1
      this.#hashes[slot] = hash
    })
  }
}

/** Mixes the last 8 random characters of the id, 40 bits, into 32. The two behind them name the shard. */
function hashOf(id: ReservationId): number {
  let hash = 0
  for (let at = id.length - 10; at < id.length - 2; at++) hash = (Math.imul(hash, 33) + id.charCodeAt(at)) | 0
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
}
