/** The shapes of carts, checkout, payments and orders; as in schemas.ts, they validate and are published. */
import { z } from 'zod'
import { instant, plainText, productId, quantity, reservationId, time } from './schemas.ts'

const ID_LENGTH_MAX = 64
const TOKEN_LENGTH_MAX = 255
const REASON_LENGTH_MAX = 500
const CODE_LENGTH_MAX = 40
const PAGE_MAX = 100

function id(prefix: string, example: string) {
  return z
    .string()
    .max(ID_LENGTH_MAX)
    .regex(new RegExp(`^${prefix}_[0-9A-Za-z]+$`), { error: `must be an id that begins with ${prefix}_` })
    .meta({ example })
}

const cartId = id('cart', 'cart_01K5ZC4N8XQ2M7V3H9R6T1B0DW')
const orderId = id('ord', 'ord_01K5ZC4N8XQ2M7V3H9R6T1B0DW')
const addressId = id('adr', 'adr_01K5ZC4N8XQ2M7V3H9R6T1B0DW')
export const money = z.number().min(0).meta({ description: 'In the currency’s own digits.', example: 999.99 })
const currency = z.string().meta({ description: 'ISO 4217.', example: 'USD' })
const discountCode = z.string().min(1).max(CODE_LENGTH_MAX).meta({ example: 'WELCOME10' })
const date = z.iso.date({ error: 'must be a date as YYYY-MM-DD' }).meta({ example: '2026-12-04' })

// ---- Cart ----------------------------------------------------------------------------------------------------------

export const cartLineBody = z.strictObject({ productId, quantity }).meta({ id: 'CartLineRequest' })
export const cartRemoveQuery = z.strictObject({ productId })

export const cartReply = z
  .strictObject({
    cartId: cartId.optional().meta({ description: 'Absent before anything was put into it.' }),
    items: z.array(
      z.strictObject({
        productId,
        quantity: z.int(),
        title: z.string().optional(),
        thumbnail: z.string().optional(),
        price: money.optional().meta({ description: 'Of one unit, as it is now.' }),
        currency: currency.optional(),
        available: z.int().min(0),
        problem: z
          .enum([
            'unknown-product',
            'product-retired',
            'other-currency',
            'out-of-stock',
            'insufficient-stock',
          ])
          .optional()
          .meta({ description: 'Why the line cannot be bought as it is.' }),
      }),
    ),
    totalAmount: money,
    currency: currency.optional(),
  })
  .meta({ id: 'Cart' })

// ---- Checkout and payment ------------------------------------------------------------------------------------------

export const checkoutBody = z
  .strictObject({
    cartId: cartId.optional(),
    reservationId: reservationId
      .optional()
      .meta({ description: 'One of the caller’s own, which becomes the order’s.' }),
    addressId: addressId.optional(),
    discountCode: discountCode.optional(),
    expectedTotal: money.optional().meta({ description: 'Refuse unless this is what it costs.' }),
  })
  .refine((body) => (body.cartId === undefined) !== (body.reservationId === undefined), {
    error: 'needs either a cartId or a reservationId',
  })
  .meta({ id: 'CheckoutRequest' })

const orderItem = z.strictObject({
  productId,
  title: z.string(),
  quantity: z.int(),
  price: money.meta({ description: 'Of one unit, frozen at checkout.' }),
  returned: z.int().optional(),
})
const orderStatus = z.enum([
  'pending_payment',
  'confirmed',
  'shipped',
  'delivered',
  'cancelled',
  'expired',
  'refunded',
])

export const checkoutReply = z
  .strictObject({
    orderId,
    status: orderStatus,
    items: z.array(orderItem),
    subtotal: money,
    discount: money,
    totalAmount: money,
    currency,
    expiresAt: instant.meta({ description: 'Until when it can be paid.' }),
  })
  .meta({ id: 'CheckedOut' })

export const paymentBody = z
  .strictObject({
    orderId,
    paymentMethod: z.enum(['card', 'upi', 'cod']),
    amount: money.meta({ description: 'The order’s `totalAmount`, so that nobody pays another one.' }),
    paymentToken: z
      .string()
      .min(1)
      .max(TOKEN_LENGTH_MAX)
      .regex(/^[\x21-\x7e]+$/, { error: 'must be visible ASCII characters' })
      .optional()
      .meta({ description: 'What the provider made of a card, or a UPI address.', example: 'tok_visa' }),
    cardDetails: z
      .strictObject({
        number: z
          .string()
          .min(8)
          .max(32)
          .regex(/^[0-9 -]+$/, { error: 'must be the digits of a card' }),
        expiry: z.string().regex(/^(?:0[1-9]|1[0-2])\/[0-9]{2}$/, { error: 'must be MM/YY' }),
        cvc: z.string().regex(/^[0-9]{3,4}$/, { error: 'must be 3 or 4 digits' }),
      })
      .optional()
      .meta({ description: 'For the sandbox only: test cards are in docs/payments.md.' }),
  })
  .meta({ id: 'PaymentRequest' })

export const paymentReply = z
  .strictObject({
    status: z.enum(['success', 'failed', 'pending']),
    transactionId: z.string(),
    orderStatus,
    reason: z.string().optional().meta({ description: 'Why it failed.', example: 'insufficient-funds' }),
  })
  .meta({ id: 'Payment' })

// ---- Orders --------------------------------------------------------------------------------------------------------

export const ordersQuery = z.strictObject({
  status: orderStatus.optional(),
  customerId: z.string().max(128).optional().meta({ description: 'For services and above.' }),
  cursor: orderId.optional(),
  limit: z.coerce.number().int().min(1).max(PAGE_MAX).optional(),
})

