/** What keeps a restored shop from selling, and what is decided about it: for admins, and `npm run reconcile`. */
import { z } from 'zod'
import { decimalOf, isCurrencyCode } from '../domain/money.ts'
import type { Replayable } from '../persistence/tables/idempotency-records.ts'
import type {
  Restoration,
  RestorationReply,
} from '../persistence/tables/restoration/restoration-operations.ts'
import type {
  DecisionRefused,
  DecisionReply,
  UnknownPayment,
} from '../persistence/tables/restoration/unknown-payment-operations.ts'
import { readBody } from './body.ts'
import { tableKey, withReplay } from './idempotency.ts'
import type { HttpParts } from './parts.ts'
import { Problem } from './problems.ts'
import { json } from './responses.ts'
import type { Call, Operation, Route } from './route.ts'
import { count, plainText, time } from './schemas.ts'
import { TABLES_POSITION } from './tables-position.ts'
import { timeOf } from './time.ts'

type Parts = Pick<HttpParts, 'tables' | 'gateway' | 'log'>

const PAYMENTS_SHOWN_MAX = 1_000
const ID_LENGTH_MAX = 255
const WORDS_LENGTH_MAX = 500

const unknownPayment = z
  .strictObject({
    transactionId: z.string().meta({ description: 'The provider’s own.' }),
    orderId: z.string().meta({ description: 'Of the order that nobody here knows.' }),
    amount: z.number().meta({ description: 'What has not gone back of it, in the currency’s own digits.' }),
    currency: z.string(),
    paidAt: time,
    state: z.enum(['pending', 'open', 'refunding', 'refunded', 'accepted', 'failed']).meta({
      description: '`open` waits for a decision, `pending` for the provider, `refunding` for the refund.',
    }),
    failure: z.string().optional().meta({ description: 'Why the provider refused to give it back.' }),
    decidedBy: z.string().optional(),
    note: z.string().optional(),
  })
  .meta({ id: 'UnknownPayment' })
const restoration = z
  .strictObject({
    restorationId: z.string(),
    cause: z.enum(['restored', 'noticed']).meta({
      description: '`noticed`: nobody said so, and the provider’s list told.',
    }),
    newestAt: time.meta({ description: 'Of the newest that the restored tables knew.' }),
    anyShop: z.boolean().meta({
      description: 'The backup did not know the shop’s id: payments of other shops may be among those shown.',
    }),
    markedAt: time,
    comparedAt: time.optional().meta({ description: 'When the provider’s list had been gone through.' }),
    liftedAt: time.optional(),
    liftedBy: z.string().optional(),
    reason: z.string().optional(),
  })
  .meta({ id: 'Restoration' })
const reconciliationReply = z
  .strictObject({
    selling: z.boolean(),
    provider: z
      .string()
      .optional()
      .meta({ description: 'Whose list is compared; none where nothing is charged.' }),
    restoration: restoration.optional().meta({ description: 'The last one.' }),
    undecided: count.meta({ description: 'Payments that keep the shop from selling.' }),
    payments: z
      .array(unknownPayment)
      .meta({ description: `The first ${PAYMENTS_SHOWN_MAX}, undecided ones first.` }),
  })
  .meta({ id: 'Reconciliation' })
const acceptBody = z
  .strictObject({ note: plainText(WORDS_LENGTH_MAX).meta({ description: 'What became of it.' }) })
  .meta({ id: 'AcceptPaymentRequest' })
const liftBody = z
  .strictObject({
    reason: plainText(WORDS_LENGTH_MAX).meta({ description: 'How it is known that nothing is missing.' }),
  })
  .meta({ id: 'LiftRestorationRequest' })

