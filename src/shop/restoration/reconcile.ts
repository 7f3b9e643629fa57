/**
 * Compares what a payment provider has with what restored tables know, from a while before the newest they know until now, and
 * lifts the mark where nothing is left. Whatever interrupts it, the next round does again what was not done: it keeps nothing
 * of its own, and every step names what it starts from.
 *
 * R1  An order that is known is driven to its end before anything new is sold: its units are its own first.
 * R2  A payment of an order that is not known is never forgotten, and never decided about by itself.
 * R3  The mark is lifted only behind a list that was read to its end.
 */
import type { Logger } from 'pino'
import { reconcileMarginMs } from '../../limits.ts'
import type { Restoration } from '../../persistence/tables/restoration/restoration-operations.ts'
import type { Gateway, ListedPayment, RefundOutcome } from '../payments/gateway.ts'
import type { ShopParts } from '../shop-parts.ts'
import { isOfShop, keptOf, pagesOf } from './listed.ts'
import { sellAnew } from './sell-anew.ts'
import { settlePayment, settleRefund } from './settle-payment.ts'

export type ReconcileParts = ShopParts & {
  readonly gateway: Gateway
  readonly log: Pick<Logger, 'warn' | 'error'>
}

export type Reconciled =
  /** It sells. */
  | 'lifted'
  /** Somebody has to decide, or a part to answer. */
  | 'open'
  | 'unanswered'

export async function reconcile(parts: ReconcileParts, restoration: Restoration): Promise<Reconciled> {
  const { tables, gateway, log } = parts
  const { restorationId, tablesAtMs, journalAtMs, takesAny } = restoration
  const identity = await tables.read('shop.identity', {})
  const sinceMs = Math.max(0, tablesAtMs - reconcileMarginMs)
  let unsettled = await sellAnew(parts, Math.max(0, journalAtMs - reconcileMarginMs))
  const payments = pagesOf((query) => gateway.listPayments(query), sinceMs)
  for (;;) {
    const page = await payments.next()
    if (page.done === true) {
      if (page.value === 'unanswered') return 'unanswered'
      break
    }
    for (const listed of page.value) {
      if (!isOfShop(listed, identity, restoration)) continue
      if ((await settlePayment(parts, listed, restorationId)) === 'unsettled') unsettled += 1
      await giveBack(parts, listed)
    }
  }
  if ((await settleRefunds(parts, sinceMs)) === 'unanswered') return 'unanswered'
  await tables.write('restorations.compared', { restorationId })
  if (unsettled > 0) {
    log.warn({ restorationId, unsettled }, 'restoration.unsettled')
    return 'open'
  }
  const reason = `the list of ${gateway.name} shows no payment that is unknown or undecided`
  const asOf = { tablesAtMs, journalAtMs, takesAny }
  const lift = { restorationId, by: 'reconciliation', reason, asOf }
  const lifted = await tables.write('restorations.lift', lift)
  return lifted.type === 'restoration' || lifted.reason === 'nothing-restored' ? 'lifted' : 'open'
}

async function settleRefunds(parts: ReconcileParts, sinceMs: number): Promise<'whole' | 'unanswered'> {
  const refunds = pagesOf((query) => parts.gateway.listRefunds(query), sinceMs)
  for (;;) {
    const page = await refunds.next()
    if (page.done === true) return page.value
    for (const listed of page.value) await settleRefund(parts, listed)
  }
}

/** Where somebody has decided so. Under one key, so that it goes back once, whoever tries again. */
async function giveBack(parts: ReconcileParts, listed: ListedPayment): Promise<void> {
  const { tables, gateway, log } = parts
  const { transactionId, madeAtMs: startedAtMs } = listed
  const decided = await tables.read('unknownPayments.find', { transactionId })
  if (decided?.state !== 'refunding') return
  const key = `${transactionId}:refund`
  const before = await gateway.findRefund(key, { startedAtMs, transactionId })
  const outcome = before.type === 'absent' ? await giveBackNow(gateway, listed, key) : before
  if (outcome.type === 'succeeded') {
    await tables.write('unknownPayments.settle', { transactionId, state: 'refunded', failure: undefined })
  } else if (outcome.type === 'failed') {
    const failure = outcome.reason
    log.error({ transactionId, orderId: listed.orderId, failure }, 'refund.failed')
    await tables.write('unknownPayments.settle', { transactionId, state: 'open', failure })
  }
}

/** Where nothing is left of it, somebody has given it back in the provider's own pages. */
async function giveBackNow(gateway: Gateway, listed: ListedPayment, key: string): Promise<RefundOutcome> {
  const { transactionId, madeAtMs: startedAtMs, currency } = listed
  const amountMinor = keptOf(listed)
  if (amountMinor === 0) return { type: 'succeeded', refundId: 'by hand' }
  return await gateway.refund({ key, startedAtMs, transactionId, amountMinor, currency })
}
