/**
 * Answers as they are kept under an idempotency key: what the state cannot say any more at the time of a repetition, and no
 * more than that, since most of them then fit the 32 bytes that a key has room for. The rest the repeated request says.
 */
import { assert } from '../domain/assert.ts'
import type { ReservationId } from '../domain/ids.ts'
import type { ReservationStatus, Sale, ShardView } from '../domain/stock.ts'
import { ByteReader, ByteWriter } from '../persistence/journal/bytes.ts'
import { readSale, writeSale } from '../persistence/journal/event-codec.ts'
import type { HeldLine, Reply, Request } from './requests.ts'

const STATUSES: readonly ReservationStatus[] = ['held', 'paying', 'confirmed', 'released', 'expired']
const HELD = 1
const SPLIT_HELD = 2
const RESERVATION = 3
const STOCK = 4
const WAITING = 5
const LEFT = 6
const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const ID_CHARS = 28
const BITS_PER_CHAR = 5
const writer = new ByteWriter(512)

/** Bytes as characters. */
export function encodeAnswer(request: Request, reply: Reply, atMs: number): string {
  writer.reset()
  switch (reply.type) {
    case 'held':
      assert(request.type === 'reserve', 'a hold answers a reserve')
      writer.u8(HELD)
      writeId(request.reservationId)
      writer.varint(reply.quantity)
      writer.varint(reply.available)
      writer.signed(reply.expiresAtMs - atMs)
      writer.varint(reply.sequence)
      break
    case 'splitHeld':
      writer.u8(SPLIT_HELD)
      writeId(reply.reservationId)
      writer.signed(reply.expiresAtMs - atMs)
      writer.varint(reply.sequence)
      writer.varint(reply.lines.length)
      for (const { productId, quantity, available } of reply.lines) {
        writer.ascii(productId)
        writer.varint(quantity)
        writer.varint(available)
      }
      break
    case 'reservation':
      writer.u8(RESERVATION)
      writer.u8(STATUSES.indexOf(reply.status))
      writer.signed(reply.expiresAtMs - atMs)
      // How long ago + 1, mostly one byte; 0 is not at all.
      writer.varint(reply.resolvedAtMs === undefined ? 0 : atMs - reply.resolvedAtMs + 1)
      writer.varint(reply.sequence)
      for (const { quantity, returned } of reply.lines) {
        writer.varint(quantity)
        writer.varint(returned)
      }
      writer.text(reply.reference)
      break
    case 'stock':
      writer.u8(STOCK)
      for (const value of [
        reply.version,
        reply.onHand,
        reply.held,
        reply.available,
        reply.sold,
        reply.sequence,
      ])
        writer.varint(value)
      writer.u8(reply.retired ? 1 : 0)
      writeSale(writer, reply.sale)
      break
    case 'waiting':
      writer.u8(WAITING)
      for (const value of [reply.quantity, reply.position, reply.sequence]) writer.varint(value)
      break
    case 'left':
      writer.u8(LEFT)
      writer.varint(reply.sequence)
      break
    default:
      assert(false, `${reply.type} is not an answer that is kept`)
  }
  return writer.bytes.toString('latin1', 0, writer.length)
}

/** The reply to a request that came with a key before; `undefined` where what it was about is not known any longer. */
export function decodeAnswer(
  kept: { readonly value: string; readonly atMs: number },
  request: Request,
  shard: ShardView,
): Reply | undefined {
  const reader = new ByteReader(Buffer.from(kept.value, 'latin1'))
  const replayed = true
  switch (reader.u8()) {
    case HELD:
      return {
        type: 'held',
        replayed,
        reservationId: readId(reader),
        quantity: reader.varint(),
        available: reader.varint(),
        expiresAtMs: kept.atMs + reader.signed(),
        sequence: reader.varint(),
      }
    case SPLIT_HELD: {
      const reservationId = readId(reader)
      const expiresAtMs = kept.atMs + reader.signed()
      const sequence = reader.varint()
      const lines: HeldLine[] = []
      for (let left = reader.varint(); left > 0; left--) {
        const productId = reader.ascii() as HeldLine['productId']
        lines.push({ productId, quantity: reader.varint(), available: reader.varint() })
      }
      return { type: 'splitHeld', replayed, reservationId, lines, expiresAtMs, sequence }
    }
    case RESERVATION: {
      assert('reservationId' in request, 'a key stays with its route')
      const { reservationId } = request
      const found = shard.reservations.get(reservationId) ?? shard.splits.get(reservationId)
      if (found === undefined) return undefined
      const status = STATUSES[reader.u8()] as ReservationStatus
      const expiresAtMs = kept.atMs + reader.signed()
      const resolvedAgoMs = reader.varint() - 1
      const resolvedAtMs = resolvedAgoMs < 0 ? undefined : kept.atMs - resolvedAgoMs
      const sequence = reader.varint()
      const products =
        'lines' in found ? found.lines.map(({ productId }) => productId) : [found.stock.productId]
      const lines = products.map((productId) => {
        return { productId, quantity: reader.varint(), returned: reader.varint() }
      })
      const reference = reader.text()
      const { customerId } = found
      return {
        type: 'reservation',
        replayed,
        reservationId,
        customerId,
        reference,
        status,
        lines,
        expiresAtMs,
        resolvedAtMs,
        sequence,
        unsettled: [],
      }
    }
    case STOCK: {
      assert('productId' in request, 'a key stays with its route')
      const [version, onHand, held, available, sold, sequence] = Array.from({ length: 6 }, () =>
        reader.varint(),
      )
      const retired = reader.u8() === 1
      const sale: Sale = readSale(reader)
      return {
        type: 'stock',
        replayed,
        productId: request.productId,
        version: version as number,
        onHand: onHand as number,
        held: held as number,
        available: available as number,
        sold: sold as number,
        retired,
        sale,
        asOfMs: kept.atMs,
        sequence: sequence as number,
      }
    }
    case WAITING: {
      assert('productId' in request, 'a key stays with its route')
      const [quantity, position, sequence] = [reader.varint(), reader.varint(), reader.varint()]
      return { type: 'waiting', replayed, productId: request.productId, quantity, position, sequence }
    }
    default:
      return { type: 'left', replayed, sequence: reader.varint() }
  }
}

/** 28 characters of 5 bits in 18 bytes. */
function writeId(id: ReservationId): void {
  let bits = 0
  let count = 0
  for (let at = id.length - ID_CHARS; at < id.length; at++) {
    bits = (bits << BITS_PER_CHAR) | CROCKFORD.indexOf(id.charAt(at))
    count += BITS_PER_CHAR
    if (count < 8) continue
    count -= 8
    writer.u8((bits >> count) & 0xff)
    bits &= (1 << count) - 1
  }
  writer.u8((bits << (8 - count)) & 0xff)
}

function readId(reader: ByteReader): ReservationId {
  let id = 'res_'
  let bits = 0
  let count = 0
  for (let left = ID_CHARS; left > 0; left--) {
    if (count < BITS_PER_CHAR) {
      bits = (bits << 8) | reader.u8()
      count += 8
    }
    count -= BITS_PER_CHAR
    id += CROCKFORD[(bits >> count) & 31]
    bits &= (1 << count) - 1
  }
  return id as ReservationId
}