const EXAMPLE_PAYMENT = {
  transactionId: 'pi_3PtZ2s4eZvKYlo2C',
  orderId: 'ord_01K5ZC4N8XQ2M7V3H9R6T1B0DW',
  amount: 999.99,
  currency: 'USD',
  paidAt: '2026-11-27T08:00:00.000Z',
  state: 'open',
}
const EXAMPLE = {
  selling: false,
  provider: 'stripe',
  restoration: {
    restorationId: 'rst_01K5ZC4N8XQ2M7V3H9R6T1B0DW',
    cause: 'restored',
    newestAt: '2026-11-27T03:00:00.000Z',
    anyShop: false,
    markedAt: '2026-11-27T09:00:00.000Z',
    comparedAt: '2026-11-27T09:00:04.000Z',
  },
  undecided: 1,
  payments: [EXAMPLE_PAYMENT],
}

export function reconciliationRoutes(parts: Parts): readonly Route[] {
  return [
    { operation: READ, handle: (call) => read(parts, call) },
    { operation: REFUND, handle: (call) => refund(parts, call) },
    { operation: ACCEPT, handle: (call) => accept(parts, call) },
    { operation: LIFT, handle: (call) => lift(parts, call) },
  ]
}

const SHARED = { tag: 'Reconciliation', access: 'admin' } as const
const SHOWN = {
  status: 200,
  description: 'The payment.',
  schema: unknownPayment,
  example: EXAMPLE_PAYMENT,
  headers: ['Holdfast-Position'],
} as const

const READ: Operation = {
  ...SHARED,
  method: 'get',
  path: '/v1/reconciliation',
  operationId: 'readReconciliation',
  summary: 'Whether the shop sells, and what a restored backup lacks',
  success: { status: 200, description: 'As it is now.', schema: reconciliationReply, example: EXAMPLE },
  problems: [],
}

async function read({ tables, gateway }: Parts, call: Call): Promise<Response> {
  const last = await tables.read('restorations.last', {})
  const provider = gateway?.name
  if (last === undefined) return json(call, 200, { selling: true, provider, undecided: 0, payments: [] })
  const { restorationId } = last
  const undecided = await tables.read('unknownPayments.undecided', { restorationId })
  const payments = await tables.read('unknownPayments.list', { restorationId, limit: PAYMENTS_SHOWN_MAX })
  const selling = last.liftedAtMs !== null
  return json(call, 200, {
    selling,
    provider,
    restoration: shownRestoration(last),
    undecided,
    payments: payments.map(shownPayment),
  })
}

const REFUND: Operation = {
  ...SHARED,
  method: 'post',
  path: '/v1/reconciliation/payments/{id}/refund',
  operationId: 'refundUnknownPayment',
  summary: 'Give an unknown payment back',
  description: 'All of it, at the provider. Answered once that is decided; it is `refunded` when it is done.',
  changes: true,
  success: SHOWN,
  problems: ['unknown-payment', 'payment-state'],
}

async function refund(parts: Parts, call: Call): Promise<Response> {
  return await decide(parts, call, { decision: 'refund', body: {}, note: undefined })
}

const ACCEPT: Operation = {
  ...SHARED,
  method: 'post',
  path: '/v1/reconciliation/payments/{id}/accept',
  operationId: 'acceptUnknownPayment',
  summary: 'Keep an unknown payment, since its order is made good by hand',
  description: 'The goods are for whoever accepts it to send, and to take out of the stock by an adjustment.',
  changes: true,
  body: {
    schema: acceptBody,
    example: { note: 'sent by hand, invoice 4411; stock of phone adjusted by -1' },
  },
  success: SHOWN,
  problems: ['unknown-payment', 'payment-state'],
}

async function accept(parts: Parts, call: Call): Promise<Response> {
  const body = await readBody(call, acceptBody)
  return await decide(parts, call, { decision: 'accept', body, note: body.note })
}

type Decision = {
  readonly decision: 'refund' | 'accept'
  readonly body: object
  readonly note: string | undefined
}

