/** The sale of a product: when it is sold, and how much of it to whom. */

import type { z } from 'zod'
import { shardOf } from '../domain/ids.ts'
import type { Sale } from '../domain/stock.ts'
import { readBody } from './body.ts'
import { commandKey, withReplay } from './idempotency.ts'
import type { HttpParts } from './parts.ts'
import { productIdOf } from './path-ids.ts'
import { invalid } from './problems.ts'
import { json, refusal } from './responses.ts'
import type { Call, Operation, Route } from './route.ts'
import { saleBody } from './schemas.ts'
import { timeOf } from './time.ts'

type Parts = Pick<HttpParts, 'engine' | 'shards'>

const SECOND_MS = 1_000
const EXAMPLE = {
  opensAt: '2026-11-27T08:00:00.000Z',
  closesAt: '2026-11-27T20:00:00.000Z',
  perCustomerLimit: 2,
  holdTtlSeconds: 300,
  maxPerReservation: 2,
}

export function saleRoutes(parts: Parts): readonly Route[] {
  return [
    { operation: READ, handle: (call) => read(parts, call) },
    { operation: REPLACE, handle: (call) => replace(parts, call) },
  ]
}

const READ: Operation = {
  method: 'get',
  path: '/v1/products/{id}/sale',
  operationId: 'readSale',
  tag: 'Sales',
  summary: 'Read a product’s sale',
  access: 'anyone',
  hot: true,
  success: {
    status: 200,
    description: 'The sale; what is absent does not limit.',
    schema: saleBody,
    example: EXAMPLE,
  },
  problems: ['unknown-product'],
}

async function read({ engine }: Parts, call: Call): Promise<Response> {
  const reply = await engine.execute({ type: 'readStock', productId: productIdOf(call) })
  return reply.type === 'refused' ? refusal(call, reply.refusal) : json(call, 200, shownSale(reply.sale))
}

const REPLACE: Operation = {
  method: 'put',
  path: '/v1/products/{id}/sale',
  operationId: 'replaceSale',
  tag: 'Sales',
  summary: 'Replace a product’s sale',
  description:
    'As a whole: what the body leaves out no longer limits. Reservations made before are not touched.',
  access: 'staff',
  changes: true,
  body: { schema: saleBody, example: EXAMPLE },
  success: {
    status: 200,
    description: 'The sale as it is now.',
    schema: saleBody,
    example: EXAMPLE,
    headers: ['Holdfast-Position'],
  },
  problems: ['unknown-product'],
}

async function replace({ engine, shards }: Parts, call: Call): Promise<Response> {
  const productId = productIdOf(call)
  const body = await readBody(call, saleBody)
  const key = commandKey(call, body)
  const reply = await engine.execute({ type: 'scheduleSale', productId, sale: saleOf(body), key })
  if (reply.type === 'refused') return refusal(call, reply.refusal)
  const position = `s${shardOf(productId, shards)}.${reply.sequence}`
  return json(call, 200, shownSale(reply.sale), withReplay({ 'holdfast-position': position }, reply))
}

function saleOf(body: z.output<typeof saleBody>): Sale {
  const opensAtMs = body.opensAt === undefined ? undefined : Date.parse(body.opensAt)
  const closesAtMs = body.closesAt === undefined ? undefined : Date.parse(body.closesAt)
  if (opensAtMs !== undefined && closesAtMs !== undefined && closesAtMs <= opensAtMs) {
    throw invalid({ path: 'closesAt', message: 'must be later than opensAt' })
  }
  const { perCustomerLimit, maxPerReservation } = body
  const holdTtlMs = body.holdTtlSeconds === undefined ? undefined : body.holdTtlSeconds * SECOND_MS
  return { opensAtMs, closesAtMs, perCustomerLimit, holdTtlMs, maxPerReservation }
}

/** Exactly what a PUT takes, so that one can be read, changed and put back. */
export function shownSale({ opensAtMs, closesAtMs, perCustomerLimit, holdTtlMs, maxPerReservation }: Sale) {
  return {
    opensAt: opensAtMs === undefined ? undefined : timeOf(opensAtMs),
    closesAt: closesAtMs === undefined ? undefined : timeOf(closesAtMs),
    perCustomerLimit,
    holdTtlSeconds: holdTtlMs === undefined ? undefined : holdTtlMs / SECOND_MS,
    maxPerReservation,
  }
}
