/** A provider with books of its own, which a test writes: what it took while the shop that is restored was another one. */
import {
  type Absent,
  type ChargeOutcome,
  type Gateway,
  KeyReused,
  type Listed,
  type ListedPayment,
  type ListedRefund,
  type ListQuery,
  type RefundOutcome,
  type RefundRequest,
  type WebhookReading,
} from '../../../src/shop/payments/gateway.ts'

const PAGE = 2

export class ListedProvider implements Gateway {
  readonly name: 'stripe' | 'sandbox' = 'stripe'
  readonly methods = ['card'] as const
  readonly takesCardDetails = false
  readonly payments: ListedPayment[] = []
  readonly refunds: ListedRefund[] = []
  isAway = false
  /** Of the list of payments: from which page on it does not answer. */
  pagesAnswered = Number.POSITIVE_INFINITY
  /** What it tells by itself, next. */
  told: WebhookReading = { type: 'forged', why: 'no-signature' }
  /** Whether it refuses to give anything back. */
  refuses = false

  /** Takes a payment, which succeeds unless it says otherwise. */
  take(payment: Pick<ListedPayment, 'key' | 'madeAtMs'> & Partial<ListedPayment>): ListedPayment {
    const transactionId = `pi_${this.payments.length + 1}`
    const amountMinor = payment.amountMinor ?? 99_999
    const taken: ListedPayment = {
      orderId: payment.key.slice(0, payment.key.lastIndexOf(':')),
      shopId: undefined,
      method: 'card',
      transactionId,
      amountMinor,
      currency: 'USD',
      outcome: { type: 'succeeded', transactionId, amountMinor, currency: 'USD' },
      refundedMinor: 0,
      ...payment,
    }
    this.payments.push(taken)
    return taken
  }

  /** As whoever was asked by the shop that is lost. */
  give(payment: ListedPayment, key: string, amountMinor: number): void {
    this.#refund({ key, transactionId: payment.transactionId, amountMinor })
  }

  /** What it has of an order's payments and has not given back. */
  kept(orderId: string): number {
    return this.payments
      .filter((each) => each.orderId === orderId && each.outcome.type === 'succeeded')
      .reduce((sum, { amountMinor, refundedMinor }) => sum + amountMinor - refundedMinor, 0)
  }

  async charge(): Promise<ChargeOutcome> {
    throw new Error('nobody is charged here')
  }

  async find(key: string): Promise<ChargeOutcome | Absent> {
    if (this.isAway) return { type: 'unknown' }
    return this.payments.find((each) => each.key === key)?.outcome ?? { type: 'absent' }
  }

  async refund({ key, transactionId, amountMinor }: RefundRequest): Promise<RefundOutcome> {
    if (this.isAway) return { type: 'unknown' }
    const before = this.refunds.find((each) => each.key === key)
    if (before !== undefined && before.amountMinor !== amountMinor) throw new KeyReused(key)
    if (before !== undefined) return before.outcome
    const charge = this.payments.find((each) => each.transactionId === transactionId)
    if (charge === undefined) return { type: 'failed', reason: 'unknown-charge' }
    if (this.refuses) return { type: 'failed', reason: 'declined' }
    if (charge.refundedMinor + amountMinor > charge.amountMinor)
      return { type: 'failed', reason: 'exceeds-charge' }
    return this.#refund({ key, transactionId, amountMinor })
  }

  async findRefund(key: string): Promise<RefundOutcome | Absent> {
    if (this.isAway) return { type: 'unknown' }
    return this.refunds.find((each) => each.key === key)?.outcome ?? { type: 'absent' }
  }

  async listPayments(query: ListQuery): Promise<Listed<ListedPayment>> {
    const pages = query.after === undefined ? 0 : 1
    if (pages >= this.pagesAnswered) return { type: 'unknown' }
    const since = this.payments.filter(({ madeAtMs }) => madeAtMs >= query.sinceMs)
    return this.#page(since, query, ({ transactionId }) => transactionId)
  }

  async listRefunds(query: ListQuery): Promise<Listed<ListedRefund>> {
    return this.#page(this.refunds, query, ({ key }) => key)
  }

  async readWebhook(): Promise<WebhookReading> {
    return this.told
  }

  #refund({ key, transactionId, amountMinor }: Omit<ListedRefund, 'outcome'>): ListedRefund['outcome'] {
    const at = this.payments.findIndex((each) => each.transactionId === transactionId)
    const charge = this.payments[at] as ListedPayment
    this.payments[at] = { ...charge, refundedMinor: charge.refundedMinor + amountMinor }
    const outcome = { type: 'succeeded', refundId: `re_${this.refunds.length + 1}` } as const
    this.refunds.push({ key, transactionId, amountMinor, outcome })
    return outcome
  }

  /** The newest first. */
  #page<Entry>(made: readonly Entry[], { after }: ListQuery, idOf: (entry: Entry) => string): Listed<Entry> {
    if (this.isAway) return { type: 'unknown' }
    const all = made.toReversed()
    const begin = after === undefined ? 0 : all.findIndex((each) => idOf(each) === after) + 1
    const entries = all.slice(begin, begin + PAGE)
    const last = entries.at(-1)
    const hasMore = begin + PAGE < all.length
    return { type: 'page', entries, next: hasMore && last !== undefined ? idOf(last) : undefined }
  }
}
