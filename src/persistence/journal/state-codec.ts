/**
 * A shard's whole state as bytes, the same bytes for the same history: maps are written in their own order, which is the
 * order of the events that filled them, and which a decoded state keeps.
 */
import { assert, InvariantBroken } from '../../domain/assert.ts'
import { footprintOf } from '../../domain/footprint.ts'
import type { CustomerId, ProductId } from '../../domain/ids.ts'
import { emptyShard, type ReservationStatus, type ShardState, type Stock } from '../../domain/stock.ts'
import { type ByteReader, BytesDamaged, ByteWriter } from './bytes.ts'
import { readSale, writeSale } from './event-codec.ts'
import { readFurther, readWaitlist, writeFurther, writeWaitlist } from './further-state-codec.ts'
import { readReservationId, writeReservationId } from './id-codec.ts'

const STATUSES: readonly ReservationStatus[] = ['held', 'paying', 'confirmed', 'released', 'expired']
const CLOSED_FLAG = 0x80
const BYTES_PER_RESERVATION = 80

export function encodeState(state: ShardState): Buffer {
  const writer = new ByteWriter(1_024 + state.reservations.size * BYTES_PER_RESERVATION)
  const numbers = new Map<ProductId, number>()
  writer.varint(state.products.size)
  for (const stock of state.products.values()) {
    numbers.set(stock.productId, numbers.size)
    writer.ascii(stock.productId)
    for (const value of [stock.version, stock.onHand, stock.held, stock.sold]) writer.varint(value)
    writer.flag(stock.retired)
    writeSale(writer, stock.sale)
    // Kept exactly while the sale has a limit, which the reader has just read.
    if (stock.customers !== undefined) writeCustomers(writer, stock.customers)
    writeWaitlist(writer, stock)
  }
  writer.varint(state.reservations.size)
  for (const reservation of state.reservations.values()) {
    const number = numbers.get(reservation.stock.productId)
    assert(number !== undefined, "a reservation's product is in the same shard")
    writeReservationId(writer, reservation.id)
    writer.varint(number)
    writer.ascii(reservation.customerId ?? '')
    writer.text(reservation.reference)
    writer.u8(STATUSES.indexOf(reservation.status) | (reservation.returnClosed ? CLOSED_FLAG : 0))
    writer.varint(reservation.quantity)
    writer.varint(reservation.returned)
    writer.varint(reservation.createdAtMs)
    writer.signed(reservation.expiresAtMs - reservation.createdAtMs)
    writer.varint(reservation.resolvedAtMs)
  }
  writeFurther(writer, state, numbers)
  return writer.bytes.subarray(0, writer.length)
}

/** Reads back what `encodeState` wrote; throws `BytesDamaged` on anything else. */
export function decodeState(reader: ByteReader): ShardState {
  try {
    return readState(reader)
  } catch (error) {
    // Two of what there can be but one, as only changed bytes can say.
    if (error instanceof InvariantBroken) throw new BytesDamaged(error.message, { cause: error })
    throw error
  }
}

function readState(reader: ByteReader): ShardState {
  const state = emptyShard()
  const stocks: Stock[] = []
  for (let left = reader.varint(); left > 0; left--) {
    const stock: Stock = {
      productId: reader.ascii() as ProductId,
      number: stocks.length,
      version: reader.varint(),
      onHand: reader.varint(),
      held: reader.varint(),
      sold: reader.varint(),
      retired: reader.flag(),
      earmarked: 0,
      waitlist: undefined,
      sale: readSale(reader),
      customers: undefined,
    }
    if (stock.sale.perCustomerLimit !== undefined) stock.customers = readCustomers(reader)
    readWaitlist(reader, stock)
    stocks.push(stock)
    state.products.set(stock.productId, stock)
  }
  for (let left = reader.varint(); left > 0; left--) {
    const id = readReservationId(reader)
    const stock = stocks[reader.varint()]
    if (stock === undefined) throw new BytesDamaged('a reservation of no product')
    const customerId = (reader.ascii() || undefined) as CustomerId | undefined
    const reference = reader.text()
    const flags = reader.u8()
    const status = STATUSES[flags & ~CLOSED_FLAG]
    if (status === undefined) throw new BytesDamaged(`no status ${flags}`)
    const quantity = reader.varint()
    const returned = reader.varint()
    const createdAtMs = reader.varint()
    state.reservations.add({
      id,
      stock,
      customerId,
      reference,
      status,
      quantity,
      returned,
      createdAtMs,
      expiresAtMs: createdAtMs + reader.signed(),
      resolvedAtMs: reader.varint(),
      returnClosed: (flags & CLOSED_FLAG) !== 0,
    })
  }
  readFurther(reader, state, stocks)
  state.footprintBytes = footprintOf(state)
  return state
}

function writeCustomers(writer: ByteWriter, customers: ReadonlyMap<CustomerId, number>): void {
  writer.varint(customers.size)
  for (const [customerId, units] of customers) {
    writer.ascii(customerId)
    writer.varint(units)
  }
}

function readCustomers(reader: ByteReader): Map<CustomerId, number> {
  const customers = new Map<CustomerId, number>()
  for (let left = reader.varint(); left > 0; left--)
    customers.set(reader.ascii() as CustomerId, reader.varint())
  return customers
}
