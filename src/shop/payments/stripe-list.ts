/**
 * Stripe's lists, which unlike its search are never behind (docs.stripe.com/api, "List all PaymentIntents"). The account may
 * have other payments than ours; those without our mark are left out.
 */
import type Stripe from 'stripe'
import type { Listed, ListedPayment, ListedRefund, ListQuery } from './gateway.ts'
import { fromStripeAmount } from './stripe-amounts.ts'
import { keyIn } from './stripe-events.ts'
import { outcomeOf, refundOutcomeOf } from './stripe-outcomes.ts'

/** The most that Stripe gives. */
const pageMax = 100

export async function paymentsPage(
  stripe: Stripe,
  { sinceMs, after }: ListQuery,
): Promise<Listed<ListedPayment>> {
  const page = await stripe.paymentIntents.list({
    created: { gte: secondOf(sinceMs) },
    limit: pageMax,
    expand: ['data.latest_charge'],
    ...(after === undefined ? {} : { starting_after: after }),
  })
  const entries = page.data.flatMap((intent) => listedPayment(intent) ?? [])
  return { type: 'page', entries, next: nextOf(page) }
}

export async function refundsPage(
  stripe: Stripe,
  { sinceMs, after }: ListQuery,
): Promise<Listed<ListedRefund>> {
  const page = await stripe.refunds.list({
    created: { gte: secondOf(sinceMs) },
    limit: pageMax,
    ...(after === undefined ? {} : { starting_after: after }),
  })
  const entries = page.data.flatMap((refund) => listedRefund(refund) ?? [])
  return { type: 'page', entries, next: nextOf(page) }
}

function listedPayment(intent: Stripe.PaymentIntent): ListedPayment | undefined {
  const key = keyIn(intent.metadata)
  const { orderId, shop: shopId } = intent.metadata
  const outcome = outcomeOf(intent)
  if (key === undefined || orderId === undefined || outcome.type === 'unknown') return undefined
  const charge = intent.latest_charge
  const refunded = typeof charge === 'object' && charge !== null ? charge.amount_refunded : 0
  const currency = intent.currency.toUpperCase()
  return {
    key,
    orderId,
    shopId,
    method: 'card',
    transactionId: intent.id,
    madeAtMs: intent.created * 1_000,
    amountMinor: fromStripeAmount(intent.amount, currency),
    currency,
    outcome,
    refundedMinor: fromStripeAmount(refunded, currency),
  }
}

function listedRefund(refund: Stripe.Refund): ListedRefund | undefined {
  const key = keyIn(refund.metadata)
  const { payment_intent: intent } = refund
  const transactionId = typeof intent === 'string' ? intent : intent?.id
  const outcome = refundOutcomeOf(refund)
  if (key === undefined || transactionId === undefined || outcome.type === 'unknown') return undefined
  const amountMinor = fromStripeAmount(refund.amount, refund.currency.toUpperCase())
  return { key, transactionId, amountMinor, outcome }
}

/** Whatever was made within the second is in. */
function secondOf(ms: number): number {
  return Math.max(0, Math.floor(ms / 1_000))
}

/** Of the whole page, ours or not: the next one begins behind it. */
function nextOf({
  data,
  has_more: hasMore,
}: {
  readonly data: readonly { readonly id: string }[]
  readonly has_more: boolean
}): string | undefined {
  return hasMore ? data.at(-1)?.id : undefined
}
