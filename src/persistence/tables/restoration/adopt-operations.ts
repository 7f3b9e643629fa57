/**
 * What a provider has made for an order that is known, and a restored backup lacks: taken in as if it had been written down
 * before it was made. What has come of it is then told as of any other.
 */
import { assert } from '../../../domain/assert.ts'
import { type Moment, read, write } from '../operation.ts'
import { aloneWithOrder } from '../orders/order-rows.ts'
import { ATTEMPT_COLUMNS, type Attempt } from '../orders/payment-operations.ts'
import { findRefund, promise, type RefundRequested } from '../orders/refund-operations.ts'
import { change, type Query, row } from '../query.ts'

type AdoptedPayment = Pick<Attempt, 'key' | 'orderId' | 'method' | 'startedAtMs'> & {
  readonly transactionId: string
  readonly isPending: boolean
}
type AdoptedRefund = Omit<RefundRequested, 'orderId'> & {
  readonly refundId: string
  readonly attemptKey: string
}

export const adoptOperations = {
  'payments.ofTransaction': read(({ transactionId }: { readonly transactionId: string }) =>
    findByTransaction(transactionId),
  ),
  /** Nothing has come of it yet. */
  'payments.adopt': write((args: AdoptedPayment, moment) => adoptPayment(args, moment)),
  /** Promised anew, under its own id. */
  'refunds.adopt': write((args: AdoptedRefund, moment) => adoptRefund(args, moment)),
}

function findByTransaction(transactionId: string): Query<Attempt | undefined> {
  return row<Attempt>(
    `SELECT ${ATTEMPT_COLUMNS} FROM payment_attempts WHERE transaction_id = ?`,
    transactionId,
  )
}

/** With its number, so that no later attempt is begun under its key. Pending it can be only where no other attempt is live. */
function* adoptPayment(args: AdoptedPayment, { nowMs }: Moment): Query<{ readonly type: 'adopted' }> {
  const { key, orderId, method, startedAtMs, transactionId, isPending } = args
  const number = Number(key.slice(key.lastIndexOf(':') + 1))
  assert(key === `${orderId}:${number}` && number >= 1, 'a key is of its order, with its number')
  yield* aloneWithOrder(orderId)
  const adopted = yield* change(
    `INSERT INTO payment_attempts
       (key, order_id, number, method, amount_minor, currency, status, transaction_id, reason, started_at_ms, updated_at_ms)
     SELECT CAST(? AS TEXT), o.id, CAST(? AS BIGINT), CAST(? AS TEXT), o.total_minor, o.currency,
            CASE WHEN CAST(? AS BIGINT) = 1 AND NOT EXISTS (SELECT 1 FROM payment_attempts b
              WHERE b.order_id = o.id AND b.status IN ('charging', 'pending', 'succeeded'))
              THEN 'pending' ELSE 'failed' END,
            CAST(? AS TEXT), 'not-recorded', CAST(? AS BIGINT), CAST(? AS BIGINT)
       FROM orders o WHERE o.id = ? ON CONFLICT DO NOTHING`,
    key,
    number,
    method,
    isPending ? 1 : 0,
    transactionId,
    startedAtMs,
    nowMs,
    orderId,
  )
  if (adopted === 1)
    yield* change(
      `UPDATE orders SET look_at_ms = ?, payment_method =
          CASE WHEN status IN ('pending_payment', 'expired') THEN CAST(? AS TEXT) ELSE payment_method END
        WHERE id = ?`,
      nowMs,
      method,
      orderId,
    )
  return { type: 'adopted' }
}

/** Where less than that is left, more has been promised since than the provider could give: then it stays unrecorded. */
function* adoptRefund(
  args: AdoptedRefund,
  moment: Moment,
): Query<{ readonly type: 'adopted'; readonly isDone: boolean }> {
  const orderId = args.attemptKey.slice(0, args.attemptKey.lastIndexOf(':'))
  yield* aloneWithOrder(orderId)
  if ((yield* findRefund(args.refundId)) !== undefined) return { type: 'adopted', isDone: true }
  const refund = yield* promise({ ...args, orderId }, moment)
  return { type: 'adopted', isDone: refund !== undefined }
}
