/** Reservations of one product: make, read, extend, pay, release, confirm, return. */
import type { ReservationReply } from '../actors/requests.ts'
import { crashPoint } from '../crash-points.ts'
import { payingMsDefault, quantityMax } from '../domain/bounds.ts'
import { type CustomerId, homeOf, type ProductId, type ReservationId } from '../domain/ids.ts'
import { readBody, readOptionalBody } from './body.ts'
import { findForgotten, shownReservation } from './history-routes.ts'
import type { HttpParts } from './parts.ts'
import { reservationIdOf, unknownReservation } from './path-ids.ts'
import { invalid, type ProblemCode } from './problems.ts'
import { readReserveBody } from './reserve-body.ts'
import { json, jsonText, refusal } from './responses.ts'
import type { Call, Operation, Route, Success } from './route.ts'
import {
  confirmBody,
  extendBody,
  payingBody,
  type ReserveBody,
  releaseBody,
  reservationReply,
  reserveBody,
  reservedReply,
  returnBody,
} from './schemas.ts'
import { timeOf } from './time.ts'

type Parts = Pick<HttpParts, 'engine' | 'history' | 'shards'>

const SECOND_MS = 1_000
const ONE_PRODUCT = 'This version reserves one product at a time.'
const RETRY =
  'An `Idempotency-Key` is checked for its form only: answering a repeated key as before comes with the next version.'
const EXAMPLE_LINES = [{ productId: 'iphone-17-pro', quantity: 1 }]
const EXAMPLE_ID = 'res_01K5ZC4N8XQ2M7V3H9R6T1B0DW05'
const EXAMPLE = {
  reservationId: EXAMPLE_ID,
  status: 'held',
  items: EXAMPLE_LINES,
  customerId: 'usr_8812',
  reference: 'cart-5521',
  expiresAt: '2026-11-27T08:10:00.000Z',
  sequence: 1042,
}
const ENDED = { ...EXAMPLE, resolvedAt: '2026-11-27T08:04:11.000Z' }

export function reservationRoutes(parts: Parts): readonly Route[] {
  return [
    { operation: RESERVE, handle: (call) => reserve(parts, call) },
    { operation: READ, handle: (call) => read(parts, call) },
    { operation: EXTEND, handle: (call) => extend(parts, call) },
    { operation: START_PAYMENT, handle: (call) => startPayment(parts, call) },
    { operation: RELEASE, handle: (call) => release(parts, call) },
    { operation: CONFIRM, handle: (call) => confirm(parts, call) },
    { operation: RETURN, handle: (call) => takeBack(parts, call) },
  ]
}

const RESERVE: Operation = {
  method: 'post',
  path: '/v1/reservations',
  operationId: 'reserve',
  tag: 'Reservations',
  summary: 'Hold units for a buyer',
  description: `All or nothing, unless \`allowPartial\`. The reply leaves when the hold is on disk. ${ONE_PRODUCT} ${RETRY}`,
  access: 'customer',
  hot: true,
  changes: true,
  body: {
    schema: reserveBody,
    example: { items: EXAMPLE_LINES, ttlSeconds: 600, customerId: 'usr_8812', reference: 'cart-5521' },
  },
  success: {
    status: 201,
    description: 'The units are held.',
    schema: reservedReply,
    example: { ...EXAMPLE, items: [{ productId: 'iphone-17-pro', quantity: 1, available: 41 }] },
    headers: ['Location', 'Holdfast-Position'],
  },
  problems: [
    'reservation-exists',
    'unknown-product',
    'product-retired',
    'sale-not-open',
    'sale-closed',
    'max-per-reservation',
    'per-customer-limit',
    'out-of-stock',
    'memory-full',
  ],
}

async function reserve({ engine }: Parts, call: Call): Promise<Response> {
  const body = await readReserveBody(call)
  const customerId = buyerOf(call, body)
  const { productId, quantity } = onlyLine(body)
  const reservationId = engine.newReservationId(productId)
  const ttlMs = body.ttlSeconds === undefined ? undefined : body.ttlSeconds * SECOND_MS
  const { allowPartial = false, reference } = body

  crashPoint('http.beforeEnqueue')
  const reply = await engine.execute({
    type: 'reserve',
    reservationId,
    productId,
    customerId,
    quantity,
    ttlMs,
    allowPartial,
    reference,
  })
  if (reply.type === 'refused') return refusal(call, reply.refusal)
  const { sequence } = reply
  return jsonText(call, 201, reservedText({ reservationId, productId, customerId, reference, ...reply }), {
    location: `/v1/reservations/${reservationId}`,
    'holdfast-position': positionOf(reservationId, sequence),
  })
}

