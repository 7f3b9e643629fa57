/**
 * What a gateway has captured is recorded here, whoever heard of it: in its answer, when it was asked, or by a webhook. Where
 * it is another amount than was asked for it is no payment: somebody is called, and it goes back as it came (FAULTS.md, 62).
 */
import { isCurrencyCode } from '../../domain/money.ts'
import type { Attempt } from '../../persistence/tables/orders/payment-operations.ts'
import type { ShopParts } from '../shop-parts.ts'
import type { Captured } from './gateway.ts'

export function isAsAsked(
  attempt: Pick<Attempt, 'amountMinor' | 'currency'>,
  { amountMinor, currency }: Pick<Captured, 'amountMinor' | 'currency'>,
): boolean {
  return amountMinor === attempt.amountMinor && currency === attempt.currency
}

export async function noteCapture(
  { tables, log }: Pick<ShopParts, 'tables' | 'log'>,
  attempt: Attempt,
  captured: Captured,
): Promise<void> {
  const { key, orderId } = attempt
  const { transactionId, amountMinor, currency } = captured
  if (isAsAsked(attempt, captured)) {
    await tables.write('payments.capture', { key, transactionId })
    return
  }
  // Told again it is no news.
  if (attempt.reason !== 'mismatch')
    log.error({ orderId, asked: attempt.amountMinor, captured: amountMinor, currency }, 'payment.mismatch')
  const known = isCurrencyCode(currency) ? currency : attempt.currency
  await tables.write('payments.mismatch', { key, transactionId, amountMinor, currency: known })
}
