/** What is still owed for an order, to the engine or by a gateway, and when to look at it again. */
import type { ReservationId } from '../../../domain/ids.ts'
import { type Moment, read, write } from '../operation.ts'
import { change, glance, type Query } from '../query.ts'
import {
  aloneWithOrder,
  type Duty,
  findOrderRow,
  IS_BEING_PAID,
  IS_SOLD,
  note,
  type OrderRow,
  OWES_REFUND,
} from './order-rows.ts'
import { type Attempt, attemptsOf } from './payment-operations.ts'
import { type Refund, refundRest, refundsOf } from './refund-operations.ts'
import { openReturnsOf, type ReturnRow } from './return-operations.ts'

type Of = { readonly orderId: string }
type Done = { readonly type: 'done'; readonly isDone: boolean }

/** All that decides what comes next for an order. */
export type OrderState = {
  readonly order: OrderRow
  readonly attempts: readonly Attempt[]
  readonly refunds: readonly Refund[]
  readonly returns: readonly ReturnRow[]
}

export const dutyOperations = {
  'orders.state': read(({ orderId }: Of) => stateOf(orderId)),
  /** Orders that somebody should look at, the longest due first. */
  'orders.due': read((query: Due) => due(query)),
  /** What an operator should know of all that is under way. */
  'orders.backlog': read(({ nowMs }: { readonly nowMs: number }) => backlog(nowMs)),
  'orders.lookAgain': write((args: LookAgain, _) => lookAgain(args)),
  /** One of several sweepers takes an order that is due; of the others nobody has to look for so long. */
  'orders.claim': write((args: Of & { readonly leaseMs: number }, moment) => claim(args, moment)),
  /** The engine knows by now. */
  'orders.dutyDone': write((args: Of & { readonly duty: Duty }, moment) => dutyDone(args, moment)),
  /** The hold of what was paid has ended; its units are to be held anew, under this reservation. */
  'orders.rehold': write((args: Rehold, moment) => rehold(args, moment)),
  /** Those that were confirmed since and not called off, by id, behind `after`. */
  'orders.soldSince': read((page: SoldSince) => soldSince(page)),
  /** Its units are sold, and a restored journal does not know: the engine is told anew. */
  'orders.resell': write((args: Of, moment) => resell(args, moment)),
  /** And there are none for it: it stays sold, and somebody has to look. */
  'orders.unitsMissing': write((args: Of, moment) => unitsMissing(args, moment)),
  /** There are no units for what was paid: the money goes back. */
  'orders.giveBack': write((args: GiveBack, moment) => giveBack(args, moment)),
}

function* stateOf(orderId: string): Query<OrderState | undefined> {
  const order = yield* findOrderRow(orderId)
  if (order === undefined) return undefined
  return {
    order,
    attempts: yield* attemptsOf(orderId),
    refunds: yield* refundsOf(orderId),
    returns: yield* openReturnsOf(orderId),
  }
}

type Due = {
  readonly nowMs: number
  readonly limit: number
  /** Those for which a gateway has to be asked, or the others; all of them unless given. */
  readonly asksGateway?: boolean
}

function* due({ nowMs, limit, asksGateway }: Due): Query<readonly string[]> {
  const asks = `(${IS_BEING_PAID} OR ${OWES_REFUND})`
  const which = asksGateway === undefined ? '' : asksGateway ? `AND ${asks}` : `AND NOT ${asks}`
  const found = yield* glance<{ readonly id: string }>(
    `SELECT id FROM orders WHERE look_at_ms IS NOT NULL AND look_at_ms <= ? ${which}
      ORDER BY look_at_ms LIMIT ?`,
    nowMs,
    limit,
  )
  return found.map(({ id }) => id)
}

export type Backlog = {
  /** Orders that should have been looked at by now, and since when the first of them. */
  readonly due: number
  readonly dueSinceMs: number | null
  /** Orders that will be looked at. */
  readonly underWay: number
  /** Refunds that their provider has not carried out, and would not: somebody must look. */
  readonly refundsOpen: number
  readonly refundsFailed: number
}

function* backlog(nowMs: number): Query<Backlog> {
  const [orders] = yield* glance<Pick<Backlog, 'due' | 'dueSinceMs' | 'underWay'>>(
    `SELECT count(*) AS "underWay", coalesce(sum(CASE WHEN look_at_ms <= ? THEN 1 ELSE 0 END), 0) AS due,
            min(CASE WHEN look_at_ms <= ? THEN look_at_ms END) AS "dueSinceMs"
       FROM orders WHERE look_at_ms IS NOT NULL`,
    nowMs,
    nowMs,
  )
  const [refunds] = yield* glance<{ readonly open: number; readonly failed: number }>(
    `SELECT coalesce(sum(CASE WHEN status IN ('requested', 'pending') THEN 1 ELSE 0 END), 0) AS open,
            coalesce(sum(CASE WHEN status = 'failed' THEN 1 ELSE 0 END), 0) AS failed
       FROM refunds WHERE status <> 'succeeded'`,
  )
  return {
    due: orders?.due ?? 0,
    dueSinceMs: orders?.dueSinceMs ?? null,
    underWay: orders?.underWay ?? 0,
    refundsOpen: refunds?.open ?? 0,
    refundsFailed: refunds?.failed ?? 0,
  }
}

type LookAgain = Of & {
  /** Undefined where nothing is left to do. */
  readonly lookAtMs: number | undefined
  /** Of the order as it was when that was decided; where it has changed since, who changed it has said when to look. */
  readonly updatedAtMs?: number
}

