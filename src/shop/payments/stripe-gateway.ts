/**
 * Stripe, by its own library. A charge is a PaymentIntent that is made and confirmed in one call; the shop's key is Stripe's
 * idempotency key and stands in the metadata, where it is found when nobody heard the answer.
 *
 * Stripe forgets idempotency keys after a day, and its search may not know what was made within the last minutes. So a key
 * that is nearly a day old is looked up before it is charged, and `absent` is said only of one that search must know by now.
 * A refund is looked up first always: the list of a charge's refunds is never behind.
 */
import Stripe from 'stripe'
import { assert } from '../../domain/assert.ts'
import type { Clock } from '../../seams.ts'
import {
  type Absent,
  type ChargeOutcome,
  type ChargeRequest,
  type FindHint,
  type Gateway,
  KeyReused,
  type Listed,
  type ListedPayment,
  type ListedRefund,
  type ListQuery,
  type RefundFailure,
  type RefundOutcome,
  type RefundRequest,
  type WebhookHeaders,
  type WebhookReading,
} from './gateway.ts'
import { toStripeAmount } from './stripe-amounts.ts'
import { keyIn, MADE_BY, readStripeEvent } from './stripe-events.ts'
import { paymentsPage, refundsPage } from './stripe-list.ts'
import {
  failureIn,
  isInvalid,
  isUnknown,
  outcomeOf,
  refundFailureIn,
  refundOutcomeOf,
} from './stripe-outcomes.ts'

/** What of an error may be logged: its own words could quote what a buyer typed. */
export type StripeTrouble = {
  readonly call: string
  readonly type: string
  readonly code: string | undefined
  readonly requestId: string | undefined
}

export type StripeParts = {
  readonly stripe: Stripe
  readonly webhookSecret: string
  /** The id that this shop's payments carry. */
  readonly shopId: () => Promise<string>
  readonly clock: Clock
  readonly onTrouble: (trouble: StripeTrouble) => void
}

export type StripeClientSettings = {
  readonly secretKey: string
  readonly timeoutMs: number
  /** Stripe's own unless a test has another. */
  readonly address?: { readonly protocol: 'http'; readonly host: string; readonly port: number }
}

const HOUR_MS = 3_600_000
/** Stripe keeps keys for 24 hours at least. */
const keyKnownMs = 23 * HOUR_MS
/** "In less than a minute" normally, by Stripe's page on search; more where it has trouble. */
const searchKnowsAfterMs = 600_000
const KEY = /^[A-Za-z0-9_:.-]{1,200}$/
/** On a page. */
const refundsMax = 100

/** Never tries again by itself: whoever asked has a deadline, and tries again under the same key. */
export function stripeClient({ secretKey, timeoutMs, address }: StripeClientSettings): Stripe {
  const settings = { maxNetworkRetries: 0, timeout: timeoutMs, telemetry: false }
  return new Stripe(secretKey, { ...settings, ...address })
}

export class StripeGateway implements Gateway {
  readonly name = 'stripe'
  /** UPI needs the buyer's approval between the call and its outcome, by way of Stripe's own form. */
  readonly methods = ['card'] as const
  readonly takesCardDetails = false
  readonly #stripe: Stripe
  readonly #webhookSecret: string
  readonly #shopId: () => Promise<string>
  readonly #clock: Clock
  readonly #onTrouble: (trouble: StripeTrouble) => void

  constructor({ stripe, webhookSecret, shopId, clock, onTrouble }: StripeParts) {
    this.#stripe = stripe
    this.#webhookSecret = webhookSecret
    this.#shopId = shopId
    this.#clock = clock
    this.#onTrouble = onTrouble
  }

