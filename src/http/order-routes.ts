/** Orders: read by their owners and by staff, called off, sent on their way, and given back for. */

import { z } from 'zod'
import type { CustomerId } from '../domain/ids.ts'
import { minorUnits } from '../domain/money.ts'
import { ordersPageDefault } from '../limits.ts'
import type { Replayable } from '../persistence/tables/idempotency-records.ts'
import type { OrderRefused, OrderReply } from '../persistence/tables/orders/order-operations.ts'
import type { Order } from '../persistence/tables/orders/order-rows.ts'
import { cancelOrder } from '../shop/orders/cancel-order.ts'
import { refundOrder } from '../shop/orders/refund-order.ts'
import { returnItems } from '../shop/orders/return-items.ts'
import { reaches } from './auth.ts'
import { readBody, readOptionalBody } from './body.ts'
import { PAGE_POLICY } from './html.ts'
import { tableKey, withReplay } from './idempotency.ts'
import { invoicePage } from './invoice.ts'
import {
  cancelBody,
  fulfilmentBody,
  orderReply,
  orderStatusReply,
  ordersQuery,
  ordersReply,
  refundBody,
  refundReply,
  refundsReply,
  returnItemsBody,
} from './order-schemas.ts'
import {
  EXAMPLE_ORDER_ID,
  exampleOrder,
  shownOrder,
  shownProgress,
  shownRefund,
  wholeOrder,
} from './order-view.ts'
import type { HttpParts } from './parts.ts'
import { invalid, Problem } from './problems.ts'
import { queryOf } from './query.ts'
import { json, problem, text } from './responses.ts'
import type { Call, Operation, Route, Success } from './route.ts'
import { TABLES_POSITION } from './tables-position.ts'

type Parts = Pick<HttpParts, 'engine' | 'splits' | 'tables' | 'gateway' | 'chargeTimeoutMs' | 'clock' | 'log'>

const ORDER_ID = /^ord_[0-9A-HJKMNP-TV-Z]{26}$/
const OWNED = 'An owner’s own; services and staff see all.'

export function orderRoutes(parts: Parts): readonly Route[] {
  return [
    { operation: LIST, handle: (call) => list(parts, call) },
    { operation: READ, handle: (call) => read(parts, call) },
    { operation: PROGRESS, handle: (call) => progress(parts, call) },
    { operation: INVOICE, handle: (call) => invoice(parts, call) },
    { operation: CANCEL, handle: (call) => cancel(parts, call) },
    { operation: FULFIL, handle: (call) => fulfil(parts, call) },
    { operation: REFUND, handle: (call) => refund(parts, call) },
    { operation: LIST_REFUNDS, handle: (call) => listRefunds(parts, call) },
    { operation: RETURN, handle: (call) => takeBack(parts, call) },
  ]
}

const SHOWN: Success = { status: 200, description: 'The order.', schema: orderReply, example: exampleOrder }

const LIST: Operation = {
  method: 'get',
  path: '/v1/orders',
  operationId: 'listOrders',
  tag: 'Orders',
  summary: 'List orders, the newest first',
  description: `${OWNED} \`customerId\` is for those.`,
  access: 'customer',
  query: { schema: ordersQuery, example: { status: 'confirmed', limit: '20' } },
  success: {
    status: 200,
    description: 'A page of orders, and where the next one begins.',
    schema: ordersReply,
    example: { orders: [exampleOrder] },
  },
  problems: [],
}

async function list({ tables }: Parts, call: Call): Promise<Response> {
  const { status, customerId, cursor, limit = ordersPageDefault } = queryOf(call, ordersQuery)
  const { principal } = call
  const isCustomer = principal?.role === 'customer'
  if (isCustomer && customerId !== undefined)
    throw invalid({ path: 'customerId', message: 'is for services and staff' })
  const whose = isCustomer ? principal.customerId : (customerId as CustomerId | undefined)
  const page = await tables.read('orders.list', { customerId: whose, status, before: cursor, limit })
  return json(call, 200, { orders: page.orders.map(shownOrder), nextCursor: page.next })
}

const READ: Operation = {
  method: 'get',
  path: '/v1/orders/{id}',
  operationId: 'readOrder',
  tag: 'Orders',
  summary: 'Read an order',
  description: `${OWNED} With a service key also its \`history\`.`,
  access: 'customer',
  success: SHOWN,
  problems: ['unknown-order'],
}

async function read(parts: Parts, call: Call): Promise<Response> {
  const order = await visibleOrder(parts, call)
  return json(call, 200, reaches(call.principal, 'service') ? wholeOrder(order) : shownOrder(order))
}

