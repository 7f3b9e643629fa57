import type Stripe from 'stripe'
import * as assert from 'uvu/assert'
import { openLog } from '../../../src/log.ts'
import type { ChargeRequest, Gateway } from '../../../src/shop/payments/gateway.ts'
import { StripeGateway, type StripeTrouble, stripeClient } from '../../../src/shop/payments/stripe-gateway.ts'
import { paymentGatewayContract, type SignedPost, type Till } from '../../contract/payment-gateways.ts'
import { ManualClock } from '../../support/manual-time.ts'
import { suite } from '../../support/suite.ts'
import { FakeStripe, type Weather } from './fake-stripe.ts'

const NOW_MS = Date.parse('2026-11-28T12:00:00.000Z')
const SECRET_KEY = 'sk_test_51HoldfastHoldfastHoldfast'
const WEBHOOK_SECRET = 'whsec_holdfastholdfastholdfast'
const SHOP_ID = 'shp_0123456789abcdef0123'
const TIMEOUT_MS = 300

class StripeTill implements Till {
  readonly clock = new ManualClock(NOW_MS)
  readonly stripe: Stripe
  readonly fake: FakeStripe
  readonly gateway: Gateway
  readonly troubles: StripeTrouble[] = []
  readonly instruments = {
    approve: { method: 'card', paymentToken: 'pm_card_visa' },
    decline: { method: 'card', paymentToken: 'pm_declined' },
    insufficientFunds: { method: 'card', paymentToken: 'pm_insufficient' },
    expiredCard: { method: 'card', paymentToken: 'pm_expired' },
    nonsense: { method: 'card', paymentToken: 'pm_nonsense' },
    pendingThenSuccess: { method: 'card', paymentToken: 'pm_pending' },
    pendingThenFailure: { method: 'card', paymentToken: 'pm_pendingFails' },
    timeOutAfterCapture: { method: 'card', paymentToken: 'pm_unanswered' },
  } as const
  #told = 0

  private constructor(clock: ManualClock, fake: FakeStripe) {
    this.clock = clock
    this.fake = fake
    const address = { protocol: 'http', host: '127.0.0.1', port: fake.port } as const
    this.stripe = stripeClient({ secretKey: SECRET_KEY, timeoutMs: TIMEOUT_MS, address })
    this.gateway = this.reopened()
  }

  static async open(): Promise<StripeTill> {
    const clock = new ManualClock(NOW_MS)
    return new StripeTill(clock, await FakeStripe.start(() => clock.wallMs()))
  }

  nowMs(): number {
    return this.clock.wallMs()
  }

  reopened(): Gateway {
    const { stripe, clock, troubles, fake } = this
    const onTrouble = (trouble: StripeTrouble) => void troubles.push(trouble)
    const shopId = () => Promise.resolve(SHOP_ID)
    const gateway = new StripeGateway({ stripe, webhookSecret: WEBHOOK_SECRET, shopId, clock, onTrouble })
    return Object.assign(Object.create(gateway), {
      // This one charge is made, and the first answer to it never comes.
      charge: async (request: ChargeRequest) => {
        const isUnanswered = request.paymentToken === 'pm_unanswered' && fake.intents.length === 0
        if (isUnanswered) fake.weather = 'unanswered'
        return gateway.charge(request).finally(() => {
          if (isUnanswered) fake.weather = 'fair'
        })
      },
      find: gateway.find.bind(gateway),
      refund: gateway.refund.bind(gateway),
      findRefund: gateway.findRefund.bind(gateway),
      listPayments: gateway.listPayments.bind(gateway),
      listRefunds: gateway.listRefunds.bind(gateway),
      readWebhook: gateway.readWebhook.bind(gateway),
    })
  }

  async later(): Promise<void> {
    this.clock.pass(600_000)
    this.fake.settle()
  }

  captured(key: string): { readonly count: number; readonly remainingMinor: number } {
    const intents = this.fake.intents.filter(
      ({ metadata, status }) => metadata.key === key && status === 'succeeded',
    )
    const left = intents.map(({ amount, latest_charge: charge }) => amount - (charge?.amount_refunded ?? 0))
    return { count: intents.length, remainingMinor: left.reduce((sum, each) => sum + each, 0) }
  }

  captures(key: string, amountMinor: number): void {
    const intent = this.fake.intents.find(({ metadata }) => metadata.key === key)
    if (intent !== undefined) intent.amount = amountMinor
  }

