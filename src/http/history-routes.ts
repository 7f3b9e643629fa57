/** What was: lists of reservations, a product's events, and its stock at any time. From the history, not from the shards. */
import { EngineError } from '../actors/engine-error.ts'
import type { Event } from '../domain/events.ts'
import { isReservationId, type ProductId, type ReservationId, shardOf } from '../domain/ids.ts'
import { availableIn, type Line, type PastReservation } from '../history/fold.ts'
import type { Moment, StockEvent } from '../history/queries.ts'
import { historyPageMax } from '../limits.ts'
import { type Position, positionToken, readPosition } from '../persistence/journal/position.ts'
import { reaches, unauthenticated } from './auth.ts'
import {
  reservationListQuery,
  reservationListReply,
  stockEventsQuery,
  stockEventsReply,
} from './history-schemas.ts'
import type { HttpParts } from './parts.ts'
import { productIdOf } from './path-ids.ts'
import { invalid, Problem } from './problems.ts'
import { limitOf, queryOf } from './query.ts'
import { goodsIn } from './reservation-view.ts'
import { json, refusal } from './responses.ts'
import type { Call, Operation, Route } from './route.ts'
import { shownSale } from './sale-routes.ts'
import { time } from './schemas.ts'
import { pastStock, retirement } from './stock-view.ts'
import { timeOf } from './time.ts'

type Parts = Pick<HttpParts, 'engine' | 'history' | 'shards' | 'clock'>

const PREFIX = 'res_'
const SEQUENCE = /^\d{1,15}$/

export function historyRoutes(parts: Parts): readonly Route[] {
  return [
    { operation: LIST, handle: (call) => list(parts, call) },
    { operation: STOCK_EVENTS, handle: (call) => stockEvents(parts, call) },
  ]
}

const LIST: Operation = {
  method: 'get',
  path: '/v1/reservations',
  operationId: 'listReservations',
  tag: 'Reservations',
  summary: 'List reservations, the newest first',
  description: `Those that fit every filter given. The list follows the journal some tens of milliseconds behind; \`Holdfast-Position\` says up to where, and \`minPosition\` waits, two seconds at most, until it reaches the position of your own change. A page may have fewer entries than \`limit\` and still a \`nextCursor\`.`,
  access: 'service',
  query: {
    schema: reservationListQuery,
    example: { customerId: 'usr_8812', status: 'confirmed', limit: '20' },
  },
  success: {
    status: 200,
    description: 'A page of them.',
    schema: reservationListReply,
    example: {
      reservations: [
        {
          reservationId: 'res_01K5ZC4N8XQ2M7V3H9R6T1B0DW05',
          status: 'confirmed',
          items: [{ productId: 'iphone-17-pro', quantity: 1, returned: 0 }],
          customerId: 'usr_8812',
          reference: 'order-9001',
          expiresAt: '2026-11-27T08:10:00.000Z',
          resolvedAt: '2026-11-27T08:04:11.000Z',
          sequence: 1042,
        },
      ],
      nextCursor: '01K5ZC4N8XQ2M7V3H9R6T1B0DW05',
    },
    headers: ['Holdfast-Position'],
  },
  problems: ['history-behind', 'history-unavailable'],
}

async function list({ history, shards }: Parts, call: Call): Promise<Response> {
  const query = queryOf(call, reservationListQuery)
  const { customerId, reference, productId, status, cursor, minPosition } = query
  const filter = { customerId, reference, productId, status }
  const { answer, position } = await history.ask(
    {
      type: 'listReservations',
      filter,
      before: cursorOf(cursor),
      limit: limitOf(query.limit, historyPageMax),
    },
    positionOf(minPosition, shards),
  )
  const reservations = answer.reservations.map(shownReservation)
  const nextCursor = answer.next?.slice(PREFIX.length)
  return json(
    call,
    200,
    { reservations, nextCursor },
    { 'holdfast-position': positionToken(position, shards) },
  )
}

const STOCK_EVENTS: Operation = {
  method: 'get',
  path: '/v1/products/{id}/stock/events',
  operationId: 'listStockEvents',
  tag: 'Stock',
  summary: 'What happened to a product’s stock, the newest first',
  description: `The journal’s own events: \`cause\` says what for, \`change\` by how much, and the counts are those right after. \`reference\` and \`customerId\` of a reservation’s event are the reservation’s as it is now.`,
  access: 'service',
  query: { schema: stockEventsQuery, example: { limit: '20' } },
  success: {
    status: 200,
    description: 'A page of them.',
    schema: stockEventsReply,
    example: {
      events: [
        {
          type: 'UnitsHeld',
          version: 7,
          sequence: 1042,
          at: '2026-11-27T08:00:00.000Z',
          cause: {
            reservationId: 'res_01K5ZC4N8XQ2M7V3H9R6T1B0DW05',
            customerId: 'usr_8812',
            reference: 'cart-5521',
          },
          change: { onHand: 0, held: 1, sold: 0 },
          onHand: 45,
          held: 4,
          sold: 12,
          available: 41,
        },
      ],
      nextCursor: '6',
    },
    headers: ['Holdfast-Position'],
  },
  problems: ['unknown-product', 'history-behind', 'history-unavailable'],
}

async function stockEvents({ history, shards }: Parts, call: Call): Promise<Response> {
  const productId = productIdOf(call)
  const { cursor, limit, minPosition } = queryOf(call, stockEventsQuery)
  const from = cursor === undefined ? undefined : sequenceOf(cursor)
  if (cursor !== undefined && from === undefined) throw invalid({ path: 'cursor', message: NO_CURSOR })
  const { answer, position } = await history.ask(
    { type: 'listStockEvents', productId, from, limit: limitOf(limit, historyPageMax) },
    positionOf(minPosition, shards),
  )
  if (answer === undefined) return refusal(call, { reason: 'unknownProduct', productId })
  const events = answer.events.map(shownEvent)
  const nextCursor = answer.next === undefined ? undefined : String(answer.next)
  return json(call, 200, { events, nextCursor }, { 'holdfast-position': positionToken(position, shards) })
}

