/**
 * Notices tables that are older than what was paid: a payment that carries this shop's own id, and of which the shop knows
 * nothing. An attempt is written down before it is charged, so that none of its own is ever unknown, whatever died meanwhile;
 * a backup that somebody copied back without a word is what remains.
 */
import type { Logger } from 'pino'
import { noticeMarginMs, noticePagesMax } from '../../limits.ts'
import type { Tables } from '../../persistence/tables/operations.ts'
import type { Gateway, GatewayEvent, ListedPayment } from '../payments/gateway.ts'
import { keptOf, pagesOf } from './listed.ts'

export type NoticeParts = {
  readonly tables: Tables
  readonly gateway: Gateway
  readonly log: Pick<Logger, 'error'>
}

/** Of the newest that the shop knows by itself, to be read before it takes further payments. */
export async function newestPayment({ tables }: Pick<NoticeParts, 'tables'>): Promise<number> {
  const { payments } = await tables.read('shop.newest', {})
  const { drawnAtMs } = await tables.read('shop.identity', {})
  return Math.max(payments, drawnAtMs)
}

/** Marks the tables where they are older than the list; `unanswered` where the provider does not say. */
export async function noticeOlder(
  { tables, gateway, log }: NoticeParts,
  newestMs: number,
): Promise<'agrees' | 'older' | 'unanswered'> {
  const { shopId } = await tables.read('shop.identity', {})
  const payments = pagesOf((query) => gateway.listPayments(query), Math.max(0, newestMs - noticeMarginMs))
  // What was lost is newer than what is known, and so among the first.
  for (let pages = 0; pages < noticePagesMax; pages++) {
    const page = await payments.next()
    if (page.done === true) return page.value === 'whole' ? 'agrees' : 'unanswered'
    for (const listed of page.value) {
      if (listed.shopId !== shopId || keptOf(listed) === 0 || (await isKnown(tables, listed))) continue
      const { transactionId, orderId } = listed
      log.error({ transactionId, orderId, newestMs }, 'restoration.noticed')
      const times = { tablesAtMs: newestMs, journalAtMs: newestMs }
      await tables.write('restorations.mark', { cause: 'noticed', ...times, takesAny: false })
      return 'older'
    }
  }
  return 'agrees'
}

/** The same, of what the provider tells by itself: of an attempt that is not in these tables. */
export async function noticeUnknown(
  { tables, log }: Omit<NoticeParts, 'gateway'>,
  { outcome, made }: Extract<GatewayEvent, { readonly kind: 'charge' }>,
): Promise<void> {
  if (outcome.type !== 'succeeded' || made === undefined) return
  const { shopId } = await tables.read('shop.identity', {})
  const { transactionId } = outcome
  if (made.shopId !== shopId) return
  if (await isDecided(tables, transactionId)) return
  const newestMs = Math.min(await newestPayment({ tables }), made.atMs)
  log.error({ transactionId, newestMs }, 'restoration.noticed')
  const times = { tablesAtMs: newestMs, journalAtMs: newestMs }
  await tables.write('restorations.mark', { cause: 'noticed', ...times, takesAny: false })
}

async function isKnown(tables: Tables, { key, transactionId }: ListedPayment): Promise<boolean> {
  if ((await tables.read('payments.find', { key })) !== undefined) return true
  return await isDecided(tables, transactionId)
}

/** Whether it was unknown before, and somebody has seen to it. */
async function isDecided(tables: Tables, transactionId: string): Promise<boolean> {
  const before = await tables.read('unknownPayments.find', { transactionId })
  return before?.state === 'accepted' || before?.state === 'refunded'
}
