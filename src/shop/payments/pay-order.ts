/**
 * Paying an order: the hold's time is swapped for a payment deadline, one attempt is begun, the gateway is asked once under
 * that attempt's key, and what it says is recorded together with what follows from it.
 *
 * Whatever stops this half-way leaves an attempt that is charging: nobody begins another one until it has come to something,
 * and the sweeper asks the gateway what became of it (src/shop/orders/drive-order.ts).
 */

import type { ReservationReply } from '../../actors/requests.ts'
import { crashPoint } from '../../crash-points.ts'
import { assert } from '../../domain/assert.ts'
import { payingMsDefault } from '../../domain/bounds.ts'
import type { CustomerId } from '../../domain/ids.ts'
import { minorUnits } from '../../domain/money.ts'
import { chargeGraceMs, chargeWaitMs, paymentAttemptsMax } from '../../limits.ts'
import type { Replayable } from '../../persistence/tables/idempotency-records.ts'
import type { Order, OrderStatus } from '../../persistence/tables/orders/order-rows.ts'
import {
  type Attempt,
  isLive,
  type PaymentReply,
} from '../../persistence/tables/orders/payment-operations.ts'
import type { TableKey } from '../../persistence/tables/table-key.ts'
import { answeredBefore } from '../answered-before.ts'
import { driveOrLeave, leaveToSweeper } from '../orders/drive-or-leave.ts'
import { confirmUnits, findReservation } from '../orders/units.ts'
import type { ShopParts } from '../shop-parts.ts'
import type { Captured, CardDetails, ChargeOutcome } from './gateway.ts'
import { isAsAsked, noteCapture } from './note-capture.ts'

export type PayingMethod = 'card' | 'upi' | 'cod'
export type Payment = {
  readonly orderId: string
  readonly customerId: CustomerId
  readonly method: PayingMethod
  /** As the shopper saw it: a decimal number. */
  readonly amount: number
  readonly paymentToken: string | undefined
  readonly card: CardDetails | undefined
  readonly key: TableKey | undefined
}

/** It was begun, and nobody knows yet what came of it: said of the moment, and kept under no key. */
export type PaymentUnderWay = { readonly type: 'under-way'; readonly attempt: Attempt }

export type PaymentRefused =
  | { readonly type: 'refused'; readonly reason: 'unknown-order' }
  | { readonly type: 'refused'; readonly reason: 'amount-mismatch'; readonly order: Order }
  | { readonly type: 'refused'; readonly reason: 'order-state'; readonly status: OrderStatus }
  /** Too little time is left of the hold to be sure of an answer. */
  | { readonly type: 'refused'; readonly reason: 'payment-deadline' }
  /** It was tried in vain as often as one order can be. */
  | { readonly type: 'refused'; readonly reason: 'too-many-attempts' }

type Paid = (PaymentReply & Replayable) | PaymentUnderWay | PaymentRefused

export async function payOrder(parts: ShopParts, payment: Payment): Promise<Paid> {
  const { tables } = parts
  const { orderId } = payment
  const before = await answeredBefore<PaymentReply>(parts, payment.key)
  if (before !== undefined) return before
  const order = await tables.read('orders.find', { orderId })
  if (order === undefined || order.customerId !== payment.customerId)
    return { type: 'refused', reason: 'unknown-order' }
  if (order.totalMinor !== minorUnits(payment.amount, order.currency))
    return { type: 'refused', reason: 'amount-mismatch', order }
  if (order.status !== 'pending_payment') return await paidBefore(parts, order, payment.key)
  return await attempt(parts, order, payment)
}

/** Whoever pays what is paid hears that it is: a page that was loaded again charges nobody (RIVALS.md, "double payment"). */
async function paidBefore(
  { tables }: ShopParts,
  order: Order,
  once: TableKey | undefined,
): Promise<(PaymentReply & Replayable) | PaymentRefused> {
  const { orderId, status } = order
  const attempts = await tables.read('payments.ofOrder', { orderId })
  const paid = attempts.find((each) => each.status === 'succeeded')
  const isOnItsWay = status === 'confirmed' || status === 'shipped' || status === 'delivered'
  if (paid === undefined || !isOnItsWay) return { type: 'refused', reason: 'order-state', status }
  if (once === undefined) return { type: 'payment', attempt: paid, orderStatus: status }
  return await settled({ tables }, paid, once)
}

/** What has come of an attempt that was captured, kept under the key. Changes nothing else. */
async function settled(
  { tables }: Pick<ShopParts, 'tables'>,
  { key, transactionId }: Attempt,
  once: TableKey | undefined,
): Promise<PaymentReply & Replayable> {
  return await tables.write('payments.capture', { key, transactionId: transactionId ?? key }, once)
}

async function attempt(parts: ShopParts, order: Order, payment: Payment): Promise<Paid> {
  const { tables, clock, chargeTimeoutMs } = parts
  const { orderId, totalMinor } = order
  const method = totalMinor === 0 ? 'none' : payment.method
  const hold = await startPaying(parts, order)
  if (hold === undefined) return await hasEnded(parts, orderId, payment.key)
  if (!holdsAll(hold, order)) return await callOff(parts, orderId)
  const { expiresAtMs } = hold
  const nowMs = clock.wallMs()
  const asksGateway = method === 'card' || method === 'upi'
  if (asksGateway && expiresAtMs - nowMs <= chargeTimeoutMs)
    return { type: 'refused', reason: 'payment-deadline' }

  crashPoint('payment.afterDeadline')
  const lookAtMs = nowMs + chargeTimeoutMs + chargeGraceMs
  const attemptsMax = paymentAttemptsMax
  const begun = await tables.write('payments.begin', { orderId, method, expiresAtMs, lookAtMs, attemptsMax })
  if (begun.type === 'refused') {
    const { reason } = begun
    return reason === 'order-state' || reason === 'too-many-attempts'
      ? begun
      : { type: 'refused', reason: 'unknown-order' }
  }
  if (begun.type === 'live') return { type: 'under-way', attempt: begun.attempt }
  crashPoint('payment.afterBegin')
  if (!asksGateway) return await succeed(parts, begun.attempt, withoutGateway(begun.attempt), payment.key)
  const outcome = await charge(parts, begun.attempt, payment)
  crashPoint('payment.afterCharge')
  return await record(parts, begun.attempt, outcome, payment.key)
}