export const orderReply = z
  .strictObject({
    orderId,
    customerId: z.string(),
    status: orderStatus,
    items: z.array(orderItem),
    subtotal: money,
    discount: money,
    discountCode: discountCode.optional(),
    totalAmount: money,
    paid: money.meta({ description: 'What was captured.' }),
    refunded: money.meta({ description: 'What was promised back of it.' }),
    currency,
    paymentMethod: z.enum(['card', 'upi', 'cod', 'none']).optional(),
    reservationId,
    address: z.record(z.string(), z.unknown()).optional(),
    invoiceNumber: z.int().optional(),
    trackingNumber: z.string().optional(),
    carrier: z.string().optional(),
    estimatedDelivery: date.optional(),
    expiresAt: instant.optional(),
    createdAt: instant,
    updatedAt: instant,
    history: z
      .array(
        z.strictObject({
          type: z.string().meta({ example: 'payment-failed' }),
          status: orderStatus.optional(),
          detail: z.string().optional(),
          at: instant,
        }),
      )
      .optional()
      .meta({ description: 'With a service key: all that happened, the oldest first.' }),
  })
  .meta({ id: 'Order' })

export const ordersReply = z
  .strictObject({ orders: z.array(orderReply), nextCursor: orderId.optional() })
  .meta({ id: 'Orders' })

export const orderStatusReply = z
  .strictObject({
    orderId,
    status: orderStatus,
    trackingNumber: z.string().optional(),
    carrier: z.string().optional(),
    estimatedDelivery: date.optional(),
    timeline: z.array(z.strictObject({ status: orderStatus, at: instant })),
  })
  .meta({ id: 'OrderProgress' })

const reason = plainText(REASON_LENGTH_MAX)

export const cancelBody = z
  .strictObject({ reason: reason.optional().meta({ example: 'ordered by mistake' }) })
  .meta({ id: 'CancelRequest' })

export const refundBody = z
  .strictObject({ amount: money, reason: reason.meta({ example: 'scratched' }) })
  .meta({ id: 'RefundRequest' })

export const refundReply = z
  .strictObject({
    refundId: z.string(),
    orderId,
    amount: money,
    currency,
    status: z.enum(['requested', 'pending', 'succeeded', 'failed']),
    reason: z.string(),
  })
  .meta({ id: 'Refund' })

export const refundsReply = z.strictObject({ refunds: z.array(refundReply) }).meta({ id: 'Refunds' })

export const fulfilmentBody = z
  .strictObject({
    status: z.enum(['shipped', 'delivered']),
    trackingNumber: plainText(128).optional().meta({ example: '1Z999AA10123456784' }),
    carrier: plainText(64).optional().meta({ example: 'UPS' }),
    estimatedDelivery: date.optional(),
  })
  .meta({ id: 'FulfilmentRequest' })

export const returnItemsBody = z
  .strictObject({
    items: z
      .array(z.strictObject({ productId, quantity }))
      .min(1)
      .max(100)
      .optional()
      .meta({ description: 'What came back; all of it unless given.' }),
    reason: reason.meta({ example: 'did not fit' }),
    refund: z
      .boolean()
      .optional()
      .meta({ description: 'Whether its price goes back too; so unless `false`.' }),
  })
  .meta({ id: 'ReturnItemsRequest' })

export const orderStreamQuery = z.strictObject({ lastEventId: z.string().max(20).optional() })

// ---- Discounts -----------------------------------------------------------------------------------------------------

const discountFields = {
  percent: z.number().gt(0).max(100).optional().meta({ example: 10 }),
  amount: money.optional().meta({ description: 'With a `currency`, instead of `percent`.' }),
  currency: z.string().length(3).optional(),
  maxUses: z.int().min(1).max(1_000_000_000).optional(),
  perCustomer: z.int().min(1).max(1_000_000).optional(),
  validFrom: time.optional(),
  validUntil: time.optional(),
}

export const discountBody = z
  .strictObject({ code: discountCode, ...discountFields })
  .refine((body) => (body.percent === undefined) !== (body.amount === undefined), {
    error: 'needs either a percent or an amount',
  })
  .refine((body) => (body.amount === undefined) === (body.currency === undefined), {
    error: 'an amount has a currency, and nothing else does',
  })
  .meta({ id: 'DiscountRequest' })

export const discountPatchBody = z
  .strictObject({
    maxUses: discountFields.maxUses,
    perCustomer: discountFields.perCustomer,
    validFrom: discountFields.validFrom,
    validUntil: discountFields.validUntil,
    active: z.boolean().optional(),
  })
  .meta({ id: 'DiscountPatch' })

export const discountReply = z
  .strictObject({
    code: discountCode,
    percent: z.number().optional(),
    amount: money.optional(),
    currency: currency.optional(),
    maxUses: z.int().optional(),
    usesLeft: z.int().optional().meta({ description: 'Neither taken nor held by an order that waits.' }),
    perCustomer: z.int().optional(),
    validFrom: instant.optional(),
    validUntil: instant.optional(),
    active: z.boolean(),
  })
  .meta({ id: 'Discount' })

export const discountsQuery = z.strictObject({
  cursor: discountCode.optional(),
  limit: z.coerce.number().int().min(1).max(PAGE_MAX).optional(),
})
export const discountsReply = z
  .strictObject({ discounts: z.array(discountReply), nextCursor: discountCode.optional() })
  .meta({ id: 'Discounts' })
