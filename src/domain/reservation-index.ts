/**
 * Where the rows of reservations are found by their ids.
 *
 * Ids begin with the time at which they were drawn, and rows stand in the order of making: so a block of rows is of one
 * stretch of time, or nearly, and an id is looked for in the one or two blocks that its time leaves. Each block has slots
 * of its own, small enough to stay near the processor while its reservations come and go, and no table of all of them
 * ever has to grow. Clocks that go back only make stretches overlap: more blocks are looked into, and what is there is
 * found. Ids are drawn by the engine and not by clients, so nobody can choose their times, or have them collide.
 *
 * A search finds the first block with a binary search over `#newestUpTo`, and goes on from there while a later block may
 * still have something as old; both only ever rise from block to block.
 */
import type { RowBlock } from './reservation-row.ts'

/** Power of two; a row's place in its block and 1 more fit 16 bits. */
export const rowsPerBlock = 4_096
/** At most half of them are used. */
const SLOTS = rowsPerBlock * 2
const SLOT_BITS = Math.log2(SLOTS)
const FREE = 0

/** Rows by the ids that stand in them. Whether one was deleted, its row says. */
export class ReservationIndex {
  /** Of each block: a row's place + 1, or `FREE`. */
  readonly #slots: Uint16Array[] = []
  /** Of each block, the earliest and the latest time in its ids. */
  readonly #oldest: number[] = []
  readonly #newest: number[] = []
  /** The latest of this block and all before it; the earliest of this block and all behind it. */
  readonly #newestUpTo: number[] = []
  readonly #oldestFrom: number[] = []

  /** The next row, whose id is not there yet. */
  enter(row: number, packed: Int32Array): void {
    const block = Math.floor(row / rowsPerBlock)
    const time = timeOf(packed)
    if (block === this.#slots.length) this.#open(time)
    this.#note(block, time)
    const slots = this.#slots[block] as Uint16Array
    let slot = slotOf(packed)
    while (slots[slot] !== FREE) slot = (slot + 1) % SLOTS
    slots[slot] = (row % rowsPerBlock) + 1
  }

  /** The row of this id that was not deleted. */
  find(packed: Int32Array, blocks: readonly RowBlock[]): number | undefined {
    const time = timeOf(packed)
    const last = this.#slots.length - 1
    for (let block = this.#firstFor(time); block <= last; block++) {
      if ((this.#oldestFrom[block] as number) > time) return undefined
      if ((this.#oldest[block] as number) > time || (this.#newest[block] as number) < time) continue
      const at = findIn(this.#slots[block] as Uint16Array, blocks[block] as RowBlock, packed)
      if (at !== undefined) return block * rowsPerBlock + at
    }
    return undefined
  }

  #open(time: number): void {
    this.#slots.push(new Uint16Array(SLOTS))
    this.#oldest.push(time)
    this.#newest.push(time)
    this.#newestUpTo.push(Math.max(time, this.#newestUpTo.at(-1) ?? time))
    this.#oldestFrom.push(Number.POSITIVE_INFINITY)
  }

  #note(block: number, time: number): void {
    if (time > (this.#newest[block] as number)) {
      this.#newest[block] = time
      if (time > (this.#newestUpTo[block] as number)) this.#newestUpTo[block] = time
    }
    if (time < (this.#oldest[block] as number)) this.#oldest[block] = time
    for (let at = block; at >= 0 && time < (this.#oldestFrom[at] as number); at--) this.#oldestFrom[at] = time
  }

  /** The first block that has, or is behind one that has, an id as late as this. */
  #firstFor(time: number): number {
    let low = 0
    let high = this.#slots.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#newestUpTo[middle] as number) < time) low = middle + 1
      else high = middle
    }
    return low
  }
}

function findIn(slots: Uint16Array, block: RowBlock, packed: Int32Array): number | undefined {
  for (let slot = slotOf(packed); slots[slot] !== FREE; slot = (slot + 1) % SLOTS) {
    const at = (slots[slot] as number) - 1
    if (block.isOfId(at, packed) && !block.isDeleted(at)) return at
  }
  return undefined
}

/** Its first ten characters, five bits each: milliseconds since 1970. */
function timeOf(packed: Int32Array): number {
  return (packed[0] as number) * 2 ** 20 + ((packed[1] as number) >> 10)
}

/** From 60 of its random bits. */
function slotOf(packed: Int32Array): number {
  const mixed =
    Math.imul((packed[3] as number) ^ ((packed[2] as number) << 2), 0x2c1b3c6d) ^ (packed[2] as number)
  return Math.imul(mixed ^ (mixed >>> 15), 0x297a2d39) >>> (32 - SLOT_BITS)
}
