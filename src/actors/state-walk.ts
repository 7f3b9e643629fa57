/**
 * Two copies of a shard's state, compared a little at a time: a walk goes over one part of a state, window by window, and
 * says of each record its checksum; the same walk over another copy says which record differs.
 *
 * A flip anywhere in a record's own fields is seen: CRC-32C misses none of a single bit, and of others one in 2^32. Of
 * what follows from the records, such as the units a customer has of a product, only how much of it there is counts. Keys
 * are no part: their table cannot be left and walked on in after it has changed. A record that is lost right between two
 * windows is missed until a round whose windows end elsewhere.
 */
import type { ProductId, ReservationId } from '../domain/ids.ts'
import type { ReservationRow } from '../domain/reservation-row.ts'
import type { Hold, SplitReservation } from '../domain/split.ts'
import type { ShardState, Stock } from '../domain/stock.ts'
import { checkedRecords } from '../limits.ts'
import { ByteWriter } from '../persistence/journal/bytes.ts'
import { crc32c } from '../persistence/journal/crc32c.ts'

export const partNames = ['products', 'reservations', 'splits', 'holds'] as const
export type PartName = (typeof partNames)[number]

/** Records of one part, one after the other. */
export type StateWindow = {
  readonly part: PartName
  /** Id of its first record; absent where it begins with the first there is. */
  readonly from: string | undefined
  /** A checksum each; fewer than `checkedRecords` where the part is over. */
  readonly crcs: Uint32Array
}

/** The first record of a window that is not the same, as far as the other copy knows it. */
export type WindowDifference = { readonly id: string | undefined; readonly products: readonly ProductId[] }

export type StateWalk = {
  readonly size: number
  /** The window behind the last one; after the end it is the first again. */
  next(): StateWindow
  /** How the same window of another copy differs from this one, if it does. */
  differenceIn(window: StateWindow): WindowDifference | undefined
}

/** A walk keeps its place while the state changes, and may then pass something over until the next round. */
export function walkOver(part: PartName, state: ShardState): StateWalk {
  switch (part) {
    case 'products':
      return new Walk(part, state.products, STOCKS)
    case 'reservations':
      return new Walk(part, state.reservations, RESERVATIONS)
    case 'splits':
      return new Walk(part, state.splits, SPLITS)
    case 'holds':
      return new Walk(part, state.holds, HOLDS)
  }
}

type Kind<T> = {
  readonly idOf: (record: T) => string
  readonly productsOf: (record: T) => readonly ProductId[]
  /** All of its fields. Numbers go as they lie in memory: a flipped one need not be one that the journal could write. */
  readonly write: (writer: ByteWriter, record: T) => void
}

class Walk<T> implements StateWalk {
  readonly #part: PartName
  readonly #records: { readonly size: number; values(): Iterator<T> }
  readonly #kind: Kind<T>
  readonly #writer = new ByteWriter(512)
  /** Behind the last window; over before the first. */
  #rest: Iterator<T> = [][Symbol.iterator]()

  constructor(part: PartName, records: { readonly size: number; values(): Iterator<T> }, kind: Kind<T>) {
    this.#part = part
    this.#records = records
    this.#kind = kind
  }

  get size(): number {
    return this.#records.size
  }

