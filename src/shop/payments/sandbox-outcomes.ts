/** What a row of the sandbox's books, or a webhook about it, means to the shop. */
import type { ChargeOutcome, FailureReason, FinalOutcome, FinalRefund, RefundOutcome } from './gateway.ts'

/** Of scenarios that fail; all of them the port knows. */
export const sandboxReasons = [
  'declined',
  'insufficient-funds',
  'invalid-card',
  'expired-card',
  'invalid-cvc',
  'invalid-token',
  'processing-error',
  'abandoned',
] as const satisfies readonly FailureReason[]

type Charged = {
  readonly transactionId: string
  readonly amountMinor: number
  readonly currency: string
  readonly reason?: string | null | undefined
}

export function chargeOutcome(status: 'succeeded' | 'failed' | 'pending', charge: Charged): ChargeOutcome {
  const { transactionId } = charge
  return status === 'pending' ? { type: 'pending', transactionId } : finalCharge(status, charge)
}

export function finalCharge(
  status: 'succeeded' | 'failed',
  { transactionId, amountMinor, currency, reason }: Charged,
): FinalOutcome {
  if (status === 'succeeded') return { type: 'succeeded', transactionId, amountMinor, currency }
  const known = sandboxReasons.find((each) => each === reason)
  return { type: 'failed', reason: known ?? 'processing-error', transactionId }
}

export function refundOutcome(status: 'succeeded' | 'failed' | 'pending', refundId: string): RefundOutcome {
  return status === 'pending' ? { type: 'pending', refundId } : finalRefund(status, refundId)
}

export function finalRefund(status: 'succeeded' | 'failed', refundId: string): FinalRefund {
  return status === 'succeeded'
    ? { type: 'succeeded', refundId }
    : { type: 'failed', reason: 'declined', refundId }
}