/** Ids and times have no character that JSON escapes, so putting the text together takes a third of the time. */
function reservedText(reserved: {
  readonly reservationId: ReservationId
  readonly productId: ProductId
  readonly customerId: CustomerId | undefined
  readonly reference: string | undefined
  readonly quantity: number
  readonly available: number
  readonly expiresAtMs: number
  readonly sequence: number
}): string {
  const { reservationId, productId, quantity, available, customerId, reference, expiresAtMs, sequence } =
    reserved
  const line = `{"productId":"${productId}","quantity":${quantity},"available":${available}}`
  const whose = customerId === undefined ? '' : `,"customerId":${JSON.stringify(customerId)}`
  const note = reference === undefined ? '' : `,"reference":${JSON.stringify(reference)}`
  const end = `"expiresAt":"${timeOf(expiresAtMs)}","sequence":${sequence}`
  return `{"reservationId":"${reservationId}","status":"held","items":[${line}]${whose}${note},${end}}`
}

/** A customer reserves for themselves; a service says for whom. */
function buyerOf(call: Call, body: ReserveBody): CustomerId | undefined {
  if (call.principal?.role !== 'customer') return body.customerId
  if (body.customerId === undefined) return call.principal.customerId
  throw invalid({ path: 'customerId', message: 'is for services; a customer reserves for themselves' })
}

/** The lines summed, which must all name one product. */
function onlyLine({ items }: ReserveBody) {
  const [first, ...others] = items
  if (first === undefined) throw invalid({ path: 'items', message: 'must have a line' })
  let { quantity } = first
  for (const line of others) {
    if (line.productId !== first.productId) {
      throw invalid({
        path: 'items',
        message: 'must all name the same product: this version reserves one at a time',
      })
    }
    quantity += line.quantity
  }
  if (quantity > quantityMax) {
    throw invalid({ path: 'items', message: `must not ask for more than ${quantityMax} units in sum` })
  }
  return { productId: first.productId, quantity }
}

const READ: Operation = {
  method: 'get',
  path: '/v1/reservations/{id}',
  operationId: 'readReservation',
  tag: 'Reservations',
  summary: 'Read a reservation',
  access: 'customer',
  hot: true,
  success: { status: 200, description: 'The reservation.', schema: reservationReply, example: EXAMPLE },
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
  description: `The hold then lives until now + \`ttlSeconds\`, never shorter than before and two hours at most. ${RETRY}`,
  body: { schema: extendBody, example: { ttlSeconds: 600 } },
  success: changed('The hold with its time.', EXAMPLE),
  problems: settling('payment-started', 'lifetime-exceeded'),
}

async function extend(parts: Parts, call: Call): Promise<Response> {
  const reservationId = await changeable(parts, call)
  const { ttlSeconds } = await readBody(call, extendBody)
  const reply = await parts.engine.execute({ type: 'extend', reservationId, ttlMs: ttlSeconds * SECOND_MS })
  return reply.type === 'refused' ? refusal(call, reply.refusal) : shownChanged(call, reply)
}

const START_PAYMENT: Operation = {
  ...change('paying', 'startPayment', 'Say that payment has begun', 'service'),
  description: `For shops that charge elsewhere. The deadline is set once, at the later of the hold’s end and now + \`seconds\`. ${RETRY}`,
  body: { schema: payingBody, example: { seconds: 900 }, optional: true },
  success: changed('The reservation with its deadline.', { ...EXAMPLE, status: 'paying' }),
  problems: settling(),
}

async function startPayment(parts: Parts, call: Call): Promise<Response> {
  const reservationId = await changeable(parts, call)
  const { seconds } = await readOptionalBody(call, payingBody)
  const payingMs = seconds === undefined ? payingMsDefault : seconds * SECOND_MS
  const reply = await parts.engine.execute({ type: 'startPayment', reservationId, payingMs })
  return reply.type === 'refused' ? refusal(call, reply.refusal) : shownChanged(call, reply)
}

