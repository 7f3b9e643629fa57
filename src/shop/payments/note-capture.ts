/**
 * What a gateway has captured is recorded here, whoever heard of it: in its answer, when it was asked, or by a webhook. Where
 * it is another amount than was asked for it is no payment: somebody is called, and it goes back as it came (FAULTS.md, 62).
 */
import { isCurrencyCode } from '../../domain/money.ts'
import type { Replayable } from '../../persistence/tables/idempotency-records.ts'
import type { Attempt, PaymentReply } from '../../persistence/tables/orders/payment-operations.ts'
import type { TableKey } from '../../persistence/tables/table-key.ts'
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
  once?: TableKey,
): Promise<PaymentReply & Replayable> {
  const { key, orderId } = attempt
  const { transactionId, amountMinor, currency } = captured
  if (isAsAsked(attempt, captured))
    return await tables.write('payments.capture', { key, transactionId }, once)
  // Told again it is no news.
  if (attempt.reason !== 'mismatch')
    log.error({ orderId, asked: attempt.amountMinor, captured: amountMinor, currency }, 'payment.mismatch')
  const other = {
    key,
    transactionId,
    amountMinor,
    currency: isCurrencyCode(currency) ? currency : attempt.currency,
  }
  return await tables.write('payments.mismatch', other, once)
}
