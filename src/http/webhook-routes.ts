/** Subscribers of what happens, for staff: made, listed, removed, tried out; their deliveries listed and sent again. */

import type { Webhook } from '../persistence/tables/webhooks/subscriber-operations.ts'
import { type UrlTrouble, urlTroubleIn } from '../shop/webhooks/destination.ts'
import { readBody } from './body.ts'
import { tableKey, withReplay } from './idempotency.ts'
import type { HttpParts } from './parts.ts'
import { invalid, Problem } from './problems.ts'
import { empty, json } from './responses.ts'
import type { Call, Operation, Route } from './route.ts'
import { TABLES_POSITION } from './tables-position.ts'
import { timeOf } from './time.ts'
import { webhookBody, webhookCreatedReply, webhookReply, webhooksReply } from './webhook-schemas.ts'

type Parts = Pick<HttpParts, 'tables' | 'webhookPolicy'>

/** Read where they are written, so that no reading of them is ever behind. */
const WEBHOOK_ID = /^whk_[0-9A-HJKMNP-TV-Z]{26}$/
const TROUBLES: Readonly<Record<UrlTrouble, string>> = {
  'not-a-url': 'must be an absolute URL',
  'not-https': 'must begin with https://',
  'has-credentials': 'must not name a user or a password; deliveries are signed',
  'has-fragment': 'must not have a fragment, which is never sent',
  'bad-port': 'must be on port 443, 80, or one from 1024 on',
  'private-address': 'must not lead into a private network',
}

export const webhookExample = {
  id: 'whk_01K5ZC4N8XQ2M7V3H9R6T1B0DW',
  url: 'https://erp.example.com/hooks/holdfast',
  events: ['order.confirmed', 'order.cancelled'],
  status: 'enabled',
  createdAt: '2026-11-27T08:00:00.000Z',
  createdBy: 'key_admin',
} as const

export function webhookRoutes(parts: Parts): readonly Route[] {
  return [
    { operation: CREATE, handle: (call) => create(parts, call) },
    { operation: LIST, handle: (call) => list(parts, call) },
    { operation: READ, handle: (call) => read(parts, call) },
    { operation: REMOVE, handle: (call) => remove(parts, call) },
  ]
}

const CREATE: Operation = {
  method: 'post',
  path: '/v1/webhooks',
  operationId: 'createWebhook',
  tag: 'Webhooks',
  summary: 'Subscribe a URL to what happens',
  description:
    'Each event of these types, from now on, is posted there at least once, signed as Standard Webhooks, and tried for three days until any 2xx answers it.',
  access: 'staff',
  changes: true,
  body: {
    schema: webhookBody,
    example: { url: webhookExample.url, events: webhookExample.events },
  },
  success: {
    status: 201,
    description: 'The subscriber, with its secret shown this once.',
    schema: webhookCreatedReply,
    example: { ...webhookExample, secret: 'whsec_…' },
    headers: ['Location', 'Holdfast-Position'],
  },
  problems: ['webhooks-full'],
}

async function create({ tables, webhookPolicy }: Parts, call: Call): Promise<Response> {
  const body = await readBody(call, webhookBody)
  const trouble = urlTroubleIn(body.url, webhookPolicy)
  if (trouble !== undefined) throw invalid({ path: 'url', message: TROUBLES[trouble] })
  const { url, events, description = '' } = body
  const createdBy = call.principal?.callerId ?? ''
  const eventTypes = [...new Set(events)]
  const reply = await tables.write(
    'webhooks.create',
    { url, eventTypes, description, createdBy },
    tableKey(call, body),
  )
  if (reply.type === 'refused') {
    throw new Problem('webhooks-full', 'There are as many webhooks as there may be. Remove one first.')
  }
  const { webhook, secret } = reply
  const fields = { ...TABLES_POSITION, location: `/v1/webhooks/${webhook.id}` }
  return json(call, 201, { ...shown(webhook), secret }, withReplay(fields, reply))
}

const LIST: Operation = {
  method: 'get',
  path: '/v1/webhooks',
  operationId: 'listWebhooks',
  tag: 'Webhooks',
  summary: 'List the subscribers, the newest first',
  access: 'staff',
  success: {
    status: 200,
    description: 'All of them, without their secrets.',
    schema: webhooksReply,
    example: { webhooks: [webhookExample] },
  },
  problems: [],
}

async function list({ tables }: Parts, call: Call): Promise<Response> {
  return json(call, 200, { webhooks: (await tables.read('webhooks.list', {})).map(shown) })
}

const READ: Operation = {
  method: 'get',
  path: '/v1/webhooks/{id}',
  operationId: 'readWebhook',
  tag: 'Webhooks',
  summary: 'Read a subscriber',
  access: 'staff',
  success: {
    status: 200,
    description: 'The subscriber, without its secret.',
    schema: webhookReply,
    example: webhookExample,
  },
  problems: ['unknown-webhook'],
}

async function read({ tables }: Parts, call: Call): Promise<Response> {
  const webhook = await tables.read('webhooks.find', { id: webhookIdOf(call) })
  if (webhook === undefined) throw unknownWebhook()
  return json(call, 200, shown(webhook))
}

const REMOVE: Operation = {
  method: 'delete',
  path: '/v1/webhooks/{id}',
  operationId: 'deleteWebhook',
  tag: 'Webhooks',
  summary: 'Remove a subscriber',
  description:
    'Nothing more is sent to it, and its deliveries are forgotten. One that is under way still arrives.',
  access: 'staff',
  changes: true,
  success: { status: 204, description: 'It is removed.', headers: ['Holdfast-Position'] },
  problems: ['unknown-webhook'],
}

async function remove({ tables }: Parts, call: Call): Promise<Response> {
  const reply = await tables.write('webhooks.remove', { id: webhookIdOf(call) }, tableKey(call, {}))
  if (!reply.removed) throw unknownWebhook()
  return empty(call, withReplay(TABLES_POSITION, reply))
}

function shown({ disabledBecause, lastReceivedAtMs, createdAtMs, description, ...webhook }: Webhook) {
  const { id, url, eventTypes, state, createdBy } = webhook
  return {
    id,
    url,
    events: eventTypes,
    ...(description === '' ? {} : { description }),
    status: state,
    ...(disabledBecause === null ? {} : { disabledBecause }),
    ...(lastReceivedAtMs === null ? {} : { lastReceivedAt: timeOf(lastReceivedAtMs) }),
    createdAt: timeOf(createdAtMs),
    createdBy,
  }
}

/** Throws 404 for what cannot be one. */
export function webhookIdOf(call: Call): string {
  const id = call.context.req.param('id') ?? ''
  if (WEBHOOK_ID.test(id)) return id
  throw unknownWebhook()
}

export function unknownWebhook(): Problem {
  return new Problem('unknown-webhook', 'There is no such webhook.')
}
