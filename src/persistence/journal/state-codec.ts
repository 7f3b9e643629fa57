/**
 * A shard's whole state as bytes, the same bytes for the same history: maps are written in their own order, which is the
 * order of the events that filled them, and which a decoded state keeps.
 */
import { InvariantBroken } from '../../domain/assert.ts'
import { footprintOf } from '../../domain/footprint.ts'
import type { CustomerId, ProductId } from '../../domain/ids.ts'
import { ReservationTable } from '../../domain/reservation-table.ts'
import { emptyShard, type ShardState, type Stock } from '../../domain/stock.ts'
import { TextMap } from '../../domain/text-map.ts'
import { type ByteReader, BytesDamaged, ByteWriter } from './bytes.ts'
import { readSale, writeSale } from './event-codec.ts'
import { readFurther, readWaitlist, writeFurther, writeWaitlist } from './further-state-codec.ts'

export function encodeState(state: ShardState): Buffer {
  const writer = new ByteWriter(1_024)
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
  const { rows, texts } = state.reservations.toBytes()
  writer.varint(rows.length)
  writer.raw(rows)
  writer.varint(texts.length)
  writer.raw(texts)
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
  const products = new TextMap<ProductId, Stock>()
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
    products.set(stock.productId, stock)
  }
  const rows = reader.raw(reader.varint())
  const texts = reader.raw(reader.varint())
  const state: ShardState = {
    ...emptyShard(),
    products,
    reservations: ReservationTable.of({ rows, texts }, stocks),
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

function readCustomers(reader: ByteReader): TextMap<CustomerId, number> {
  const customers = new TextMap<CustomerId, number>()
  for (let left = reader.varint(); left > 0; left--)
    customers.set(reader.ascii() as CustomerId, reader.varint())
  return customers
}
