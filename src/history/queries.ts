/**
 * What can be asked of the projection, each answered with a bounded number of look-ups. The rows must have been brought up
 * to date before (`Projection.flush`).
 */
import type { Database } from 'better-sqlite3'
import { assert } from '../domain/assert.ts'
import type { Event } from '../domain/events.ts'
import type { CustomerId, ProductId, ReservationId } from '../domain/ids.ts'
import type { ReservationStatus } from '../domain/stock.ts'
import { historyScannedMax } from '../limits.ts'
import { ByteReader } from '../persistence/journal/bytes.ts'
import { readEvent } from '../persistence/journal/event-codec.ts'
import { type Counts, noCounts, type PastReservation, reservationIn } from './fold.ts'
import { ProductReservations } from './product-reservations.ts'
import type { Floor } from './projection.ts'
import { ProjectionDamaged, unpacked } from './projection-damaged.ts'
import {
  bareId,
  RESERVATION_COLUMNS,
  type ReservationRow,
  reservationOf,
  statusNumber,
  wholeId,
} from './rows.ts'
import { entriesOf, type StockBlockRow, type StockEntry } from './stock-blocks.ts'

export type ReservationFilter = {
  readonly customerId?: CustomerId | undefined
  readonly reference?: string | undefined
  readonly productId?: ProductId | undefined
  readonly status?: ReservationStatus | undefined
}

export type ReservationPage = {
  readonly reservations: readonly PastReservation[]
  /** Those behind it are older; undefined at the end. A page may be short, or empty, and still have one. */
  readonly next: ReservationId | undefined
}

/** A time in milliseconds since 1970, or a sequence of the product's shard. */
export type Moment =
  | { readonly type: 'time'; readonly atMs: number }
  | { readonly type: 'sequence'; readonly sequence: number }

export type PastStock = Counts & {
  readonly productId: ProductId
  /** Of the event that made it so. */
  readonly sequence: number
  readonly atMs: number
}

export type StockAt =
  | { readonly type: 'stock'; readonly stock: PastStock }
  /** It had no stock then, or never had any. */
  | { readonly type: 'unknown' }
  /** Older than what is kept. */
  | { readonly type: 'gone' }

export type StockEvent = {
  readonly event: Event
  readonly sequence: number
  readonly atMs: number
  readonly before: Counts
  readonly after: Counts
  /** As it stands now; of events that are about one. */
  readonly reservation: PastReservation | undefined
}

export type StockEventPage = {
  readonly events: readonly StockEvent[]
  /** Version of the newest event behind this page. */
  readonly next: number | undefined
}

/** Rows looked at in one statement of a list. */
const CHUNK = 256

export class Queries {
  readonly #database: Database
  readonly #find
  readonly #number
  readonly #blocksDown
  readonly #ofProducts: ProductReservations

