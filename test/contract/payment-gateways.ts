/** What every implementation of `Gateway` must do (M1 to M6), whoever moves the money. */
import * as assert from 'uvu/assert'
import {
  type ChargeRequest,
  type Gateway,
  type GatewayEvent,
  KeyReused,
  type WebhookReading,
} from '../../src/shop/payments/gateway.ts'
import { suite } from '../support/suite.ts'

export type SignedPost = { readonly body: string; readonly headers: Headers }
export type Instrument = Pick<ChargeRequest, 'method' | 'paymentToken' | 'card'>

/** A provider with empty books, and the shop's way to it. */
export type Till = {
  readonly gateway: Gateway
  readonly nowMs: () => number
  readonly instruments: Readonly<
    Record<
      | 'approve'
      | 'decline'
      | 'insufficientFunds'
      | 'expiredCard'
      | 'nonsense'
      | 'pendingThenSuccess'
      | 'pendingThenFailure'
      | 'timeOutAfterCapture',
      Instrument
    >
  >
  /** As after a restart of the shop: nothing remembered. */
  reopened(): Gateway
  /** So much later that what was pending is final and what was done can be found. */
  later(): Promise<void>
  /** Captured under a key, as the provider's books have it: how often, and what is left of it after refunds. */
  captured(key: string): { readonly count: number; readonly remainingMinor: number }
  /** What is pending will be captured, and it is another amount than was asked for. */
  captures(key: string, amountMinor: number): void
  /** What the provider posts, signed as it comes now. */
  posts(): Promise<readonly SignedPost[]>
  /** The same bytes as signed by somebody else, or at another time. */
  signed(body: string, by: { readonly secret?: string; readonly atMs?: number }): SignedPost
  close(): Promise<void>
}

const AMOUNT = { amountMinor: 99_999, currency: 'USD' }