/** `GET …/stock?at=`, for services. */
export async function readStockAt(parts: Parts, call: Call, at: string): Promise<Response> {
  if (call.principal === undefined) throw unauthenticated('Stock of the past needs a service key.')
  if (!reaches(call.principal, 'service')) {
    throw new Problem('forbidden', 'Stock of the past needs the role service.')
  }
  const productId = productIdOf(call)
  const moment = momentOf(at)
  const after = await presentOf(parts, productId, moment)
  const { answer } = await parts.history.ask({ type: 'readStockAt', productId, moment }, after)
  switch (answer.type) {
    case 'stock':
      return json(call, 200, pastStock(answer.stock))
    case 'gone':
      throw new Problem('history-not-kept', `What is kept of ${productId} begins later than ${at}.`)
    case 'unknown':
      throw new Problem('unknown-product', `There was no product ${productId} at ${at}.`)
  }
}

/**
 * Up to where the history must reach for the answer to hold everything that was acknowledged by now. Throws 400 for what
 * lies behind it. Where the shard does not answer, the history answers as far as it is.
 */
async function presentOf(
  { engine, clock, shards }: Parts,
  productId: ProductId,
  moment: Moment,
): Promise<Position | undefined> {
  const future = (present: string) =>
    invalid({ path: 'at', message: `must not lie in the future; now is ${present}` })
  try {
    const stock = await engine.execute({ type: 'readStock', productId })
    if (stock.type === 'refused') return undefined
    if (moment.type === 'sequence' && moment.sequence > stock.sequence)
      throw future(`sequence ${stock.sequence}`)
    if (moment.type === 'time' && moment.atMs > stock.asOfMs) throw future(timeOf(stock.asOfMs))
    return new Map([[shardOf(productId, shards), stock.sequence]])
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    if (moment.type === 'time' && moment.atMs > clock.wallMs()) throw future(timeOf(clock.wallMs()))
    // A sequence that the history has not reached may yet be in the future.
    return moment.type === 'sequence' ? new Map([[shardOf(productId, shards), moment.sequence]]) : undefined
  }
}

/** Looks up what its shard does not know any more; undefined where it never was. */
export async function findForgotten(
  { history }: Pick<Parts, 'history'>,
  reservationId: ReservationId,
): Promise<PastReservation | undefined> {
  return (await history.ask({ type: 'findReservation', reservationId })).answer
}

/** As `GET /v1/reservations/{id}` shows it. */
export function shownReservation(reservation: PastReservation) {
  const { reservationId, status, lines, customerId, reference, resolvedAtMs, sequence } = reservation
  const items = goodsIn(lines).map((line) => shownLine(line, status === 'confirmed'))
  const expiresAt = timeOf(reservation.expiresAtMs)
  const resolvedAt = resolvedAtMs === 0 ? undefined : timeOf(resolvedAtMs)
  return { reservationId, status, items, customerId, reference, expiresAt, resolvedAt, sequence }
}

function shownLine({ productId, quantity, returned }: Line, isConfirmed: boolean) {
  return isConfirmed ? { productId, quantity, returned } : { productId, quantity }
}

function shownEvent({ event, sequence, atMs, before, after, reservation }: StockEvent) {
  const { version, onHand, held, sold } = after
  return {
    type: event.type,
    version,
    sequence,
    at: timeOf(atMs),
    cause: { ...causeOf(event), customerId: reservation?.customerId, ...referenceOf(event, reservation) },
    change: { onHand: onHand - before.onHand, held: held - before.held, sold: sold - before.sold },
    onHand,
    held,
    sold,
    available: availableIn(after),
    ...retirement(after),
  }
}

function causeOf(event: Event) {
  if ('reservationId' in event) {
    const { reservationId } = event
    return event.type === 'UnitsReturned' ? { reservationId, reason: event.reason } : { reservationId }
  }
  if (event.type === 'StockAdjusted') return { reason: event.reason }
  return event.type === 'SaleScheduled' ? { sale: shownSale(event.sale) } : {}
}

function referenceOf(event: Event, reservation: PastReservation | undefined) {
  const reference = event.type === 'StockAdjusted' ? event.reference : reservation?.reference
  return reference === undefined ? {} : { reference }
}

const NO_CURSOR = 'must be the nextCursor of another page'

function cursorOf(cursor: string | undefined): ReservationId | undefined {
  if (cursor === undefined) return undefined
  const id = PREFIX + cursor
  if (isReservationId(id)) return id
  throw invalid({ path: 'cursor', message: NO_CURSOR })
}

function positionOf(text: string | undefined, shards: number): Position | undefined {
  if (text === undefined) return undefined
  const position = readPosition(text, shards)
  if (position !== undefined) return position
  throw invalid({ path: 'minPosition', message: 'must be the Holdfast-Position of a reply' })
}

function momentOf(at: string): Moment {
  const sequence = sequenceOf(at)
  if (sequence !== undefined) return { type: 'sequence', sequence }
  // A plus sign that was not encoded arrives as a space.
  const parsed = time.safeParse(at.replace(/ (?=\d\d:\d\d$)/, '+'))
  if (parsed.success) return { type: 'time', atMs: Date.parse(parsed.data) }
  throw invalid({
    path: 'at',
    message: 'must be a time as RFC 3339 writes it, such as 2026-11-27T08:00:00Z, or a sequence',
  })
}

function sequenceOf(text: string): number | undefined {
  return SEQUENCE.test(text) ? Number(text) : undefined
}
