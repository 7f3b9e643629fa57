/**
 * How a reservation lies in memory: a row of 64 bytes, one cache line, in a block of rows.
 *
 * As an object each it would be four times as large, and the garbage collector would look at every one of a million, and
 * copy it, again and again (docs/decisions/reservation-table.md).
 *
 *   words 0–3   the id, packed (packed-id.ts); its last four characters stand in word 14
 *   word  4–5   when it was made, ms since 1970          6–7  when it ended, 0 while it lives
 *   word  8–9   its number among all that its table ever had
 *   word  10    how long after its making the hold ends, ms
 *   word  11    its product's number          12  quantity          13  units returned
 *   word  14    bits 0–2 status, 3 return window closed, 4 deleted, 12–31 the end of the id
 *   word  15    where its texts stand (reservation-texts.ts)
 */
import { assert } from './assert.ts'
import type { CustomerId, ReservationId } from './ids.ts'
import { unpackId } from './packed-id.ts'
import type { ReservationTexts } from './reservation-texts.ts'
import type { Reservation, ReservationStatus, Stock, TextLengths } from './stock.ts'

export const rowBytes = 64
const ROW_WORDS = rowBytes / 4
const ROW_DOUBLES = rowBytes / 8

const MADE = 2
const ENDED = 3
const NUMBER = 4
const TTL = 10
const STOCK = 11
const QUANTITY = 12
const RETURNED = 13
const MARKS = 14
const TEXTS = 15

const STATUSES: readonly ReservationStatus[] = ['held', 'paying', 'confirmed', 'released', 'expired']
const HELD = STATUSES.indexOf('held')
const STATUS_MASK = 0b111
const CLOSED = 1 << 3
const DELETED = 1 << 4
/** Deleted rows are not written. */
const UNUSED_MARKS = 0b1111_1111_0000
const ID_SHIFT = 12
const WORD_BITS = 30

const INT32_MAX = 0x7fff_ffff

/** What a hold is made of. */
export type Making = {
  readonly reservationId: ReservationId
  readonly customerId: CustomerId | undefined
  readonly reference: string | undefined
  readonly quantity: number
  readonly expiresAtMs: number
}

/** So many rows, whose bytes are read as whole numbers and as floating-point ones. Places in it count rows. */
export class RowBlock {
  readonly bytes: Uint8Array
  readonly #words: Int32Array
  readonly #doubles: Float64Array