  next(): StateWindow {
    let next = this.#rest.next()
    const from = next.done === true ? undefined : this.#kind.idOf(next.value)
    if (next.done === true) next = this.#restart()
    const crcs: number[] = []
    while (next.done !== true) {
      crcs.push(this.#crcOf(next.value))
      if (crcs.length === checkedRecords) break
      next = this.#rest.next()
    }
    return { part: this.#part, from, crcs: Uint32Array.from(crcs) }
  }

  differenceIn({ from, crcs }: StateWindow): WindowDifference | undefined {
    let next = from === undefined ? this.#restart() : this.#goTo(from)
    if (from !== undefined && next.done === true) return { id: from, products: [] }
    for (let seen = 0; ; next = this.#rest.next()) {
      if (next.done === true) return seen === crcs.length ? undefined : { id: undefined, products: [] }
      if (crcs[seen] !== this.#crcOf(next.value)) {
        return { id: this.#kind.idOf(next.value), products: this.#kind.productsOf(next.value) }
      }
      seen += 1
      if (seen === checkedRecords) return undefined
    }
  }

  #restart(): IteratorResult<T> {
    this.#rest = this.#records.values()
    return this.#rest.next()
  }

  /** Mostly it is the one behind the last window; or else it is looked for from the start. */
  #goTo(id: string): IteratorResult<T> {
    let next = this.#rest.next()
    if (next.done !== true && this.#kind.idOf(next.value) === id) return next
    for (next = this.#restart(); next.done !== true; next = this.#rest.next()) {
      if (this.#kind.idOf(next.value) === id) break
    }
    return next
  }

  #crcOf(record: T): number {
    const writer = this.#writer
    writer.reset()
    this.#kind.write(writer, record)
    return crc32c(writer.bytes, 0, writer.length)
  }
}

const ABSENT = -1

const STOCKS: Kind<Stock> = {
  idOf: ({ productId }) => productId,
  productsOf: ({ productId }) => [productId],
  write(writer, stock) {
    const { productId, number, version, onHand, held, sold, retired, earmarked, waitlist, customers } = stock
    const { opensAtMs, closesAtMs, perCustomerLimit, holdTtlMs, maxPerReservation } = stock.sale
    writer.ascii(productId)
    writer.flag(retired)
    for (const value of [number, version, onHand, held, sold, earmarked]) writer.f64(value)
    for (const value of [opensAtMs, closesAtMs, perCustomerLimit, holdTtlMs, maxPerReservation])
      writer.f64(value ?? ABSENT)
    for (const some of [waitlist?.line, waitlist?.served, customers]) writer.f64(some?.size ?? ABSENT)
  },
}

const RESERVATIONS: Kind<ReservationRow> = {
  idOf: ({ id }) => id,
  productsOf: ({ stock }) => [stock.productId],
  write(writer, row) {
    writer.ascii(row.id)
    writer.ascii(row.customerId ?? '')
    writer.text(row.reference)
    writer.ascii(row.status)
    writer.flag(row.returnClosed)
    writer.f64(row.stock.number)
    writer.f64(row.quantity)
    writer.f64(row.returned)
    writer.f64(row.createdAtMs)
    writer.f64(row.expiresAtMs)
    writer.f64(row.resolvedAtMs)
  },
}

const SPLITS: Kind<SplitReservation> = {
  idOf: ({ id }) => id,
  productsOf: ({ lines }) => lines.map(({ productId }) => productId),
  write(writer, split) {
    writer.ascii(split.id)
    writer.ascii(split.customerId ?? '')
    writer.text(split.reference)
    writer.ascii(split.status)
    writer.flag(split.returnClosed)
    for (const value of [split.createdAtMs, split.expiresAtMs, split.resolvedAtMs, split.step])
      writer.f64(value)
    writer.f64(split.lines.length)
    for (const { productId, shard, holdVersion, quantity, returned } of split.lines) {
      writer.ascii(productId)
      for (const value of [shard, holdVersion, quantity, returned]) writer.f64(value)
    }
    for (const shard of split.unsettled) writer.f64(shard)
  },
}

/** Of one reservation, which are never none. */
const HOLDS: Kind<readonly Hold[]> = {
  idOf: ([hold]) => (hold as Hold).reservationId satisfies ReservationId,
  productsOf: (holds) => holds.map(({ stock }) => stock.productId),
  write(writer, holds) {
    for (const { reservationId, stock, customerId, heldAtMs, holdVersion, held, sold, step } of holds) {
      writer.ascii(reservationId)
      writer.ascii(customerId ?? '')
      for (const value of [stock.number, heldAtMs, holdVersion, held, sold, step]) writer.f64(value)
    }
  },
}