const RELEASE: Operation = {
  ...change('release', 'releaseReservation', 'Give held units back', 'customer'),
  description: `All of them, or the part that \`items\` names. ${RETRY}`,
  body: { schema: releaseBody, example: { items: EXAMPLE_LINES }, optional: true },
  success: changed('The reservation with what it still holds.', { ...ENDED, status: 'released' }),
  problems: settling('exceeds-held'),
}

async function release(parts: Parts, call: Call): Promise<Response> {
  const reservationId = await changeable(parts, call)
  const { items } = await readOptionalBody(call, releaseBody)
  const reply = await parts.engine.execute({ type: 'release', reservationId, items })
  return reply.type === 'refused' ? refusal(call, reply.refusal) : shownChanged(call, reply)
}

const CONFIRM: Operation = {
  ...change('confirm', 'confirmReservation', 'Sell the held units', 'service'),
  description: `All of them, or the part that \`items\` names; the rest returns. A confirm wins until the expiry is recorded. ${RETRY}`,
  body: { schema: confirmBody, example: { items: EXAMPLE_LINES, reference: 'order-9001' }, optional: true },
  success: changed('The confirmed reservation.', {
    ...ENDED,
    status: 'confirmed',
    items: [{ productId: 'iphone-17-pro', quantity: 1, returned: 0 }],
  }),
  problems: settling('exceeds-held'),
}

async function confirm(parts: Parts, call: Call): Promise<Response> {
  const reservationId = await changeable(parts, call)
  const { items, reference } = await readOptionalBody(call, confirmBody)
  const reply = await parts.engine.execute({ type: 'confirm', reservationId, items, reference })
  return reply.type === 'refused' ? refusal(call, reply.refusal) : shownChanged(call, reply)
}

const RETURN: Operation = {
  ...change('return', 'returnUnits', 'Take sold units back', 'service'),
  description: `Confirmed units are on hand again and free the customer’s limit; the reservation stays confirmed. ${RETRY}`,
  body: { schema: returnBody, example: { items: EXAMPLE_LINES, reason: 'unwanted gift' } },
  success: changed('The reservation with what came back.', {
    ...ENDED,
    status: 'confirmed',
    items: [{ productId: 'iphone-17-pro', quantity: 1, returned: 1 }],
  }),
  problems: settling('not-confirmed', 'return-window-over', 'exceeds-confirmed'),
}

async function takeBack(parts: Parts, call: Call): Promise<Response> {
  const reservationId = await changeable(parts, call)
  const { items, reason } = await readBody(call, returnBody)
  const reply = await parts.engine.execute({ type: 'return', reservationId, items, reason })
  return reply.type === 'refused' ? refusal(call, reply.refusal) : shownChanged(call, reply)
}

/** What the calls that change a reservation have in common. */
function change(word: string, operationId: string, summary: string, access: 'customer' | 'service') {
  const path = `/v1/reservations/{id}/${word}`
  return { method: 'post', path, operationId, tag: 'Reservations', summary, access, changes: true } as const
}

function changed(description: string, example: unknown): Success {
  return { status: 200, description, schema: reservationReply, example, headers: ['Holdfast-Position'] }
}

function settling(...more: ProblemCode[]): ProblemCode[] {
  return ['unknown-reservation', 'reservation-resolved', ...more]
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
  if (call.principal?.role !== 'customer') return reservationIdOf(call, parts.shards)
  return (await visible(parts, call)).reservationId
}

function shown(call: Call, reply: ReservationReply, headers?: Readonly<Record<string, string>>): Response {
  const { reservationId, status, productId, quantity, returned, customerId, reference, sequence } = reply
  const item = status === 'confirmed' ? { productId, quantity, returned } : { productId, quantity }
  const expiresAt = timeOf(reply.expiresAtMs)
  const resolvedAt = reply.resolvedAtMs === undefined ? undefined : timeOf(reply.resolvedAtMs)
  const body = {
    reservationId,
    status,
    items: [item],
    customerId,
    reference,
    expiresAt,
    resolvedAt,
    sequence,
  }
  return json(call, 200, body, headers)
}

function shownChanged(call: Call, reply: ReservationReply): Response {
  return shown(call, reply, { 'holdfast-position': positionOf(reply.reservationId, reply.sequence) })
}

function positionOf(reservationId: ReservationId, sequence: number): string {
  return `s${homeOf(reservationId)}.${sequence}`
}
