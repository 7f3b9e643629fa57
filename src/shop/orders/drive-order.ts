/**
 * Drives an order to its end: to confirmed, or to units and money given back (DESIGN.md, "Checkout"). Everything it does may
 * have been done before, by whoever was interrupted or is at it too: engine, gateway and tables each make it once.
 */

import { crashPoint } from '../../crash-points.ts'
import { unreachable } from '../../domain/assert.ts'
import type { Line } from '../../domain/commands.ts'
import type { ProductId } from '../../domain/ids.ts'
import { chargeWaitMs, orderRetryMs } from '../../limits.ts'
import type { OrderState } from '../../persistence/tables/orders/duty-operations.ts'
import { isSold } from '../../persistence/tables/orders/order-rows.ts'
import { type Attempt, isLive } from '../../persistence/tables/orders/payment-operations.ts'
import type { Refund } from '../../persistence/tables/orders/refund-operations.ts'
import type { ReturnRow } from '../../persistence/tables/orders/return-operations.ts'
import { noteCapture } from '../payments/note-capture.ts'
import type { ShopParts } from '../shop-parts.ts'
import { needsNoGateway, nextStep, type Step } from './next-step.ts'
import { reserveAnew } from './reserve-anew.ts'
import { confirmUnits, findReservation, giveUnitsBack, returnUnits } from './units.ts'

/** More steps than any order takes without somebody to wait for; what is left then waits for the next look. */
const stepsMax = 16

export async function driveOrder(parts: ShopParts, orderId: string): Promise<void> {
  const { chargeTimeoutMs } = parts
  const asked = new Set<string>()
  for (let taken = 0; taken < stepsMax; taken++) {
    const state = await parts.tables.read('orders.state', { orderId })
    if (state === undefined) return
    const step = nextStep(state, { asked, nowMs: parts.clock.wallMs(), chargeTimeoutMs })
    if (step.type === 'rest') {
      const { lookAtMs } = step
      const { lookAtMs: before, updatedAtMs } = state.order
      if (lookAtMs !== (before ?? undefined))
        await parts.tables.write('orders.lookAgain', { orderId, lookAtMs, updatedAtMs })
      return
    }
    await take(parts, { state, step, asked })
  }
  // It must not stand before all others that are due.
  await parts.tables.write('orders.lookAgain', { orderId, lookAtMs: parts.clock.wallMs() + orderRetryMs })
}

type Taking = { readonly state: OrderState; readonly step: Step; readonly asked: Set<string> }

async function take(parts: ShopParts, { state, step, asked }: Taking): Promise<void> {
  const { order } = state
  switch (step.type) {
    case 'ask-gateway':
      asked.add(step.attempt.key)
      return askGateway(parts, step.attempt)
    case 'confirm-units':
      return confirmOrGiveBack(parts, state, step.attempt)
    case 'give-units-back': {
      const { reservationId, orderId, duty } = order
      await giveUnitsBack(parts, { reservationId, reason: `order ${orderId} was called off` })
      crashPoint('order.afterUnitsBack')
      if (duty !== null) await parts.tables.write('orders.dutyDone', { orderId, duty })
      return
    }
    case 'take-back':
      return takeBack(parts, state, step.items)
    case 'refund':
      asked.add(step.refund.refundId)
      return refund(parts, step.refund)
    case 'look-at-hold':
      asked.add(order.reservationId)
      return lookAtHold(parts, state)
    case 'rest':
      return
    default:
      return unreachable(step)
  }
}

async function askGateway(parts: ShopParts, attempt: Attempt): Promise<void> {
  const { gateway, tables, clock } = parts
  const { key, startedAtMs, transactionId } = attempt
  // Without the gateway that was charged through nobody can say what became of it.
  if (gateway === undefined) return
  const hint = transactionId === null ? { startedAtMs } : { startedAtMs, transactionId }
  const found = await gateway.find(key, hint)
  if (found.type === 'absent') {
    // Whoever began it has died, or would have been answered long ago: nothing was charged, and nothing will be.
    await tables.write('payments.fail', { key, reason: 'abandoned' })
  } else if (found.type === 'failed') {
    await tables.write('payments.fail', { key, reason: found.reason })
  } else if (found.type === 'succeeded') {
    await noteCapture(parts, attempt, found)
  } else if (found.type === 'pending') {
    const lookAtMs = clock.wallMs() + chargeWaitMs
    await tables.write('payments.wait', { key, transactionId: found.transactionId, lookAtMs })
  }
}

