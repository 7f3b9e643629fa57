/** An order's way as server-sent events. */
import { z } from 'zod'
import { visibleOrder } from './order-routes.ts'
import { orderStreamQuery } from './order-schemas.ts'
import { EXAMPLE_ORDER_ID } from './order-view.ts'
import type { HttpParts } from './parts.ts'
import { Problem } from './problems.ts'
import { queryOf } from './query.ts'
import { retryAfter, stream } from './responses.ts'
import { type Call, headerOf, type Operation, type Route } from './route.ts'

type Parts = Pick<HttpParts, 'tables' | 'orderStreams' | 'random'>

const BUSY_SECONDS = 5
const EVENT_NUMBER = /^\d{1,9}$/

export function orderStreamRoutes(parts: Parts): readonly Route[] {
  return [{ operation: LISTEN, handle: (call) => listen(parts, call) }]
}

const LISTEN: Operation = {
  method: 'get',
  path: '/v1/orders/{id}/stream',
  operationId: 'streamOrder',
  tag: 'Orders',
  summary: 'Follow an order as it changes',
  description:
    'Server-sent events: first where the order is, then each change of its status. `Last-Event-ID`, or `lastEventId` in the query, resumes: what came since is told, in order.',
  access: 'customer',
  query: { schema: orderStreamQuery, example: { lastEventId: '2' } },
  success: {
    status: 200,
    description: 'A stream without end. Comments keep it alive.',
    schema: z.string(),
    contentType: 'text/event-stream',
    example: `retry: 2000\n\nid: 2\nevent: status\ndata: {"orderId":"${EXAMPLE_ORDER_ID}","status":"confirmed","at":"2026-11-27T08:01:12.000Z"}\n\n`,
  },
  problems: ['unknown-order', 'too-many-streams'],
}

async function listen(parts: Parts, call: Call): Promise<Response> {
  const { orderStreams, random } = parts
  const { lastEventId } = queryOf(call, orderStreamQuery)
  const order = await visibleOrder(parts, call)
  const resumed = headerOf(call.context, 'last-event-id') ?? lastEventId
  const busy = { headers: { 'retry-after': retryAfter(BUSY_SECONDS, random) } }
  if (orderStreams.hasEnded) throw new Problem('shutting-down', 'This server is shutting down.', busy)
  if (!orderStreams.hasRoomFor(order.customerId))
    throw new Problem('too-many-streams', 'There is no room for another stream.', busy)
  if (call.context.req.raw.method === 'HEAD') return stream(call, null)
  const after = resumed !== undefined && EVENT_NUMBER.test(resumed) ? Number(resumed) : undefined
  return stream(call, orderStreams.open(order, after))
}
