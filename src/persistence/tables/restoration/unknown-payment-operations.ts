/**
 * Payments that a provider has taken for this shop and of whose orders these tables know nothing: what a restored backup
 * lacks. Each is given back or accepted, by somebody's decision, or was given back already; it is kept whatever became of it,
 * so that it is never unknown again.
 */
import { type Moment, read, write } from '../operation.ts'
import { alone, change, type Query, row, rows } from '../query.ts'

export type UnknownPaymentState = 'pending' | 'open' | 'refunding' | 'refunded' | 'accepted' | 'failed'
export type UnknownPayment = {
  readonly transactionId: string
  readonly restorationId: string
  /** Of the attempt, `order:attempt`. */
  readonly key: string
  readonly orderId: string
  /** What has not gone back of it. */
  readonly amountMinor: number
  readonly currency: string
  readonly paidAtMs: number
  readonly state: UnknownPaymentState
  /** Why the provider refused to give it back. */
  readonly failure: string | null
  readonly decidedBy: string | null
  readonly note: string | null
}

export type FoundPayment = Omit<
  UnknownPayment,
  'restorationId' | 'state' | 'failure' | 'decidedBy' | 'note'
> & {
  readonly state: 'pending' | 'open' | 'refunded' | 'failed'
}

export type DecisionReply = { readonly type: 'payment'; readonly payment: UnknownPayment }
export type DecisionRefused =
  | { readonly type: 'refused'; readonly reason: 'unknown-payment' }
  /** It was decided before, or is not to be decided yet. */
  | { readonly type: 'refused'; readonly reason: 'payment-state'; readonly state: UnknownPaymentState }

type Note = { readonly restorationId: string; readonly payment: FoundPayment }
type Decide = {
  readonly transactionId: string
  readonly decision: 'refund' | 'accept'
  readonly by: string
  readonly note: string | undefined
}
type Settle = {
  readonly transactionId: string
  readonly state: 'refunded' | 'open'
  readonly failure: string | undefined
}
type Page = { readonly restorationId: string; readonly limit: number }

export const unknownPaymentOperations = {
  'unknownPayments.find': read(({ transactionId }: { readonly transactionId: string }) =>
    find(transactionId),
  ),
  /** Those that wait for somebody or something first, then the oldest. */
  'unknownPayments.list': read((page: Page) => list(page)),
  'unknownPayments.undecided': read(({ restorationId }: { readonly restorationId: string }) =>
    countUndecided(restorationId),
  ),
  /** As the provider tells it now; what was decided stays so. */
  'unknownPayments.note': write((args: Note, moment) => note(args, moment)),
  'unknownPayments.decide': write((args: Decide, moment) => decide(args, moment)),
  /** What came of giving it back. */
  'unknownPayments.settle': write((args: Settle, moment) => settle(args, moment)),
}

const COLUMNS = `transaction_id AS "transactionId", restoration_id AS "restorationId", key, order_id AS "orderId",
  amount_minor AS "amountMinor", currency, paid_at_ms AS "paidAtMs", state, failure, decided_by AS "decidedBy", note`

function find(transactionId: string): Query<UnknownPayment | undefined> {
  return row<UnknownPayment>(
    `SELECT ${COLUMNS} FROM unknown_payments WHERE transaction_id = ?`,
    transactionId,
  )
}

function list({ restorationId, limit }: Page): Query<readonly UnknownPayment[]> {
  return rows<UnknownPayment>(
    `SELECT ${COLUMNS} FROM unknown_payments WHERE restoration_id = ?
      ORDER BY CASE WHEN state IN ('pending', 'open', 'refunding') THEN 0 ELSE 1 END, paid_at_ms, transaction_id LIMIT ?`,
    restorationId,
    limit,
  )
}

/** Those that keep the shop from selling. */
export function* countUndecided(restorationId: string): Query<number> {
  const found = yield* row<{ readonly undecided: number }>(
    `SELECT count(*) AS undecided FROM unknown_payments
      WHERE restoration_id = ? AND state IN ('pending', 'open', 'refunding')`,
    restorationId,
  )
  return found?.undecided ?? 0
}

function* note({ restorationId, payment }: Note, { nowMs }: Moment): Query<DecisionReply> {
  const { transactionId, key, orderId, amountMinor, currency, paidAtMs, state } = payment
  yield* alone('unknown payment', transactionId)
  yield* change(
    `INSERT INTO unknown_payments
       (transaction_id, restoration_id, key, order_id, amount_minor, currency, paid_at_ms, state, updated_at_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (transaction_id) DO NOTHING`,
    transactionId,
    restorationId,
    key,
    orderId,
    amountMinor,
    currency,
    paidAtMs,
    state,
    nowMs,
  )
  yield* change(
    `UPDATE unknown_payments SET state = ?, amount_minor = ?, restoration_id = ?, updated_at_ms = ?
      WHERE transaction_id = ? AND (state IN ('pending', 'open', 'failed') OR (state = 'refunding' AND ? = 'refunded'))`,
    state,
    amountMinor,
    restorationId,
    nowMs,
    transactionId,
    state,
  )
  return { type: 'payment', payment: (yield* find(transactionId)) as UnknownPayment }
}

function* decide(args: Decide, moment: Moment): Query<DecisionReply | DecisionRefused> {
  const { transactionId, decision, by, note: words } = args
  yield* alone('unknown payment', transactionId)
  const decided = yield* change(
    `UPDATE unknown_payments SET state = ?, failure = NULL, decided_by = ?, note = ?, updated_at_ms = ?
      WHERE transaction_id = ? AND state = 'open'`,
    decision === 'refund' ? 'refunding' : 'accepted',
    by,
    words ?? null,
    moment.nowMs,
    transactionId,
  )
  const payment = yield* find(transactionId)
  if (payment === undefined) return { type: 'refused', reason: 'unknown-payment' }
  const isSame =
    decision === 'accept'
      ? payment.state === 'accepted'
      : payment.state === 'refunding' || payment.state === 'refunded'
  if (decided === 0 && !isSame) return { type: 'refused', reason: 'payment-state', state: payment.state }
  moment.notify({ type: 'restorationChanged' })
  return { type: 'payment', payment }
}

function* settle({ transactionId, state, failure }: Settle, moment: Moment): Query<DecisionReply> {
  yield* change(
    `UPDATE unknown_payments SET state = ?, failure = ?, updated_at_ms = ?
      WHERE transaction_id = ? AND state = 'refunding'`,
    state,
    failure ?? null,
    moment.nowMs,
    transactionId,
  )
  moment.notify({ type: 'restorationChanged' })
  return { type: 'payment', payment: (yield* find(transactionId)) as UnknownPayment }
}