/** The hold, now that it is being paid; undefined where it has ended. */
async function startPaying(
  { engine }: ShopParts,
  { reservationId }: Order,
): Promise<ReservationReply | undefined> {
  const reply = await engine.execute({ type: 'startPayment', reservationId, payingMs: payingMsDefault })
  return reply.type === 'refused' ? undefined : reply
}

/** A part of it may have been released in the very moment in which it was adopted. */
function holdsAll(hold: ReservationReply, order: Order): boolean {
  const held = new Map(hold.lines.map(({ productId, quantity }) => [productId, quantity]))
  return order.lines.every(({ productId, quantity }) => held.get(productId) === quantity)
}

/** Nobody is charged for units that are not held. */
async function callOff(parts: ShopParts, orderId: string): Promise<PaymentRefused> {
  const reason = 'its hold was changed'
  await parts.tables.write('orders.cancel', { orderId, by: 'shop', reason, unlessPaid: true })
  await driveOrLeave(parts, orderId)
  return { type: 'refused', reason: 'order-state', status: 'cancelled' }
}

/** Nothing can be paid any more, unless somebody else has just paid it. */
async function hasEnded(parts: ShopParts, orderId: string, once: TableKey | undefined): Promise<Paid> {
  await driveOrLeave(parts, orderId)
  const order = await parts.tables.read('orders.find', { orderId })
  if (order === undefined) return { type: 'refused', reason: 'unknown-order' }
  if (order.status !== 'pending_payment') return await paidBefore(parts, order, once)
  const attempts = await parts.tables.read('payments.ofOrder', { orderId })
  const live = attempts.find(isLive)
  if (live !== undefined) return { type: 'under-way', attempt: live }
  const reservation = await findReservation(parts, order.reservationId)
  if (reservation?.status !== 'confirmed') await parts.tables.write('orders.expire', { orderId })
  return { type: 'refused', reason: 'order-state', status: 'expired' }
}

async function charge({ gateway }: ShopParts, attempt: Attempt, payment: Payment): Promise<ChargeOutcome> {
  assert(gateway !== undefined, 'what needs a gateway was refused where there is none')
  const { key, orderId, amountMinor, currency, startedAtMs } = attempt
  const { paymentToken, card } = payment
  return await gateway.charge({
    key,
    startedAtMs,
    orderId,
    amountMinor,
    currency,
    method: payment.method === 'upi' ? 'upi' : 'card',
    ...(paymentToken === undefined ? {} : { paymentToken }),
    ...(card === undefined ? {} : { card }),
  })
}

/** What is paid at the door, or costs nothing, is as good as captured. */
function withoutGateway({ key, amountMinor, currency }: Attempt): Captured {
  return { type: 'succeeded', transactionId: key, amountMinor, currency }
}

async function record(
  parts: ShopParts,
  attempt: Attempt,
  outcome: ChargeOutcome,
  once: TableKey | undefined,
): Promise<Paid> {
  const { key } = attempt
  if (outcome.type === 'succeeded') return await succeed(parts, attempt, outcome, once)
  if (outcome.type === 'failed')
    return await parts.tables.write('payments.fail', { key, reason: outcome.reason }, once)
  if (outcome.type === 'unknown') return { type: 'under-way', attempt }
  const lookAtMs = parts.clock.wallMs() + chargeWaitMs
  const { transactionId } = outcome
  return await parts.tables.write('payments.wait', { key, transactionId, lookAtMs }, once)
}

/** Sells the units and says so in the order; where that is not to be, whatever can still be done is done. */
export async function succeed(
  parts: ShopParts,
  attempt: Attempt,
  captured: Captured,
  once?: TableKey,
): Promise<PaymentReply & Replayable> {
  const { tables } = parts
  const { key, orderId } = attempt
  const { transactionId } = captured
  const sold = isAsAsked(attempt, captured) && (await soldNow(parts, attempt))
  crashPoint('payment.afterUnits')
  if (sold) {
    const confirmed = await tables.write('payments.confirm', { key, transactionId }, once)
    crashPoint('payment.afterRecord')
    return confirmed
  }
  await noteCapture(parts, attempt, captured)
  await driveOrLeave(parts, orderId)
  return await settled(parts, { ...attempt, transactionId }, once)
}

/** Whether its units are sold; where the engine does not say, it is asked again by whoever sweeps. */
async function soldNow(parts: ShopParts, { orderId, key }: Attempt): Promise<boolean> {
  const state = await parts.tables.read('orders.state', { orderId })
  if (state === undefined || state.order.status === 'cancelled') return false
  // Where another attempt may pay the order, its units are for that one.
  if (state.attempts.some((each) => each.key !== key && isLive(each))) return false
  try {
    return (await confirmUnits(parts, state.order)) === 'sold'
  } catch (error) {
    leaveToSweeper(error)
    return false
  }
}
