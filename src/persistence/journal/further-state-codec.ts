/** Split reservations, holds, waitlists and idempotency keys of a shard's state as bytes: see state-codec.ts. */
import { assert } from '../../domain/assert.ts'
import type { CustomerId, ProductId, ReservationId, ShardId } from '../../domain/ids.ts'
import type { Fingerprint, KeyHash, KeyKind } from '../../domain/key-table.ts'
import type { Hold, SplitReservation } from '../../domain/split.ts'
import type { ReservationStatus, ShardState, Stock } from '../../domain/stock.ts'
import { type ByteReader, BytesDamaged, type ByteWriter } from './bytes.ts'
import { readReservationId, writeReservationId } from './id-codec.ts'

const STATUSES: readonly ReservationStatus[] = ['held', 'paying', 'confirmed', 'released', 'expired']
const KINDS: readonly KeyKind[] = ['claim', 'answer']
const CLOSED_FLAG = 0x80
const HASH_CHARS = 16
const FINGERPRINT_CHARS = 8

/** `numbers` says which product of the state is which. */
export function writeFurther(
  writer: ByteWriter,
  state: ShardState,
  numbers: ReadonlyMap<ProductId, number>,
): void {
  writer.varint(state.splits.size)
  for (const split of state.splits.values()) writeSplit(writer, split)
  writer.varint(state.aborted.size)
  for (const [id, atMs] of state.aborted) {
    writeReservationId(writer, id)
    writer.varint(atMs)
  }
  writer.varint(state.holds.size)
  for (const [id, holds] of state.holds) {
    writeReservationId(writer, id)
    writer.varint(holds.length)
    for (const { stock, customerId, heldAtMs, holdVersion, held, sold, step } of holds) {
      const number = numbers.get(stock.productId)
      assert(number !== undefined, "a hold's product is in the same shard")
      writer.varint(number)
      writer.ascii(customerId ?? '')
      for (const value of [heldAtMs, holdVersion, held, sold, step]) writer.varint(value)
    }
  }
  writer.varint(state.keys.size)
  for (const { hash, fingerprint, kind, atMs, value } of state.keys.values()) {
    writer.asciiBare(hash)
    writer.asciiBare(fingerprint)
    writer.u8(KINDS.indexOf(kind))
    writer.varint(atMs)
    writer.varint(value.length)
    writer.asciiBare(value)
  }
}

export function readFurther(reader: ByteReader, state: ShardState, stocks: readonly Stock[]): void {
  for (let left = reader.varint(); left > 0; left--) {
    const split = readSplit(reader)
    state.splits.set(split.id, split)
  }
  for (let left = reader.varint(); left > 0; left--)
    state.aborted.set(readReservationId(reader), reader.varint())
  for (let left = reader.varint(); left > 0; left--) {
    const reservationId = readReservationId(reader)
    const holds: Hold[] = []
    for (let of = reader.varint(); of > 0; of--) holds.push(readHold(reader, reservationId, stocks))
    state.holds.set(reservationId, holds)
  }
  for (let left = reader.varint(); left > 0; left--) {
    state.keys.add({
      hash: reader.asciiBare(HASH_CHARS) as KeyHash,
      fingerprint: reader.asciiBare(FINGERPRINT_CHARS) as Fingerprint,
      kind: oneOf(KINDS, reader.u8()),
      atMs: reader.varint(),
      value: reader.asciiBare(reader.varint()),
    })
  }
}

function writeSplit(writer: ByteWriter, split: SplitReservation): void {
  writeReservationId(writer, split.id)
  writer.ascii(split.customerId ?? '')
  writer.text(split.reference)
  writer.u8(STATUSES.indexOf(split.status) | (split.returnClosed ? CLOSED_FLAG : 0))
  writer.varint(split.createdAtMs)
  writer.signed(split.expiresAtMs - split.createdAtMs)
  writer.varint(split.resolvedAtMs)
  writer.varint(split.step)
  writer.varint(split.lines.length)
  for (const { productId, shard, holdVersion, quantity, returned } of split.lines) {
    writer.ascii(productId)
    for (const value of [shard, holdVersion, quantity, returned]) writer.varint(value)
  }
  writer.varint(split.unsettled.size)
  for (const shard of split.unsettled) writer.varint(shard)
}

function readSplit(reader: ByteReader): SplitReservation {
  const id = readReservationId(reader)
  const customerId = (reader.ascii() || undefined) as CustomerId | undefined
  const reference = reader.text()
  const flags = reader.u8()
  const createdAtMs = reader.varint()
  const expiresAtMs = createdAtMs + reader.signed()
  const resolvedAtMs = reader.varint()
  const step = reader.varint()
  const lines: SplitReservation['lines'][number][] = []
  for (let left = reader.varint(); left > 0; left--) {
    lines.push({
      productId: reader.ascii() as ProductId,
      shard: reader.varint() as ShardId,
      holdVersion: reader.varint(),
      quantity: reader.varint(),
      returned: reader.varint(),
    })
  }
  const unsettled = new Set<ShardId>()
  for (let left = reader.varint(); left > 0; left--) unsettled.add(reader.varint() as ShardId)
  const status = oneOf(STATUSES, flags & ~CLOSED_FLAG)
  const returnClosed = (flags & CLOSED_FLAG) !== 0
  return {
    id,
    customerId,
    reference,
    status,
    lines,
    createdAtMs,
    expiresAtMs,
    resolvedAtMs,
    returnClosed,
    step,
    unsettled,
  }
}

function readHold(reader: ByteReader, reservationId: ReservationId, stocks: readonly Stock[]): Hold {
  const stock = stocks[reader.varint()]
  if (stock === undefined) throw new BytesDamaged('a hold of no product')
  return {
    reservationId,
    stock,
    customerId: (reader.ascii() || undefined) as CustomerId | undefined,
    heldAtMs: reader.varint(),
    holdVersion: reader.varint(),
    held: reader.varint(),
    sold: reader.varint(),
    step: reader.varint(),
  }
}

/** 0 is no waitlist; else the line's length + 1. */
export function writeWaitlist(writer: ByteWriter, { waitlist, earmarked }: Stock): void {
  if (waitlist === undefined) return writer.varint(0)
  writer.varint(waitlist.line.size + 1)
  for (const { customerId, quantity, reservationId } of waitlist.line.values()) {
    writer.ascii(customerId)
    writer.varint(quantity)
    writeReservationId(writer, reservationId)
  }
  writer.varint(waitlist.served.size)
  for (const [customerId, reservationId] of waitlist.served) {
    writer.ascii(customerId)
    writeReservationId(writer, reservationId)
  }
  writer.varint(earmarked)
}

export function readWaitlist(reader: ByteReader, stock: Stock): void {
  const size = reader.varint()
  if (size === 0) return
  stock.waitlist = { line: new Map(), served: new Map(), freed: 0 }
  for (let left = size - 1; left > 0; left--) {
    const customerId = reader.ascii() as CustomerId
    const quantity = reader.varint()
    stock.waitlist.line.set(customerId, { customerId, quantity, reservationId: readReservationId(reader) })
  }
  for (let left = reader.varint(); left > 0; left--) {
    stock.waitlist.served.set(reader.ascii() as CustomerId, readReservationId(reader))
  }
  stock.earmarked = reader.varint()
}

function oneOf<T>(values: readonly T[], number: number): T {
  const value = values[number]
  if (value === undefined) throw new BytesDamaged(`no value has number ${number}`)
  return value
}
