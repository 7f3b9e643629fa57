/**
 * Events of split reservations, waitlists and idempotency keys as bytes: see event-codec.ts, whose rules hold here too.
 */
import { unreachable } from '../../domain/assert.ts'
import type {
  Event,
  HoldEvent,
  KeyEvent,
  SplitEvent,
  WaitlistEvent,
  WaitlistExit,
} from '../../domain/events.ts'
import type { CustomerId, ProductId, ShardId } from '../../domain/ids.ts'
import type { Fingerprint, KeyHash } from '../../domain/key-table.ts'
import type { ReservationStatus } from '../../domain/stock.ts'
import { type ByteReader, BytesDamaged, type ByteWriter } from './bytes.ts'
import { readReservationId, writeReservationId } from './id-codec.ts'

/** Types of the events here are not less than this, all others are. */
export const furtherTypesFrom = 20

const HOLD_PLACED = 20
const HOLD_SETTLED = 21
const SPLIT_HELD = 22
const SPLIT_EXTENDED = 23
const SPLIT_PAYMENT_STARTED = 24
const SPLIT_SETTLED = 25
const SPLIT_ACKNOWLEDGED = 26
const SPLIT_FORGOTTEN = 27
const SPLIT_ABORTED = 28
const ABORT_FORGOTTEN = 29
const WAITLIST_JOINED = 30
const WAITLIST_LEFT = 31
const WAITLIST_SERVED = 32
const UNITS_EARMARKED = 33
const KEY_CLAIMED = 40
const KEY_ANSWERED = 41
const KEY_FREED = 42
const KEYS_FORGOTTEN = 43

const STATUSES: readonly ReservationStatus[] = ['held', 'paying', 'confirmed', 'released', 'expired']
const EXITS: readonly WaitlistExit[] = ['left', 'overLimit', 'saleClosed', 'retired']
const HASH_CHARS = 16
const FINGERPRINT_CHARS = 8

export function writeFurtherEvent(
  writer: ByteWriter,
  event: HoldEvent | SplitEvent | WaitlistEvent | KeyEvent,
  atMs: number,
): void {
  switch (event.type) {
    case 'HoldPlaced':
      writeHead(writer, HOLD_PLACED, event)
      writeReservationId(writer, event.reservationId)
      writer.ascii(event.customerId ?? '')
      writer.varint(event.quantity)
      writer.varint(event.available)
      return
    case 'HoldSettled':
      writeHead(writer, HOLD_SETTLED, event)
      writeReservationId(writer, event.reservationId)
      for (const value of [event.step, event.held, event.sold]) writer.varint(value)
      writer.flag(event.closed)
      return
    case 'SplitHeld':
      writer.u8(SPLIT_HELD)
      writeReservationId(writer, event.reservationId)
      writer.ascii(event.customerId ?? '')
      writer.text(event.reference)
      writer.signed(event.expiresAtMs - atMs)
      writer.varint(event.lines.length)
      for (const { productId, shard, quantity, available, holdVersion } of event.lines) {
        writer.ascii(productId)
        for (const value of [shard, quantity, available, holdVersion]) writer.varint(value)
      }
      return
    case 'SplitExtended':
    case 'SplitPaymentStarted':
      writer.u8(event.type === 'SplitExtended' ? SPLIT_EXTENDED : SPLIT_PAYMENT_STARTED)
      writeReservationId(writer, event.reservationId)
      writer.signed(event.expiresAtMs - atMs)
      return
    case 'SplitSettled':
      writer.u8(SPLIT_SETTLED)
      writeReservationId(writer, event.reservationId)
      writer.varint(event.step)
      writer.u8(STATUSES.indexOf(event.status))
      writer.flag(event.closed)
      writer.varint(event.quantities.length)
      for (const value of event.quantities) writer.varint(value)
      for (const value of event.returned) writer.varint(value)
      writer.text(event.reference)
      writer.text(event.reason)
      return
    case 'SplitAcknowledged':
      writer.u8(SPLIT_ACKNOWLEDGED)
      writeReservationId(writer, event.reservationId)
      writer.varint(event.shard)
      writer.varint(event.step)
      return
    case 'SplitForgotten':
      writer.u8(SPLIT_FORGOTTEN)
      return writeReservationId(writer, event.reservationId)
    case 'SplitAborted':
      writer.u8(SPLIT_ABORTED)
      return writeReservationId(writer, event.reservationId)
    case 'AbortForgotten':
      writer.u8(ABORT_FORGOTTEN)
      return writeReservationId(writer, event.reservationId)
    case 'WaitlistJoined':
      writeHead(writer, WAITLIST_JOINED, event)
      writer.ascii(event.customerId)
      writer.varint(event.quantity)
      return writeReservationId(writer, event.reservationId)
    case 'WaitlistLeft':
      writeHead(writer, WAITLIST_LEFT, event)
      writer.ascii(event.customerId)
      writer.u8(EXITS.indexOf(event.cause))
      return
    case 'WaitlistServed':
      writeHead(writer, WAITLIST_SERVED, event)
      writer.ascii(event.customerId)
      writeReservationId(writer, event.reservationId)
      writer.varint(event.quantity)
      writer.signed(event.expiresAtMs - atMs)
      writer.varint(event.available)
      return
    case 'UnitsEarmarked':
      writeHead(writer, UNITS_EARMARKED, event)
      return writer.varint(event.quantity)
    case 'KeyClaimed':
      writer.u8(KEY_CLAIMED)
      writer.asciiBare(event.hash)
      writer.asciiBare(event.fingerprint)
      return writeReservationId(writer, event.reservationId)
    case 'KeyAnswered':
      writer.u8(KEY_ANSWERED)
      writer.asciiBare(event.hash)
      writer.asciiBare(event.fingerprint)
      writer.varint(event.answer.length)
      return writer.asciiBare(event.answer)
    case 'KeyFreed':
      writer.u8(KEY_FREED)
      return writer.asciiBare(event.hash)
    case 'KeysForgotten':
      writer.u8(KEYS_FORGOTTEN)
      return writer.varint(event.count)
    default:
      return unreachable(event)
  }
}

