/**
 * Attempts to pay, and what came of them. All of it may be said twice, late and in any order: every change names the state
 * it starts from, and what does not start there changes nothing.
 */
import { assert } from '../../../domain/assert.ts'
import type { CurrencyCode } from '../../../domain/money.ts'
import { recordPurchase } from '../catalog/purchases.ts'
import { type Moment, read, write } from '../operation.ts'
import { change, type Query, row, rows } from '../query.ts'
import { takeOutOfCart } from './cart-operations.ts'
import { type OrderRefused, refusedFor } from './order-operations.ts'
import {
  aloneWithOrder,
  findOrder,
  findOrderRow,
  IS_SOLD,
  note,
  type Order,
  type OrderRow,
  type OrderStatus,
  OWES_REFUND,
  type PaymentMethod,
} from './order-rows.ts'
import { insertRefund, refundAttempt, refundRest } from './refund-operations.ts'

export type AttemptStatus = 'charging' | 'pending' | 'succeeded' | 'failed' | 'surplus'
export type Attempt = {
  /** `order:attempt`, the gateway's idempotency key. */
  readonly key: string
  readonly orderId: string
  readonly number: number
  readonly method: PaymentMethod
  readonly amountMinor: number
  readonly currency: CurrencyCode
  readonly status: AttemptStatus
  readonly transactionId: string | null
  readonly reason: string | null
  readonly startedAtMs: number
}

/** Whether it pays the order, or may yet. */
export function isLive({ status }: Pick<Attempt, 'status'>): boolean {
  return status === 'charging' || status === 'pending' || status === 'succeeded'
}

/** What an attempt has come to, and its order with it. */
export type PaymentReply = {
  readonly type: 'payment'
  readonly attempt: Attempt
  readonly orderStatus: OrderStatus
}

export type Begun =
  | { readonly type: 'begun'; readonly attempt: Attempt }
  /** Another attempt may come to something, or has. */
  | { readonly type: 'live'; readonly attempt: Attempt }
  | { readonly type: 'refused'; readonly reason: 'too-many-attempts' }
  | OrderRefused

type Begin = {
  readonly orderId: string
  readonly method: PaymentMethod
  /** Of the hold, once it is being paid. */
  readonly expiresAtMs: number
  readonly lookAtMs: number
  /** Of this order, this one included. */
  readonly attemptsMax: number
}
type Success = { readonly key: string; readonly transactionId: string }

type Mismatch = Success & { readonly amountMinor: number; readonly currency: CurrencyCode }

export const paymentOperations = {
  'payments.begin': write((args: Begin, moment) => beginAttempt(args, moment), {
    isKept: ({ type }) => type === 'begun',
  }),
  'payments.find': read(({ key }: { readonly key: string }) => findAttempt(key)),
  'payments.ofOrder': read(({ orderId }: { readonly orderId: string }) => attemptsOf(orderId)),
  /** The buyer or a bank has yet to act. */
  'payments.wait': write((args: Success & { readonly lookAtMs: number }, moment) => wait(args, moment)),
  'payments.fail': write((args: { readonly key: string; readonly reason: string }, moment) =>
    fail(args, moment),
  ),
  /** It was captured; whether there are units for it is still to be seen. */
  'payments.capture': write((args: Success, moment) => capture(args, moment)),
  /** Something else was captured than was asked for: it is no payment of the order, and goes back as it came. */
  'payments.mismatch': write((args: Mismatch, moment) => mismatch(args, moment)),
  /** It was captured, or needs not be, and the units are sold. */
  'payments.confirm': write((args: Success, moment) => confirm(args, moment)),
}

export const ATTEMPT_COLUMNS = `
  key, order_id AS "orderId", number, method, amount_minor AS "amountMinor", currency, status,
  transaction_id AS "transactionId", reason, started_at_ms AS "startedAtMs"`

