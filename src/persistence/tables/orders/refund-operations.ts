/**
 * Money on its way back. A refund is promised in the transaction that makes it due, and its promise is counted at once: all
 * promises together never exceed what was captured, whoever asks at the same time.
 */
import { assert } from '../../../domain/assert.ts'
import type { CurrencyCode } from '../../../domain/money.ts'
import { drawId } from '../draw-id.ts'
import { type Moment, read, write } from '../operation.ts'
import { aloneBy, change, type Query, row, rows } from '../query.ts'
import { aloneWithOrder, findOrderRow, note, type OrderRow, type PaymentMethod } from './order-rows.ts'

export type RefundStatus = 'requested' | 'pending' | 'succeeded' | 'failed'
export type Refund = {
  readonly refundId: string
  readonly orderId: string
  readonly attemptKey: string
  readonly amountMinor: number
  readonly currency: CurrencyCode
  /** 0 where it gives back what came in another amount than was asked for, which the order never counted. */
  readonly counted: 0 | 1
  readonly reason: string
  readonly status: RefundStatus
  readonly failure: string | null
  readonly method: PaymentMethod
  /** Of the charge. */
  readonly transactionId: string | null
  readonly startedAtMs: number
}

export type RefundReply = { readonly type: 'refund'; readonly refund: Refund }
export type RefundRefused =
  | { readonly type: 'refused'; readonly reason: 'unknown-order' }
  | { readonly type: 'refused'; readonly reason: 'exceeds-captured'; readonly refundableMinor: number }

export const refundOperations = {
  'refunds.request': write(function* (args: RefundRequested, moment) {
    yield* aloneWithOrder(args.orderId)
    return yield* requestRefund(args, moment)
  }),
  'refunds.ofOrder': read(({ orderId }: { readonly orderId: string }) => refundsOf(orderId)),
  'refunds.find': read(({ refundId }: { readonly refundId: string }) => findRefund(refundId)),
  'refunds.record': write((args: Result, moment) => recordRefund(args, moment)),
}

const SELECT_REFUNDS = `
  SELECT r.id AS "refundId", r.order_id AS "orderId", r.attempt_key AS "attemptKey", r.amount_minor AS "amountMinor",
         r.currency, r.counted, r.reason, r.status, r.failure, a.method, a.transaction_id AS "transactionId",
         r.started_at_ms AS "startedAtMs"
    FROM refunds r JOIN payment_attempts a ON a.key = r.attempt_key`

export function refundsOf(orderId: string): Query<readonly Refund[]> {
  return rows<Refund>(`${SELECT_REFUNDS} WHERE r.order_id = ? ORDER BY r.id`, orderId)
}

export function findRefund(refundId: string): Query<Refund | undefined> {
  return row<Refund>(`${SELECT_REFUNDS} WHERE r.id = ?`, refundId)
}

type Why = { readonly reason: string; readonly by: string }
export type RefundRequested = Why & { readonly orderId: string; readonly amountMinor: number }

/** By staff, for any part of what was captured. */
export function* requestRefund(args: RefundRequested, moment: Moment): Query<RefundReply | RefundRefused> {
  const order = yield* findOrderRow(args.orderId)
  if (order === undefined) return { type: 'refused', reason: 'unknown-order' }
  const charges = yield* chargesOf(args.orderId)
  const charge = charges.find(({ leftMinor }) => leftMinor >= args.amountMinor)
  const refund =
    charge === undefined ? undefined : yield* promise({ ...args, attemptKey: charge.key }, moment)
  if (refund !== undefined) return { type: 'refund', refund }
  const refundableMinor = Math.min(
    order.capturedMinor - order.refundedMinor,
    Math.max(0, ...charges.map(({ leftMinor }) => leftMinor)),
  )
  return { type: 'refused', reason: 'exceeds-captured', refundableMinor }
}

/** All that was captured and is not promised back yet. */
export function* refundRest(args: Why & { readonly orderId: string }, moment: Moment): Query<void> {
  const order = (yield* findOrderRow(args.orderId)) as OrderRow
  let left = order.capturedMinor - order.refundedMinor
  for (const { key: attemptKey, leftMinor } of yield* chargesOf(args.orderId)) {
    const amountMinor = Math.min(left, leftMinor)
    if (amountMinor <= 0) continue
    left -= amountMinor
    yield* promise({ ...args, attemptKey, amountMinor }, moment)
  }
}

/** The whole of one attempt that was of no use. */
export function* refundAttempt(
  args: Why & {
    readonly attempt: { readonly key: string; readonly orderId: string; readonly amountMinor: number }
  },
  moment: Moment,
): Query<void> {
  const { attempt, ...why } = args
  const { orderId, amountMinor } = attempt
  const refund = yield* promise({ ...why, orderId, attemptKey: attempt.key, amountMinor }, moment)
  assert(refund !== undefined, 'what was captured twice can go back once')
}

type Charge = { readonly key: string; readonly leftMinor: number }

/**
 * What each charge of an order can still give back: a charge gives no more than itself. First what a gateway has, the one
 * that pays the order before others; cash comes last, since it may not have been paid yet. One in another amount than was
 * asked for is not among them, it went back as it came.
 */
