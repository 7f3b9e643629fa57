/** Orders as callers see them. */

import { type CurrencyCode, decimalOf } from '../domain/money.ts'
import type { Order, OrderRow } from '../persistence/tables/orders/order-rows.ts'
import type { Refund } from '../persistence/tables/orders/refund-operations.ts'
import { timeOf } from './time.ts'

export const EXAMPLE_ORDER_ID = 'ord_01K5ZC4N8XQ2M7V3H9R6T1B0DW'

export const exampleCheckedOut = {
  orderId: EXAMPLE_ORDER_ID,
  status: 'pending_payment',
  items: [{ productId: 'iphone-17-pro', title: 'iPhone 17 Pro', quantity: 1, price: 1099 }],
  subtotal: 1099,
  discount: 109.9,
  totalAmount: 989.1,
  currency: 'USD',
  expiresAt: '2026-11-27T08:10:00.000Z',
}

export const exampleOrder = {
  ...exampleCheckedOut,
  customerId: 'usr_8812',
  status: 'confirmed',
  discountCode: 'WELCOME10',
  paid: 989.1,
  refunded: 0,
  paymentMethod: 'card',
  reservationId: 'res_01K5ZC4N8XQ2M7V3H9R6T1B0DW05',
  invoiceNumber: 1042,
  expiresAt: undefined,
  createdAt: '2026-11-27T08:00:00.000Z',
  updatedAt: '2026-11-27T08:01:12.000Z',
}

/** Decimal amounts of the order's currency. */
function amounts(order: OrderRow) {
  const { currency } = order
  return {
    subtotal: decimalOf(order.subtotalMinor, currency),
    discount: decimalOf(order.discountMinor, currency),
    totalAmount: decimalOf(order.totalMinor, currency),
    currency,
  }
}

function itemsOf({ lines, currency }: Order) {
  return lines.map(({ productId, title, quantity, unitPriceMinor, returned }) => {
    const price = decimalOf(unitPriceMinor, currency)
    return { productId, title, quantity, price, returned: returned === 0 ? undefined : returned }
  })
}

/** What checkout answers. */
export function checkedOut(order: Order) {
  const { orderId, status, expiresAtMs } = order
  return { orderId, status, items: itemsOf(order), ...amounts(order), expiresAt: timeOf(expiresAtMs) }
}

export function shownOrder(order: Order) {
  const { orderId, customerId, status, currency } = order
  return {
    orderId,
    customerId,
    status,
    items: itemsOf(order),
    ...amounts(order),
    discountCode: order.discountCode ?? undefined,
    paid: decimalOf(order.capturedMinor, currency),
    refunded: decimalOf(order.refundedMinor, currency),
    paymentMethod: order.paymentMethod ?? undefined,
    reservationId: order.reservationId,
    address: order.address === null ? undefined : JSON.parse(order.address),
    invoiceNumber: order.invoiceNumber ?? undefined,
    ...shipment(order),
    expiresAt: status === 'pending_payment' ? timeOf(order.expiresAtMs) : undefined,
    createdAt: timeOf(order.createdAtMs),
    updatedAt: timeOf(order.updatedAtMs),
  }
}

/** With all that happened to it, for those who keep the shop. */
export function wholeOrder(order: Order) {
  const history = order.events.map(({ type, status, detail, atMs }) => {
    return { type, status: status ?? undefined, detail: detail ?? undefined, at: timeOf(atMs) }
  })
  return { ...shownOrder(order), history }
}

/** Where it is, and how it came there. */
export function shownProgress(order: Order) {
  const { orderId, status, events } = order
  const timeline = events.flatMap((event) =>
    event.status === null ? [] : [{ status: event.status, at: timeOf(event.atMs) }],
  )
  return { orderId, status, ...shipment(order), timeline }
}

function shipment({ trackingNumber, carrier, estimatedDelivery }: OrderRow) {
  return {
    trackingNumber: trackingNumber ?? undefined,
    carrier: carrier ?? undefined,
    estimatedDelivery: estimatedDelivery ?? undefined,
  }
}

export function shownRefund(refund: Refund) {
  const { refundId, orderId, amountMinor, currency, status, reason } = refund
  return {
    refundId,
    orderId,
    amount: decimalOf(amountMinor, currency as CurrencyCode),
    currency,
    status,
    reason,
  }
}
