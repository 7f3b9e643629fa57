import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { ChargeRequest, GatewayEvent } from '../../../src/shop/payments/gateway.ts'
import { TEST_CARDS, TEST_TOKENS, TEST_UPI } from '../../../src/shop/payments/test-instruments.ts'
import { type Instrument, paymentGatewayContract } from '../../contract/payment-gateways.ts'
import { suite } from '../../support/suite.ts'
import { card, DELAYS, NOW_MS, SandboxTill } from './sandbox-till.ts'

paymentGatewayContract('the sandbox', async () => {
  const till = new SandboxTill()
  // Readings need the secret, which is drawn when it is first asked for.
  await till.tables.write('sandbox.secret', {})
  return till
})

const test = suite('the payment sandbox')

async function within(use: (till: SandboxTill) => Promise<void>): Promise<void> {
  const till = new SandboxTill()
  try {
    await use(till)
  } finally {
    await till.close()
  }
}

function request(key: string, instrument: Instrument): ChargeRequest {
  return { key, startedAtMs: NOW_MS, orderId: 'ord_1', amountMinor: 500, currency: 'INR', ...instrument }
}

async function eventsIn(till: SandboxTill): Promise<readonly GatewayEvent[]> {
  const posts = await till.posts()
  const readings = await Promise.all(
    posts.map(({ body, headers }) => till.gateway.readWebhook(Buffer.from(body), headers)),
  )
  return readings.flatMap((reading) => (reading.type === 'event' ? [reading.event] : []))
}

test('looks at a card as a bank would: number, month, code', () =>
  within(async (till) => {
    const good = { number: '4242 4242 4242 4242', expiry: '11/26', cvc: '123' }
    const cases = [
      [good, 'succeeded'],
      [{ ...good, number: '4242-4242-4242-4242' }, 'succeeded'],
      [{ ...good, number: '378282246310005', cvc: '1234' }, 'succeeded'],
      [{ ...good, number: '378282246310005' }, 'invalid-cvc'],
      [{ ...good, number: '4242424242424241' }, 'invalid-card'],
      [{ ...good, number: '42424242424' }, 'invalid-card'],
      [{ ...good, number: '4242 4242 4242 424x' }, 'invalid-card'],
      [{ ...good, number: '' }, 'invalid-card'],
      [{ ...good, expiry: '10/26' }, 'expired-card'],
      [{ ...good, expiry: '13/26' }, 'invalid-card'],
      [{ ...good, expiry: '2026-11' }, 'invalid-card'],
      [{ ...good, cvc: '12' }, 'invalid-cvc'],
      [{ ...good, cvc: 'abc' }, 'invalid-cvc'],
      // It fits Luhn's check and is no test card: a real one, perhaps, and this is a sandbox.
      [{ ...good, number: '4111111111111111' }, 'declined'],
    ] as const
    for (const [index, [details, expected]] of cases.entries()) {
      const charge = request(`ord_1:${index}`, { method: 'card', card: details })
      const outcome = await till.gateway.charge(charge)
      assert.is(outcome.type === 'failed' ? outcome.reason : outcome.type, expected, JSON.stringify(details))
    }
  }))

test('the page for people names every card, token and address', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/payments.md'), 'utf8').replace(/ /g, '')
  const instruments = [...TEST_CARDS.keys(), ...TEST_TOKENS.keys(), ...TEST_UPI.keys()]
  assert.equal(
    instruments.filter((each) => !page.includes(`\`${each}\``)),
    [],
  )
})

test('each card and token that asks for something has another that asks for the same', () => {
  const tokens = new Set(TEST_TOKENS.values())
  assert.equal(
    [...TEST_CARDS].filter(([, scenario]) => !tokens.has(scenario)),
    [],
  )
})

test('keeps nothing of a card: not in the books, not in what it posts, not in errors', () =>
  within(async (till) => {
    const secrets: string[] = []
    const errors: unknown[] = []
    for (const [index, number] of [...TEST_CARDS.keys(), '4111111111111111', '4242424242424241'].entries()) {
      // A code that nothing else could contain by chance, even where a provider would refuse it.
      const details = { number, expiry: '12/30', cvc: `98765${index}` }
      secrets.push(number, number.slice(-8), details.cvc)
      const charge = request(`ord_1:${index}`, { method: 'card', card: details })
      await till.gateway.charge(charge)
      await till.gateway
        .charge({ ...charge, amountMinor: 1 })
        .catch((error: unknown) => void errors.push(error))
      const good = request(`ord_2:${index}`, { method: 'card', card: { ...details, cvc: '123' } })
      await till.gateway.charge(good)
    }
    assert.ok(errors.length > 10)
    await till.courier.tick()
    const kept = [
      till.tables.everything(),
      JSON.stringify(till.posted),
      ...errors.map((error) =>
        error instanceof Error ? `${error.stack} ${JSON.stringify(error)}` : String(error),
      ),
    ].join('\n')
    assert.match(kept, 'ord_1:3')
    for (const secret of secrets) assert.not.ok(kept.includes(secret), `it keeps ${secret}`)
  }))

