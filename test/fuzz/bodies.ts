/** Bodies of operations whose members must fit each other, which a schema cannot say. */
import fc from 'fast-check'
import { DISCOUNTS, mark } from './values.ts'

const METHODS = ['card', 'card', 'cod', 'upi'] as const
const TOKENS = ['tok_visa', 'tok_visa', 'tok_chargeDeclined', 'success@upi', 'tok_none'] as const

function optional<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(value, { nil: undefined, freq: 1 })
}

const details = {
  addressId: fc.option(mark('address'), { nil: undefined, freq: 1 }),
  discountCode: optional(fc.constantFrom(...DISCOUNTS)),
}

/** By operation; what is absent is undefined here, and gone once it is JSON. */
export const BODIES: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  checkOut: fc.oneof(
    { weight: 3, arbitrary: fc.record({ cartId: mark('cart'), ...details }) },
    { weight: 1, arbitrary: fc.record({ reservationId: mark('reservation'), addressId: details.addressId }) },
  ),
  payOrder: fc
    .record({
      back: fc.nat({ max: 3 }),
      paymentMethod: fc.constantFrom(...METHODS),
      paymentToken: fc.constantFrom(...TOKENS),
    })
    .map(({ back, paymentMethod, paymentToken }) => ({
      orderId: `«order ${back}»`,
      amount: `«total ${back}»`,
      paymentMethod,
      paymentToken: paymentMethod === 'cod' ? undefined : paymentToken,
    })),
}