  constructor(database: Database) {
    this.#database = database
    this.#find = database.prepare<[string], ReservationRow>(
      `SELECT ${RESERVATION_COLUMNS} FROM reservations WHERE id = ?`,
    )
    this.#number = database.prepare<[string], { readonly number: number }>(
      'SELECT number FROM products WHERE id = ?',
    )
    this.#blocksDown = database.prepare<[number, number], StockBlockRow>(
      'SELECT version, events FROM stock_events WHERE product = ? AND version <= ? ORDER BY version DESC',
    )
    this.#ofProducts = new ProductReservations(database)
  }

  find(id: ReservationId): PastReservation | undefined {
    const row = this.#find.get(bareId(id))
    return row === undefined ? undefined : reservationOf(row)
  }

  /**
   * Those that fit all of the filter, the newest first. Goes along the index that is likely to have the fewest, and looks
   * at no more than `historyScannedMax` of it: past them the page ends, and the next one goes on.
   */
  list(
    filter: ReservationFilter,
    page: { readonly before: ReservationId | undefined; readonly limit: number },
  ): ReservationPage {
    const along = this.#along(filter)
    if (along === undefined) return { reservations: [], next: undefined }
    const reservations: PastReservation[] = []
    // No id is above it.
    let before = page.before === undefined ? '~' : bareId(page.before)
    // Where each row fits, more than the page would be looked up for nothing.
    const chunk = isOfProductAlone(filter) ? page.limit : CHUNK
    for (let scanned = 0; scanned < historyScannedMax; scanned += chunk) {
      const rows = along(before, chunk)
      for (const row of rows) {
        const reservation = reservationOf(row)
        if (fits(reservation, filter)) reservations.push(reservation)
        if (reservations.length === page.limit) return { reservations, next: wholeId(row.id) }
      }
      const last = rows.at(-1)
      if (last === undefined || rows.length < chunk) return { reservations, next: undefined }
      before = last.id
    }
    return { reservations, next: wholeId(before) }
  }

  /** The stock as of its last event at or before a moment; `floor` is where its shard's history begins. */
  stockAt(productId: ProductId, moment: Moment, floor: Floor): StockAt {
    const product = this.#number.get(productId)
    const found = product === undefined ? undefined : this.#lastUpTo(product.number, moment)
    if (found !== undefined) {
      const { sequence, atMs, counts } = found
      return { type: 'stock', stock: { productId, sequence, atMs, ...counts } }
    }
    const isGone = moment.type === 'time' ? moment.atMs < floor.atMs : moment.sequence < floor.sequence
    return { type: isGone ? 'gone' : 'unknown' }
  }

  /** The product's events from a version down, the newest first; undefined where it never had stock. */
  stockEvents(
    productId: ProductId,
    page: { readonly from: number | undefined; readonly limit: number },
  ): StockEventPage | undefined {
    const product = this.#number.get(productId)
    if (product === undefined) return undefined
    // One more, whose counts are those before the last one's.
    const entries = this.#entriesDown(product.number, page.from ?? Number.MAX_SAFE_INTEGER, page.limit + 1)
    const events: StockEvent[] = []
    for (const [i, { event: bytes, sequence, atMs, counts: after }] of entries
      .slice(0, page.limit)
      .entries()) {
      if (bytes === undefined) break
      const event = unpacked(() => readEvent(new ByteReader(bytes), atMs))
      if (!('version' in event) || event.productId !== productId || event.version !== after.version)
        throw new ProjectionDamaged('an event stands in the place of another')
      const id = reservationIn(event)
      const reservation = id === undefined ? undefined : this.find(id)
      events.push({ event, sequence, atMs, before: entries[i + 1]?.counts ?? noCounts, after, reservation })
    }
    const next = entries[page.limit]
    return { events, next: next?.event === undefined ? undefined : next.counts.version }
  }

  /** So many from a version down. */
  #entriesDown(number: number, from: number, count: number): readonly StockEntry[] {
    const found: StockEntry[] = []
    for (const block of this.#blocksDown.iterate(number, from)) {
      const entries = entriesOf(block)
      for (const entry of entries.toReversed()) if (entry.counts.version <= from) found.push(entry)
      if (found.length >= count) break
    }
    return found.slice(0, count)
  }

  /** Versions, sequences and times of a product go up together, so halving finds the last block that begins in time. */
  #lastUpTo(number: number, moment: Moment): StockEntry | undefined {
    const isUpTo = ({ atMs, sequence }: StockEntry) =>
      moment.type === 'time' ? atMs <= moment.atMs : sequence <= moment.sequence
    let low = 0
    let high = this.#blocksDown.get(number, Number.MAX_SAFE_INTEGER)?.version ?? 0
    let found: StockEntry | undefined
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      const block = this.#blocksDown.get(number, middle)
      const last = block === undefined ? undefined : entriesOf(block).findLast(isUpTo)
      if (block === undefined || last !== undefined) {
        low = middle
        found = last
      } else high = block.version - 1
    }
    return found
  }

  #rowOf(bare: string): ReservationRow {
    const row = this.#find.get(bare)
    assert(row !== undefined, 'a reservation that a product has has its row')
    return row
  }

  /** Reads the rows along one index, from an id down; undefined where there can be none. */
  #along(
    filter: ReservationFilter,
  ): ((before: string, count: number) => readonly ReservationRow[]) | undefined {
    const { reference, customerId, productId, status } = filter
    const select = `SELECT ${RESERVATION_COLUMNS} FROM reservations`
    const down = 'id < ? ORDER BY id DESC LIMIT ?'
    const by = (where: string, value: string | number) => {
      const statement = this.#database.prepare<[string | number, string, number], ReservationRow>(
        `${where} AND ${down}`,
      )
      return (before: string, count: number) => statement.all(value, before, count)
    }
    if (reference !== undefined) return by(`${select} WHERE reference = ?`, reference)
    if (customerId !== undefined) return by(`${select} WHERE customer = ?`, customerId)
    if (productId !== undefined) {
      const product = this.#number.get(productId)
      if (product === undefined) return undefined
      return (before, count) =>
        this.#ofProducts.below(product.number, before, count).map((id) => this.#rowOf(id))
    }
    if (status !== undefined) return by(`${select} WHERE status = ?`, statusNumber(status))
    const statement = this.#database.prepare<[string, number], ReservationRow>(`${select} WHERE ${down}`)
    return (before, count) => statement.all(before, count)
  }
}

function isOfProductAlone({ customerId, reference, productId, status }: ReservationFilter): boolean {
  return (
    productId !== undefined && customerId === undefined && reference === undefined && status === undefined
  )
}

function fits(reservation: PastReservation, filter: ReservationFilter): boolean {
  const { customerId, reference, productId, status } = filter
  if (customerId !== undefined && reservation.customerId !== customerId) return false
  if (reference !== undefined && reservation.reference !== reference) return false
  if (status !== undefined && reservation.status !== status) return false
  return productId === undefined || reservation.lines.some((line) => line.productId === productId)
}
