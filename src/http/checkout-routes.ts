/** Checkout: a cart, or a reservation of the caller's, becomes an order whose units are held and whose prices are frozen. */

import { isReservationId, type ReservationId } from '../domain/ids.ts'
import { decimalOf } from '../domain/money.ts'
import { type CheckoutAsk, type CheckoutRefused, checkOut } from '../shop/checkout/check-out.ts'
import { readBody } from './body.ts'
import { personOf } from './buyer.ts'
import { tableKey, withReplay } from './idempotency.ts'
import { checkoutBody, checkoutReply } from './order-schemas.ts'
import { checkedOut, exampleCheckedOut } from './order-view.ts'
import type { HttpParts } from './parts.ts'
import { invalid, Problem } from './problems.ts'
import { json, problem, refusal } from './responses.ts'
import type { Call, Operation, Route } from './route.ts'
import { TABLES_POSITION } from './tables-position.ts'

type Parts = Pick<HttpParts, 'engine' | 'splits' | 'tables' | 'gateway' | 'chargeTimeoutMs' | 'clock' | 'log'>

export function checkoutRoutes(parts: Parts): readonly Route[] {
  return [{ operation: CHECK_OUT, handle: (call) => handle(parts, call) }]
}

const CHECK_OUT: Operation = {
  method: 'post',
  path: '/v1/checkout',
  operationId: 'checkOut',
  tag: 'Cart and checkout',
  summary: 'Make an order of one’s cart, or of a reservation',
  description:
    'Holds all units, and the discount’s use with them, or nothing. The order waits for its payment until `expiresAt`. Said again for a cart that has not changed, it answers the order that waits already; a cart that has changed makes a new one, and the old one gives its units back.',
  access: 'person',
  changes: true,
  takesUnits: true,
  sells: true,
  body: {
    schema: checkoutBody,
    example: { cartId: 'cart_01K5ZC4N8XQ2M7V3H9R6T1B0DW', discountCode: 'WELCOME10' },
  },
  success: {
    status: 201,
    description: 'The order, with its units held.',
    schema: checkoutReply,
    example: exampleCheckedOut,
    headers: ['Location', 'Holdfast-Position'],
  },
  problems: [
    'unknown-cart',
    'unknown-address',
    'unknown-reservation',
    'cart-empty',
    'cart-problems',
    'amount-too-large',
    'discount-not-valid',
    'discount-used-up',
    'price-changed',
    'owned-by-order',
    'reservation-resolved',
    'payment-started',
    'unknown-product',
    'product-retired',
    'sale-not-open',
    'sale-closed',
    'max-per-reservation',
    'per-customer-limit',
    'out-of-stock',
    'memory-full',
  ],
}

async function handle(parts: Parts, call: Call): Promise<Response> {
  const body = await readBody(call, checkoutBody)
  const customerId = personOf(call)
  const { cartId, reservationId, addressId, discountCode, expectedTotal } = body
  const source: CheckoutAsk['source'] =
    cartId === undefined
      ? { type: 'reservation', reservationId: reservationIn(reservationId) }
      : { type: 'cart', cartId }
  const address = addressId === undefined ? undefined : await addressText(parts, customerId, addressId)
  const key = tableKey(call, body)
  const made = await checkOut(parts, { customerId, source, address, discountCode, expectedTotal, key })
  if (made.type === 'refused') return refusedCheckout(call, made)
  const headers = { location: `/v1/orders/${made.order.orderId}`, ...TABLES_POSITION }
  return json(call, 201, checkedOut(made.order), withReplay(headers, made))
}

function reservationIn(text: string | undefined): ReservationId {
  if (text !== undefined && isReservationId(text)) return text
  throw invalid({ path: 'reservationId', message: 'must be the id of a reservation' })
}

/** As it is now: the order keeps it, whatever becomes of the customer's own. */
async function addressText({ tables }: Parts, customerId: string, addressId: string): Promise<string> {
  const address = await tables.read('addresses.find', { userId: customerId, id: addressId })
  if (address === undefined) throw new Problem('unknown-address', 'There is no such address.')
  const { id: _, ...fields } = address
  return JSON.stringify(fields)
}

function refusedCheckout(call: Call, refused: CheckoutRefused): Response {
  switch (refused.reason) {
    case 'units':
      return refusal(call, refused.refusal)
    case 'unknown-cart':
      return problem(call, 'unknown-cart', 'There is no such cart.')
    case 'unknown-reservation':
    case 'unknown-order':
      return problem(call, 'unknown-reservation', 'There is no such reservation.')
    case 'cart-empty':
      return problem(call, 'cart-empty', 'There is nothing in the cart.')
    case 'cart-problems': {
      const items = refused.lines.flatMap((line) =>
        line.problem === undefined ? [] : [{ productId: line.productId, problem: line.problem }],
      )
      return problem(call, 'cart-problems', 'Some lines cannot be bought as they are.', { items })
    }
    case 'amount-too-large':
      return problem(call, 'amount-too-large', 'This is more than one order can cost.')
    case 'unknown-discount':
      return problem(call, 'discount-not-valid', 'There is no such discount.')
    case 'discount-not-valid':
      return problem(call, 'discount-not-valid', `${refused.code} cannot be used at this time.`)
    case 'discount-other-currency':
      return problem(call, 'discount-not-valid', `${refused.code} is for another currency.`)
    case 'discount-used-up':
      return problem(call, 'discount-used-up', `${refused.code} has been used as often as it can be.`)
    case 'discount-with-reservation': {
      const errors = [
        { path: 'discountCode', message: 'goes with a cart: its use is held together with the goods' },
      ]
      return problem(call, 'validation-failed', `${errors[0]?.path}: ${errors[0]?.message}`, { errors })
    }
    case 'total-changed': {
      const { currency } = refused
      const totalAmount = decimalOf(refused.totalMinor, currency)
      return problem(call, 'price-changed', `It costs ${totalAmount} ${currency} now.`, {
        totalAmount,
        currency,
      })
    }
    case 'price-changed': {
      const { productId } = refused
      return problem(call, 'price-changed', `The price of ${productId} changed just now.`, { productId })
    }
    case 'owned-by-order':
      return problem(call, 'owned-by-order', `The reservation belongs to ${refused.orderId}.`, {
        orderId: refused.orderId,
      })
    case 'order-state':
      return problem(call, 'order-state', `The order is ${refused.status}.`, { orderStatus: refused.status })
  }
}
