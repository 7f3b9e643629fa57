/** What every implementation of `RateLimits` must do, wherever it counts. */
import * as assert from 'uvu/assert'
import type { RateLimits, Rates } from '../../src/http/rate-limits.ts'
import type { TestOptions } from '../support/recorder.ts'
import { suite } from '../support/suite.ts'

export type CountingPlace = {
  /** As two listeners have it: each its own end, both counting in the same place. */
  readonly ends: readonly [RateLimits, RateLimits]
  /** Lets so much time pass: at least that, and not a hundredth more. */
  pass(ms: number): Promise<void>
  close(): Promise<void>
}

const rates: Rates = {
  customer: 20,
  address: 5,
  'address-customers': 0,
  key: 1,
  login: 3,
  'login-address': 0,
  registration: 6,
}

/** Declares the suite; `open` makes a new, empty place. */
export function rateLimitsContract(
  name: string,
  open: (rates: Rates) => Promise<CountingPlace>,
  options: TestOptions = {},
): void {
  const test = suite(`${name} as rate limits`, options)

  async function within(use: (place: CountingPlace) => Promise<void>): Promise<void> {
    const place = await open(rates)
    try {
      await use(place)
    } finally {
      await place.close()
    }
  }

  test('says what its rates are', () =>
    within(async ({ ends }) => {
      for (const end of ends) assert.equal(end.rates, rates)
    }))

  test('takes a second’s worth at once and tells what is left', () =>
    within(async ({ ends: [end] }) => {
      for (let left = 4; left >= 0; left--) {
        const taken = await end.take('address', '203.0.113.9')
        assert.is(taken.type, 'taken')
        if (taken.type !== 'taken') return
        assert.is(taken.left, left)
        assert.ok(taken.fullInMs > 0 && taken.fullInMs <= 1_000, String(taken.fullInMs))
      }
      const refused = await end.take('address', '203.0.113.9')
      assert.is(refused.type, 'refused')
      if (refused.type !== 'refused') return
      assert.ok(refused.retryInMs > 0 && refused.retryInMs <= 200, String(refused.retryInMs))
    }))

  test('takes again what the time has brought, refusals not counted', () =>
    within(async ({ ends: [end], pass }) => {
      for (let i = 0; i < 50; i++) await end.take('address', '203.0.113.9')
      await pass(201)
      assert.is((await end.take('address', '203.0.113.9')).type, 'taken')
      assert.is((await end.take('address', '203.0.113.9')).type, 'refused')
      await pass(1_001)
      const taken = await end.take('address', '203.0.113.9')
      assert.is(taken.type === 'taken' && taken.left, 4)
    }))

  test('counts identities apart, and policies', () =>
    within(async ({ ends: [end] }) => {
      const identities = ['ann', 'ann ', 'Ann', '', '\0', '__proto__', '2001:db8::/64', '汉'.repeat(128)]
      for (const identity of identities) {
        assert.is((await end.take('key', identity)).type, 'taken', identity)
        assert.is((await end.take('key', identity)).type, 'refused', identity)
        assert.is((await end.take('customer', identity)).type, 'taken', identity)
      }
    }))

  test('gives back what was taken, once', () =>
    within(async ({ ends: [one, other] }) => {
      for (let i = 0; i < 100; i++) {
        assert.is((await one.take('login', 'ann')).type, 'taken')
        await other.giveBack('login', 'ann')
      }
      for (let i = 0; i < 3; i++) assert.is((await one.take('login', 'ann')).type, 'taken')
      assert.is((await one.take('login', 'ann')).type, 'refused')
      await one.giveBack('login', 'ann')
      await one.giveBack('login', 'nobody')
      assert.is((await one.take('login', 'ann')).type, 'taken')
      assert.is((await one.take('login', 'ann')).type, 'refused')
    }))

  test('has windows of its own for what is no request', () =>
    within(async ({ ends: [end], pass }) => {
      for (let i = 0; i < 6; i++) assert.is((await end.take('registration', 'a')).type, 'taken')
      const refused = await end.take('registration', 'a')
      assert.ok(refused.type === 'refused' && refused.retryInMs > 9_000 && refused.retryInMs <= 10_000)
      await pass(9_000)
      assert.is((await end.take('registration', 'a')).type, 'refused')
      await pass(1_001)
      assert.is((await end.take('registration', 'a')).type, 'taken')
      assert.is((await end.take('registration', 'a')).type, 'refused')
    }))

  test('counts what comes to either end together', () =>
    within(async ({ ends: [one, other] }) => {
      const types: string[] = []
      for (let i = 0; i < 4; i++) {
        types.push((await one.take('address', 'a')).type, (await other.take('address', 'a')).type)
      }
      assert.equal(types, [...Array(5).fill('taken'), ...Array(3).fill('refused')])
    }))

  test('takes no more than there is of what is asked at the same time', () =>
    within(async ({ ends }) => {
      const asked = Array.from({ length: 60 }, (_, i) => ends[i % 2 === 0 ? 0 : 1].take('customer', 'ann'))
      const taken = (await Promise.all(asked)).filter(({ type }) => type === 'taken')
      assert.is(taken.length, 20)
    }))

  test.run()
}