const PROGRESS: Operation = {
  method: 'get',
  path: '/v1/orders/{id}/status',
  operationId: 'readOrderStatus',
  tag: 'Orders',
  summary: 'Follow an order',
  description: OWNED,
  access: 'customer',
  hot: true,
  success: {
    status: 200,
    description: 'Where it is, and how it came there.',
    schema: orderStatusReply,
    example: {
      orderId: EXAMPLE_ORDER_ID,
      status: 'confirmed',
      timeline: [
        { status: 'pending_payment', at: '2026-11-27T08:00:00.000Z' },
        { status: 'confirmed', at: '2026-11-27T08:01:12.000Z' },
      ],
    },
  },
  problems: ['unknown-order'],
}

async function progress(parts: Parts, call: Call): Promise<Response> {
  return json(call, 200, shownProgress(await visibleOrder(parts, call)))
}

const INVOICE: Operation = {
  method: 'get',
  path: '/v1/orders/{id}/invoice',
  operationId: 'readInvoice',
  tag: 'Orders',
  summary: 'The invoice, as a page to print',
  description: `Of an order that was confirmed. ${OWNED} Invoices are numbered without a gap.`,
  access: 'customer',
  success: { status: 200, description: 'A page.', schema: z.string(), contentType: 'text/html' },
  problems: ['unknown-order', 'order-state'],
}

async function invoice(parts: Parts, call: Call): Promise<Response> {
  const order = await visibleOrder(parts, call)
  if (order.invoiceNumber === null)
    return orderState(call, order.status, 'has no invoice before it is confirmed')
  const headers = { 'content-security-policy': PAGE_POLICY }
  return text(call, invoicePage(order), { type: 'text/html; charset=utf-8', headers })
}

const CANCEL: Operation = {
  method: 'post',
  path: '/v1/orders/{id}/cancel',
  operationId: 'cancelOrder',
  tag: 'Orders',
  summary: 'Call an order off, before it is shipped',
  description:
    'Its units are free again, and what was paid goes back: the order is `cancelled`, and `refunded` when the provider says so.',
  access: 'customer',
  changes: true,
  body: { schema: cancelBody, example: { reason: 'ordered by mistake' }, optional: true },
  success: changed('The order, called off.'),
  problems: ['unknown-order', 'order-state'],
}

async function cancel(parts: Parts, call: Call): Promise<Response> {
  const { orderId } = await visibleOrder(parts, call)
  const body = await readOptionalBody(call, cancelBody)
  const by = call.principal?.callerId ?? ''
  const reason = body.reason ?? 'no reason given'
  return answer(call, await cancelOrder(parts, { orderId, by, reason, key: tableKey(call, body) }))
}

const FULFIL: Operation = {
  method: 'post',
  path: '/v1/orders/{id}/fulfilment',
  operationId: 'fulfilOrder',
  tag: 'Orders',
  summary: 'Say that an order was shipped or delivered',
  description:
    'Shipped again it changes what is said of the shipment. Paid at the door is paid when delivered.',
  access: 'staff',
  changes: true,
  body: { schema: fulfilmentBody, example: { status: 'shipped', trackingNumber: '1Z999AA10123456784' } },
  success: changed('The order on its way.'),
  problems: ['unknown-order', 'order-state'],
}

async function fulfil({ tables }: Parts, call: Call): Promise<Response> {
  const orderId = orderIdIn(call)
  const body = await readBody(call, fulfilmentBody)
  const key = tableKey(call, body)
  const { status, trackingNumber, carrier, estimatedDelivery } = body
  if (status === 'shipped') {
    const shipment = { orderId, trackingNumber, carrier, estimatedDelivery }
    return answer(call, await tables.write('orders.ship', shipment, key))
  }
  if (trackingNumber !== undefined || carrier !== undefined || estimatedDelivery !== undefined) {
    const message = 'goes with shipped, not with delivered'
    throw invalid({ path: 'trackingNumber', message })
  }
  return answer(call, await tables.write('orders.deliver', { orderId }, key))
}

const REFUND: Operation = {
  method: 'post',
  path: '/v1/orders/{id}/refunds',
  operationId: 'refundOrder',
  tag: 'Orders',
  summary: 'Give money back',
  description:
    'Any part of what was captured. What is promised back never exceeds it. Units are not touched: see `/returns` and `/cancel`.',
  access: 'staff',
  changes: true,
  body: { schema: refundBody, example: { amount: 10, reason: 'scratched' } },
  success: {
    status: 201,
    description: 'The refund, which its provider carries out.',
    schema: refundReply,
    example: {
      refundId: 'rfd_01K5ZC4N8XQ2M7V3H9R6T1B0DW',
      orderId: EXAMPLE_ORDER_ID,
      amount: 10,
      currency: 'USD',
      status: 'requested',
      reason: 'scratched',
    },
    headers: ['Holdfast-Position'],
  },
  problems: ['unknown-order', 'exceeds-captured'],
}