  async charge(request: ChargeRequest): Promise<ChargeOutcome> {
    const { key, startedAtMs, amountMinor, currency, orderId, method, paymentToken } = request
    assert(KEY.test(key), 'a key has the characters that Stripe’s search can quote')
    if (method !== 'card' || paymentToken === undefined) return { type: 'failed', reason: 'invalid-token' }
    const amount = toStripeAmount(amountMinor, currency)
    if (amount === undefined) return { type: 'failed', reason: 'unsupported-amount' }
    if (this.#clock.wallMs() - startedAtMs > keyKnownMs) {
      const found = await this.find(key, { startedAtMs })
      if (found.type !== 'absent') return found
    }
    const shop = await this.#shopId()
    try {
      const intent = await this.#stripe.paymentIntents.create(
        {
          amount,
          currency: currency.toLowerCase(),
          confirm: true,
          error_on_requires_action: true,
          allowed_payment_method_types: ['card'],
          metadata: { madeBy: MADE_BY, shop, key, orderId },
          ...instrumentOf(paymentToken),
        },
        { idempotencyKey: key },
      )
      return outcomeOf(intent)
    } catch (error) {
      return this.#chargeFailed(key, error)
    }
  }

  async find(key: string, { transactionId, startedAtMs }: FindHint): Promise<ChargeOutcome | Absent> {
    try {
      const id = transactionId ?? (await this.#search(key))
      if (id !== undefined) return outcomeOf(await this.#stripe.paymentIntents.retrieve(id))
    } catch (error) {
      this.#note('find', error)
      if (isUnknown(error) || failureIn(error) !== undefined) return { type: 'unknown' }
      throw error
    }
    const isSearchable = this.#clock.wallMs() - startedAtMs >= searchKnowsAfterMs
    return { type: isSearchable ? 'absent' : 'unknown' }
  }

  async refund(request: RefundRequest): Promise<RefundOutcome> {
    const { key, transactionId, amountMinor, currency } = request
    const amount = toStripeAmount(amountMinor, currency)
    if (amount === undefined) return { type: 'failed', reason: 'exceeds-charge' }
    try {
      const earlier = await this.#findRefund(key, transactionId)
      if (earlier !== undefined) {
        if (earlier.amount !== amount) throw new KeyReused(key)
        return refundOutcomeOf(earlier)
      }
      const refund = await this.#stripe.refunds.create(
        { payment_intent: transactionId, amount, metadata: { madeBy: MADE_BY, key } },
        { idempotencyKey: key },
      )
      return refundOutcomeOf(refund)
    } catch (error) {
      if (isReuse(error)) throw new KeyReused(key)
      return await this.#refundFailed(request, amount, error)
    }
  }

  async findRefund(
    key: string,
    { transactionId }: FindHint & { readonly transactionId: string },
  ): Promise<RefundOutcome | Absent> {
    try {
      const refund = await this.#findRefund(key, transactionId)
      return refund === undefined ? { type: 'absent' } : refundOutcomeOf(refund)
    } catch (error) {
      this.#note('findRefund', error)
      if (isUnknown(error) || refundFailureIn(error) !== undefined) return { type: 'unknown' }
      throw error
    }
  }

  listPayments(query: ListQuery): Promise<Listed<ListedPayment>> {
    return this.#list('listPayments', () => paymentsPage(this.#stripe, query))
  }

  listRefunds(query: ListQuery): Promise<Listed<ListedRefund>> {
    return this.#list('listRefunds', () => refundsPage(this.#stripe, query))
  }

  async #list<Entry>(call: string, read: () => Promise<Listed<Entry>>): Promise<Listed<Entry>> {
    try {
      return await read()
    } catch (error) {
      this.#note(call, error)
      if (error instanceof Stripe.errors.StripeError) return { type: 'unknown' }
      throw error
    }
  }

  readWebhook(raw: Uint8Array, headers: WebhookHeaders): Promise<WebhookReading> {
    const nowMs = this.#clock.wallMs()
    return readStripeEvent(this.#stripe, { raw, headers, nowMs }, this.#webhookSecret)
  }

  #chargeFailed(key: string, error: unknown): ChargeOutcome {
    if (isReuse(error)) throw new KeyReused(key)
    this.#note('charge', error)
    if (isUnknown(error)) return { type: 'unknown' }
    const reason = failureIn(error)
    if (reason === undefined) throw error
    const id = error instanceof Stripe.errors.StripeError ? error.payment_intent?.id : undefined
    return { type: 'failed', reason, ...(id === undefined ? {} : { transactionId: id }) }
  }

  async #refundFailed(
    { transactionId }: RefundRequest,
    amount: number,
    error: unknown,
  ): Promise<RefundOutcome> {
    this.#note('refund', error)
    if (isUnknown(error)) return { type: 'unknown' }
    const reason = refundFailureIn(error)
    if (reason === undefined) throw error
    if (reason !== 'gateway-refused' || !isInvalid(error)) return { type: 'failed', reason }
    // Why, Stripe says in a sentence; the charge says it in numbers.
    return { type: 'failed', reason: (await this.#whyNotRefunded(transactionId, amount)) ?? reason }
  }

  async #whyNotRefunded(transactionId: string, amount: number): Promise<RefundFailure | undefined> {
    try {
      const intent = await this.#stripe.paymentIntents.retrieve(transactionId, { expand: ['latest_charge'] })
      if (intent.status !== 'succeeded') return 'not-captured'
      const charge = intent.latest_charge
      const refunded = typeof charge === 'object' && charge !== null ? charge.amount_refunded : 0
      return refunded + amount > intent.amount_received ? 'exceeds-charge' : undefined
    } catch (error) {
      if (error instanceof Stripe.errors.StripeError) return undefined
      throw error
    }
  }

  async #search(key: string): Promise<string | undefined> {
    assert(KEY.test(key), 'a key has the characters that Stripe’s search can quote')
    const { data } = await this.#stripe.paymentIntents.search({
      query: `metadata['key']:'${key}'`,
      limit: 10,
    })
    return data.find(({ metadata }) => keyIn(metadata) === key)?.id
  }

  async #findRefund(key: string, transactionId: string): Promise<Stripe.Refund | undefined> {
    for await (const refund of this.#stripe.refunds.list({
      payment_intent: transactionId,
      limit: refundsMax,
    })) {
      if (keyIn(refund.metadata) === key) return refund
    }
    return undefined
  }

  /** Declined cards are no trouble. */
  #note(call: string, error: unknown): void {
    if (!(error instanceof Stripe.errors.StripeError)) return
    if (error instanceof Stripe.errors.StripeCardError) return
    this.#onTrouble({ call, type: error.type, code: error.code, requestId: error.requestId })
  }
}

/** A token of the older kind, a confirmation token, or a payment method: what the buyer's form makes depends on its age. */
function instrumentOf(token: string) {
  if (token.startsWith('tok_')) return { payment_method_data: { type: 'card', card: { token } } } as const
  if (token.startsWith('ctoken_')) return { confirmation_token: token }
  return { payment_method: token }
}

function isReuse(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeIdempotencyError
}