export function findAttempt(key: string): Query<Attempt | undefined> {
  return row<Attempt>(`SELECT ${ATTEMPT_COLUMNS} FROM payment_attempts WHERE key = ?`, key)
}

export function attemptsOf(orderId: string): Query<readonly Attempt[]> {
  return rows<Attempt>(
    `SELECT ${ATTEMPT_COLUMNS} FROM payment_attempts WHERE order_id = ? ORDER BY number`,
    orderId,
  )
}

/** Attempt n + 1 begins only once attempt n has failed: the index on live attempts lets no other in. */
function* beginAttempt(args: Begin, moment: Moment): Query<Begun> {
  const { orderId, method, expiresAtMs, lookAtMs, attemptsMax } = args
  yield* aloneWithOrder(orderId)
  const begun = yield* row<Attempt>(
    `INSERT INTO payment_attempts
       (key, order_id, number, method, amount_minor, currency, status, started_at_ms, updated_at_ms)
     SELECT o.id || ':' || (coalesce(n.number, 0) + 1), o.id, coalesce(n.number, 0) + 1, ?, o.total_minor,
            o.currency, 'charging', CAST(? AS BIGINT), CAST(? AS BIGINT)
       FROM orders o, (SELECT max(number) AS number FROM payment_attempts WHERE order_id = ?) n
      WHERE o.id = ? AND o.status = 'pending_payment' AND o.duty IS NULL AND coalesce(n.number, 0) < ?
     ON CONFLICT DO NOTHING
     RETURNING ${ATTEMPT_COLUMNS}`,
    method,
    moment.nowMs,
    moment.nowMs,
    orderId,
    orderId,
    attemptsMax,
  )
  if (begun === undefined) return yield* whyNotBegun(orderId)
  yield* change(
    'UPDATE orders SET payment_method = ?, expires_at_ms = ?, look_at_ms = ?, updated_at_ms = ? WHERE id = ?',
    method,
    expiresAtMs,
    lookAtMs,
    moment.nowMs,
    orderId,
  )
  return { type: 'begun', attempt: begun }
}

function* whyNotBegun(orderId: string): Query<Begun> {
  const live = yield* row<Attempt>(
    `SELECT ${ATTEMPT_COLUMNS} FROM payment_attempts
      WHERE order_id = ? AND status IN ('charging', 'pending', 'succeeded')`,
    orderId,
  )
  if (live !== undefined) return { type: 'live', attempt: live }
  const order = yield* findOrderRow(orderId)
  if (order?.status === 'pending_payment' && order.duty === null)
    return { type: 'refused', reason: 'too-many-attempts' }
  return yield* refusedFor(orderId)
}

function* wait(
  { key, transactionId, lookAtMs }: Success & { readonly lookAtMs: number },
  moment: Moment,
): Query<PaymentReply> {
  const { orderId } = yield* knownAlone(key)
  const waits = yield* change(
    `UPDATE payment_attempts SET status = 'pending', transaction_id = ?, updated_at_ms = ?
      WHERE key = ? AND status IN ('charging', 'pending')`,
    transactionId,
    moment.nowMs,
    key,
  )
  if (waits === 1)
    yield* change('UPDATE orders SET look_at_ms = ? WHERE id = ? AND duty IS NULL', lookAtMs, orderId)
  return yield* replyOf(key)
}

/** The hold lives on for another try, until its deadline. */
function* fail(
  { key, reason }: { readonly key: string; readonly reason: string },
  moment: Moment,
): Query<PaymentReply> {
  const { orderId } = yield* knownAlone(key)
  const failed = yield* change(
    `UPDATE payment_attempts SET status = 'failed', reason = ?, updated_at_ms = ?
      WHERE key = ? AND status IN ('charging', 'pending')`,
    reason,
    moment.nowMs,
    key,
  )
  if (failed === 1) {
    yield* change(
      `UPDATE orders SET look_at_ms =
          CASE WHEN ${OWES_REFUND} THEN look_at_ms WHEN status = 'pending_payment' THEN expires_at_ms END
        WHERE id = ? AND duty IS NULL`,
      orderId,
    )
    yield* note(
      orderId,
      { type: 'payment-failed', detail: reason, tells: 'payment.failed', payload: { reason } },
      moment,
    )
  }
  return yield* replyOf(key)
}

