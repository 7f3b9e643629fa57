/** What Stripe's objects and errors mean to the shop. */
import Stripe from 'stripe'
import type { ChargeOutcome, FailureReason, FinalOutcome, RefundFailure, RefundOutcome } from './gateway.ts'
import { fromStripeAmount } from './stripe-amounts.ts'

/** By Stripe's `code` or `decline_code` (docs.stripe.com/declines/codes). What is not here is declined, and no more is told. */
const REASONS: ReadonlyMap<string, FailureReason> = new Map<string, FailureReason>([
  ['insufficient_funds', 'insufficient-funds'],
  ['expired_card', 'expired-card'],
  ['incorrect_cvc', 'invalid-cvc'],
  ['invalid_cvc', 'invalid-cvc'],
  ['incorrect_number', 'invalid-card'],
  ['invalid_number', 'invalid-card'],
  ['invalid_expiry_month', 'invalid-card'],
  ['invalid_expiry_year', 'invalid-card'],
  ['authentication_required', 'authentication-required'],
  ['payment_intent_authentication_failure', 'authentication-required'],
  ['processing_error', 'processing-error'],
])
/** Of a request that Stripe could not make sense of: the buyer's token, or the amount. */
const TOKEN_CODES = [
  'resource_missing',
  'token_already_used',
  'token_in_use',
  'payment_method_unactivated',
  'payment_method_not_available',
]
const AMOUNT_CODES = [
  'amount_too_small',
  'amount_too_large',
  'invalid_charge_amount',
  'currency_not_supported',
]

/**
 * A card's charge waits for nobody: `error_on_requires_action` makes those that need the buyer fail, since the shop's API has
 * no way to bring the buyer to their bank. So `requires_action` is a failure, and so is what it is taken back to.
 */
export function outcomeOf(intent: Stripe.PaymentIntent): ChargeOutcome {
  const transactionId = intent.id
  switch (intent.status) {
    case 'succeeded': {
      const currency = intent.currency.toUpperCase()
      const amountMinor = fromStripeAmount(intent.amount_received, currency)
      return { type: 'succeeded', transactionId, amountMinor, currency }
    }
    case 'canceled':
      return { type: 'failed', reason: 'abandoned', transactionId }
    case 'requires_action':
      return { type: 'failed', reason: 'authentication-required', transactionId }
    case 'requires_payment_method': {
      const { code, decline_code: declined } = intent.last_payment_error ?? {}
      return { type: 'failed', reason: reasonOf(code, declined), transactionId }
    }
    default:
      return { type: 'pending', transactionId }
  }
}

/** As above, where there is nothing to wait for; undefined where there is. */
export function finalOutcomeOf(intent: Stripe.PaymentIntent): FinalOutcome | undefined {
  const outcome = outcomeOf(intent)
  return outcome.type === 'succeeded' || outcome.type === 'failed' ? outcome : undefined
}

/** What a refused call says of the charge it asked for; undefined where it says nothing of it. */
export function failureIn(error: unknown): FailureReason | undefined {
  if (error instanceof Stripe.errors.StripeCardError) return reasonOf(error.code, error.decline_code)
  if (isRefusal(error)) return 'gateway-refused'
  if (!isInvalid(error)) return undefined
  const code = error.code ?? ''
  if (AMOUNT_CODES.includes(code)) return 'unsupported-amount'
  return TOKEN_CODES.includes(code) ? 'invalid-token' : 'gateway-refused'
}

export function refundOutcomeOf(refund: Stripe.Refund): RefundOutcome {
  const refundId = refund.id
  switch (refund.status) {
    case 'succeeded':
      return { type: 'succeeded', refundId }
    case 'failed':
    case 'canceled':
      return { type: 'failed', reason: 'declined', refundId }
    default:
      return { type: 'pending', refundId }
  }
}

/** What a refused call says of the refund it asked for; undefined where it says nothing of it. */
export function refundFailureIn(error: unknown): RefundFailure | undefined {
  if (isRefusal(error)) return 'gateway-refused'
  if (!isInvalid(error)) return undefined
  const code = error.code ?? ''
  if (code === 'resource_missing') return 'unknown-charge'
  return code === 'charge_already_refunded' ? 'exceeds-charge' : 'gateway-refused'
}

/** Whether it may have been done all the same: no answer, a fault of theirs, too many calls, the first one still running. */
export function isUnknown(error: unknown): boolean {
  const { StripeConnectionError, StripeAPIError, StripeRateLimitError } = Stripe.errors
  return (
    error instanceof StripeConnectionError ||
    error instanceof StripeAPIError ||
    error instanceof StripeRateLimitError
  )
}

/** Refused before anything was done: the shop's key or its account. */
function isRefusal(error: unknown): boolean {
  const { StripeAuthenticationError, StripePermissionError } = Stripe.errors
  return error instanceof StripeAuthenticationError || error instanceof StripePermissionError
}

/** The request itself was refused, and nothing was done. */
export function isInvalid(
  error: unknown,
): error is InstanceType<typeof Stripe.errors.StripeInvalidRequestError> {
  return error instanceof Stripe.errors.StripeInvalidRequestError
}

function reasonOf(code: string | undefined, declined: string | undefined): FailureReason {
  return REASONS.get(declined ?? '') ?? REASONS.get(code ?? '') ?? 'declined'
}