  async posts(): Promise<readonly SignedPost[]> {
    const bodies = this.fake.events.slice(this.#told)
    this.#told = this.fake.events.length
    return bodies.map((body) => this.signed(body, {}))
  }

  signed(body: string, { secret, atMs }: { readonly secret?: string; readonly atMs?: number }): SignedPost {
    const header = this.stripe.webhooks.generateTestHeaderString({
      payload: body,
      secret: secret ?? WEBHOOK_SECRET,
      timestamp: Math.floor((atMs ?? this.nowMs()) / 1_000),
    })
    return { body, headers: new Headers({ 'stripe-signature': header }) }
  }

  close(): Promise<void> {
    return this.fake.close()
  }
}

paymentGatewayContract('Stripe', () => StripeTill.open())

const test = suite('the Stripe gateway')

async function within(use: (till: StripeTill) => Promise<void>): Promise<void> {
  const till = await StripeTill.open()
  try {
    await use(till)
  } finally {
    await till.close()
  }
}

function request(key: string, more: Partial<ChargeRequest> = {}): ChargeRequest {
  const charge = { key, startedAtMs: NOW_MS, orderId: 'ord_1', amountMinor: 1_000, currency: 'EUR' }
  return { ...charge, method: 'card', paymentToken: 'pm_card_visa', ...more }
}

test('sends the shop’s key as Stripe’s, the order beside it, and the secret key nowhere but where it belongs', () =>
  within(async ({ gateway, fake }) => {
    await gateway.charge(request('ord_1:1'))
    const [first] = fake.heard
    if (first === undefined) throw new Error('no call')
    const { headers, body } = first
    assert.is(headers['idempotency-key'], 'ord_1:1')
    assert.is(headers.authorization, `Bearer ${SECRET_KEY}`)
    const form = Object.fromEntries(new URLSearchParams(body))
    assert.is(form['metadata[key]'], 'ord_1:1')
    assert.is(form['metadata[orderId]'], 'ord_1')
    assert.is(form.confirm, 'true')
    assert.is(form.error_on_requires_action, 'true')
    assert.is(form.payment_method, 'pm_card_visa')
    assert.not.ok(body.includes(SECRET_KEY))
  }))

test('takes tokens of every age', () =>
  within(async ({ gateway, fake }) => {
    await gateway.charge(request('ord_1:1', { paymentToken: 'tok_visa' }))
    await gateway.charge(request('ord_1:2', { paymentToken: 'ctoken_1' }))
    const [older, newer] = fake.heard.map(({ body }) => new URLSearchParams(body))
    assert.is(older?.get('payment_method_data[card][token]'), 'tok_visa')
    assert.is(newer?.get('confirmation_token'), 'ctoken_1')
  }))

test('never sees a card: without a token there is no call at all', () =>
  within(async ({ gateway, fake }) => {
    const { paymentToken: _, ...bare } = request('ord_1:1')
    const card = { number: '4242424242424242', expiry: '12/30', cvc: '123' }
    const failed = { type: 'failed', reason: 'invalid-token' } as const
    assert.equal(await gateway.charge({ ...bare, card }), failed)
    assert.equal(await gateway.charge(request('ord_1:2', { method: 'upi' })), failed)
    assert.is(fake.heard.length, 0)
  }))

test('a card that needs its buyer’s consent fails, and says that', () =>
  within(async ({ gateway }) => {
    const outcome = await gateway.charge(request('ord_1:1', { paymentToken: 'pm_3ds' }))
    assert.is(outcome.type === 'failed' && outcome.reason, 'authentication-required')
  }))

test('does not know what became of a call that was lost, broken off, not let through or still running', () =>
  within(async ({ gateway, fake, troubles }) => {
    for (const weather of ['lost', 'unanswered', 'broken', 'crowded', 'busy'] as const satisfies Weather[]) {
      fake.weather = weather
      const key = `ord_1:${weather}`
      assert.equal(await gateway.charge(request(key)), { type: 'unknown' }, weather)
      const hint = { startedAtMs: NOW_MS - 86_400_000, transactionId: 'pi_1' }
      assert.equal(await gateway.find(key, hint), { type: 'unknown' }, weather)
      assert.equal(await gateway.findRefund(key, hint), { type: 'unknown' }, weather)
      const refund = { key, startedAtMs: NOW_MS, transactionId: 'pi_1', amountMinor: 1, currency: 'EUR' }
      assert.equal(await gateway.refund(refund), { type: 'unknown' }, weather)
    }
    assert.ok(troubles.length >= 20)
  }))

test('a shop whose key Stripe refuses is told that nothing was done; the log has the code and no secret', () =>
  within(async ({ gateway, fake, troubles }) => {
    fake.weather = 'unauthorised'
    assert.equal(await gateway.charge(request('ord_1:1')), { type: 'failed', reason: 'gateway-refused' })
    const lines: string[] = []
    const log = openLog({ level: 'info', destination: { write: (line) => void lines.push(line) } })
    for (const trouble of troubles) log.logger.error(trouble, 'payments.trouble')
    assert.match(lines.join(''), 'StripeAuthenticationError')
    assert.not.ok(lines.join('').includes(SECRET_KEY))
  }))

test('a key as old as Stripe’s memory is looked up before it is charged (FAULTS.md 63)', () =>
  within(async ({ gateway, fake, clock, captured }) => {
    await gateway.charge(request('ord_1:1'))
    fake.forgetKeys()
    clock.pass(25 * 3_600_000)
    assert.is((await gateway.charge(request('ord_1:1'))).type, 'succeeded')
    assert.is(captured.call({ fake } as StripeTill, 'ord_1:1').count, 1)
  }))

test('does not say that there is nothing while the search may be behind', () =>
  within(async ({ gateway, fake, clock }) => {
    await gateway.charge(request('ord_1:1'))
    assert.equal(await gateway.find('ord_1:1', { startedAtMs: NOW_MS }), { type: 'unknown' })
    clock.pass(61_000)
    assert.is((await gateway.find('ord_1:1', { startedAtMs: NOW_MS })).type, 'succeeded')
    assert.equal(await gateway.find('ord_2:1', { startedAtMs: NOW_MS }), { type: 'unknown' })
    clock.pass(600_000)
    assert.equal(await gateway.find('ord_2:1', { startedAtMs: NOW_MS }), { type: 'absent' })
    assert.is(fake.intents.length, 1)
  }))

test('a refund that nobody heard of is found before another one is made, however old its key', () =>
  within(async ({ gateway, fake, captured }) => {
    const charged = await gateway.charge(request('ord_1:1'))
    if (charged.type !== 'succeeded') throw new Error(charged.type)
    const refund = { key: 'ord_1:r1', startedAtMs: NOW_MS, transactionId: charged.transactionId }
    const part = { ...refund, amountMinor: 400, currency: 'EUR' }
    const first = await gateway.refund(part)
    fake.forgetKeys()
    assert.equal(await gateway.refund(part), first)
    assert.is(captured.call({ fake } as StripeTill, 'ord_1:1').remainingMinor, 600)
  }))

test('tells amounts as Stripe counts them, and takes back what it says', () =>
  within(async (till) => {
    const cases = [
      ['JPY', 5_000, '5000'],
      ['UGX', 5_000, '500000'],
      ['ISK', 70, '7000'],
      ['MGA', 500, '5'],
      ['KWD', 12_340, '12340'],
      ['HUF', 12_345, '12345'],
      ['USD', 1_999, '1999'],
    ] as const
    for (const [currency, amountMinor, sent] of cases) {
      const outcome = await till.gateway.charge(request(`ord_1:${currency}`, { amountMinor, currency }))
      assert.equal(outcome.type === 'succeeded' && outcome, { ...outcome, amountMinor, currency })
      assert.is(new URLSearchParams(till.fake.heard.at(-1)?.body).get('amount'), sent, currency)
      const [post] = await till.posts()
      const reading = await till.gateway.readWebhook(
        Buffer.from(post?.body ?? ''),
        post?.headers ?? new Headers(),
      )
      assert.equal(reading.type === 'event' && reading.event.outcome, outcome)
    }
    for (const [currency, amountMinor] of [
      ['KWD', 12_345],
      ['MGA', 550],
      ['USD', 100_000_000],
    ] as const) {
      const outcome = await till.gateway.charge(request(`ord_2:${currency}`, { amountMinor, currency }))
      assert.equal(outcome, { type: 'failed', reason: 'unsupported-amount' }, currency)
    }
  }))

test('tells a refund by webhook, and nothing of other shops, connected accounts and what is not final', () =>
  within(async (till) => {
    const { gateway, fake } = till
    const charged = await gateway.charge(request('ord_1:1'))
    if (charged.type !== 'succeeded') throw new Error(charged.type)
    const { transactionId } = charged
    await till.posts()
    await gateway.refund({ key: 'r1', startedAtMs: NOW_MS, transactionId, amountMinor: 400, currency: 'EUR' })
    const intent = { ...fake.intents[0], metadata: { key: 'ord_1:1', orderId: 'ord_1' } }
    fake.tell('payment_intent.succeeded', intent)
    fake.tell('payment_intent.succeeded', { ...intent, metadata: {} })
    fake.tell('payment_intent.succeeded', fake.intents[0] ?? {}, { account: 'acct_other' })
    fake.tell('refund.created', { ...fake.refunds[0], status: 'pending' })
    fake.tell('payment_intent.processing', { ...fake.intents[0], status: 'processing' })
    const readings = await Promise.all(
      (await till.posts()).map(({ body, headers }) => gateway.readWebhook(Buffer.from(body), headers)),
    )
    assert.equal(
      readings.map(({ type }) => type),
      ['event', ...Array(5).fill('ignored')],
    )
    const [refund] = readings
    assert.equal(refund?.type === 'event' && refund.event, {
      kind: 'refund',
      key: 'r1',
      transactionId,
      refundId: fake.refunds[0]?.id,
      outcome: { type: 'succeeded', refundId: fake.refunds[0]?.id },
      amountMinor: 400,
      currency: 'EUR',
    })
  }))

test('tells which shop made what it tells of, where it has a name', () =>
  within(async (till) => {
    const { gateway, fake } = till
    await gateway.charge(request('ord_1:1'))
    fake.takeFor({ amount: 7, metadata: { madeBy: 'holdfast', key: 'ord_8:1', orderId: 'ord_8' } })
    const readings = await Promise.all(
      (await till.posts()).map(({ body, headers }) => gateway.readWebhook(Buffer.from(body), headers)),
    )
    const made = readings.map((reading) => {
      return reading.type === 'event' && reading.event.kind === 'charge' ? reading.event.made : 'no charge'
    })
    assert.equal(made, [{ shopId: SHOP_ID, atMs: NOW_MS }, undefined])
  }))

test('lists its own of an account that others share, and asks for what it needs of a charge', () =>
  within(async ({ gateway, fake }) => {
    await gateway.charge(request('ord_1:1'))
    fake.takeFor({ amount: 5, metadata: { invoice: '7' } })
    fake.takeFor({
      amount: 6,
      metadata: { madeBy: 'holdfast', shop: 'shp_b', key: 'ord_9:1', orderId: 'ord_9' },
    })
    fake.takeFor({ amount: 7, metadata: { madeBy: 'holdfast', key: 'ord_8:1', orderId: 'ord_8' } })
    const page = await gateway.listPayments({ sinceMs: NOW_MS })
    assert.ok(page.type === 'page')
    assert.equal(
      page.entries.map(({ orderId, shopId }) => [orderId, shopId]),
      [
        ['ord_8', undefined],
        ['ord_9', 'shp_b'],
        ['ord_1', SHOP_ID],
      ],
    )
  }))

test('goes on behind a page on which nothing is its own', () =>
  within(async ({ gateway, fake }) => {
    await gateway.charge(request('ord_1:1'))
    for (let i = 0; i < 100; i++) fake.takeFor({ amount: 5, metadata: {} })
    const first = await gateway.listPayments({ sinceMs: 0 })
    assert.ok(first.type === 'page' && first.next !== undefined)
    assert.is(first.entries.length, 0)
    const second = await gateway.listPayments({ sinceMs: 0, after: first.next })
    assert.ok(second.type === 'page' && second.next === undefined)
    assert.is(second.entries[0]?.key, 'ord_1:1')
  }))

for (const weather of ['lost', 'broken', 'crowded', 'unauthorised'] as const) {
  test(`says that it knows no list where Stripe is ${weather}`, () =>
    within(async ({ gateway, fake, troubles }) => {
      fake.weather = weather
      assert.equal(await gateway.listPayments({ sinceMs: 0 }), { type: 'unknown' })
      assert.equal(await gateway.listRefunds({ sinceMs: 0 }), { type: 'unknown' })
      assert.is(troubles.length, 2)
    }))
}

test.run()
