/** Paying an order, and what payment providers tell of themselves. */

import { decimalOf } from '../domain/money.ts'
import type { Replayable } from '../persistence/tables/idempotency-records.ts'
import type { Order, OrderStatus } from '../persistence/tables/orders/order-rows.ts'
import type { PaymentReply } from '../persistence/tables/orders/payment-operations.ts'
import { hearGateway } from '../shop/payments/hear-gateway.ts'
import { type PaymentRefused, type PaymentUnderWay, payOrder } from '../shop/payments/pay-order.ts'
import { readBody, readBytes } from './body.ts'
import { personOf } from './buyer.ts'
import { ForgeryLog } from './forgery-log.ts'
import { tableKey, withReplay } from './idempotency.ts'
import { paymentBody, paymentReply } from './order-schemas.ts'
import { EXAMPLE_ORDER_ID } from './order-view.ts'
import type { HttpParts } from './parts.ts'
import { invalid, Problem } from './problems.ts'
import { empty, json, problem } from './responses.ts'
import { type Call, headerOf, type Operation, type Route } from './route.ts'
import { TABLES_POSITION } from './tables-position.ts'

type Parts = Pick<HttpParts, 'engine' | 'splits' | 'tables' | 'gateway' | 'chargeTimeoutMs' | 'clock' | 'log'>
type Body = (typeof paymentBody)['_output']

export function paymentRoutes(parts: Parts): readonly Route[] {
  const forgeries = new ForgeryLog(parts.log, parts.clock)
  return [
    { operation: PAY, handle: (call) => pay(parts, call) },
    { operation: HEAR, handle: (call) => hear(parts, call, forgeries) },
  ]
}

const PAY: Operation = {
  method: 'post',
  path: '/v1/payment',
  operationId: 'payOrder',
  tag: 'Cart and checkout',
  summary: 'Pay an order',
  description:
    'An order is charged once, however often this is tried. `pending` means that the buyer, a bank or the provider has yet to act: follow the order. A payment that `failed` leaves the units held for another try, until the hold’s deadline. Paying what is paid already answers so.',
  access: 'person',
  changes: true,
  sells: true,
  body: {
    schema: paymentBody,
    example: {
      orderId: EXAMPLE_ORDER_ID,
      paymentMethod: 'card',
      amount: 989.1,
      paymentToken: 'tok_visa',
    },
  },
  success: {
    status: 200,
    description: 'What came of it.',
    schema: paymentReply,
    example: { status: 'success', transactionId: 'sbx_01K5ZC4N8XQ2M7V3H9R6T1B0DW', orderStatus: 'confirmed' },
    headers: ['Holdfast-Position'],
  },
  problems: ['unknown-order', 'amount-mismatch', 'order-state', 'payment-deadline', 'too-many-attempts'],
}

async function pay(parts: Parts, call: Call): Promise<Response> {
  const body = await readBody(call, paymentBody)
  expectInstrument(parts, body)
  const { orderId, paymentMethod, amount, paymentToken, cardDetails } = body
  const customerId = personOf(call)
  const key = tableKey(call, body)
  const method = paymentMethod
  const payment = { orderId, customerId, method, amount, paymentToken, card: cardDetails, key }
  const reply = await payOrder(parts, payment)
  switch (reply.type) {
    case 'payment':
      return paid(call, reply)
    case 'under-way':
      return underWay(call, reply)
    case 'refused':
      return refusedPayment(call, reply)
  }
}

/** What pays must be there, once, and be what this gateway takes. Throws 400. */
function expectInstrument({ gateway }: Parts, body: Body): void {
  const { paymentMethod, paymentToken, cardDetails } = body
  if (cardDetails !== undefined && (paymentMethod !== 'card' || gateway?.takesCardDetails !== true)) {
    const message = 'is taken for cards by the sandbox only: send a paymentToken of your provider’s form'
    throw invalid({ path: 'cardDetails', message })
  }
  if (paymentMethod === 'cod') return
  if (gateway?.methods.includes(paymentMethod) !== true)
    throw invalid({ path: 'paymentMethod', message: 'is not offered by this shop' })
  if (paymentMethod !== 'card') return
  if (paymentToken === undefined && cardDetails === undefined)
    throw invalid({ path: 'paymentToken', message: 'is needed to pay by card' })
  if (paymentToken !== undefined && cardDetails !== undefined)
    throw invalid({ path: 'cardDetails', message: 'cannot go with a paymentToken: which of the two pays?' })
}