/** Reads what follows the type byte. Throws `BytesDamaged` on anything that no writer writes. */
export function readFurtherEvent(reader: ByteReader, type: number, atMs: number): Event {
  switch (type) {
    case HOLD_PLACED:
      return {
        type: 'HoldPlaced',
        ...readHead(reader),
        reservationId: readReservationId(reader),
        customerId: (reader.ascii() || undefined) as CustomerId | undefined,
        quantity: reader.varint(),
        available: reader.varint(),
      }
    case HOLD_SETTLED:
      return {
        type: 'HoldSettled',
        ...readHead(reader),
        reservationId: readReservationId(reader),
        step: reader.varint(),
        held: reader.varint(),
        sold: reader.varint(),
        closed: reader.flag(),
      }
    case SPLIT_HELD:
      return {
        type: 'SplitHeld',
        reservationId: readReservationId(reader),
        customerId: (reader.ascii() || undefined) as CustomerId | undefined,
        reference: reader.text(),
        expiresAtMs: atMs + reader.signed(),
        lines: readMany(reader.varint(), () => ({
          productId: reader.ascii() as ProductId,
          shard: reader.varint() as ShardId,
          quantity: reader.varint(),
          available: reader.varint(),
          holdVersion: reader.varint(),
        })),
      }
    case SPLIT_EXTENDED:
      return {
        type: 'SplitExtended',
        reservationId: readReservationId(reader),
        expiresAtMs: atMs + reader.signed(),
      }
    case SPLIT_PAYMENT_STARTED:
      return {
        type: 'SplitPaymentStarted',
        reservationId: readReservationId(reader),
        expiresAtMs: atMs + reader.signed(),
      }
    case SPLIT_SETTLED: {
      const reservationId = readReservationId(reader)
      const step = reader.varint()
      const status = oneOf(STATUSES, reader.u8())
      const closed = reader.flag()
      const lines = reader.varint()
      return {
        type: 'SplitSettled',
        reservationId,
        step,
        status,
        closed,
        quantities: readMany(lines, () => reader.varint()),
        returned: readMany(lines, () => reader.varint()),
        reference: reader.text(),
        reason: reader.text(),
      }
    }
    case SPLIT_ACKNOWLEDGED:
      return {
        type: 'SplitAcknowledged',
        reservationId: readReservationId(reader),
        shard: reader.varint() as ShardId,
        step: reader.varint(),
      }
    case SPLIT_FORGOTTEN:
      return { type: 'SplitForgotten', reservationId: readReservationId(reader) }
    case SPLIT_ABORTED:
      return { type: 'SplitAborted', reservationId: readReservationId(reader) }
    case ABORT_FORGOTTEN:
      return { type: 'AbortForgotten', reservationId: readReservationId(reader) }
    case WAITLIST_JOINED:
      return {
        type: 'WaitlistJoined',
        ...readHead(reader),
        customerId: reader.ascii() as CustomerId,
        quantity: reader.varint(),
        reservationId: readReservationId(reader),
      }
    case WAITLIST_LEFT:
      return {
        type: 'WaitlistLeft',
        ...readHead(reader),
        customerId: reader.ascii() as CustomerId,
        cause: oneOf(EXITS, reader.u8()),
      }
    case WAITLIST_SERVED:
      return {
        type: 'WaitlistServed',
        ...readHead(reader),
        customerId: reader.ascii() as CustomerId,
        reservationId: readReservationId(reader),
        quantity: reader.varint(),
        expiresAtMs: atMs + reader.signed(),
        available: reader.varint(),
      }
    case UNITS_EARMARKED:
      return { type: 'UnitsEarmarked', ...readHead(reader), quantity: reader.varint() }
    case KEY_CLAIMED:
      return { type: 'KeyClaimed', ...readKey(reader), reservationId: readReservationId(reader) }
    case KEY_ANSWERED:
      return { type: 'KeyAnswered', ...readKey(reader), answer: reader.asciiBare(reader.varint()) }
    case KEY_FREED:
      return { type: 'KeyFreed', hash: reader.asciiBare(HASH_CHARS) as KeyHash }
    case KEYS_FORGOTTEN:
      return { type: 'KeysForgotten', count: reader.varint() }
    default:
      throw new BytesDamaged(`no event has type ${type}`)
  }
}

function writeHead(writer: ByteWriter, type: number, event: { productId: ProductId; version: number }): void {
  writer.u8(type)
  writer.ascii(event.productId)
  writer.varint(event.version)
}

function readHead(reader: ByteReader): { productId: ProductId; version: number } {
  return { productId: reader.ascii() as ProductId, version: reader.varint() }
}

function readKey(reader: ByteReader): { hash: KeyHash; fingerprint: Fingerprint } {
  return {
    hash: reader.asciiBare(HASH_CHARS) as KeyHash,
    fingerprint: reader.asciiBare(FINGERPRINT_CHARS) as Fingerprint,
  }
}

function readMany<T>(count: number, read: () => T): T[] {
  const values: T[] = []
  for (let left = count; left > 0; left--) values.push(read())
  return values
}

function oneOf<T>(values: readonly T[], number: number): T {
  const value = values[number]
  if (value === undefined) throw new BytesDamaged(`no value has number ${number}`)
  return value
}
