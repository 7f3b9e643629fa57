/**
 * The projection as its one writer sees it: sections of the journal go in, rows come out of it.
 *
 * Q3  What was read and up to where it was read are one transaction: after a crash the file is as of some checkpoint, and
 *     the journal is read on from there, without gap or repeat.
 *
 * Transactions are long, since many events change the same pages; readers share this connection and see what is in an
 * open one. Rows are kept back until `flush`, and go in by the order of their table: neighbours change one page. Call it
 * before anybody looks.
 */
import type { Database } from 'better-sqlite3'
import { assert } from '../domain/assert.ts'
import type { ProductId, ReservationId, ShardId } from '../domain/ids.ts'
import type { ShardState } from '../domain/stock.ts'
import { historyCacheMax } from '../limits.ts'
import { ByteReader } from '../persistence/journal/bytes.ts'
import type { Checkpoint } from '../persistence/journal/cursors.ts'
import { readEvent } from '../persistence/journal/event-codec.ts'
import type { CertainSection } from '../persistence/journal/stream-follower.ts'
import {
  type Counts,
  countsAfter,
  holdAfter,
  makesReservation,
  noCounts,
  type PastHold,
  type PastReservation,
  reservationAfter,
  reservationIn,
} from './fold.ts'
import { ProductReservations } from './product-reservations.ts'
import {
  bareId,
  packedRest,
  RESERVATION_COLUMNS,
  type ReservationRow,
  reservationOf,
  statusNumber,
} from './rows.ts'
import { byProduct, entriesOf, type StockBlockRow, StockBlocks } from './stock-blocks.ts'

export type ShardCheckpoint = Checkpoint & {
  /** Of the newest event. */
  readonly atMs: number
  readonly floor: Floor
}

/** The last event that history does not go back to; sequence 0 where it begins with the first one. */
export type Floor = { readonly sequence: number; readonly atMs: number }
const noFloor: Floor = { sequence: 0, atMs: 0 }

type KnownProduct = { readonly number: number; counts: Counts }
type KnownReservation = { now: PastReservation; isNew: boolean; isChanged: boolean }

export class Projection {
  readonly #database: Database
  readonly #statements: ReturnType<typeof prepare>
  readonly #checkpoints = new Map<ShardId, ShardCheckpoint>()
  readonly #products = new Map<ProductId, KnownProduct>()
  readonly #reservations = new Map<ReservationId, KnownReservation>()
  readonly #ofProducts: ProductReservations
  /** What the rows do not say yet. */
  readonly #stock = new StockBlocks()
  #changedReservations: KnownReservation[] = []
  readonly #changedShards = new Set<ShardId>()
  #eventsInTransaction = 0