/** Declares the suite; `open` makes a new provider. */
export function paymentGatewayContract(name: string, open: () => Promise<Till>): void {
  const test = suite(`${name} as a payment gateway`)

  async function within(use: (till: Till) => Promise<void>): Promise<void> {
    const till = await open()
    try {
      await use(till)
    } finally {
      await till.close()
    }
  }

  function request(till: Till, key: string, instrument: Instrument): ChargeRequest {
    return { key, startedAtMs: till.nowMs(), orderId: 'ord_1', ...AMOUNT, ...instrument }
  }

  async function charged(till: Till, key: string, instrument: Instrument): Promise<string> {
    const outcome = await till.gateway.charge(request(till, key, instrument))
    if (outcome.type !== 'succeeded') throw new Error(`not charged: ${JSON.stringify(outcome)}`)
    return outcome.transactionId
  }

  test('charges once, and tells the same when it is asked again, after a restart too', () =>
    within(async (till) => {
      const transactionId = await charged(till, 'ord_1:1', till.instruments.approve)
      const startedAtMs = till.nowMs()
      const expected = { type: 'succeeded', transactionId, ...AMOUNT } as const
      assert.equal(await till.gateway.find('ord_1:1', { startedAtMs, transactionId }), expected)
      await till.later()
      assert.equal(await till.reopened().find('ord_1:1', { startedAtMs }), expected)
      assert.equal(till.captured('ord_1:1'), { count: 1, remainingMinor: 99_999 })
    }))

  test('captures once however often a key comes, at once or one after another (M1)', () =>
    within(async (till) => {
      const one = request(till, 'ord_1:1', till.instruments.approve)
      const gateways = [till.gateway, till.reopened()] as const
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, i) => gateways[i % 2 === 0 ? 0 : 1].charge(one)),
      )
      outcomes.push(await till.gateway.charge(one))
      const known = outcomes.filter(({ type }) => type !== 'unknown')
      assert.ok(known.length > 0)
      for (const outcome of known) assert.equal(outcome, known[0])
      assert.is(till.captured('ord_1:1').count, 1)
    }))

  test('refuses a key that was used for something else, and leaves the first as it was (M1)', () =>
    within(async (till) => {
      const first = request(till, 'ord_1:1', till.instruments.approve)
      const outcome = await till.gateway.charge(first)
      for (const other of [{ amountMinor: 1 }, { currency: 'EUR' }, { orderId: 'ord_2' }]) {
        await rejects(till.gateway.charge({ ...first, ...other }))
      }
      assert.equal(await till.gateway.charge(first), outcome)
      assert.equal(till.captured('ord_1:1'), { count: 1, remainingMinor: 99_999 })
    }))

  test('tells why a charge failed, captures nothing, and does not change its mind (M2)', () =>
    within(async (till) => {
      const { decline, insufficientFunds, expiredCard, nonsense, approve } = till.instruments
      const cases = [
        [decline, 'declined'],
        [insufficientFunds, 'insufficient-funds'],
        [expiredCard, 'expired-card'],
        [nonsense, 'invalid-token'],
      ] as const
      for (const [index, [instrument, reason]] of cases.entries()) {
        const key = `ord_1:${index}`
        const outcome = await till.gateway.charge(request(till, key, instrument))
        assert.is(outcome.type === 'failed' && outcome.reason, reason)
        assert.equal(await till.gateway.charge(request(till, key, instrument)), outcome)
        assert.is(till.captured(key).count, 0)
      }
      await charged(till, 'ord_1:9', approve)
    }))

  test('is pending until it has succeeded, and then says so to whoever asks and in a webhook', () =>
    within(async (till) => {
      const startedAtMs = till.nowMs()
      const outcome = await till.gateway.charge(request(till, 'ord_1:1', till.instruments.pendingThenSuccess))
      if (outcome.type !== 'pending') throw new Error(JSON.stringify(outcome))
      const { transactionId } = outcome
      assert.equal(await till.gateway.find('ord_1:1', { startedAtMs, transactionId }), outcome)
      assert.is(till.captured('ord_1:1').count, 0)
      await till.later()
      const succeeded = { type: 'succeeded', transactionId, ...AMOUNT } as const
      assert.equal(await till.gateway.find('ord_1:1', { startedAtMs, transactionId }), succeeded)
      const event = { kind: 'charge', key: 'ord_1:1', outcome: succeeded } as const
      assert.equal(await eventsOf(till), [event])
      assert.is(till.captured('ord_1:1').count, 1)
    }))

  test('tells what was captured, be it another amount, to whoever asks and in a webhook (M5, FAULTS.md 62)', () =>
    within(async (till) => {
      const startedAtMs = till.nowMs()
      await till.gateway.charge(request(till, 'ord_1:1', till.instruments.pendingThenSuccess))
      till.captures('ord_1:1', 99_998)
      await till.later()
      const found = await till.gateway.find('ord_1:1', { startedAtMs })
      if (found.type !== 'succeeded') throw new Error(JSON.stringify(found))
      assert.equal([found.amountMinor, found.currency], [99_998, 'USD'])
      assert.equal(await eventsOf(till), [{ kind: 'charge', key: 'ord_1:1', outcome: found }])
    }))

  test('is pending until it has failed, and then says so to whoever asks and in a webhook', () =>
    within(async (till) => {
      const startedAtMs = till.nowMs()
      const outcome = await till.gateway.charge(request(till, 'ord_1:1', till.instruments.pendingThenFailure))
      if (outcome.type !== 'pending') throw new Error(JSON.stringify(outcome))
      await till.later()
      const found = await till.gateway.find('ord_1:1', {
        startedAtMs,
        transactionId: outcome.transactionId,
      })
      assert.is(found.type, 'failed')
      const [event] = await eventsOf(till)
      assert.equal(event?.outcome, found)
      assert.is(till.captured('ord_1:1').count, 0)
    }))

  test('a time-out after the capture is unknown; found later, and charged again under its key, it is one (M3, FAULTS.md 63)', () =>
    within(async (till) => {
      const startedAtMs = till.nowMs()
      const one = request(till, 'ord_1:1', till.instruments.timeOutAfterCapture)
      assert.equal(await till.gateway.charge(one), { type: 'unknown' })
      assert.is(till.captured('ord_1:1').count, 1)
      const again = await till.gateway.charge(one)
      assert.is(again.type, 'succeeded')
      await till.later()
      assert.equal(await till.reopened().find('ord_1:1', { startedAtMs }), again)
      // A day and more later too, when a provider may have forgotten the key.
      assert.equal(await till.gateway.charge({ ...one, startedAtMs: till.nowMs() - 30 * 3_600_000 }), again)
      assert.is(till.captured('ord_1:1').count, 1)
    }))

  test('says that nothing was charged only where that is so (M3)', () =>
    within(async (till) => {
      const startedAtMs = till.nowMs()
      await charged(till, 'ord_1:1', till.instruments.approve)
      await till.later()
      assert.equal(await till.gateway.find('ord_2:1', { startedAtMs }), { type: 'absent' })
      assert.is((await till.gateway.find('ord_1:1', { startedAtMs })).type, 'succeeded')
    }))

  test('refunds once a key, in parts, and never more than was captured (M4)', () =>
    within(async (till) => {
      const transactionId = await charged(till, 'ord_1:1', till.instruments.approve)
      const part = { key: 'ord_1:r1', startedAtMs: till.nowMs(), transactionId, currency: 'USD' }
      const { gateway } = till
      const refunds = await Promise.all(
        Array.from({ length: 5 }, () => gateway.refund({ ...part, amountMinor: 60_000 })),
      )
      const done = refunds.filter(({ type }) => type !== 'unknown')
      assert.ok(done.length > 0)
      for (const refund of done) assert.equal(refund, done[0])
      assert.is(till.captured('ord_1:1').remainingMinor, 39_999)
      const tooMuch = await gateway.refund({ ...part, key: 'ord_1:r2', amountMinor: 40_000 })
      assert.equal(tooMuch, { type: 'failed', reason: 'exceeds-charge' })
      assert.is((await gateway.refund({ ...part, key: 'ord_1:r3', amountMinor: 39_999 })).type, 'succeeded')
      assert.is(till.captured('ord_1:1').remainingMinor, 0)
      await rejects(gateway.refund({ ...part, amountMinor: 1 }))
      const hint = { startedAtMs: part.startedAtMs, transactionId }
      assert.equal(await till.reopened().findRefund('ord_1:r1', hint), done[0])
      assert.equal(await gateway.findRefund('ord_1:r9', hint), { type: 'absent' })
    }))

  test('refunds nothing that was not captured', () =>
    within(async (till) => {
      const refund = { startedAtMs: till.nowMs(), amountMinor: 1, currency: 'USD' }
      const unknown = { ...refund, key: 'ord_1:r1', transactionId: 'pi_or_txn_unknown' }
      assert.equal(await till.gateway.refund(unknown), { type: 'failed', reason: 'unknown-charge' })
      const declined = await till.gateway.charge(request(till, 'ord_1:1', till.instruments.decline))
      if (declined.type !== 'failed' || declined.transactionId === undefined) throw new Error('no id')
      const never = { ...refund, key: 'ord_1:r2', transactionId: declined.transactionId }
      assert.equal(await till.gateway.refund(never), { type: 'failed', reason: 'not-captured' })
    }))

  test('believes no webhook that was changed, re-serialised, unsigned, signed by another, old or of the future (attack 39)', () =>
    within(async (till) => {
      await charged(till, 'ord_1:1', till.instruments.approve)
      const [post] = await till.posts()
      if (post === undefined) throw new Error('nothing was posted')
      const { body, headers } = post
      assert.is((await read(till, post)).type, 'event')
      const later = body.replace('99999', '99998')
      assert.is.not(later, body)
      const weekMs = 7 * 86_400_000
      const forged: readonly (readonly [SignedPost, string])[] = [
        [{ body: later, headers }, 'wrong-signature'],
        [{ body: `${body} `, headers }, 'wrong-signature'],
        [{ body: JSON.stringify(JSON.parse(body), null, 1), headers }, 'wrong-signature'],
        [{ body, headers: new Headers() }, 'no-signature'],
        [till.signed(body, { secret: 'another secret' }), 'wrong-signature'],
        [till.signed(body, { atMs: till.nowMs() - 301_000 }), 'too-old'],
        [till.signed(body, { atMs: till.nowMs() - weekMs }), 'too-old'],
        [till.signed(body, { atMs: till.nowMs() + 302_000 }), 'from-the-future'],
        [till.signed('{"id": 3', {}), 'malformed-body'],
        [till.signed('', {}), 'malformed-body'],
      ]
      for (const [each, why] of forged) {
        assert.equal(await read(till, each), { type: 'forged', why }, `${why}: ${each.body}`)
      }
      for (const header of ['', 'x', 't=,v1=', `t=1,v1=${'0'.repeat(63)}`, `t=1${',v1=00'.repeat(9_999)}`]) {
        const name = [...headers.keys()].find((each) => each.includes('signature')) ?? ''
        assert.is((await read(till, { body, headers: new Headers({ [name]: header }) })).type, 'forged')
      }
      assert.is((await read(till, till.signed(body, { atMs: till.nowMs() - 299_000 }))).type, 'event')
    }))

  test('takes notice of no event that is none of this shop’s (attack 40)', () =>
    within(async (till) => {
      const body = JSON.stringify({ id: 'evt_1', object: 'event', type: 'payout.paid', data: { object: {} } })
      assert.equal(await read(till, till.signed(body, {})), { type: 'ignored', eventId: 'evt_1' })
    }))

  test('lists what it took and gave back since, page by page, the newest first and never behind (M7)', () =>
    within(async (till) => {
      const { gateway, instruments } = till
      await charged(till, 'ord_0:1', instruments.approve)
      await till.later()
      const sinceMs = till.nowMs()
      const paid = await charged(till, 'ord_1:1', instruments.approve)
      await gateway.charge(request(till, 'ord_1:2', instruments.decline))
      await gateway.charge(request(till, 'ord_1:3', instruments.pendingThenSuccess))
      const back = {
        key: 'rfd_1',
        startedAtMs: sinceMs,
        transactionId: paid,
        amountMinor: 9,
        currency: 'USD',
      }
      await gateway.refund(back)
      const page = await till.reopened().listPayments({ sinceMs })
      assert.ok(page.type === 'page')
      const shown = new Map(page.entries.map((each) => [each.key, each]))
      assert.equal([...shown.keys()].sort(), ['ord_1:1', 'ord_1:2', 'ord_1:3'])
      assert.equal([page.next, shown.get('ord_1:2')?.outcome.type], [undefined, 'failed'])
      assert.is(shown.get('ord_1:3')?.outcome.type, 'pending')
      const { shopId, madeAtMs, ...first } = shown.get('ord_1:1') ?? {}
      assert.match(String(shopId), /^shp_/)
      assert.ok(Math.abs(Number(madeAtMs) - sinceMs) < 1_000)
      const outcome = { type: 'succeeded', transactionId: paid, ...AMOUNT }
      const of = { key: 'ord_1:1', orderId: 'ord_1', method: 'card', transactionId: paid }
      assert.equal(first, { ...of, ...AMOUNT, outcome, refundedMinor: 9 })
      const refunds = await gateway.listRefunds({ sinceMs })
      assert.ok(refunds.type === 'page')
      const [refund] = refunds.entries
      assert.equal([refund?.key, refund?.transactionId, refund?.amountMinor], ['rfd_1', paid, 9])
      assert.is(refund?.outcome.type, 'succeeded')
      assert.equal(await gateway.listRefunds({ sinceMs: till.nowMs() + 60_000 }), {
        type: 'page',
        entries: [],
        next: undefined,
      })
    }))

  test('lists as many as there are, each once, however many pages that takes (M7)', () =>
    within(async (till) => {
      const { gateway } = till
      const keys = Array.from({ length: 230 }, (_, i) => `ord_${i}:1`)
      for (const key of keys) {
        const one = request(till, key, till.instruments.approve)
        // On a busy machine one of so many takes too long: it is made once all the same (M1).
        while ((await gateway.charge(one)).type !== 'succeeded');
      }
      const listed: string[] = []
      let after: string | undefined
      let pages = 0
      do {
        const page = await gateway.listPayments({ sinceMs: 0, after })
        assert.ok(page.type === 'page')
        listed.push(...page.entries.map(({ key }) => key))
        after = page.next
        pages += 1
      } while (after !== undefined)
      assert.equal([pages, listed.length], [3, 230])
      assert.equal(listed.toSorted(), keys.toSorted())
    }))

  test('tells the same event under the same id, however often it posts it', () =>
    within(async (till) => {
      await charged(till, 'ord_1:1', till.instruments.approve)
      const [post] = await till.posts()
      if (post === undefined) throw new Error('nothing was posted')
      const reading = await read(till, post)
      assert.equal(await read(till, till.signed(post.body, {})), reading)
    }))

  async function read(till: Till, { body, headers }: SignedPost): Promise<WebhookReading> {
    return till.gateway.readWebhook(Buffer.from(body), headers)
  }

  async function eventsOf(till: Till): Promise<readonly GatewayEvent[]> {
    const readings = await Promise.all((await till.posts()).map((post) => read(till, post)))
    return readings.flatMap((reading) => (reading.type === 'event' ? [withoutMaker(reading.event)] : []))
  }

  test.run()
}

/** Not every provider tells who made a charge. */
function withoutMaker(event: GatewayEvent): GatewayEvent {
  if (event.kind !== 'charge') return event
  const { made: _, ...rest } = event
  return rest
}

async function rejects(promise: Promise<unknown>): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  assert.instance(error, KeyReused)
}
