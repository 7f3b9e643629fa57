/**
 * Events as bytes. A type byte, then the fields in a fixed order; a type's layout never changes, a new need gets a new
 * type. Times are written as milliseconds after the section's own time, reservation ids without their prefix.
 */
import type { Event } from '../../domain/events.ts'
import type { CustomerId, ProductId } from '../../domain/ids.ts'
import type { Sale } from '../../domain/stock.ts'
import { type ByteReader, BytesDamaged, type ByteWriter } from './bytes.ts'
import { furtherTypesFrom, readFurtherEvent, writeFurtherEvent } from './further-event-codec.ts'
import { readReservationId, writeReservationId } from './id-codec.ts'

const UNITS_HELD = 1
const HOLD_EXTENDED = 2
const PAYMENT_STARTED = 3
const UNITS_RELEASED = 4
const UNITS_CONFIRMED = 5
const HOLD_EXPIRED = 6
const UNITS_RETURNED = 7
const RETURNS_CLOSED = 8
const RESERVATION_FORGOTTEN = 9
const STOCK_ADJUSTED = 10
const SALE_SCHEDULED = 11
const PRODUCT_RETIRED = 12

/** Appends one event of a section whose time is `atMs`. */
export function writeEvent(writer: ByteWriter, event: Event, atMs: number): void {
  switch (event.type) {
    case 'UnitsHeld':
      writeHead(writer, UNITS_HELD, event)
      writeReservationId(writer, event.reservationId)
      writer.ascii(event.customerId ?? '')
      writer.text(event.reference)
      writer.varint(event.quantity)
      writer.signed(event.expiresAtMs - atMs)
      writer.varint(event.available)
      return
    case 'HoldExtended':
      writeHead(writer, HOLD_EXTENDED, event)
      writeReservationId(writer, event.reservationId)
      writer.signed(event.expiresAtMs - atMs)
      return
    case 'PaymentStarted':
      writeHead(writer, PAYMENT_STARTED, event)
      writeReservationId(writer, event.reservationId)
      writer.signed(event.expiresAtMs - atMs)
      return
    case 'UnitsReleased':
      writeHead(writer, UNITS_RELEASED, event)
      writeReservationId(writer, event.reservationId)
      writer.varint(event.quantity)
      return
    case 'UnitsConfirmed':
      writeHead(writer, UNITS_CONFIRMED, event)
      writeReservationId(writer, event.reservationId)
      writer.varint(event.quantity)
      writer.text(event.reference)
      return
    case 'HoldExpired':
      writeHead(writer, HOLD_EXPIRED, event)
      writeReservationId(writer, event.reservationId)
      writer.varint(event.quantity)
      return
    case 'UnitsReturned':
      writeHead(writer, UNITS_RETURNED, event)
      writeReservationId(writer, event.reservationId)
      writer.varint(event.quantity)
      writer.text(event.reason)
      return
    case 'ReturnsClosed':
      writeHead(writer, RETURNS_CLOSED, event)
      writeReservationId(writer, event.reservationId)
      return
    case 'ReservationForgotten':
      writeHead(writer, RESERVATION_FORGOTTEN, event)
      writeReservationId(writer, event.reservationId)
      return
    case 'StockAdjusted':
      writeHead(writer, STOCK_ADJUSTED, event)
      writer.signed(event.delta)
      writer.varint(event.onHand)
      writer.text(event.reason)
      writer.text(event.reference)
      return
    case 'SaleScheduled':
      writeHead(writer, SALE_SCHEDULED, event)
      writeSale(writer, event.sale)
      return
    case 'ProductRetired':
      writeHead(writer, PRODUCT_RETIRED, event)
      return
    default:
      return writeFurtherEvent(writer, event, atMs)
  }
}

/** Reads back what `writeEvent` wrote. Throws `BytesDamaged` on anything else. */
export function readEvent(reader: ByteReader, atMs: number): Event {
  const type = reader.u8()
  if (type >= furtherTypesFrom) return readFurtherEvent(reader, type, atMs)
  const productId = reader.ascii() as ProductId
  const version = reader.varint()
  if (type === STOCK_ADJUSTED) {
    const delta = reader.signed()
    const onHand = reader.varint()
    const reason = readReason(reader)
    return { type: 'StockAdjusted', productId, version, delta, onHand, reason, reference: reader.text() }
  }
  if (type === SALE_SCHEDULED) return { type: 'SaleScheduled', productId, version, sale: readSale(reader) }
  if (type === PRODUCT_RETIRED) return { type: 'ProductRetired', productId, version }

  const reservationId = readReservationId(reader)
  switch (type) {
    case UNITS_HELD:
      return {
        type: 'UnitsHeld',
        productId,
        version,
        reservationId,
        customerId: (reader.ascii() || undefined) as CustomerId | undefined,
        reference: reader.text(),
        quantity: reader.varint(),
        expiresAtMs: atMs + reader.signed(),
        available: reader.varint(),
      }
    case HOLD_EXTENDED:
      return { type: 'HoldExtended', productId, version, reservationId, expiresAtMs: atMs + reader.signed() }
    case PAYMENT_STARTED:
      return {
        type: 'PaymentStarted',
        productId,
        version,
        reservationId,
        expiresAtMs: atMs + reader.signed(),
      }
    case UNITS_RELEASED:
      return { type: 'UnitsReleased', productId, version, reservationId, quantity: reader.varint() }
    case UNITS_CONFIRMED: {
      const quantity = reader.varint()
      return { type: 'UnitsConfirmed', productId, version, reservationId, quantity, reference: reader.text() }
    }
    case HOLD_EXPIRED:
      return { type: 'HoldExpired', productId, version, reservationId, quantity: reader.varint() }
    case UNITS_RETURNED: {
      const quantity = reader.varint()
      return {
        type: 'UnitsReturned',
        productId,
        version,
        reservationId,
        quantity,
        reason: readReason(reader),
      }
    }
    case RETURNS_CLOSED:
      return { type: 'ReturnsClosed', productId, version, reservationId }
    case RESERVATION_FORGOTTEN:
      return { type: 'ReservationForgotten', productId, version, reservationId }
    default:
      throw new BytesDamaged(`no event has type ${type}`)
  }
}

/** A reason may be empty, but it is there. */
function readReason(reader: ByteReader): string {
  const reason = reader.text()
  if (reason === undefined) throw new BytesDamaged('an event without its reason')
  return reason
}

/** Five optional numbers, each + 1 so that 0 says absent. Times are whole: they are not near the section's. */
export function writeSale(writer: ByteWriter, sale: Sale): void {
  for (const value of [
    sale.opensAtMs,
    sale.closesAtMs,
    sale.perCustomerLimit,
    sale.holdTtlMs,
    sale.maxPerReservation,
  ]) {
    writer.varint(value === undefined ? 0 : value + 1)
  }
}

export function readSale(reader: ByteReader): Sale {
  const optional = () => {
    const value = reader.varint()
    return value === 0 ? undefined : value - 1
  }
  return {
    opensAtMs: optional(),
    closesAtMs: optional(),
    perCustomerLimit: optional(),
    holdTtlMs: optional(),
    maxPerReservation: optional(),
  }
}

function writeHead(writer: ByteWriter, type: number, event: { productId: ProductId; version: number }): void {
  writer.u8(type)
  writer.ascii(event.productId)
  writer.varint(event.version)
}
