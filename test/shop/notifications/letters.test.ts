import * as assert from 'uvu/assert'
import type { CurrencyCode } from '../../../src/domain/money.ts'
import { htmlOf, type Letter, textOf } from '../../../src/shop/notifications/letter.ts'
import { letterOn } from '../../../src/shop/notifications/letters.ts'
import { suite } from '../../support/suite.ts'
import { ANN, event, ORDER, orderFacts } from './letter-examples.ts'

const test = suite('a letter')

function letter(
  ...[of, facts]: Parameters<typeof letterOn> extends [infer E, infer F, string] ? [E, F] : never
): Letter {
  const found = letterOn(of, facts, 'The Shop')
  if (found === undefined) throw new Error('nothing to say')
  return found
}

test('on a confirmed order has its lines, its discount, its total and its invoice’s number', () => {
  const found = letter(event('order.confirmed'), orderFacts())
  assert.is(found.subject, 'Order ord_1 confirmed')
  assert.is(
    textOf(found),
    `Hello Ann,

Thank you: your order ord_1 is confirmed. It is paid.

  2 × iPhone 17 Pro: $2,399.98
  1 × Case <b>"best"</b>: $19.99
  Discount: −$10.00
  Total: $2,409.97

Invoice: INV-000042

The Shop
`,
  )
})

test('says what happened, for each kind of event', () => {
  const shipping = { carrier: 'DHL', trackingNumber: 'JD01', estimatedDelivery: '2026-12-01' }
  const cases = [
    [
      letter(event('user.registered'), { type: 'account', to: ANN }),
      'Welcome to The Shop',
      /account is ready/,
    ],
    [letter(event('order.shipped'), orderFacts(shipping)), /on its way/, /DHL\n.*JD01\n.*2026-12-01/],
    [letter(event('order.cancelled'), orderFacts()), /cancelled/, /Nothing was charged/],
    [letter(event('order.cancelled'), orderFacts({ refundMinor: 500 })), /cancelled/, /\$5\.00 goes back/],
    [
      letter(event('order.refunded'), orderFacts({ refundMinor: 1_999 })),
      /Refund/,
      /\$19\.99 .* was refunded/,
    ],
    [
      letter(event('payment.failed', { reason: 'insufficient-funds' }), orderFacts()),
      /failed/,
      /\(insufficient funds\)/,
    ],
    [
      letter(event('order.confirmed'), orderFacts({ isPaidOnDelivery: true })),
      /confirmed/,
      /You pay when it arrives/,
    ],
  ] as const
  for (const [found, subject, text] of cases) {
    assert.match(found.subject, subject)
    assert.match(textOf(found), text)
    assert.match(htmlOf(found), 'The Shop')
  }
})

test('shows money as its currency has it', () => {
  for (const [currency, amount] of [
    ['JPY', '¥240,997'],
    ['KWD', 'KWD\u00a0240.997'],
    ['EUR', '€2,409.97'],
  ] as const) {
    const found = letter(event('order.confirmed'), orderFacts({ currency: currency as CurrencyCode }))
    assert.is(found.lines.at(-1)?.amount, amount)
  }
})

test('promises no goods to who can no longer pay for them', () => {
  assert.not.match(textOf(letter(event('payment.failed'), orderFacts())), 'held')
})

test('lets nobody write HTML into it', () => {
  const to = { name: '<script>alert(1)</script>', email: 'ann@example.com' }
  const html = htmlOf(letter(event('order.confirmed'), { type: 'order', to, order: ORDER }))
  assert.not.match(html, /<script|<b>"best"/)
  assert.match(html, '&lt;script&gt;')
  assert.not.match(html, /https?:|src=|<link|<img/)
})

test('is none where what is known is not what it is about', () => {
  assert.is(letterOn(event('order.shipped'), { type: 'account', to: ANN }, 'The Shop'), undefined)
})

test.run()
