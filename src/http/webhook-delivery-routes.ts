/** What subscribers were told and will be, listed, sent again, and tried out. */

import { type Delivery, deliveryPageMax } from '../persistence/tables/webhooks/delivery-operations.ts'
import { tableKey, withReplay } from './idempotency.ts'
import type { HttpParts } from './parts.ts'
import { invalid, Problem } from './problems.ts'
import { limitOf, queryOf } from './query.ts'
import { json } from './responses.ts'
import type { Call, Operation, Route } from './route.ts'
import { TABLES_POSITION } from './tables-position.ts'
import { timeOf } from './time.ts'
import { unknownWebhook, webhookIdOf } from './webhook-routes.ts'
import { deliveriesQuery, deliveriesReply, deliveryReply } from './webhook-schemas.ts'

type Parts = Pick<HttpParts, 'tables'>

const PREFIX = 'whd_'
const ULID = /^[0-9A-HJKMNP-TV-Z]{26}$/

const deliveryExample = {
  id: 'whd_01K5ZC4N8XQ2M7V3H9R6T1B0DW',
  eventId: 'evt_1042',
  type: 'order.confirmed',
  status: 'received',
  tries: 1,
  lastTryAt: '2026-11-27T08:00:00.120Z',
  lastStatus: 204,
  createdAt: '2026-11-27T08:00:00.000Z',
  body: '{"type":"order.confirmed","timestamp":"2026-11-27T08:00:00.000Z","data":{"id":"ord_01K5ZC4N8XQ2M7V3H9R6T1B0DW"}}',
} as const
const queuedExample = {
  ...deliveryExample,
  status: 'pending',
  tries: 0,
  nextTryAt: '2026-11-27T08:00:00.000Z',
} as const

export function webhookDeliveryRoutes(parts: Parts): readonly Route[] {
  return [
    { operation: LIST, handle: (call) => list(parts, call) },
    { operation: REPLAY, handle: (call) => replay(parts, call) },
    { operation: TEST, handle: (call) => test(parts, call) },
  ]
}

const LIST: Operation = {
  method: 'get',
  path: '/v1/webhooks/{id}/deliveries',
  operationId: 'listWebhookDeliveries',
  tag: 'Webhooks',
  summary: 'List the deliveries to a subscriber, the newest first',
  description: 'All that are pending, and the last thousand that have ended.',
  access: 'staff',
  query: { schema: deliveriesQuery, example: { status: 'failed', limit: '20' } },
  success: {
    status: 200,
    description: 'A page of them.',
    schema: deliveriesReply,
    example: { deliveries: [deliveryExample], nextCursor: '01K5ZC4N8XQ2M7V3H9R6T1B0DW' },
  },
  problems: ['unknown-webhook'],
}

async function list({ tables }: Parts, call: Call): Promise<Response> {
  const webhookId = webhookIdOf(call)
  const { status: state, cursor, limit } = queryOf(call, deliveriesQuery)
  if (cursor !== undefined && !ULID.test(cursor)) {
    throw invalid({ path: 'cursor', message: 'must be the nextCursor of an earlier page' })
  }
  const most = limitOf(limit, deliveryPageMax)
  const before = cursor === undefined ? undefined : `${PREFIX}${cursor}`
  const found = await tables.read('webhooks.deliveries', { webhookId, state, before, limit: most + 1 })
  if (found === undefined) throw unknownWebhook()
  const page = found.slice(0, most)
  const nextCursor = found.length > most ? page.at(-1)?.id.slice(PREFIX.length) : undefined
  return json(call, 200, { deliveries: page.map(shown), nextCursor })
}

const REPLAY: Operation = {
  method: 'post',
  path: '/v1/webhooks/{id}/deliveries/{deliveryId}/replay',
  operationId: 'replayWebhookDelivery',
  tag: 'Webhooks',
  summary: 'Send a delivery again',
  description:
    'Under the same `webhook-id`, by which the subscriber knows it. One that is received enables a disabled subscriber again.',
  access: 'staff',
  changes: true,
  success: {
    status: 202,
    description: 'It is due now.',
    schema: deliveryReply,
    example: queuedExample,
    headers: ['Holdfast-Position'],
  },
  problems: ['unknown-webhook', 'unknown-delivery'],
}

async function replay({ tables }: Parts, call: Call): Promise<Response> {
  const webhookId = webhookIdOf(call)
  const id = call.context.req.param('deliveryId') ?? ''
  if (!id.startsWith(PREFIX) || !ULID.test(id.slice(PREFIX.length))) throw unknownDelivery()
  const reply = await tables.write('webhooks.replay', { webhookId, id }, tableKey(call, {}))
  if (reply.type === 'refused') throw refusalOf(reply.reason)
  return json(call, 202, shown(reply.delivery), withReplay(TABLES_POSITION, reply))
}

const TEST: Operation = {
  method: 'post',
  path: '/v1/webhooks/{id}/test',
  operationId: 'testWebhook',
  tag: 'Webhooks',
  summary: 'Send a subscriber an event that means nothing',
  description: 'Its type is `webhook.test`. One that is received enables a disabled subscriber again.',
  access: 'staff',
  changes: true,
  success: {
    status: 202,
    description: 'It is due now.',
    schema: deliveryReply,
    example: { ...queuedExample, type: 'webhook.test' },
    headers: ['Holdfast-Position'],
  },
  problems: ['unknown-webhook'],
}

async function test({ tables }: Parts, call: Call): Promise<Response> {
  const reply = await tables.write('webhooks.test', { webhookId: webhookIdOf(call) }, tableKey(call, {}))
  if (reply.type === 'refused') throw refusalOf(reply.reason)
  return json(call, 202, shown(reply.delivery), withReplay(TABLES_POSITION, reply))
}

function shown(delivery: Delivery) {
  const { id, eventId, type, state, tries, dueAtMs, triedAtMs, answerStatus, trouble, createdAtMs, body } =
    delivery
  return {
    id,
    eventId,
    type,
    status: state,
    tries,
    ...(dueAtMs === null ? {} : { nextTryAt: timeOf(dueAtMs) }),
    ...(triedAtMs === null ? {} : { lastTryAt: timeOf(triedAtMs) }),
    ...(answerStatus === null ? {} : { lastStatus: answerStatus }),
    ...(trouble === null ? {} : { lastTrouble: trouble }),
    createdAt: timeOf(createdAtMs),
    body,
  }
}

function refusalOf(reason: 'unknown-webhook' | 'unknown-delivery'): Problem {
  return reason === 'unknown-webhook' ? unknownWebhook() : unknownDelivery()
}

function unknownDelivery(): Problem {
  return new Problem('unknown-delivery', 'There is no such delivery of this webhook.')
}