function chargesOf(orderId: string): Query<readonly Charge[]> {
  return rows<Charge>(
    `SELECT a.key, a.amount_minor - CAST(coalesce((SELECT sum(r.amount_minor) FROM refunds r
              WHERE r.attempt_key = a.key AND r.counted = 1 AND r.status <> 'failed'), 0) AS BIGINT) AS "leftMinor"
       FROM payment_attempts a
      WHERE a.order_id = ? AND (a.status = 'succeeded' OR (a.status = 'surplus' AND a.reason IS NULL))
      ORDER BY CASE WHEN a.method = 'cod' THEN 1 ELSE 0 END, a.status, a.number`,
    orderId,
  )
}

/** Undefined where less than that is left. */
export function* promise(
  args: RefundRequested & { readonly attemptKey: string; readonly refundId?: string },
  moment: Moment,
): Query<Refund | undefined> {
  const { orderId, amountMinor } = args
  const { nowMs } = moment
  const isLeft = yield* change(
    `UPDATE orders SET refunded_minor = refunded_minor + ?, look_at_ms = ?, updated_at_ms = ?
      WHERE id = ? AND refunded_minor + ? <= captured_minor`,
    amountMinor,
    nowMs,
    nowMs,
    orderId,
    amountMinor,
  )
  if (isLeft === 0) return undefined
  const order = (yield* findOrderRow(orderId)) as OrderRow
  return yield* insertRefund({ ...args, currency: order.currency, counted: 1 }, moment)
}

type NewRefund = RefundRequested & {
  /** Where it has one already. */
  readonly refundId?: string
  readonly attemptKey: string
  readonly currency: CurrencyCode
  readonly counted: 0 | 1
}

/** What is due by then, in whatever way that was made sure of. */
export function* insertRefund(refund: NewRefund, moment: Moment): Query<Refund> {
  const { orderId, reason, refundId = drawId('rfd', moment) } = refund
  yield* change(
    `INSERT INTO refunds (id, order_id, attempt_key, amount_minor, currency, counted, reason, status, requested_by,
       started_at_ms, updated_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, 'requested', ?, ?, ?)`,
    refundId,
    orderId,
    refund.attemptKey,
    refund.amountMinor,
    refund.currency,
    refund.counted,
    reason,
    refund.by,
    moment.nowMs,
    moment.nowMs,
  )
  yield* note(orderId, { type: 'refund-requested', detail: reason }, moment)
  return (yield* findRefund(refundId)) as Refund
}

type Result = {
  readonly refundId: string
  readonly result: 'pending' | 'succeeded' | 'failed'
  readonly providerId: string | undefined
  readonly failure: string | undefined
}

/** What the gateway said of it. What has succeeded or failed stays so. */
function* recordRefund(args: Result, moment: Moment): Query<{ readonly type: 'recorded' }> {
  const { refundId, result, providerId, failure } = args
  yield* aloneBy('order', 'SELECT order_id FROM refunds WHERE id = ?', refundId)
  const recorded = yield* change(
    `UPDATE refunds SET status = ?, provider_id = coalesce(?, provider_id), failure = ?, updated_at_ms = ?
      WHERE id = ? AND status IN ('requested', 'pending')`,
    result,
    providerId ?? null,
    failure ?? null,
    moment.nowMs,
    refundId,
  )
  const refund = yield* findRefund(refundId)
  if (recorded === 0 || refund === undefined) return { type: 'recorded' }
  if (result === 'failed') yield* giveUp(refund, moment)
  if (result === 'succeeded') yield* arrive(refund, moment)
  return { type: 'recorded' }
}

/** Can be asked for anew. Somebody has to look: the history says so, and a metric. */
function* giveUp({ orderId, amountMinor, counted, failure }: Refund, moment: Moment): Query<void> {
  yield* change(
    'UPDATE orders SET refunded_minor = refunded_minor - ?, updated_at_ms = ? WHERE id = ?',
    counted * amountMinor,
    moment.nowMs,
    orderId,
  )
  yield* note(orderId, { type: 'refund-failed', detail: failure ?? 'unknown' }, moment)
}

function* arrive({ orderId, amountMinor, refundId }: Refund, moment: Moment): Query<void> {
  // An order stays what it is until all of it has gone back; what was not sent then stays, too.
  const isWhole = yield* change(
    `UPDATE orders SET look_at_ms = ?, updated_at_ms = ?, status = 'refunded',
        duty = CASE WHEN duty = 'confirm' THEN 'release' WHEN status = 'confirmed' THEN 'return' ELSE duty END
      WHERE id = ? AND status <> 'refunded' AND (status <> 'pending_payment' OR duty = 'confirm')
        AND captured_minor = refunded_minor
        AND captured_minor = (SELECT sum(r.amount_minor) FROM refunds r
                               WHERE r.order_id = orders.id AND r.status = 'succeeded' AND r.counted = 1)`,
    moment.nowMs,
    moment.nowMs,
    orderId,
  )
  const status = isWhole === 1 ? ({ status: 'refunded', tells: 'order.refunded' } as const) : {}
  yield* note(orderId, { type: 'refunded', detail: refundId, payload: { amountMinor }, ...status }, moment)
}