/**
 * With something still owed an order is always looked at again. Whoever says that nothing is may not have seen what was
 * promised meanwhile, in the same millisecond even, by somebody who has died since: so that is asked here.
 */
function* lookAgain({ orderId, lookAtMs, updatedAtMs }: LookAgain): Query<Done> {
  yield* aloneWithOrder(orderId)
  const changed = yield* change(
    `UPDATE orders SET look_at_ms = ? WHERE id = ? AND (CAST(? AS BIGINT) IS NOT NULL OR (duty IS NULL
        AND status <> 'pending_payment' AND NOT ${IS_BEING_PAID} AND NOT ${OWES_REFUND} AND NOT EXISTS
          (SELECT 1 FROM order_returns t WHERE t.order_id = orders.id AND t.status = 'requested')))
        AND updated_at_ms = coalesce(?, updated_at_ms)`,
    lookAtMs ?? null,
    orderId,
    lookAtMs ?? null,
    updatedAtMs ?? null,
  )
  return { type: 'done', isDone: changed === 1 }
}

function* claim({ orderId, leaseMs }: Of & { readonly leaseMs: number }, { nowMs }: Moment): Query<Done> {
  const sql = 'UPDATE orders SET look_at_ms = ? WHERE id = ? AND look_at_ms <= ?'
  return { type: 'done', isDone: (yield* change(sql, nowMs + leaseMs, orderId, nowMs)) === 1 }
}

function* dutyDone({ orderId, duty }: Of & { readonly duty: Duty }, { nowMs }: Moment): Query<Done> {
  const changed = yield* change(
    'UPDATE orders SET duty = NULL, look_at_ms = ?, updated_at_ms = ? WHERE id = ? AND duty = ?',
    nowMs,
    nowMs,
    orderId,
    duty,
  )
  return { type: 'done', isDone: changed === 1 }
}

type Rehold = Of & { readonly stale: ReservationId; readonly reservationId: ReservationId }

function* rehold({ orderId, stale, reservationId }: Rehold, moment: Moment): Query<Done> {
  yield* aloneWithOrder(orderId)
  const changed = yield* change(
    `UPDATE orders SET reservation_id = ?, updated_at_ms = ? WHERE id = ? AND reservation_id = ? AND duty = 'confirm'`,
    reservationId,
    moment.nowMs,
    orderId,
    stale,
  )
  if (changed === 1) yield* note(orderId, { type: 'reserved-anew', detail: reservationId }, moment)
  return { type: 'done', isDone: changed === 1 }
}

type SoldSince = { readonly sinceMs: number; readonly after: string; readonly limit: number }

/** By id alone, page by page: with an index by status each page would sort all that are behind it. */
function* soldSince({ sinceMs, after, limit }: SoldSince): Query<readonly string[]> {
  const found = yield* glance<{ readonly id: string }>(
    `SELECT id FROM orders WHERE id > ? AND coalesce(status, '') IN ('confirmed', 'shipped', 'delivered')
        AND updated_at_ms >= ? AND EXISTS (SELECT 1 FROM order_events e
          WHERE e.order_id = orders.id AND e.type = 'confirmed' AND e.at_ms >= ?)
      ORDER BY id LIMIT ?`,
    after,
    sinceMs,
    sinceMs,
    limit,
  )
  return found.map(({ id }) => id)
}

function* resell({ orderId }: Of, { nowMs }: Moment): Query<Done> {
  yield* aloneWithOrder(orderId)
  const sql = `UPDATE orders SET duty = 'confirm', look_at_ms = ?, updated_at_ms = ? WHERE id = ? AND ${IS_SOLD} AND duty IS NULL`
  return { type: 'done', isDone: (yield* change(sql, nowMs, nowMs, orderId)) === 1 }
}

function* unitsMissing({ orderId }: Of, moment: Moment): Query<Done> {
  yield* aloneWithOrder(orderId)
  const sql = `UPDATE orders SET duty = NULL, look_at_ms = ?, updated_at_ms = ? WHERE id = ? AND ${IS_SOLD} AND duty = 'confirm'`
  const changed = yield* change(sql, moment.nowMs, moment.nowMs, orderId)
  if (changed === 1) yield* note(orderId, { type: 'units-missing' }, moment)
  return { type: 'done', isDone: changed === 1 }
}

type GiveBack = Of & { readonly reason: string; readonly reservationId: ReservationId }

/** Unless somebody else has found units meanwhile: then the order has another reservation. */
function* giveBack({ orderId, reason, reservationId }: GiveBack, moment: Moment): Query<Done> {
  yield* aloneWithOrder(orderId)
  const before = yield* findOrderRow(orderId)
  const changed = yield* change(
    `UPDATE orders SET duty = NULL, look_at_ms = ?, updated_at_ms = ?,
        status = CASE status WHEN 'pending_payment' THEN 'expired' ELSE status END
      WHERE id = ? AND duty = 'confirm' AND reservation_id = ?`,
    moment.nowMs,
    moment.nowMs,
    orderId,
    reservationId,
  )
  if (changed === 0) return { type: 'done', isDone: false }
  // Where its hold had ended before it was paid, that has been told already.
  const isNews = before?.status === 'pending_payment'
  const told = isNews ? ({ status: 'expired', tells: 'order.expired', payload: { reason } } as const) : {}
  yield* note(orderId, { type: isNews ? 'expired' : 'sold-out', detail: reason, ...told }, moment)
  yield* refundRest({ orderId, reason, by: 'shop' }, moment)
  return { type: 'done', isDone: true }
}