/** The units are sold if the hold still lives; else they are held anew, if they can be; else the money goes back. */
async function confirmOrGiveBack(parts: ShopParts, { order }: OrderState, attempt: Attempt): Promise<void> {
  const { tables, log } = parts
  const { orderId } = order
  if ((await confirmUnits(parts, order)) === 'sold') {
    const transactionId = attempt.transactionId ?? attempt.key
    await tables.write('payments.confirm', { key: attempt.key, transactionId })
    return
  }
  if (needsNoGateway(attempt) && attempt.status !== 'succeeded') {
    await tables.write('payments.fail', { key: attempt.key, reason: 'hold-over' })
    return
  }
  const anew = await reserveAnew(parts, order)
  if (anew.type === 'reserved') return
  const { reservationId } = anew
  // They have left, or were promised: whoever runs the shop has to take them out of the stock.
  if (isSold(order)) {
    log.error({ orderId }, 'order.unitsMissing')
    await tables.write('orders.unitsMissing', { orderId })
    return
  }
  const reason = 'no units were left when it was paid'
  await tables.write('orders.giveBack', { orderId, reservationId, reason })
}

/**
 * Under the return's own key, so that units which came back once are on hand once. A shard forgets keys after a day: so it is
 * asked first what has come back already, in case somebody did this long ago and could not say so.
 */
async function takeBack(parts: ShopParts, { order, returns }: OrderState, items: ReturnRow): Promise<void> {
  const { reservationId } = order
  const { returnId } = items
  const isDone =
    (await isReturned(parts, { order, returns }, items)) ||
    (await returnUnits(parts, { reservationId, ...items })) === 'returned'
  await parts.tables.write(isDone ? 'returns.done' : 'returns.refuse', { returnId })
}

/** Whether the engine has more units back than all returns together that are settled. */
async function isReturned(
  parts: ShopParts,
  { order, returns }: Pick<OrderState, 'order' | 'returns'>,
  { items }: ReturnRow,
): Promise<boolean> {
  const { orderId, reservationId } = order
  const reservation = await findReservation(parts, reservationId)
  const found = await parts.tables.read('orders.find', { orderId })
  const of = <L extends Line>(lines: readonly L[], productId: ProductId) =>
    lines.filter((line) => line.productId === productId)
  return items.every(({ productId, quantity }) => {
    const [counted] = of(found?.lines ?? [], productId)
    const [line] = of(reservation?.lines ?? [], productId)
    if (counted === undefined || line === undefined) return false
    const open = returns.flatMap((each) => of(each.items, productId))
    const settled = counted.returned - open.reduce((sum, each) => sum + each.quantity, 0)
    return line.returned >= settled + quantity
  })
}

async function refund({ gateway, tables }: ShopParts, owed: Refund): Promise<void> {
  const { refundId, amountMinor, currency, startedAtMs, transactionId } = owed
  const record = (result: 'pending' | 'succeeded' | 'failed', providerId?: string, failure?: string) =>
    tables.write('refunds.record', { refundId, result, providerId, failure })
  if (needsNoGateway(owed)) {
    await record('succeeded', 'cash')
    return
  }
  if (gateway === undefined) return
  if (transactionId === null) {
    await record('failed', undefined, 'unknown-charge')
    return
  }
  const outcome = await gateway.refund({ key: refundId, startedAtMs, transactionId, amountMinor, currency })
  crashPoint('order.afterRefund')
  if (outcome.type === 'succeeded') await record('succeeded', outcome.refundId)
  else if (outcome.type === 'failed') await record('failed', outcome.refundId, outcome.reason)
  else if (outcome.type === 'pending') await record('pending', outcome.refundId)
}

/** Whether the hold of an unpaid order has ended. Where its units were sold and nobody pays for them, they come back. */
async function lookAtHold({ engine, tables }: ShopParts, { order, attempts }: OrderState): Promise<void> {
  const { orderId, reservationId } = order
  const reservation = await findReservation({ engine }, reservationId)
  const status = reservation?.status
  if (status === 'held' || status === 'paying') return
  if (status === 'confirmed' && !attempts.some(isLive)) {
    const reason = 'its units were sold, and it was not paid'
    await tables.write('orders.cancel', { orderId, by: 'shop', reason, unlessPaid: true })
    return
  }
  await tables.write('orders.expire', { orderId })
}