  constructor(rows: number) {
    this.#words = new Int32Array(rows * ROW_WORDS)
    this.#doubles = new Float64Array(this.#words.buffer)
    this.bytes = new Uint8Array(this.#words.buffer)
  }

  /** A hold, made at `atMs`; its number and its texts are still to be set. */
  write(at: number, packedId: Int32Array, stock: Stock, making: Making, atMs: number): void {
    const word = at * ROW_WORDS
    const double = at * ROW_DOUBLES
    const words = this.#words
    words[word] = packedId[0] as number
    words[word + 1] = packedId[1] as number
    words[word + 2] = packedId[2] as number
    words[word + 3] = packedId[3] as number
    words[word + MARKS] = HELD | ((packedId[4] as number) << ID_SHIFT)
    this.#doubles[double + MADE] = atMs
    this.#doubles[double + ENDED] = 0
    words[word + STOCK] = stock.number
    this.setExpiresAtMs(at, making.expiresAtMs)
    this.setQuantity(at, making.quantity)
    this.setReturned(at, 0)
  }

  isOfId(at: number, packedId: Int32Array): boolean {
    const word = at * ROW_WORDS
    const words = this.#words
    return (
      words[word + 3] === packedId[3] &&
      words[word + 2] === packedId[2] &&
      words[word + 1] === packedId[1] &&
      words[word] === packedId[0] &&
      (words[word + MARKS] as number) >>> ID_SHIFT === packedId[4]
    )
  }

  /** Reads back what was packed. */
  readId(at: number, into: Int32Array): void {
    const word = at * ROW_WORDS
    for (let i = 0; i < 4; i++) into[i] = this.#words[word + i] as number
    into[4] = (this.#words[word + MARKS] as number) >>> ID_SHIFT
  }

  id(at: number): ReservationId {
    const word = at * ROW_WORDS
    return unpackId(this.#words, word, (this.#words[word + MARKS] as number) >>> ID_SHIFT)
  }

  number(at: number): number {
    return this.#doubles[at * ROW_DOUBLES + NUMBER] as number
  }

  setNumber(at: number, number: number): void {
    this.#doubles[at * ROW_DOUBLES + NUMBER] = number
  }

  isDeleted(at: number): boolean {
    return ((this.#words[at * ROW_WORDS + MARKS] as number) & DELETED) !== 0
  }

  setDeleted(at: number): void {
    const word = at * ROW_WORDS + MARKS
    this.#words[word] = (this.#words[word] as number) | DELETED
  }

  status(at: number): ReservationStatus {
    return STATUSES[(this.#words[at * ROW_WORDS + MARKS] as number) & STATUS_MASK] as ReservationStatus
  }

  setStatus(at: number, status: ReservationStatus): void {
    const word = at * ROW_WORDS + MARKS
    this.#words[word] = ((this.#words[word] as number) & ~STATUS_MASK) | STATUSES.indexOf(status)
  }

  isReturnClosed(at: number): boolean {
    return ((this.#words[at * ROW_WORDS + MARKS] as number) & CLOSED) !== 0
  }

  setReturnClosed(at: number, closed: boolean): void {
    const word = at * ROW_WORDS + MARKS
    const others = (this.#words[word] as number) & ~CLOSED
    this.#words[word] = closed ? others | CLOSED : others
  }

  stockNumber(at: number): number {
    return this.#words[at * ROW_WORDS + STOCK] as number
  }

  quantity(at: number): number {
    return this.#words[at * ROW_WORDS + QUANTITY] as number
  }

  setQuantity(at: number, quantity: number): void {
    assert(quantity >= 0 && quantity <= INT32_MAX, 'a quantity has 31 bits')
    this.#words[at * ROW_WORDS + QUANTITY] = quantity
  }

  returned(at: number): number {
    return this.#words[at * ROW_WORDS + RETURNED] as number
  }

  setReturned(at: number, returned: number): void {
    assert(returned >= 0 && returned <= INT32_MAX, 'a quantity has 31 bits')
    this.#words[at * ROW_WORDS + RETURNED] = returned
  }

  createdAtMs(at: number): number {
    return this.#doubles[at * ROW_DOUBLES + MADE] as number
  }

  expiresAtMs(at: number): number {
    return this.createdAtMs(at) + (this.#words[at * ROW_WORDS + TTL] as number)
  }

  setExpiresAtMs(at: number, expiresAtMs: number): void {
    const ttlMs = expiresAtMs - this.createdAtMs(at)
    assert(Number.isInteger(ttlMs) && Math.abs(ttlMs) <= INT32_MAX, 'a hold ends within weeks of its making')
    this.#words[at * ROW_WORDS + TTL] = ttlMs
  }

  resolvedAtMs(at: number): number {
    return this.#doubles[at * ROW_DOUBLES + ENDED] as number
  }

  setResolvedAtMs(at: number, atMs: number): void {
    this.#doubles[at * ROW_DOUBLES + ENDED] = atMs
  }

  texts(at: number): number {
    return this.#words[at * ROW_WORDS + TEXTS] as number
  }

  setTexts(at: number, place: number): void {
    assert(place <= INT32_MAX, 'the texts of a shard have 2 GiB')
    this.#words[at * ROW_WORDS + TEXTS] = place
  }

  /** Whether a living row was written by `write`, as far as a row can tell by itself. */
  isWellFormed(at: number): boolean {
    const word = at * ROW_WORDS
    const words = this.#words
    const marks = words[word + MARKS] as number
    if ((marks & STATUS_MASK) >= STATUSES.length || (marks & UNUSED_MARKS) !== 0) return false
    for (let i = 0; i < 4; i++) if ((words[word + i] as number) >>> WORD_BITS !== 0) return false
    for (const timeMs of [this.createdAtMs(at), this.resolvedAtMs(at)]) {
      if (!Number.isSafeInteger(timeMs) || Object.is(timeMs, -0)) return false
    }
    return this.quantity(at) >= 0 && this.returned(at) >= 0
  }

  /** A whole row of another block. */
  copy(at: number, from: RowBlock, place: number): void {
    this.bytes.set(from.bytes.subarray(place * rowBytes, (place + 1) * rowBytes), at * rowBytes)
  }
}

/** What a row needs of its table. */
export type RowTable = {
  readonly texts: ReservationTexts
  /** Grows when rows are moved. */
  readonly moves: number
  /** Where the row of this number is now. */
  placeOf(number: number): { readonly block: RowBlock; readonly at: number } | undefined
  stockOf(number: number): Stock
  rewriteTexts(reservation: ReservationRow, reference: string | undefined): void
}

/** A reservation as whoever works with it sees it: reads and writes its row. Cheap to make, and not kept. */
export class ReservationRow implements Reservation, TextLengths {
  readonly number: number
  readonly #table: RowTable
  #block: RowBlock
  #at: number
  #moves: number

  constructor(table: RowTable, block: RowBlock, at: number) {
    this.#table = table
    this.#block = block
    this.#at = at
    this.#moves = table.moves
    this.number = block.number(at)
  }

  get id(): ReservationId {
    return this.#row().id(this.#at)
  }

  get stock(): Stock {
    return this.#table.stockOf(this.#row().stockNumber(this.#at))
  }

  get customerId(): CustomerId | undefined {
    return this.#table.texts.customerIdAt(this.#row().texts(this.#at))
  }

  get customerIdLength(): number {
    return this.#table.texts.customerIdLengthAt(this.#row().texts(this.#at))
  }

  get textBytes(): number {
    return this.#table.texts.lengthAt(this.#row().texts(this.#at))
  }

  get reference(): string | undefined {
    return this.#table.texts.referenceAt(this.#row().texts(this.#at))
  }

  set reference(reference: string | undefined) {
    this.#table.rewriteTexts(this, reference)
  }

  get texts(): number {
    return this.#row().texts(this.#at)
  }

  set texts(place: number) {
    this.#row().setTexts(this.#at, place)
  }

  get status(): ReservationStatus {
    return this.#row().status(this.#at)
  }

  set status(status: ReservationStatus) {
    this.#row().setStatus(this.#at, status)
  }

  get quantity(): number {
    return this.#row().quantity(this.#at)
  }

  set quantity(quantity: number) {
    this.#row().setQuantity(this.#at, quantity)
  }

  get returned(): number {
    return this.#row().returned(this.#at)
  }

  set returned(returned: number) {
    this.#row().setReturned(this.#at, returned)
  }

  get createdAtMs(): number {
    return this.#row().createdAtMs(this.#at)
  }

  get expiresAtMs(): number {
    return this.#row().expiresAtMs(this.#at)
  }

  set expiresAtMs(atMs: number) {
    this.#row().setExpiresAtMs(this.#at, atMs)
  }

  get resolvedAtMs(): number {
    return this.#row().resolvedAtMs(this.#at)
  }

  set resolvedAtMs(atMs: number) {
    this.#row().setResolvedAtMs(this.#at, atMs)
  }

  get returnClosed(): boolean {
    return this.#row().isReturnClosed(this.#at)
  }

  set returnClosed(closed: boolean) {
    this.#row().setReturnClosed(this.#at, closed)
  }

  /** Its block, wherever the table has moved it since. */
  #row(): RowBlock {
    if (this.#moves !== this.#table.moves) {
      const place = this.#table.placeOf(this.number)
      assert(place !== undefined, 'a reservation that is read has not been forgotten')
      this.#block = place.block
      this.#at = place.at
      this.#moves = this.#table.moves
    }
    return this.#block
  }
}
