import * as assert from 'uvu/assert'
import { passTime } from '../../support/pass-time.ts'
import { suite } from '../../support/suite.ts'
import { card, NOW_MS, SandboxTill } from './sandbox-till.ts'

const test = suite('the sandbox’s courier')

async function within(use: (till: SandboxTill) => Promise<void>): Promise<void> {
  const till = new SandboxTill()
  try {
    await use(till)
  } finally {
    await till.close()
  }
}

function charge(till: SandboxTill, key: string, number = '4242424242424242') {
  return till.gateway.charge({
    key,
    startedAtMs: NOW_MS,
    orderId: 'ord_1',
    amountMinor: 500,
    currency: 'EUR',
    ...card(number),
  })
}

function pass(till: SandboxTill, seconds: number): Promise<void> {
  return passTime(till.timers, seconds * 1_000)
}

test('posts until it is received, later each time, signed anew, and then no more', () =>
  within(async (till) => {
    till.shop = 'refuses'
    await charge(till, 'ord_1:1')
    till.courier.start()
    await pass(till, 35)
    const tries = till.posted.length
    assert.ok(tries >= 4 && tries <= 6, `${tries} tries in 35 seconds`)
    assert.is(new Set(till.posted.map(({ body }) => body)).size, 1)
    assert.is(new Set(till.posted.map(({ headers }) => headers['sandbox-signature'])).size, tries)
    till.shop = 'receives'
    await pass(till, 40)
    assert.is(till.posted.length, tries + 1)
    await pass(till, 40)
    assert.is(till.posted.length, tries + 1)
    assert.equal(till.troubles, [])
  }))

test('a successor takes over what was taken and not received', () =>
  within(async (till) => {
    await charge(till, 'ord_1:1')
    // Taken by somebody who died with it.
    assert.is((await till.tables.write('sandbox.takeWebhooks', { most: 8, mostKnown: 8 })).webhooks.length, 1)
    assert.is(await till.courier.tick(), 0)
    till.timers.clock.pass(5_000)
    assert.is(await till.courier.tick(), 1)
    assert.is(await till.courier.tick(), 0)
  }))

test('a shop that cannot be reached is tried again', () =>
  within(async (till) => {
    await charge(till, 'ord_1:1')
    till.shop = 'cannot be reached'
    assert.is(await till.courier.tick(), 1)
    till.shop = 'receives'
    till.timers.clock.pass(10_000)
    assert.is(await till.courier.tick(), 1)
    assert.is(till.posted.length, 2)
  }))

test('makes what is pending final without anybody asking', () =>
  within(async (till) => {
    await charge(till, 'ord_1:1', '4000000000010019')
    till.courier.start()
    await pass(till, 1)
    assert.is(till.captured('ord_1:1').count, 0)
    await pass(till, 5)
    assert.is(till.captured('ord_1:1').count, 1)
    assert.is(till.posted.length, 1)
  }))

test('what somebody waits for goes before what only says again what a call was answered', () =>
  within(async (till) => {
    for (let i = 0; i < 60; i++) await charge(till, `ord_known:${i}`)
    till.timers.clock.pass(5_000)
    for (let i = 0; i < 20; i++) await charge(till, `ord_awaited:${i}`, '4000000000010019')
    till.timers.clock.pass(3_000)
    await till.courier.tick()
    const awaited = till.posted.filter(({ body }) => body.includes('ord_awaited'))
    assert.equal([awaited.length, till.posted.length], [20, 32])
    await till.courier.tick()
    assert.is(till.posted.length, 32 + 16)
  }))

test('gives up after two days or so', () =>
  within(async (till) => {
    till.shop = 'refuses'
    await charge(till, 'ord_1:1')
    let tries = 0
    for (let i = 0; i < 400; i++) {
      tries += await till.courier.tick()
      till.timers.clock.pass(15 * 60_000)
    }
    assert.is(tries, 200)
  }))

test.run()