test('UPI is never paid on the spot', () =>
  within(async (till) => {
    const addresses = [...TEST_UPI.keys()].filter((address) => address !== 'timeout@upi')
    for (const address of addresses) {
      const outcome = await till.gateway.charge(request(address, { method: 'upi', paymentToken: address }))
      assert.is(outcome.type, 'pending', address)
    }
    for (const address of ['ann@upi', '', 'tok_visa']) {
      const outcome = await till.gateway.charge(
        request(`x:${address}`, { method: 'upi', paymentToken: address }),
      )
      assert.is(outcome.type === 'failed' && outcome.reason, 'invalid-token', address)
    }
  }))

test('posts one event again and again under one id where that is asked for (FAULTS.md 57)', () =>
  within(async (till) => {
    await till.gateway.charge(request('ord_1:1', { method: 'card', paymentToken: 'tok_duplicateWebhook' }))
    const posts = await till.posts()
    assert.is(posts.length, 3)
    const readings = await Promise.all(
      posts.map(({ body, headers }) => till.gateway.readWebhook(Buffer.from(body), headers)),
    )
    for (const reading of readings) assert.equal(reading, readings[0])
    assert.is(till.captured('ord_1:1').count, 1)
  }))

test('posts late where that is asked for, when asking has long told', () =>
  within(async (till) => {
    await till.gateway.charge(request('ord_1:1', { method: 'upi', paymentToken: 'late@upi' }))
    await till.later()
    assert.equal(await eventsIn(till), [])
    assert.is((await till.gateway.find('ord_1:1')).type, 'succeeded')
    till.timers.clock.pass(DELAYS.longMs)
    const events = await eventsIn(till)
    assert.equal(
      events.map(({ outcome }) => outcome.type),
      ['succeeded'],
    )
  }))

test('never posts what is lost; whoever asks is told (FAULTS.md 60)', () =>
  within(async (till) => {
    await till.gateway.charge(request('ord_1:1', { method: 'upi', paymentToken: 'lost@upi' }))
    await till.gateway.charge(request('ord_1:2', card('4000000000010035')))
    for (let day = 0; day < 3; day++) {
      till.timers.clock.pass(86_400_000)
      assert.equal(await eventsIn(till), [])
    }
    assert.is((await till.gateway.find('ord_1:1')).type, 'succeeded')
    assert.is((await till.gateway.find('ord_1:2')).type, 'succeeded')
  }))

test('tells in whatever order things are received: a refund before the charge it is of (FAULTS.md 59)', () =>
  within(async (till) => {
    const charged = await till.gateway.charge(request('ord_1:1', card('4242424242424242')))
    if (charged.type !== 'succeeded') throw new Error(charged.type)
    const refund = { key: 'ord_1:r1', startedAtMs: NOW_MS, transactionId: charged.transactionId }
    await till.gateway.refund({ ...refund, amountMinor: 500, currency: 'INR' })
    // Both in one millisecond, so that the courier may take either first.
    const events = [...(await eventsIn(till))].sort((a, b) => b.kind.localeCompare(a.kind))
    assert.equal(
      events.map((event) => [event.key, event.kind === 'charge' ? event.outcome : event.amountMinor]),
      [
        ['ord_1:r1', 500],
        ['ord_1:1', charged],
      ],
    )
  }))

test('refunds slowly, or not at all, where that is asked for; what failed can be refunded anew', () =>
  within(async (till) => {
    const startedAtMs = NOW_MS
    for (const [number, then] of [
      ['4000000000007726', 'succeeded'],
      ['4000000000005126', 'failed'],
    ] as const) {
      const charged = await till.gateway.charge(request(`${then}:1`, card(number)))
      if (charged.type !== 'succeeded') throw new Error(charged.type)
      const { transactionId } = charged
      const refund = { startedAtMs, transactionId, amountMinor: 500, currency: 'INR' }
      const pending = await till.gateway.refund({ ...refund, key: `${then}:r1` })
      assert.is(pending.type, 'pending')
      assert.equal(await till.gateway.refund({ ...refund, key: `${then}:r2` }), {
        type: 'failed',
        reason: 'exceeds-charge',
      })
      await till.later()
      const found = await till.gateway.findRefund(`${then}:r1`)
      assert.is(found.type, then)
      const told = (await eventsIn(till)).filter(({ kind }) => kind === 'refund')
      assert.equal(
        told.map(({ key, outcome }) => [key, outcome]),
        [[`${then}:r1`, found]],
      )
      const again = await till.gateway.refund({ ...refund, key: `${then}:r3` })
      assert.is(again.type, then === 'failed' ? 'pending' : 'failed')
    }
  }))

test.run()
