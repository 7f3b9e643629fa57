/** Reservations: made, read, extended, paid, released, confirmed, returned; of one product or of several alike. */
import type { Refused, ReservationReply } from '../actors/requests.ts'
import { payingMsDefault } from '../domain/bounds.ts'
import type { ReservationId } from '../domain/ids.ts'
import { TablesError } from '../persistence/tables/tables-error.ts'
import { readBody, readOptionalBody } from './body.ts'
import { findForgotten, shownReservation } from './history-routes.ts'
import { commandKey } from './idempotency.ts'
import type { HttpParts } from './parts.ts'
import { reservationIdOf, unknownReservation } from './path-ids.ts'
import { Problem, type ProblemCode } from './problems.ts'
import { exampleLines, exampleReservation, shown, shownChanged } from './reservation-view.ts'
import { reserveRoute } from './reserve-route.ts'
import { json, refusal } from './responses.ts'
import type { Call, Operation, Route, Success } from './route.ts'
import { confirmBody, extendBody, payingBody, releaseBody, reservationReply, returnBody } from './schemas.ts'

type Parts = Pick<HttpParts, 'engine' | 'splits' | 'history' | 'shards' | 'tables'>

const SECOND_MS = 1_000
const ENDED = { ...exampleReservation, resolvedAt: '2026-11-27T08:04:11.000Z' }
const CONFIRMED = {
  ...ENDED,
  status: 'confirmed',
  items: exampleLines.map((line) => ({ ...line, returned: 0 })),
}
const [FIRST_LINE] = exampleLines

export function reservationRoutes(parts: Parts): readonly Route[] {
  return [
    reserveRoute(parts),
    { operation: READ, handle: (call) => read(parts, call) },
    { operation: EXTEND, handle: (call) => extend(parts, call) },
    { operation: START_PAYMENT, handle: (call) => startPayment(parts, call) },
    { operation: RELEASE, handle: (call) => release(parts, call) },
    { operation: CONFIRM, handle: (call) => confirm(parts, call) },
    { operation: RETURN, handle: (call) => takeBack(parts, call) },
  ]
}

const READ: Operation = {
  method: 'get',
  path: '/v1/reservations/{id}',
  operationId: 'readReservation',
  tag: 'Reservations',
  summary: 'Read a reservation',
  access: 'customer',
  hot: true,
  success: {
    status: 200,
    description: 'The reservation.',
    schema: reservationReply,
    example: exampleReservation,
  },
  problems: ['unknown-reservation', 'history-behind', 'history-unavailable'],
}

/** From its shard, or from the history once the shard has forgotten it. */
async function read(parts: Parts, call: Call): Promise<Response> {
  const reservationId = reservationIdOf(call, parts.shards)
  const reply = await parts.engine.execute({ type: 'readReservation', reservationId })
  const reservation = reply.type === 'refused' ? await findForgotten(parts, reservationId) : reply
  if (reservation === undefined || !isShownTo(call, reservation)) throw unknownReservation()
  return 'type' in reservation ? shown(call, reservation) : json(call, 200, shownReservation(reservation))
}

const EXTEND: Operation = {
  ...change('extend', 'extendReservation', 'Keep a hold alive for longer', 'customer'),
  description:
    'The hold then lives until now + `ttlSeconds`, never shorter than before and two hours at most.',
  body: { schema: extendBody, example: { ttlSeconds: 600 } },
  success: changed('The hold with its time.', exampleReservation),
  problems: settling('payment-started', 'lifetime-exceeded'),
}

async function extend(parts: Parts, call: Call): Promise<Response> {
  const reservationId = await changeable(parts, call)
  const body = await readBody(call, extendBody)
  await expectFree(parts, reservationId)
  const ttlMs = body.ttlSeconds * SECOND_MS
  const key = commandKey(call, body)
  return answer(call, await parts.engine.execute({ type: 'extend', reservationId, ttlMs, key }))
}

const START_PAYMENT: Operation = {
  ...change('paying', 'startPayment', 'Say that payment has begun', 'service'),
  description:
    'For shops that charge elsewhere. The deadline is set once, at the later of the hold’s end and now + `seconds`.',
  body: { schema: payingBody, example: { seconds: 900 }, optional: true },
  success: changed('The reservation with its deadline.', { ...exampleReservation, status: 'paying' }),
  problems: settling(),
}

async function startPayment(parts: Parts, call: Call): Promise<Response> {
  const reservationId = await changeable(parts, call)
  const body = await readOptionalBody(call, payingBody)
  await expectFree(parts, reservationId)
  const payingMs = body.seconds === undefined ? payingMsDefault : body.seconds * SECOND_MS
  const key = commandKey(call, body)
  return answer(call, await parts.engine.execute({ type: 'startPayment', reservationId, payingMs, key }))
}

