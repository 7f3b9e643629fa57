/**
 * Brings what the tables know of a payment up to what the provider's list says, by the same steps as if the provider had told
 * it by itself. Done before, or by somebody else at the same time, it changes nothing more.
 */
import type { Attempt } from '../../persistence/tables/orders/payment-operations.ts'
import type { FoundPayment } from '../../persistence/tables/restoration/unknown-payment-operations.ts'
import { driveOrLeave } from '../orders/drive-or-leave.ts'
import type { ListedPayment, ListedRefund } from '../payments/gateway.ts'
import { succeed } from '../payments/pay-order.ts'
import type { ShopParts } from '../shop-parts.ts'
import { keptOf } from './listed.ts'

export type Settled =
  /** The tables say what the provider says. */
  | 'settled'
  /** A part that has to do with it did not answer. */
  | 'unsettled'

/** `restorationId` is what an unknown one is noted for. */
export async function settlePayment(
  parts: ShopParts,
  listed: ListedPayment,
  restorationId: string,
): Promise<Settled> {
  const { tables } = parts
  const { key, orderId } = listed
  if ((await tables.read('payments.find', { key })) === undefined) {
    const isKnown = (await tables.read('orders.find', { orderId })) !== undefined && isKeyOf(listed)
    if (!isKnown) return await noteUnknown(parts, listed, restorationId)
    await tables.write('payments.adopt', {
      key,
      orderId,
      method: listed.method,
      startedAtMs: listed.madeAtMs,
      transactionId: listed.transactionId,
      isPending: listed.outcome.type === 'pending',
    })
  }
  await tell(parts, listed)
  if ((await settledNow(parts, listed)) === 'settled') return 'settled'
  // It was recorded, and what follows from it is owed since some part did not answer then.
  await driveOrLeave(parts, orderId)
  return await settledNow(parts, listed)
}

/** A key of another form is none that these tables could have given. */
function isKeyOf({ key, orderId }: ListedPayment): boolean {
  return key.startsWith(`${orderId}:`) && /^[1-9][0-9]{0,5}$/.test(key.slice(orderId.length + 1))
}

/** What has gone back as a whole buys nothing: it is as if it had failed, unless it had been captured by these books too. */
async function tell(parts: ShopParts, listed: ListedPayment): Promise<void> {
  const { tables } = parts
  const { key, orderId, outcome } = listed
  const attempt = await tables.read('payments.find', { key })
  if (attempt === undefined || isCaptured(attempt)) return
  if (outcome.type === 'pending') return
  if (outcome.type === 'failed') await tables.write('payments.fail', { key, reason: outcome.reason })
  else if (keptOf(listed) === 0) await tables.write('payments.fail', { key, reason: 'refunded' })
  else await succeed(parts, attempt, outcome)
  await driveOrLeave(parts, orderId)
}

/** Units are sold, or the money is on its way back: until then nobody else should be sold what may be this order's. */
async function settledNow({ tables }: ShopParts, listed: ListedPayment): Promise<Settled> {
  const state = await tables.read('orders.state', { orderId: listed.orderId })
  const attempt = state?.attempts.find(({ key }) => key === listed.key)
  if (state === undefined || attempt === undefined) return 'unsettled'
  if (listed.outcome.type !== 'succeeded' || keptOf(listed) === 0) return 'settled'
  return isCaptured(attempt) && state.order.duty !== 'confirm' ? 'settled' : 'unsettled'
}

async function noteUnknown(
  { tables, log }: ShopParts,
  listed: ListedPayment,
  restorationId: string,
): Promise<Settled> {
  const { transactionId, key, orderId, madeAtMs: paidAtMs, currency, outcome } = listed
  const before = await tables.read('unknownPayments.find', { transactionId })
  // Nothing was taken: nobody has to know.
  if (outcome.type === 'failed' && before === undefined) return 'settled'
  const state = stateOf(listed)
  const amountMinor = outcome.type === 'succeeded' ? keptOf(listed) : listed.amountMinor
  const isSame = before?.state === state && before.amountMinor === amountMinor
  const isDecided = before?.state === 'refunding' || before?.state === 'accepted'
  if ((isSame && before?.restorationId === restorationId) || isDecided) return 'settled'
  const payment: FoundPayment = { transactionId, key, orderId, amountMinor, currency, paidAtMs, state }
  await tables.write('unknownPayments.note', { restorationId, payment })
  if (before === undefined && state !== 'refunded')
    log.error({ transactionId, orderId, amountMinor, currency }, 'restoration.unknownPayment')
  return 'settled'
}

function stateOf(listed: ListedPayment): FoundPayment['state'] {
  const { outcome } = listed
  if (outcome.type !== 'succeeded') return outcome.type
  return keptOf(listed) === 0 ? 'refunded' : 'open'
}

/** One that these tables do not have is promised anew under its own id, and found made when the provider is asked for it. */
export async function settleRefund(parts: ShopParts, listed: ListedRefund): Promise<void> {
  const { tables } = parts
  const { key: refundId, transactionId, amountMinor, outcome } = listed
  if (outcome.type === 'failed') return
  const known = await tables.read('refunds.find', { refundId })
  if (known !== undefined) {
    if (known.status === 'requested' || known.status === 'pending') await driveOrLeave(parts, known.orderId)
    return
  }
  const isOfUnknown = (await tables.read('unknownPayments.find', { transactionId })) !== undefined
  const attempt = isOfUnknown ? undefined : await tables.read('payments.ofTransaction', { transactionId })
  if (attempt === undefined || !isCaptured(attempt)) return
  const why = { reason: 'made after the backup that was restored', by: 'reconciliation' }
  await tables.write('refunds.adopt', { refundId, attemptKey: attempt.key, amountMinor, ...why })
  await driveOrLeave(parts, attempt.orderId)
}

function isCaptured({ status }: Pick<Attempt, 'status'>): boolean {
  return status === 'succeeded' || status === 'surplus'
}
