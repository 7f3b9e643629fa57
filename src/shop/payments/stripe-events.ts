/** What Stripe tells of the shop's charges and refunds, as it stands in the body of a webhook. */
import Stripe from 'stripe'
import type { ForgedReason, GatewayEvent, WebhookHeaders, WebhookReading } from './gateway.ts'
import { fromStripeAmount } from './stripe-amounts.ts'
import { finalOutcomeOf, refundOutcomeOf } from './stripe-outcomes.ts'

export const stripeSignatureHeader = 'stripe-signature'
/** Marks what the shop made on an account that others may share. */
export const MADE_BY = 'holdfast'
const toleranceSeconds = 300

export type Signed = { readonly raw: Uint8Array; readonly headers: WebhookHeaders; readonly nowMs: number }

/** The library checks signature and age; it does not know a time to come. */
export async function readStripeEvent(
  stripe: Stripe,
  { raw, headers, nowMs }: Signed,
  secret: string,
): Promise<WebhookReading> {
  const header = headers.get(stripeSignatureHeader)
  if (header === null || header === '') return { type: 'forged', why: 'no-signature' }
  if (raw.length === 0) return { type: 'forged', why: 'malformed-body' }
  let event: Stripe.Event
  try {
    event = await stripe.webhooks.constructEventAsync(raw, header, secret, toleranceSeconds, undefined, nowMs)
  } catch (error) {
    if (error instanceof Stripe.errors.StripeSignatureVerificationError) {
      return { type: 'forged', why: forgedReasonOf(error.message) }
    }
    // The signature was right and what it signed is none of Stripe's objects.
    if (error instanceof Error) return { type: 'forged', why: 'malformed-body' }
    throw error
  }
  const signedAtMs = Number(/(?:^|,)t=([0-9]{1,12})/.exec(header)?.[1] ?? 0) * 1_000
  if (signedAtMs - nowMs > toleranceSeconds * 1_000) return { type: 'forged', why: 'from-the-future' }
  if (typeof event?.id !== 'string' || typeof event.type !== 'string') {
    return { type: 'forged', why: 'malformed-body' }
  }
  const told = eventIn(event)
  return told === undefined
    ? { type: 'ignored', eventId: event.id }
    : { type: 'event', eventId: event.id, event: told }
}

function eventIn(event: Stripe.Event): GatewayEvent | undefined {
  // What happened on a connected account is another merchant's.
  if (event.account !== undefined && event.account !== null) return undefined
  switch (event.type) {
    case 'payment_intent.succeeded':
    case 'payment_intent.payment_failed':
    case 'payment_intent.canceled':
      return chargeIn(event.data.object)
    case 'refund.created':
    case 'refund.updated':
    case 'refund.failed':
    case 'charge.refund.updated':
      return refundIn(event.data.object)
    default:
      return undefined
  }
}

function chargeIn(intent: Stripe.PaymentIntent): GatewayEvent | undefined {
  const key = keyIn(intent.metadata)
  const outcome = finalOutcomeOf(intent)
  if (key === undefined || outcome === undefined) return undefined
  const { shop: shopId } = intent.metadata
  const made = shopId === undefined ? {} : { made: { shopId, atMs: intent.created * 1_000 } }
  return { kind: 'charge', key, outcome, ...made }
}

function refundIn(refund: Stripe.Refund): GatewayEvent | undefined {
  const key = keyIn(refund.metadata)
  const outcome = refundOutcomeOf(refund)
  const { payment_intent: intent } = refund
  const transactionId = typeof intent === 'string' ? intent : intent?.id
  if (key === undefined || transactionId === undefined) return undefined
  if (outcome.type !== 'succeeded' && outcome.type !== 'failed') return undefined
  const currency = refund.currency.toUpperCase()
  const amountMinor = fromStripeAmount(refund.amount, currency)
  return { kind: 'refund', key, transactionId, refundId: refund.id, outcome, amountMinor, currency }
}

/** The shop's key of what it made itself; undefined where somebody else did. */
export function keyIn(metadata: Stripe.Metadata | null | undefined): string | undefined {
  return metadata?.madeBy === MADE_BY ? metadata.key : undefined
}

/** The library says it in sentences only. */
function forgedReasonOf(message: string): ForgedReason {
  if (message.includes('tolerance')) return 'too-old'
  if (message.includes('Unable to extract') || message.includes('expected scheme'))
    return 'malformed-signature'
  return 'wrong-signature'
}
