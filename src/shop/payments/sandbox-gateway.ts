/**
 * A payment provider to try things with. Its books are durable and its own: no transaction spans them and the shop's, so what
 * can happen between a shop and a real provider can happen here.
 */
import { assert } from '../../domain/assert.ts'
import type { Tables } from '../../persistence/tables/operations.ts'
import { type SandboxDelays, scenarioOf } from '../../persistence/tables/sandbox/scenario.ts'
import type { Clock } from '../../seams.ts'
import {
  type Absent,
  type ChargeOutcome,
  type ChargeRequest,
  type Gateway,
  KeyReused,
  type Listed,
  type ListedPayment,
  type ListedRefund,
  type ListQuery,
  type RefundOutcome,
  type RefundRequest,
  type WebhookHeaders,
  type WebhookReading,
} from './gateway.ts'
import { readSandboxEvent } from './sandbox-events.ts'
import { chargeOutcome, refundOutcome } from './sandbox-outcomes.ts'
import { forgeryIn, signatureHeader } from './sandbox-signature.ts'
import { scenarioFor } from './test-instruments.ts'

const pageMax = 100

export type SandboxParts = {
  readonly tables: Tables
  readonly clock: Clock
  readonly delays: SandboxDelays
}

export class SandboxGateway implements Gateway {
  readonly name = 'sandbox'
  readonly methods = ['card', 'upi'] as const
  readonly takesCardDetails = true
  readonly #tables: Tables
  readonly #clock: Clock
  readonly #delays: SandboxDelays
  #secret: Promise<string> | undefined

  constructor({ tables, clock, delays }: SandboxParts) {
    this.#tables = tables
    this.#clock = clock
    this.#delays = delays
  }

  async charge(request: ChargeRequest): Promise<ChargeOutcome> {
    const { key, orderId, amountMinor, currency, method } = request
    const reply = await this.#tables.write('sandbox.charge', {
      key,
      orderId,
      amountMinor,
      currency,
      method,
      scenario: scenarioFor(request, this.#clock.wallMs()),
      delays: this.#delays,
    })
    if (reply.type === 'refused') throw new KeyReused(key)
    const { answer } = scenarioOf(reply.charge.scenario)
    // Only the first answer is lost on its way. The charge is in the books.
    return answer === 'timed-out' && reply.isFirst
      ? { type: 'unknown' }
      : chargeOutcome(reply.charge.status, reply.charge)
  }

  async find(key: string): Promise<ChargeOutcome | Absent> {
    const { charge } = await this.#tables.write('sandbox.findCharge', { key, delays: this.#delays })
    return charge === undefined ? { type: 'absent' } : chargeOutcome(charge.status, charge)
  }

  async refund(request: RefundRequest): Promise<RefundOutcome> {
    const { key, transactionId, amountMinor, currency } = request
    const refund = { key, transactionId, amountMinor, currency, delays: this.#delays }
    const reply = await this.#tables.write('sandbox.refund', refund)
    if (reply.type === 'refunded') return refundOutcome(reply.refund.status, reply.refund.refundId)
    if (reply.reason === 'key-reused') throw new KeyReused(key)
    return { type: 'failed', reason: reply.reason }
  }

  async findRefund(key: string): Promise<RefundOutcome | Absent> {
    const { refund } = await this.#tables.write('sandbox.findRefund', { key })
    return refund === undefined ? { type: 'absent' } : refundOutcome(refund.status, refund.refundId)
  }

  async listPayments({ sinceMs, after }: ListQuery): Promise<Listed<ListedPayment>> {
    const { shopId } = await this.#tables.read('shop.identity', {})
    const charges = await this.#tables.read('sandbox.listCharges', { sinceMs, after, limit: pageMax })
    const entries = charges.map(({ createdAtMs, method, ...charge }) => {
      const { key, orderId, transactionId, amountMinor, currency, refundedMinor } = charge
      const outcome = chargeOutcome(charge.status, charge)
      assert(outcome.type !== 'unknown', 'the sandbox knows its own books')
      const what = { key, orderId, shopId, method, transactionId, amountMinor, currency }
      return { ...what, madeAtMs: createdAtMs, outcome, refundedMinor }
    })
    return { type: 'page', entries, next: nextOf(charges) }
  }

  async listRefunds({ sinceMs, after }: ListQuery): Promise<Listed<ListedRefund>> {
    const refunds = await this.#tables.read('sandbox.listRefunds', { sinceMs, after, limit: pageMax })
    const entries = refunds.map(({ key, transactionId, amountMinor, status, refundId }) => {
      const outcome = refundOutcome(status, refundId)
      assert(outcome.type !== 'unknown', 'the sandbox knows its own books')
      return { key, transactionId, amountMinor, outcome }
    })
    return { type: 'page', entries, next: nextOf(refunds) }
  }

  async readWebhook(raw: Uint8Array, headers: WebhookHeaders): Promise<WebhookReading> {
    const signed = { body: raw, header: headers.get(signatureHeader) }
    const why = forgeryIn(signed, await this.#readSecret(), this.#clock.wallMs())
    return why === undefined ? readSandboxEvent(raw) : { type: 'forged', why }
  }

  /** Read once, unless that fails. */
  #readSecret(): Promise<string> {
    this.#secret ??= this.#tables.write('sandbox.secret', {}).then(
      ({ secret }) => secret,
      (error: unknown) => {
        this.#secret = undefined
        throw error
      },
    )
    return this.#secret
  }
}

function nextOf(page: readonly { readonly key: string }[]): string | undefined {
  return page.length === pageMax ? page.at(-1)?.key : undefined
}
