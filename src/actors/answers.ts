/** What a shard says of its state: pure views, made at the sequence and time of the turn. */

import { assert } from '../domain/assert.ts'
import type { Event } from '../domain/events.ts'
import type { CustomerId, ProductId, ReservationId, ShardId } from '../domain/ids.ts'
import { abortedStep, settlementFor } from '../domain/split.ts'
import { availableOf, isLive, type ShardView, type StockView } from '../domain/stock.ts'
import { exitOf, positionOf } from '../domain/waitlist.ts'
import type {
  KeyRequest,
  Outcome,
  Refused,
  Reply,
  Request,
  ReservationReply,
  ServedReply,
  StockReply,
  WaitingReply,
} from './requests.ts'

/** Requests that the rules decide. */
export type Decided = Exclude<
  Request,
  KeyRequest | { readonly type: 'readStock' | 'readReservation' | 'readWaitlist' }
>

/** The newest event that an answer rests on, and the time of the turn. */
export type Moment = { readonly sequence: number; readonly nowMs: number }

export function stockAnswer(shard: ShardView, productId: ProductId, moment: Moment): StockReply | Refused {
  const stock = shard.products.get(productId)
  if (stock === undefined) return unknownProduct(productId)
  const { version, onHand, held, sold, retired, sale } = stock
  return {
    type: 'stock',
    productId,
    version,
    onHand,
    held,
    available: availableOf(stock),
    sold,
    retired,
    sale,
    asOfMs: moment.nowMs,
    sequence: moment.sequence,
  }
}

export function reservationAnswer(
  shard: ShardView,
  reservationId: ReservationId,
  { sequence }: Moment,
): ReservationReply | Refused {
  const one = shard.reservations.get(reservationId)
  const found = one ?? shard.splits.get(reservationId)
  if (found === undefined) return { type: 'refused', refusal: { reason: 'unknownReservation' } }
  const { customerId, reference, status, expiresAtMs } = found
  return {
    type: 'reservation',
    reservationId,
    customerId,
    reference,
    status,
    lines:
      'lines' in found
        ? found.lines.map(({ productId, quantity, returned }) => ({ productId, quantity, returned }))
        : [{ productId: found.stock.productId, quantity: found.quantity, returned: found.returned }],
    expiresAtMs,
    resolvedAtMs: isLive(status) ? undefined : found.resolvedAtMs,
    sequence,
    unsettled: 'lines' in found ? [...found.unsettled].map((of) => settlementFor(found, of)) : [],
  }
}

/** What became of a reservation, for the shard that holds lines of it. */
export function outcomeAnswer(shard: ShardView, reservationId: ReservationId, of: ShardId): Outcome {
  const split = shard.splits.get(reservationId)
  const settlement =
    split?.lines.some((line) => line.shard === of) === true
      ? settlementFor(split, of)
      : { reservationId, shard: of, step: abortedStep, lines: [], closed: false }
  return { type: 'outcome', settlement }
}

/** Where a customer stands in line for a product, or the hold that came of it. */
export function waitlistAnswer(
  shard: ShardView,
  asked: { readonly productId: ProductId; readonly customerId: CustomerId },
  { sequence, nowMs }: Moment,
): WaitingReply | ServedReply | Refused {
  const { productId, customerId } = asked
  const stock = shard.products.get(productId)
  if (stock === undefined) return unknownProduct(productId)
  const entry = stock.waitlist?.line.get(customerId)
  const position = positionOf(stock, customerId)
  // A closed sale has no line, though its entries go with the next units that come.
  if (entry !== undefined && position !== undefined && exitOf(stock, nowMs) === undefined) {
    return { type: 'waiting', productId, quantity: entry.quantity, position, sequence }
  }
  const servedAs = stock.waitlist?.served.get(customerId)
  const served = servedAs === undefined ? undefined : shard.reservations.get(servedAs)
  if (served === undefined) return { type: 'refused', refusal: { reason: 'notWaiting', productId } }
  const { id: reservationId, quantity, expiresAtMs } = served
  return { type: 'served', productId, reservationId, quantity, expiresAtMs, sequence }
}

function unknownProduct(productId: ProductId): Refused {
  return { type: 'refused', refusal: { reason: 'unknownProduct', productId } }
}

/** What a command is answered that was accepted with these events, which have been applied. */
export function answerTo(
  request: Decided,
  events: readonly Event[],
  at: Moment & { readonly shard: ShardView },
): Reply {
  const { shard } = at
  switch (request.type) {
    case 'reserve': {
      const [event] = events
      assert(event?.type === 'UnitsHeld', 'a reservation begins with its hold')
      const { quantity, available, expiresAtMs } = event
      return { type: 'held', quantity, available, expiresAtMs, sequence: at.sequence }
    }
    case 'reserveSplit': {
      const event = events.at(-1)
      assert(event?.type === 'SplitHeld', 'a reservation of several products is made last')
      const { reservationId, expiresAtMs } = event
      const lines = event.lines.map(({ productId, quantity, available }) => ({
        productId,
        quantity,
        available,
      }))
      return { type: 'splitHeld', reservationId, lines, expiresAtMs, sequence: at.sequence }
    }
    case 'holdLines': {
      const holds = shard.holds.get(request.reservationId) ?? []
      const lines = holds.map(({ stock, held, holdVersion }) => {
        return { productId: stock.productId, quantity: held, available: availableOf(stock), holdVersion }
      })
      return { type: 'linesHeld', lines, ttlMs: leastTtlMs(holds) }
    }
    case 'askOutcome':
      return outcomeAnswer(shard, request.reservationId, request.participant)
    case 'settle':
    case 'acknowledge':
      return { type: 'done' }
    case 'joinWaitlist': {
      const waiting = waitlistAnswer(shard, request, at)
      assert(waiting.type === 'waiting', 'who joined the line stands in it')
      return waiting
    }
    case 'leaveWaitlist':
      return { type: 'left', sequence: at.sequence }
    case 'adjust':
    case 'scheduleSale':
    case 'retire':
      return stockAnswer(shard, request.productId, at)
    default:
      return reservationAnswer(shard, request.reservationId, at)
  }
}

/** The least time to live that the sales of these products ask for. */
function leastTtlMs(holds: readonly { readonly stock: StockView }[]): number | undefined {
  const ttls = holds.flatMap(({ stock }) => stock.sale.holdTtlMs ?? [])
  return ttls.length === 0 ? undefined : Math.min(...ttls)
}