/**
 * Money has come. Where the order waits for it, or its hold has ended meanwhile, its units are to be confirmed; where it
 * was called off, or another attempt has paid it, the money goes back, all of it and once.
 */
function* capture({ key, transactionId }: Success, moment: Moment): Query<PaymentReply> {
  const attempt = yield* knownAlone(key)
  const { orderId } = attempt
  if (attempt.status === 'succeeded' || attempt.status === 'surplus') return yield* replyOf(key)
  const isSurplus = (yield* succeed(attempt, transactionId, moment)) === 'surplus'
  yield* count(attempt, moment)
  if (isSurplus) {
    yield* note(orderId, { type: 'paid-twice', detail: transactionId }, moment)
    yield* refundAttempt({ attempt, reason: 'paid twice', by: 'shop' }, moment)
    return yield* replyOf(key)
  }
  yield* note(orderId, { type: 'paid', detail: transactionId }, moment)
  const dutiful = yield* change(
    `UPDATE orders SET duty = 'confirm', look_at_ms = ?, updated_at_ms = ?
      WHERE id = ? AND status IN ('pending_payment', 'expired') AND duty IS NULL`,
    moment.nowMs,
    moment.nowMs,
    orderId,
  )
  if (dutiful === 0)
    yield* refundRest({ orderId, reason: 'paid after the order had ended', by: 'shop' }, moment)
  return yield* replyOf(key)
}

/** One attempt pays an order. */
function* succeed(attempt: Attempt, transactionId: string, moment: Moment): Query<'succeeded' | 'surplus'> {
  const set = (status: string, unless: string) =>
    change(
      `UPDATE payment_attempts SET status = '${status}', transaction_id = ?, reason = NULL, updated_at_ms = ?
        WHERE key = ? ${unless}`,
      transactionId,
      moment.nowMs,
      attempt.key,
    )
  const nobodyElse = `AND NOT EXISTS (SELECT 1 FROM payment_attempts b
    WHERE b.order_id = payment_attempts.order_id AND b.key <> payment_attempts.key
      AND b.status IN ('charging', 'pending', 'succeeded'))`
  if ((yield* set('succeeded', nobodyElse)) === 1) return 'succeeded'
  yield* set('surplus', '')
  return 'surplus'
}

function* mismatch(args: Mismatch, moment: Moment): Query<PaymentReply> {
  const { key, transactionId, amountMinor, currency } = args
  const { orderId } = yield* knownAlone(key)
  const isNews = yield* change(
    `UPDATE payment_attempts SET status = 'surplus', transaction_id = ?, reason = 'mismatch', updated_at_ms = ?
      WHERE key = ? AND status IN ('charging', 'pending', 'failed')`,
    transactionId,
    moment.nowMs,
    key,
  )
  if (isNews === 0) return yield* replyOf(key)
  const why = { reason: 'another amount than was asked for', by: 'shop' }
  yield* note(orderId, { type: 'payment-mismatch', detail: `${amountMinor} ${currency}` }, moment)
  if (amountMinor > 0)
    yield* insertRefund({ ...why, orderId, attemptKey: key, amountMinor, currency, counted: 0 }, moment)
  yield* change('UPDATE orders SET look_at_ms = ? WHERE id = ?', moment.nowMs, orderId)
  return yield* replyOf(key)
}

/** Only what a gateway took; what is paid at the door counts when it is delivered. */
function* count({ orderId, method, amountMinor }: Attempt, { nowMs }: Moment): Query<void> {
  if (method !== 'card' && method !== 'upi') return
  yield* change(
    'UPDATE orders SET captured_minor = captured_minor + ?, updated_at_ms = ? WHERE id = ?',
    amountMinor,
    nowMs,
    orderId,
  )
}

