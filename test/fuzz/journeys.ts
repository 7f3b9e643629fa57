/** What has to happen in its order for some operations to succeed, which chance alone hardly ever brings about. */
import type { FuzzRequest } from './requests.ts'

type Sent = readonly [token: 'ann' | 'bob', target: string, body: object]

/** One after another. */
export const JOURNEYS: readonly (readonly FuzzRequest[])[] = [
  ...(['tok_visa', 'success@upi'] as const).map((paymentToken) =>
    journey(
      ['ann', '/v1/cart/add', { productId: 'stock-a', quantity: 1 }],
      ['ann', '/v1/checkout', { cartId: '«cart 0»' }],
      [
        'ann',
        '/v1/payment',
        {
          orderId: '«order 0»',
          amount: '«total 0»',
          paymentMethod: paymentToken.includes('@') ? 'upi' : 'card',
          paymentToken,
        },
      ],
    ),
  ),
  journey(
    ['ann', '/v1/reservations', { items: [{ productId: 'stock-c', quantity: 20 }], allowPartial: true }],
    ['bob', '/v1/products/stock-c/waitlist', { quantity: 2 }],
  ),
]

function journey(...sent: readonly Sent[]): readonly FuzzRequest[] {
  return sent.map(([token, target, body]) => ({
    method: 'POST',
    target,
    headers: [
      ['authorization', `Bearer ${token}`],
      ['content-type', 'application/json'],
    ],
    body: { text: JSON.stringify(body), encoding: 'utf8' },
    from: undefined,
  }))
}
