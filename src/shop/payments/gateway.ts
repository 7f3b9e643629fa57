/**
 * The port behind which money moves. A gateway is somebody else's system: it may be slow, answer nothing, tell the same thing
 * twice, late or never. What the shop can rely on is numbered.
 *
 * M1  One key, one charge: however often `charge` is called with a key, at most one capture comes of it. The same key with
 *     another order, amount, currency or method rejects with `KeyReused` and moves nothing.
 * M2  `succeeded` and `failed` are final for their key. A further attempt is a further key.
 * M3  `unknown` means what it says: it may have been charged. Ask with `find`, or call `charge` again with the same request.
 *     `absent` means that nothing was charged under the key, and that nothing sent before will be.
 * M4  One key, one refund; all refunds of a charge together never exceed it.
 * M5  `succeeded` says what was captured by the gateway's own books, be it other than what was asked for.
 * M6  Nothing of a card is stored, logged or put into an error: a gateway forgets it when `charge` returns.
 * M7  `listPayments` and `listRefunds` tell all that was made since, and are never behind: what was answered before stands there.
 *     They name the shop that made a payment, where it had a name, so that shops on one account can be told apart.
 */

export type PaymentMethod = 'card' | 'upi'

/** Taken by the sandbox only: with any other gateway the shopper's browser sends it there, and the shop sees a token. */
export type CardDetails = {
  readonly number: string
  /** MM/YY */
  readonly expiry: string
  readonly cvc: string
}

/** What a repetition must repeat. */
export type ChargeRequest = {
  /** `order:attempt` */
  readonly key: string
  /** When the key was first used. Providers forget keys after a day, so an older one is looked up before it is charged. */
  readonly startedAtMs: number
  readonly orderId: string
  readonly amountMinor: number
  /** ISO 4217, upper case. */
  readonly currency: string
  readonly method: PaymentMethod
  /** What the provider's own form made of a card, or a UPI address such as `ann@bank`. */
  readonly paymentToken?: string
  readonly card?: CardDetails
}

export type FailureReason =
  | 'declined'
  | 'insufficient-funds'
  | 'invalid-card'
  | 'expired-card'
  | 'invalid-cvc'
  | 'invalid-token'
  | 'authentication-required'
  | 'processing-error'
  /** The provider cannot charge this amount in this currency. */
  | 'unsupported-amount'
  /** The buyer did not approve in time, or took it back. */
  | 'abandoned'
  /** The provider refuses the shop itself: its credentials or its account. The log says more. */
  | 'gateway-refused'

/** M5: whoever hears of it compares. */
export type Captured = {
  readonly type: 'succeeded'
  readonly transactionId: string
  readonly amountMinor: number
  /** ISO 4217, upper case. */
  readonly currency: string
}

/** Nothing changes it any more. */
export type FinalOutcome =
  | Captured
  | { readonly type: 'failed'; readonly reason: FailureReason; readonly transactionId?: string }

export type ChargeOutcome =
  | FinalOutcome
  /** The buyer or a bank has yet to act: a webhook tells, and `find`. */
  | { readonly type: 'pending'; readonly transactionId: string }
  | { readonly type: 'unknown' }

export type RefundRequest = {
  readonly key: string
  readonly startedAtMs: number
  /** Of the charge. */
  readonly transactionId: string
  readonly amountMinor: number
  readonly currency: string
}

export type RefundFailure =
  | 'exceeds-charge'
  | 'unknown-charge'
  /** Only what was captured can go back. */
  | 'not-captured'
  | 'declined'
  | 'gateway-refused'

export type FinalRefund =
  | { readonly type: 'succeeded'; readonly refundId: string }
  | { readonly type: 'failed'; readonly reason: RefundFailure; readonly refundId?: string }

export type RefundOutcome =
  | FinalRefund
  | { readonly type: 'pending'; readonly refundId: string }
  | { readonly type: 'unknown' }

export type Absent = { readonly type: 'absent' }

/** Where to look. With the transaction's id the answer is exact at once; without it a provider's search may lag behind. */
export type FindHint = { readonly startedAtMs: number; readonly transactionId?: string }

/** What became of a charge or a refund, as the provider tells it without being asked. */
export type GatewayEvent =
  | {
      readonly kind: 'charge'
      readonly key: string
      readonly outcome: FinalOutcome
      /** By which shop and when, where the provider tells that too. */
      readonly made?: { readonly shopId: string; readonly atMs: number }
    }
  | {
      readonly kind: 'refund'
      readonly key: string
      /** Of the charge. */
      readonly transactionId: string
      readonly refundId: string
      readonly outcome: FinalRefund
      readonly amountMinor: number
      readonly currency: string
    }

/** As the provider's list has it. */
export type ListedPayment = {
  readonly key: string
  readonly orderId: string
  /** Absent where it was made before shops had ids. */
  readonly shopId: string | undefined
  readonly method: PaymentMethod
  readonly transactionId: string
  readonly madeAtMs: number
  /** What was asked for. */
  readonly amountMinor: number
  /** ISO 4217, upper case. */
  readonly currency: string
  readonly outcome: FinalOutcome | Extract<ChargeOutcome, { readonly type: 'pending' }>
  /** What has gone back of it, or is on its way. */
  readonly refundedMinor: number
}

export type ListedRefund = {
  readonly key: string
  /** Of the charge. */
  readonly transactionId: string
  readonly amountMinor: number
  readonly outcome: Exclude<RefundOutcome, { readonly type: 'unknown' }>
}

/** `after` is `next` of the page before; the newest come first. */
export type ListQuery = { readonly sinceMs: number; readonly after?: string | undefined }
export type Listed<Entry> =
  | { readonly type: 'page'; readonly entries: readonly Entry[]; readonly next: string | undefined }
  /** The provider does not say, now. */
  | { readonly type: 'unknown' }

export type ForgedReason =
  | 'no-signature'
  | 'malformed-signature'
  | 'wrong-signature'
  | 'too-old'
  | 'from-the-future'
  | 'malformed-body'

export type WebhookReading =
  /** The id is the same whenever the provider tells this again. */
  | { readonly type: 'event'; readonly eventId: string; readonly event: GatewayEvent }
  /** Signed, and about nothing of ours: other kinds of events, other shops on the same account. To be answered like an event. */
  | { readonly type: 'ignored'; readonly eventId: string }
  | { readonly type: 'forged'; readonly why: ForgedReason }

export type WebhookHeaders = { get(name: string): string | null }

export type Gateway = {
  readonly name: 'sandbox' | 'stripe'
  readonly methods: readonly PaymentMethod[]
  readonly takesCardDetails: boolean
  charge(request: ChargeRequest): Promise<ChargeOutcome>
  find(key: string, hint: FindHint): Promise<ChargeOutcome | Absent>
  refund(request: RefundRequest): Promise<RefundOutcome>
  findRefund(
    key: string,
    hint: FindHint & { readonly transactionId: string },
  ): Promise<RefundOutcome | Absent>
  listPayments(query: ListQuery): Promise<Listed<ListedPayment>>
  listRefunds(query: ListQuery): Promise<Listed<ListedRefund>>
  /** Checks who sent the very bytes that came, and when. Believes nothing in them before. */
  readWebhook(raw: Uint8Array, headers: WebhookHeaders): Promise<WebhookReading>
}

/** M1 was asked to be broken. Names the key, which says nothing of a card. */
export class KeyReused extends Error {
  override readonly name = 'KeyReused'

  constructor(key: string) {
    super(`The key ${key} was used for another charge or refund.`)
  }
}
