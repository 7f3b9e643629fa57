import fc from 'fast-check'
import * as assert from 'uvu/assert'
import {
  amountMinorMax,
  type CurrencyCode,
  decimalOf,
  digitsOf,
  isCurrencyCode,
  minorUnits,
  percentOf,
} from '../../src/domain/money.ts'
import { suite } from '../support/suite.ts'

const [USD, JPY, KWD] = ['USD', 'JPY', 'KWD'] as CurrencyCode[] as [CurrencyCode, CurrencyCode, CurrencyCode]

const money = suite('money')

money('has the digits of its currency', () => {
  assert.equal([USD, JPY, KWD].map(digitsOf), [2, 0, 3])
  assert.is(minorUnits(999.99, USD), 99_999)
  assert.is(minorUnits(1_500, JPY), 1_500)
  assert.is(minorUnits(1.234, KWD), 1_234)
  assert.is(decimalOf(99_999, USD), 999.99)
})

money('with more digits than its currency, or out of bounds, is none', () => {
  for (const [amount, currency] of [
    [9.999, USD],
    [1.5, JPY],
    [1.2345, KWD],
    [-0.01, USD],
    [Number.NaN, USD],
    [Number.POSITIVE_INFINITY, USD],
    [amountMinorMax, USD],
    [1e300, JPY],
    [0.30000000000000004, USD],
  ] as const) {
    assert.is(minorUnits(amount, currency), undefined, `${amount} ${currency}`)
  }
  assert.is(minorUnits(amountMinorMax, JPY), amountMinorMax)
})

money('goes out and comes back the same, whatever it is, and as text too', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: amountMinorMax }),
      fc.constantFrom(USD, JPY, KWD),
      (minor, currency) => {
        const text = JSON.stringify(decimalOf(minor, currency))
        const [, digits = ''] = text.split('.')
        return digits.length <= digitsOf(currency) && minorUnits(JSON.parse(text), currency) === minor
      },
    ),
  )
})

money('of a currency that nobody knows is refused by its code', () => {
  assert.ok(isCurrencyCode('EUR'))
  for (const text of ['eur', 'XXX', '', 'constructor', 'EURO', '__proto__']) assert.not(isCurrencyCode(text))
})

money('has its per cent in whole units, half of one to the even side', () => {
  assert.is(percentOf(1_000, 10), 100)
  assert.is(percentOf(5, 10), 0, 'half of 1 goes to 0')
  assert.is(percentOf(15, 10), 2, '1.5 goes to 2')
  assert.is(percentOf(25, 10), 2, '2.5 goes to 2')
  assert.is(percentOf(99_999, 12.5), 12_500, '12,499.875')
  assert.is(percentOf(amountMinorMax, 100), amountMinorMax)
})

money.run()