  /** Owns the database until it is closed. */
  constructor(database: Database) {
    this.#database = database
    this.#statements = prepare(database)
    this.#ofProducts = new ProductReservations(database)
    for (const { shard, floor, floorAtMs, ...checkpoint } of this.#statements.checkpoints.all())
      this.#checkpoints.set(shard as ShardId, { ...checkpoint, floor: { sequence: floor, atMs: floorAtMs } })
  }

  get database(): Database {
    return this.#database
  }

  get checkpoints(): ReadonlyMap<ShardId, ShardCheckpoint> {
    return this.#checkpoints
  }

  /** Events taken since the last commit. */
  get uncommitted(): number {
    return this.#eventsInTransaction
  }

  /** Takes a section, which must be the next one of its shard. */
  apply({ section, stream, link }: CertainSection): void {
    this.#begin()
    const { shard, firstSequence, count, atMs, payload } = section
    const before = this.#checkpoints.get(shard)
    assert(firstSequence === (before?.sequence ?? 0) + 1, 'sections come in order')
    const reader = new ByteReader(payload)
    for (let i = 0; i < count; i++) {
      const from = reader.at
      const event = readEvent(reader, atMs)
      const recorded = { atMs, sequence: firstSequence + i }
      const id = reservationIn(event)
      const known = id === undefined || makesReservation(event) ? undefined : this.#reservation(id)
      const reservation = known?.now
      if ('version' in event) {
        const product = this.#product(event.productId)
        const isOfHold = event.type === 'HoldPlaced' || event.type === 'HoldSettled'
        const hold = isOfHold ? this.#hold(event.reservationId, product) : undefined
        product.counts = countsAfter(product.counts, event, { before: reservation, hold })
        if (isOfHold) this.#changeHold(event.reservationId, product, holdAfter(event))
        this.#stock.add(product.number, {
          ...recorded,
          counts: product.counts,
          event: payload.subarray(from, reader.at),
        })
      }
      const after = reservationAfter(reservation, event, recorded)
      if (id !== undefined && after !== undefined && after !== reservation) this.#change(id, known, after)
    }
    this.#eventsInTransaction += count
    const { epoch } = stream
    this.#advance(shard, {
      sequence: firstSequence + count - 1,
      epoch,
      link,
      atMs,
      floor: before?.floor ?? noFloor,
    })
  }

  /** Begins a shard with what a snapshot says, since the events before it are not here any more. */
  seed(shard: ShardId, state: ShardState, checkpoint: Checkpoint & { readonly atMs: number }): void {
    this.#begin()
    const { sequence, atMs } = checkpoint
    for (const stock of state.products.values()) {
      const { productId, version, onHand, held, sold, earmarked, waitlist, retired } = stock
      const product = this.#product(productId)
      product.counts = { version, onHand, held, sold, waiting: waitlist?.line.size ?? 0, earmarked, retired }
      this.#stock.add(product.number, { atMs, sequence, counts: product.counts, event: undefined })
      this.#makeRoom()
    }
    for (const reservation of state.reservations.values()) {
      const { id, stock, customerId, reference, status, quantity, returned } = reservation
      const { createdAtMs, expiresAtMs, resolvedAtMs } = reservation
      this.#change(id, undefined, {
        reservationId: id,
        customerId,
        reference,
        status,
        lines: [{ productId: stock.productId, quantity, returned }],
        createdAtMs,
        expiresAtMs,
        resolvedAtMs,
        sequence,
      })
      this.#makeRoom()
    }
    for (const split of state.splits.values()) {
      const { id, customerId, reference, status, createdAtMs, expiresAtMs, resolvedAtMs } = split
      const lines = split.lines.map(({ productId, quantity, returned }) => ({
        productId,
        quantity,
        returned,
      }))
      const about = { reservationId: id, customerId, reference, status, lines }
      this.#change(id, undefined, { ...about, createdAtMs, expiresAtMs, resolvedAtMs, sequence })
      this.#makeRoom()
    }
    for (const [id, holds] of state.holds) {
      for (const hold of holds) this.#changeHold(id, this.#product(hold.stock.productId), hold)
    }
    this.#advance(shard, { ...checkpoint, floor: { sequence, atMs } })
  }

  /** Brings the rows up to what was taken. */
  flush(): void {
    const { writeReservation, insertStock } = this.#statements
    this.#stock.take((product, version, block) => void insertStock.run(product, version, block))
    const added = new Map<number, string[]>()
    for (const known of this.#changedReservations) {
      const { reservationId, status, customerId, reference, lines } = known.now
      const bare = bareId(reservationId)
      const rest = packedRest(known.now)
      writeReservation.run(bare, statusNumber(status), customerId ?? null, reference ?? null, rest)
      known.isChanged = false
      if (!known.isNew) continue
      known.isNew = false
      for (const { productId } of lines) {
        const { number } = this.#product(productId)
        const ids = added.get(number)
        if (ids === undefined) added.set(number, [bare])
        else ids.push(bare)
      }
    }
    for (const [product, ids] of [...added].sort(byProduct)) this.#ofProducts.add(product, ids.sort())
    this.#changedReservations = []
    if (this.#products.size > historyCacheMax) this.#products.clear()
    if (this.#reservations.size > historyCacheMax) this.#reservations.clear()
  }

  /** Q3 */
  commit(): void {
    this.flush()
    for (const shard of this.#changedShards) {
      const { sequence, epoch, link, atMs, floor } = this.#checkpoints.get(shard) as ShardCheckpoint
      this.#statements.writeCheckpoint.run(shard, sequence, epoch, link, atMs, floor.sequence, floor.atMs)
    }
    this.#changedShards.clear()
    if (this.#database.inTransaction) this.#database.exec('COMMIT')
    this.#eventsInTransaction = 0
  }

  /** Closes the file; with `commit` before, all that was taken is in it. */
  close(): void {
    // An open transaction is taken back by it.
    this.#database.close()
  }

  #begin(): void {
    if (!this.#database.inTransaction) this.#database.exec('BEGIN IMMEDIATE')
  }

  #makeRoom(): void {
    if (this.#products.size > historyCacheMax || this.#reservations.size > historyCacheMax) this.flush()
  }

  #advance(shard: ShardId, checkpoint: ShardCheckpoint): void {
    this.#checkpoints.set(shard, checkpoint)
    this.#changedShards.add(shard)
  }

  #change(id: ReservationId, before: KnownReservation | undefined, after: PastReservation): void {
    const known = before ?? { now: after, isNew: true, isChanged: false }
    if (before === undefined) this.#reservations.set(id, known)
    known.now = after
    if (known.isChanged) return
    known.isChanged = true
    this.#changedReservations.push(known)
  }

  #hold(id: ReservationId, { number }: KnownProduct): PastHold | undefined {
    return this.#statements.findHold.get(bareId(id), number)
  }

  #changeHold(id: ReservationId, { number }: KnownProduct, after: PastHold | undefined): void {
    const { writeHold, deleteHold } = this.#statements
    if (after === undefined) deleteHold.run(bareId(id), number)
    else writeHold.run(bareId(id), number, after.held, after.sold)
  }

  #product(id: ProductId): KnownProduct {
    const known = this.#products.get(id)
    if (known !== undefined) return known
    const { findProduct, insertProduct, newestBlock } = this.#statements
    const number = findProduct.get(id)?.number ?? Number(insertProduct.run(id).lastInsertRowid)
    const newest = newestBlock.get(number)
    const counts = newest && entriesOf(newest).at(-1)?.counts
    const product = { number, counts: counts ?? noCounts }
    this.#products.set(id, product)
    return product
  }

  #reservation(id: ReservationId): KnownReservation | undefined {
    const known = this.#reservations.get(id)
    if (known !== undefined) return known
    const row = this.#statements.findReservation.get(bareId(id))
    if (row === undefined) return undefined
    const found = { now: reservationOf(row), isNew: false, isChanged: false }
    this.#reservations.set(id, found)
    return found
  }
}

