/**
 * Reservations by id, listed in the order in which they were made.
 *
 * They lie in rows outside the garbage collector's sight (reservation-row.ts), found by the slots of an index
 * (reservation-index.ts). Why not a `Map` of objects is told, with what it cost, in docs/decisions/reservation-table.md.
 *
 * A deleted reservation leaves its row behind; when there are more of these than living ones, all rows are written anew.
 * So a row moves, and whoever remembers a reservation remembers its number.
 */
import { assert } from './assert.ts'
import type { ReservationId } from './ids.ts'
import { packedWords, packId } from './packed-id.ts'
import { ReservationIndex, rowsPerBlock } from './reservation-index.ts'
import { type Making, ReservationRow, RowBlock, rowBytes } from './reservation-row.ts'
import { ReservationTexts } from './reservation-texts.ts'
import type { Stock } from './stock.ts'

/** Rows or bytes that are left behind and not worth the writing. */
const DELETED_MIN = 64
const TEXT_BYTES_MIN = 65_536

/** All rows of a table and their texts, those that were deleted left out. */
export type TableBytes = { readonly rows: Uint8Array; readonly texts: Uint8Array }

/** The reservations of a shard, by id, listed in the order of making. */
export class ReservationTable {
  #blocks: RowBlock[] = []
  #index = new ReservationIndex()
  /** Deleted ones included. */
  #rows = 0
  #size = 0
  #texts = new ReservationTexts()
  /** Bytes of texts that no row needs any more. */
  #textsLeft = 0
  #nextNumber = 0
  #moves = 0
  readonly #stocks: Stock[] = []
  readonly #packed = new Int32Array(packedWords)
  /** The id that stands packed, if any: a reservation is first looked for, and then made. */
  #packedId: ReservationId | undefined

  get size(): number {
    return this.#size
  }

  get texts(): ReservationTexts {
    return this.#texts
  }

  get moves(): number {
    return this.#moves
  }

  get(id: ReservationId): ReservationRow | undefined {
    const row = this.#find(id)
    return row === undefined ? undefined : this.#read(row)
  }

  has(id: ReservationId): boolean {
    return this.#find(id) !== undefined
  }