/** Everything that a confirmed order means, in one transaction. Said again it changes nothing. */
function* confirm({ key, transactionId }: Success, moment: Moment): Query<PaymentReply> {
  const attempt = yield* knownAlone(key)
  const { orderId } = attempt
  // Its money is on its way back: the order is not paid by it.
  if (attempt.status === 'surplus') return yield* replyOf(key)
  const captured = attempt.status === 'succeeded'
  if (!captured) {
    const isSurplus = (yield* succeed(attempt, transactionId, moment)) === 'surplus'
    yield* count(attempt, moment)
    if (isSurplus) {
      yield* note(orderId, { type: 'paid-twice', detail: transactionId }, moment)
      yield* refundAttempt({ attempt, reason: 'paid twice', by: 'shop' }, moment)
      return yield* replyOf(key)
    }
  }
  const confirmed = yield* change(
    `UPDATE orders SET status = 'confirmed', duty = NULL, updated_at_ms = ?,
        look_at_ms = CASE WHEN ${OWES_REFUND} THEN look_at_ms END
      WHERE id = ? AND status IN ('pending_payment', 'expired')`,
    moment.nowMs,
    orderId,
  )
  if (confirmed === 1) yield* seal(orderId, transactionId, moment)
  else if (!captured) yield* takeBack(orderId, moment)
  // What a restored journal lacked is sold anew.
  else
    yield* change(
      `UPDATE orders SET duty = NULL, look_at_ms = ? WHERE id = ? AND ${IS_SOLD} AND duty = 'confirm'`,
      moment.nowMs,
      orderId,
    )
  return yield* replyOf(key)
}

function* seal(orderId: string, transactionId: string, moment: Moment): Query<void> {
  const order = (yield* findOrder(orderId)) as Order
  const { customerId, cartId, lines, paymentMethod } = order
  yield* recordPurchase({ customerId, productIds: lines.map(({ productId }) => productId), orderId }, moment)
  if (cartId !== null) yield* takeOutOfCart({ cartId, customerId, orderId })
  // As late as can be: whoever else is to have a number waits from here to the end of the transaction.
  const next = yield* row<{ readonly value: number }>(
    `UPDATE counters SET value = value + 1 WHERE name = 'invoice' RETURNING value`,
  )
  assert(next !== undefined, 'there is a counter of invoices')
  yield* change('UPDATE orders SET invoice_number = ? WHERE id = ?', next.value, orderId)
  const payload = { invoiceNumber: next.value, paymentMethod, transactionId }
  yield* note(orderId, { type: 'confirmed', status: 'confirmed', tells: 'order.confirmed', payload }, moment)
}

/** The order ended while it was being paid, after its units were confirmed: units and money go back. */
function* takeBack(orderId: string, moment: Moment): Query<void> {
  const order = (yield* findOrderRow(orderId)) as OrderRow
  if (order.status !== 'cancelled' && order.status !== 'refunded') return
  yield* change(
    `UPDATE orders SET duty = 'return', look_at_ms = ? WHERE id = ? AND status IN ('cancelled', 'refunded')`,
    moment.nowMs,
    orderId,
  )
  yield* refundRest({ orderId, reason: 'paid after the order had ended', by: 'shop' }, moment)
}

function* replyOf(key: string): Query<PaymentReply> {
  const attempt = yield* known(key)
  const { status } = (yield* findOrderRow(attempt.orderId)) as OrderRow
  return { type: 'payment', attempt, orderStatus: status }
}

/** As `known`, for what is to be changed. */
function* knownAlone(key: string): Query<Attempt> {
  yield* aloneWithOrder(key.slice(0, key.lastIndexOf(':')))
  return yield* known(key)
}

function* known(key: string): Query<Attempt> {
  const attempt = yield* findAttempt(key)
  assert(attempt !== undefined, 'an attempt that comes to something was begun')
  return attempt
}