function paid(call: Call, reply: PaymentReply & Replayable): Response {
  const { attempt, orderStatus } = reply
  const status = statusOf(reply)
  const transactionId = attempt.transactionId ?? attempt.key
  const reason = status === 'failed' ? (attempt.reason ?? 'no-units-left') : undefined
  const headers = withReplay(TABLES_POSITION, reply)
  return json(call, 200, { status, transactionId, orderStatus, reason }, headers)
}

function underWay(call: Call, { attempt }: PaymentUnderWay): Response {
  const transactionId = attempt.transactionId ?? attempt.key
  return json(call, 200, { status: 'pending', transactionId, orderStatus: 'pending_payment' })
}

/** Money that came too late for any units is on its way back: for the buyer that is no success. */
function statusOf({ attempt, orderStatus }: PaymentReply): 'success' | 'failed' | 'pending' {
  switch (attempt.status) {
    case 'charging':
    case 'pending':
      return 'pending'
    case 'failed':
    case 'surplus':
      return 'failed'
    case 'succeeded':
      if (orderStatus === 'pending_payment') return 'pending'
      return IS_BOUGHT[orderStatus] ? 'success' : 'failed'
  }
}

const IS_BOUGHT: Readonly<Record<OrderStatus, boolean>> = {
  pending_payment: false,
  confirmed: true,
  shipped: true,
  delivered: true,
  cancelled: false,
  expired: false,
  refunded: false,
}

function refusedPayment(call: Call, refused: PaymentRefused): Response {
  switch (refused.reason) {
    case 'unknown-order':
      return problem(call, 'unknown-order', 'There is no such order.')
    case 'amount-mismatch':
      return amountMismatch(call, refused.order)
    case 'order-state':
      return problem(call, 'order-state', `The order is ${refused.status}: nothing can be paid.`, {
        orderStatus: refused.status,
      })
    case 'payment-deadline':
      return problem(call, 'payment-deadline', 'The hold ends too soon to be sure of a payment.')
    case 'too-many-attempts':
      return problem(call, 'too-many-attempts', 'This order has been tried to pay as often as one can be.')
  }
}

function amountMismatch(call: Call, { totalMinor, currency }: Order): Response {
  const totalAmount = decimalOf(totalMinor, currency)
  const detail = `The order costs ${totalAmount} ${currency}.`
  return problem(call, 'amount-mismatch', detail, { totalAmount, currency })
}

const HEAR: Operation = {
  method: 'post',
  path: '/v1/payments/webhooks/{provider}',
  operationId: 'hearPaymentProvider',
  tag: 'Cart and checkout',
  summary: 'For payment providers: tell what became of a payment or refund',
  description:
    'Signed by the provider over the very bytes it sends, and no older than five minutes. Told twice, late or in any order it comes to the same.',
  access: 'anyone',
  unlimited: true,
  success: { status: 204, description: 'It was heard, now or before, or concerns nothing of this shop.' },
  problems: ['unknown-provider', 'forged-webhook', 'body-too-large'],
}

async function hear(parts: Parts, call: Call, forgeries: ForgeryLog): Promise<Response> {
  const provider = call.context.req.param('provider') ?? ''
  if (provider !== parts.gateway?.name)
    throw new Problem('unknown-provider', 'This shop has no such payment provider.')
  const raw = await readBytes(call)
  const headers = { get: (name: string) => headerOf(call.context, name.toLowerCase()) ?? null }
  const hearing = await hearGateway(parts, { raw, headers })
  if (hearing.type === 'forged') {
    forgeries.note({ provider, why: hearing.why })
    throw new Problem('forged-webhook', 'The signature is not this provider’s for this body at this time.')
  }
  return empty(call)
}