const RELEASE: Operation = {
  ...change('release', 'releaseReservation', 'Give held units back', 'customer'),
  description: 'All of them, or the part that `items` names.',
  body: { schema: releaseBody, example: { items: [FIRST_LINE] }, optional: true },
  success: changed('The reservation with what it still holds.', { ...ENDED, status: 'released' }),
  problems: settling('exceeds-held'),
}

async function release(parts: Parts, call: Call): Promise<Response> {
  const reservationId = await changeable(parts, call)
  const body = await readOptionalBody(call, releaseBody)
  await expectFree(parts, reservationId)
  const { items } = body
  const key = commandKey(call, body)
  return answer(call, await parts.splits.change({ type: 'release', reservationId, items, key }))
}

const CONFIRM: Operation = {
  ...change('confirm', 'confirmReservation', 'Sell the held units', 'service'),
  description:
    'All of them, or the part that `items` names; the rest returns. A confirm wins until the expiry is recorded.',
  body: { schema: confirmBody, example: { items: exampleLines, reference: 'order-9001' }, optional: true },
  success: changed('The confirmed reservation.', CONFIRMED),
  problems: settling('exceeds-held'),
}

async function confirm(parts: Parts, call: Call): Promise<Response> {
  const reservationId = await changeable(parts, call)
  const body = await readOptionalBody(call, confirmBody)
  await expectFree(parts, reservationId)
  const { items, reference } = body
  const key = commandKey(call, body)
  return answer(call, await parts.splits.change({ type: 'confirm', reservationId, items, reference, key }))
}

const RETURN: Operation = {
  ...change('return', 'returnUnits', 'Take sold units back', 'service'),
  description:
    'Confirmed units are on hand again and free the customer’s limit; the reservation stays confirmed.',
  body: { schema: returnBody, example: { items: [FIRST_LINE], reason: 'unwanted gift' } },
  success: changed('The reservation with what came back.', {
    ...CONFIRMED,
    items: CONFIRMED.items.map((line, i) => (i === 0 ? { ...line, returned: 1 } : line)),
  }),
  problems: settling('not-confirmed', 'return-window-over', 'exceeds-confirmed'),
}

async function takeBack(parts: Parts, call: Call): Promise<Response> {
  const reservationId = await changeable(parts, call)
  const body = await readBody(call, returnBody)
  await expectFree(parts, reservationId)
  const { items, reason } = body
  const key = commandKey(call, body)
  return answer(call, await parts.splits.change({ type: 'return', reservationId, items, reason, key }))
}

/** What the calls that change a reservation have in common. */
function change(word: string, operationId: string, summary: string, access: 'customer' | 'service') {
  const path = `/v1/reservations/{id}/${word}`
  return { method: 'post', path, operationId, tag: 'Reservations', summary, access, changes: true } as const
}

function changed(description: string, example: unknown): Success {
  return { status: 200, description, schema: reservationReply, example, headers: ['Holdfast-Position'] }
}

function answer(call: Call, reply: ReservationReply | Refused): Response {
  return reply.type === 'refused' ? refusal(call, reply.refusal) : shownChanged(call, reply)
}

function settling(...more: ProblemCode[]): ProblemCode[] {
  return ['unknown-reservation', 'owned-by-order', 'reservation-resolved', ...more]
}

/** The reservation, if the caller may see it. Throws 404 otherwise, the same for missing and for somebody else's. */
async function visible({ engine, shards }: Parts, call: Call): Promise<ReservationReply> {
  const reply = await engine.execute({
    type: 'readReservation',
    reservationId: reservationIdOf(call, shards),
  })
  if (reply.type === 'refused') throw unknownReservation()
  if (!isShownTo(call, reply)) throw unknownReservation()
  return reply
}

function isShownTo({ principal }: Call, { customerId }: Pick<ReservationReply, 'customerId'>): boolean {
  return principal?.role !== 'customer' || customerId === principal.customerId
}

/**
 * The id in the path, if the caller may change what it names. A customer's is read first: whose a reservation is never
 * changes, so nothing can come between. For services the command itself finds out what exists.
 */
async function changeable(parts: Parts, call: Call): Promise<ReservationId> {
  return call.principal?.role === 'customer'
    ? (await visible(parts, call)).reservationId
    : reservationIdOf(call, parts.shards)
}

/**
 * What an order owns changes with the order alone, whoever asks. Asked last, since a body can take its time to come. (An
 * order made this very moment finds its hold changed when it is to be paid.)
 */
async function expectFree({ tables }: Parts, reservationId: ReservationId): Promise<void> {
  const owner = await tables.read('orders.ofReservation', { reservationId }).catch(ifNobodyMakesOrders)
  if (owner === undefined) return
  const { orderId } = owner
  throw new Problem('owned-by-order', `The reservation belongs to ${orderId}.`, { members: { orderId } })
}

/** Nodes that do not share their tables make no orders, and stock and reservations go on there. */
function ifNobodyMakesOrders(error: unknown): undefined {
  if (error instanceof TablesError && error.code === 'not-shared') return undefined
  throw error
}