async function refund(parts: Parts, call: Call): Promise<Response> {
  const order = await visibleOrder(parts, call)
  const body = await readBody(call, refundBody)
  const amountMinor = minorUnits(body.amount, order.currency)
  if (amountMinor === undefined || amountMinor === 0)
    throw invalid({ path: 'amount', message: `must be an amount in ${order.currency}` })
  const by = call.principal?.callerId ?? ''
  const { orderId } = order
  const key = tableKey(call, body)
  const reply = await refundOrder(parts, { orderId, amountMinor, reason: body.reason, by, key })
  if (reply.type === 'refund')
    return json(call, 201, shownRefund(reply.refund), withReplay(TABLES_POSITION, reply))
  if (reply.reason === 'unknown-order') throw unknownOrder()
  return problem(call, 'exceeds-captured', 'That is more than what was captured and not given back yet.')
}

const LIST_REFUNDS: Operation = {
  method: 'get',
  path: '/v1/orders/{id}/refunds',
  operationId: 'listRefunds',
  tag: 'Orders',
  summary: 'The refunds of an order',
  description: OWNED,
  access: 'customer',
  success: {
    status: 200,
    description: 'All of them, the oldest first.',
    schema: refundsReply,
    example: { refunds: [] },
  },
  problems: ['unknown-order'],
}

async function listRefunds(parts: Parts, call: Call): Promise<Response> {
  const { orderId } = await visibleOrder(parts, call)
  const refunds = await parts.tables.read('refunds.ofOrder', { orderId })
  return json(call, 200, { refunds: refunds.map(shownRefund) })
}

const RETURN: Operation = {
  method: 'post',
  path: '/v1/orders/{id}/returns',
  operationId: 'returnItems',
  tag: 'Orders',
  summary: 'Take items of an order back',
  description:
    'Units that came back are on hand again, and what was paid for them goes back too, their share of the discount taken off.',
  access: 'staff',
  changes: true,
  body: {
    schema: returnItemsBody,
    example: { items: [{ productId: 'iphone-17-pro', quantity: 1 }], reason: 'did not fit' },
  },
  success: changed('The order with what came back.'),
  problems: ['unknown-order', 'order-state', 'exceeds-confirmed', 'return-window-over'],
}

async function takeBack(parts: Parts, call: Call): Promise<Response> {
  const orderId = orderIdIn(call)
  const body = await readBody(call, returnItemsBody)
  const by = call.principal?.callerId ?? ''
  const { items, reason, refund: gives = true } = body
  const reply = await returnItems(parts, { orderId, items, reason, gives, by, key: tableKey(call, body) })
  if (reply.type === 'order') return answer(call, reply)
  switch (reply.reason) {
    case 'return-window-over':
      return problem(call, 'return-window-over', 'The return window of this order is over.')
    case 'exceeds-order': {
      const { item, left: confirmed } = reply
      const { productId, quantity: requested } = item
      const detail = `${requested} of ${productId} cannot come back: ${confirmed} are left of the order.`
      return problem(call, 'exceeds-confirmed', detail, { productId, requested, confirmed })
    }
    default:
      return answer(call, reply)
  }
}

function changed(description: string): Success {
  return { ...SHOWN, description, headers: ['Holdfast-Position'] }
}

function answer(call: Call, reply: (OrderReply & Replayable) | OrderRefused): Response {
  if (reply.type === 'order')
    return json(call, 200, shownOrder(reply.order), withReplay(TABLES_POSITION, reply))
  if (reply.reason === 'order-state') return orderState(call, reply.status, 'cannot do that')
  throw unknownOrder()
}

function orderState(call: Call, status: Order['status'], what: string): Response {
  return problem(call, 'order-state', `The order is ${status}; it ${what}.`, { orderStatus: status })
}

/** The order in the path, if the caller may see it. Throws 404, the same for missing and for somebody else's. */
export async function visibleOrder({ tables }: Pick<Parts, 'tables'>, call: Call): Promise<Order> {
  const order = await tables.read('orders.find', { orderId: orderIdIn(call) })
  if (order === undefined) throw unknownOrder()
  const { principal } = call
  if (!reaches(principal, 'service') && principal?.customerId !== order.customerId) throw unknownOrder()
  return order
}

function orderIdIn(call: Call): string {
  const id = call.context.req.param('id') ?? ''
  if (!ORDER_ID.test(id)) throw unknownOrder()
  return id
}

function unknownOrder(): Problem {
  return new Problem('unknown-order', 'There is no such order.')
}