async function decide({ tables, log }: Parts, call: Call, made: Decision): Promise<Response> {
  const { decision, body, note } = made
  const transactionId = (call.context.req.param('id') ?? '').slice(0, ID_LENGTH_MAX)
  const by = callerOf(call)
  const asked = { transactionId, decision, by, note }
  const reply: (DecisionReply & Replayable) | DecisionRefused = await tables.write(
    'unknownPayments.decide',
    asked,
    tableKey(call, body),
  )
  if (reply.type === 'payment') {
    log.warn({ ...asked, orderId: reply.payment.orderId }, 'restoration.decided')
    return json(call, 200, shownPayment(reply.payment), withReplay(TABLES_POSITION, reply))
  }
  if (reply.reason === 'unknown-payment')
    throw new Problem('unknown-payment', 'No unknown payment has this id.')
  const { state: paymentState } = reply
  throw new Problem('payment-state', `The payment is ${paymentState}.`, { members: { paymentState } })
}

const LIFT: Operation = {
  ...SHARED,
  method: 'post',
  path: '/v1/reconciliation/lift',
  operationId: 'liftRestoration',
  summary: 'Sell again, on somebody’s word that nothing is missing',
  description:
    'Where a provider’s list shows nothing unknown this happens by itself; it is for a shop without one. Who said so, and why, is kept.',
  changes: true,
  body: {
    schema: liftBody,
    example: { reason: 'cash on delivery only; today’s orders were made anew by hand' },
  },
  success: {
    status: 200,
    description: 'It sells.',
    schema: restoration,
    example: { ...EXAMPLE.restoration, liftedAt: '2026-11-27T09:10:00.000Z', liftedBy: 'admin' },
    headers: ['Holdfast-Position'],
  },
  problems: ['nothing-restored', 'payments-undecided'],
}

async function lift({ tables }: Parts, call: Call): Promise<Response> {
  const body = await readBody(call, liftBody)
  const open = await tables.read('restorations.open', {})
  const restorationId = open?.restorationId ?? ''
  const by = callerOf(call)
  const asked = { restorationId, by, reason: body.reason }
  const reply = await tables.write('restorations.lift', asked, tableKey(call, body))
  if (reply.type === 'restoration') return lifted(call, reply)
  if (reply.reason !== 'payments-undecided')
    throw new Problem('nothing-restored', 'Nothing that was restored waits to be reconciled.')
  const { undecided } = reply
  throw new Problem('payments-undecided', `${undecided} payments are unknown and undecided.`, {
    members: { undecided },
  })
}

function lifted(call: Call, reply: RestorationReply & Replayable): Response {
  return json(call, 200, shownRestoration(reply.restoration), withReplay(TABLES_POSITION, reply))
}

function callerOf(call: Call): string {
  return call.principal?.callerId ?? ''
}

function shownRestoration(found: Restoration) {
  const { restorationId, cause, tablesAtMs, takesAny, markedAtMs, comparedAtMs } = found
  const { liftedAtMs, liftedBy, reason } = found
  return {
    restorationId,
    cause,
    newestAt: timeOf(tablesAtMs),
    anyShop: takesAny === 1,
    markedAt: timeOf(markedAtMs),
    comparedAt: comparedAtMs === null ? undefined : timeOf(comparedAtMs),
    liftedAt: liftedAtMs === null ? undefined : timeOf(liftedAtMs),
    liftedBy: liftedBy ?? undefined,
    reason: reason ?? undefined,
  }
}

function shownPayment(payment: UnknownPayment) {
  const { transactionId, orderId, amountMinor, currency, paidAtMs, state, failure, decidedBy, note } = payment
  return {
    transactionId,
    orderId,
    amount: isCurrencyCode(currency) ? decimalOf(amountMinor, currency) : amountMinor,
    currency,
    paidAt: timeOf(paidAtMs),
    state,
    failure: failure ?? undefined,
    decidedBy: decidedBy ?? undefined,
    note: note ?? undefined,
  }
}
