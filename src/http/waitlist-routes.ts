/** The line of those who wait for a product: joined, looked at and left, by customers for themselves. */
import type { WaitingReply } from '../actors/requests.ts'
import { shardOf } from '../domain/ids.ts'
import { readBody } from './body.ts'
import { namedBuyerOf } from './buyer.ts'
import { commandKey, withReplay } from './idempotency.ts'
import type { HttpParts } from './parts.ts'
import { productIdOf } from './path-ids.ts'
import { queryOf } from './query.ts'
import { empty, json, refusal } from './responses.ts'
import type { Call, Operation, Route } from './route.ts'
import { waitingReply, waitlistBody, waitlistQuery, waitlistReply } from './schemas.ts'
import { timeOf } from './time.ts'

type Parts = Pick<HttpParts, 'engine' | 'shards'>

const SHARED = { path: '/v1/products/{id}/waitlist', tag: 'Waitlist', access: 'customer' } as const
const QUERY = { schema: waitlistQuery, example: { customerId: 'usr_8812' } } as const
const EXAMPLE = { productId: 'iphone-17-pro', quantity: 1, position: 7 }

export function waitlistRoutes(parts: Parts): readonly Route[] {
  return [
    { operation: JOIN, handle: (call) => join(parts, call) },
    { operation: READ, handle: (call) => read(parts, call) },
    { operation: LEAVE, handle: (call) => leave(parts, call) },
  ]
}

const JOIN: Operation = {
  ...SHARED,
  method: 'post',
  operationId: 'joinWaitlist',
  summary: 'Stand in line for a product',
  description:
    'Units that come back go to the line first, in order, as a hold for whoever is at its head; GET tells of it. One place a customer and product.',
  hot: true,
  changes: true,
  takesUnits: true,
  sells: true,
  body: { schema: waitlistBody, example: { quantity: 1, customerId: 'usr_8812' } },
  success: {
    status: 201,
    description: 'The place in the line, from 1.',
    schema: waitingReply,
    example: EXAMPLE,
    headers: ['Holdfast-Position'],
  },
  problems: [
    'unknown-product',
    'product-retired',
    'sale-not-open',
    'sale-closed',
    'max-per-reservation',
    'per-customer-limit',
    'already-waiting',
    'stock-available',
    'waitlist-full',
    'memory-full',
  ],
}

async function join({ engine, shards }: Parts, call: Call): Promise<Response> {
  const productId = productIdOf(call)
  const body = await readBody(call, waitlistBody)
  const reply = await engine.execute({
    type: 'joinWaitlist',
    productId,
    customerId: namedBuyerOf(call, body.customerId),
    quantity: body.quantity,
    reservationId: engine.newReservationId(productId),
    key: commandKey(call, body),
  })
  if (reply.type === 'refused') return refusal(call, reply.refusal)
  const position = `s${shardOf(productId, shards)}.${reply.sequence}`
  return json(call, 201, placeOf(reply), withReplay({ 'holdfast-position': position }, reply))
}

const READ: Operation = {
  ...SHARED,
  method: 'get',
  operationId: 'readWaitlist',
  summary: 'Read one’s place in line, or what came of it',
  description:
    'Once the units came: the reservation that holds them, to be paid or released by `expiresAt`. Services name the customer.',
  hot: true,
  query: QUERY,
  success: {
    status: 200,
    description: 'The place in the line, or the reservation.',
    schema: waitlistReply,
    example: EXAMPLE,
  },
  problems: ['unknown-product', 'not-waiting'],
}

async function read({ engine }: Parts, call: Call): Promise<Response> {
  const productId = productIdOf(call)
  const customerId = namedBuyerOf(call, queryOf(call, waitlistQuery).customerId)
  const reply = await engine.execute({ type: 'readWaitlist', productId, customerId })
  if (reply.type === 'refused') return refusal(call, reply.refusal)
  if (reply.type === 'waiting') return json(call, 200, placeOf(reply))
  const { quantity, reservationId } = reply
  return json(call, 200, { productId, quantity, reservationId, expiresAt: timeOf(reply.expiresAtMs) })
}

const LEAVE: Operation = {
  ...SHARED,
  method: 'delete',
  operationId: 'leaveWaitlist',
  summary: 'Leave the line',
  description:
    'Units that came already are a reservation, which has to be released. Services name the customer.',
  changes: true,
  query: QUERY,
  success: {
    status: 204,
    description: 'The customer does not stand in line any more.',
    headers: ['Holdfast-Position'],
  },
  problems: ['unknown-product', 'not-waiting'],
}

async function leave({ engine, shards }: Parts, call: Call): Promise<Response> {
  const productId = productIdOf(call)
  const query = queryOf(call, waitlistQuery)
  const customerId = namedBuyerOf(call, query.customerId)
  const key = commandKey(call, query)
  const reply = await engine.execute({ type: 'leaveWaitlist', productId, customerId, key })
  if (reply.type === 'refused') return refusal(call, reply.refusal)
  const position = `s${shardOf(productId, shards)}.${reply.sequence}`
  return empty(call, withReplay({ 'holdfast-position': position }, reply))
}

function placeOf({ productId, quantity, position }: WaitingReply) {
  return { productId, quantity, position }
}