function prepare(database: Database) {
  type Value = string | number | null | Buffer
  return {
    checkpoints: database.prepare<
      [],
      Checkpoint & { shard: number; atMs: number; floor: number; floorAtMs: number }
    >('SELECT shard, sequence, epoch, link, at_ms AS atMs, floor, floor_at_ms AS floorAtMs FROM checkpoints'),
    writeCheckpoint: database.prepare<Value[]>(
      `INSERT OR REPLACE INTO checkpoints (shard, sequence, epoch, link, at_ms, floor, floor_at_ms)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ),
    findProduct: database.prepare<[string], { readonly number: number }>(
      'SELECT number FROM products WHERE id = ?',
    ),
    insertProduct: database.prepare<[string]>('INSERT INTO products (id) VALUES (?)'),
    newestBlock: database.prepare<[number], StockBlockRow>(
      'SELECT version, events FROM stock_events WHERE product = ? ORDER BY version DESC LIMIT 1',
    ),
    insertStock: database.prepare<Value[]>(
      'INSERT INTO stock_events (product, version, events) VALUES (?, ?, ?)',
    ),
    findHold: database.prepare<[string, number], PastHold>(
      'SELECT held, sold FROM holds WHERE reservation = ? AND product = ?',
    ),
    writeHold: database.prepare<Value[]>(
      'INSERT OR REPLACE INTO holds (reservation, product, held, sold) VALUES (?, ?, ?, ?)',
    ),
    deleteHold: database.prepare<Value[]>('DELETE FROM holds WHERE reservation = ? AND product = ?'),
    findReservation: database.prepare<[string], ReservationRow>(
      `SELECT ${RESERVATION_COLUMNS} FROM reservations WHERE id = ?`,
    ),
    writeReservation: database.prepare<Value[]>(
      `INSERT INTO reservations (id, status, customer, reference, rest) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, reference = excluded.reference,
           rest = excluded.rest`,
    ),
  }
}