  /** Adds a hold whose id is not there yet; anything else is a broken invariant. */
  add(stock: Stock, making: Making, atMs: number): ReservationRow {
    this.#packIfWorthIt()
    assert(this.#pack(making.reservationId), 'a reservation id has the form of one')
    const row = this.#rows
    this.#enter(row)
    if (this.#stocks[stock.number] === undefined) this.#stocks[stock.number] = stock
    const block = this.#blockFor(row)
    const at = row % rowsPerBlock
    block.write(at, this.#packed, stock, making, atMs)
    block.setNumber(at, this.#nextNumber++)
    block.setTexts(at, this.#texts.add(making.customerId, making.reference))
    this.#rows += 1
    this.#size += 1
    return new ReservationRow(this, block, at)
  }

  /** False where there is no such reservation. */
  delete(id: ReservationId): boolean {
    const row = this.#find(id)
    if (row === undefined) return false
    const block = this.#blockOf(row)
    this.#textsLeft += this.#texts.lengthAt(block.texts(row % rowsPerBlock))
    block.setDeleted(row % rowsPerBlock)
    this.#size -= 1
    return true
  }

  /** In the order in which they were added. */
  *values(): Generator<ReservationRow> {
    for (let row = 0; row < this.#rows; row++) {
      if (!this.#blockOf(row).isDeleted(row % rowsPerBlock)) yield this.#read(row)
    }
  }

  /** Those of one product, in the order in which they were added. The others are passed over at some nanoseconds each. */
  *ofStock({ number }: Pick<Stock, 'number'>): Generator<ReservationRow> {
    for (let row = 0; row < this.#rows; row++) {
      const block = this.#blockOf(row)
      const at = row % rowsPerBlock
      if (block.stockNumber(at) === number && !block.isDeleted(at)) yield this.#read(row)
    }
  }

  /** The one of this number, as `ReservationRow` says it; `undefined` once it was deleted. */
  at(number: number): ReservationRow | undefined {
    const row = this.#rowOf(number)
    return row === undefined ? undefined : this.#read(row)
  }

  placeOf(number: number): { readonly block: RowBlock; readonly at: number } | undefined {
    const row = this.#rowOf(number)
    return row === undefined ? undefined : { block: this.#blockOf(row), at: row % rowsPerBlock }
  }

  stockOf(number: number): Stock {
    return this.#stocks[number] as Stock
  }

  rewriteTexts(reservation: ReservationRow, reference: string | undefined): void {
    this.#textsLeft += this.#texts.lengthAt(reservation.texts)
    reservation.texts = this.#texts.add(reservation.customerId, reference)
  }

  /** The same bytes for the same reservations in the same order. */
  toBytes(): TableBytes {
    const packed = new ReservationTable()
    packed.#takeLiving(this)
    return {
      rows: joined(packed.#blocks.map((block) => block.bytes)).subarray(0, packed.#rows * rowBytes),
      texts: joined([...packed.#texts.blocks()]),
    }
  }

  /** Reads back what `toBytes` gave; broken where it did not. `stocks` are those of all products, by number. */
  static of({ rows, texts }: TableBytes, stocks: readonly Stock[]): ReservationTable {
    assert(rows.length % rowBytes === 0, 'rows are whole')
    const table = new ReservationTable()
    table.#stocks.push(...stocks)
    table.#texts = ReservationTexts.of(texts)
    const count = rows.length / rowBytes
    for (let row = 0; row < count; row++) {
      const at = row % rowsPerBlock
      const block = table.#blockFor(row)
      if (at === 0) block.bytes.set(rows.subarray(row * rowBytes, (row + rowsPerBlock) * rowBytes))
      assert(Object.is(block.number(at), row), 'rows are numbered from 0')
      assert(block.isWellFormed(at), 'a row says what rows say')
      assert(block.stockNumber(at) in stocks, 'a reservation is of a product')
      assert(table.#texts.has(block.texts(at)), 'a reservation has its texts')
      table.#rows += 1
      block.readId(at, table.#packed)
      table.#enter(row)
    }
    table.#size = count
    table.#nextNumber = count
    return table
  }

  #read(row: number): ReservationRow {
    return new ReservationRow(this, this.#blockOf(row), row % rowsPerBlock)
  }

  #blockOf(row: number): RowBlock {
    return this.#blocks[Math.floor(row / rowsPerBlock)] as RowBlock
  }

  #blockFor(row: number): RowBlock {
    if (row === this.#blocks.length * rowsPerBlock) this.#blocks.push(new RowBlock(rowsPerBlock))
    return this.#blockOf(row)
  }

  /** Numbers grow from row to row, without gaps until rows were left out. */
  #rowOf(number: number): number | undefined {
    if (this.#rows === 0) return undefined
    let low = 0
    let high = this.#rows - 1
    let row = number - this.#numberAt(0)
    while (low <= high) {
      if (row < low || row > high) row = (low + high) >> 1
      const found = this.#numberAt(row)
      if (found === number) return this.#blockOf(row).isDeleted(row % rowsPerBlock) ? undefined : row
      if (found < number) low = row + 1
      else high = row - 1
      row = (low + high) >> 1
    }
    return undefined
  }

  #numberAt(row: number): number {
    return this.#blockOf(row).number(row % rowsPerBlock)
  }

  /** False where it has not the form of an id. */
  #pack(id: ReservationId): boolean {
    if (id === this.#packedId) return true
    this.#packedId = undefined
    if (!packId(id, this.#packed)) return false
    this.#packedId = id
    return true
  }

  #find(id: ReservationId): number | undefined {
    return this.#pack(id) ? this.#index.find(this.#packed, this.#blocks) : undefined
  }

  /** The row whose id stands packed, which must not be there yet. */
  #enter(row: number): void {
    assert(this.#index.find(this.#packed, this.#blocks) === undefined, 'a reservation is made once')
    this.#index.enter(row, this.#packed)
  }

  #packIfWorthIt(): void {
    const deleted = this.#rows - this.#size
    const isSparse = deleted > DELETED_MIN && deleted > this.#size
    const isWordy = this.#textsLeft > TEXT_BYTES_MIN && this.#textsLeft * 2 > this.#texts.length
    if (!isSparse && !isWordy) return
    const packed = new ReservationTable()
    packed.#takeLiving(this)
    const moves = this.#moves + 1
    let row = 0
    for (const living of this.values()) packed.#blockOf(row).setNumber(row++ % rowsPerBlock, living.number)
    this.#blocks = packed.#blocks
    this.#rows = packed.#rows
    this.#texts = packed.#texts
    this.#index = packed.#index
    this.#textsLeft = 0
    this.#moves = moves
  }

  /** Copies the living rows of another table behind each other, numbered from 0, with their texts. */
  #takeLiving(from: ReservationTable): void {
    for (let row = 0; row < from.#rows; row++) {
      const block = from.#blockOf(row)
      const place = row % rowsPerBlock
      if (block.isDeleted(place)) continue
      const own = this.#blockFor(this.#rows)
      const at = this.#rows % rowsPerBlock
      own.copy(at, block, place)
      own.setNumber(at, this.#rows)
      own.setTexts(at, this.#texts.copy(from.#texts, block.texts(place)))
      own.readId(at, this.#packed)
      this.#index.enter(this.#rows, this.#packed)
      this.#rows += 1
      this.#size += 1
    }
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
