/** Orders as they stand in the tables, and the parts of reading and changing them that all operations share. */
import type { CustomerId, ProductId, ReservationId } from '../../../domain/ids.ts'
import type { CurrencyCode } from '../../../domain/money.ts'
import type { Moment } from '../operation.ts'
import { enqueue, type OutboxEventType } from '../outbox.ts'
import { alone, change, type Query, row, rows } from '../query.ts'

export type OrderStatus =
  | 'pending_payment'
  | 'confirmed'
  | 'shipped'
  | 'delivered'
  | 'cancelled'
  | 'expired'
  | 'refunded'
export const orderStatuses: readonly OrderStatus[] = [
  'pending_payment',
  'confirmed',
  'shipped',
  'delivered',
  'cancelled',
  'expired',
  'refunded',
]

export type PaymentMethod = 'card' | 'upi' | 'cod' | 'none'

/** What the engine has still to be told, so that the reservation follows the order. */
export type Duty = 'confirm' | 'release' | 'return'

export type OrderLine = {
  readonly productId: ProductId
  readonly title: string
  readonly unitPriceMinor: number
  readonly quantity: number
  readonly returned: number
}

export type OrderRow = {
  readonly orderId: string
  readonly customerId: CustomerId
  readonly cartId: string | null
  readonly status: OrderStatus
  readonly reservationId: ReservationId
  readonly duty: Duty | null
  readonly currency: CurrencyCode
  readonly subtotalMinor: number
  readonly discountMinor: number
  readonly totalMinor: number
  readonly capturedMinor: number
  /** Promised back, whether it has arrived or not. */
  readonly refundedMinor: number
  readonly discountCode: string | null
  /** JSON text. */
  readonly address: string | null
  readonly paymentMethod: PaymentMethod | null
  readonly invoiceNumber: number | null
  readonly trackingNumber: string | null
  readonly carrier: string | null
  readonly estimatedDelivery: string | null
  readonly expiresAtMs: number
  /** When somebody is to look at it; never where nothing is left to do. */
  readonly lookAtMs: number | null
  readonly createdAtMs: number
  readonly updatedAtMs: number
}

export type OrderEvent = {
  readonly type: string
  /** Where the event changed it. */
  readonly status: OrderStatus | null
  readonly detail: string | null
  readonly atMs: number
}

export type Order = OrderRow & {
  readonly lines: readonly OrderLine[]
  readonly events: readonly OrderEvent[]
}

export const ORDER_COLUMNS = `
  id AS "orderId", customer_id AS "customerId", cart_id AS "cartId", status, reservation_id AS "reservationId",
  duty, currency, subtotal_minor AS "subtotalMinor", discount_minor AS "discountMinor",
  total_minor AS "totalMinor", captured_minor AS "capturedMinor", refunded_minor AS "refundedMinor",
  discount_code AS "discountCode", address, payment_method AS "paymentMethod",
  invoice_number AS "invoiceNumber", tracking_number AS "trackingNumber", carrier,
  estimated_delivery AS "estimatedDelivery", expires_at_ms AS "expiresAtMs", look_at_ms AS "lookAtMs", created_at_ms AS "createdAtMs",
  updated_at_ms AS "updatedAtMs"`

/** Of a row of `orders`: an attempt to pay it may yet come to something. */
export const IS_BEING_PAID = `EXISTS (SELECT 1 FROM payment_attempts a
  WHERE a.order_id = orders.id AND a.status IN ('charging', 'pending'))`
/** Of a row of `orders`: something is on its way back, and has to be followed. */
export const OWES_REFUND = `EXISTS (SELECT 1 FROM refunds r
  WHERE r.order_id = orders.id AND r.status IN ('requested', 'pending'))`

/** Of a row of `orders`: its units are sold, and on their way or there. */
export const IS_SOLD = `status IN ('confirmed', 'shipped', 'delivered')`
export function isSold({ status }: Pick<OrderRow, 'status'>): boolean {
  return status === 'confirmed' || status === 'shipped' || status === 'delivered'
}

/** Everything of an order but its making: what is seen of it, its attempts and refunds stays so until the change is made. */
export function aloneWithOrder(orderId: string): Query<void> {
  return alone('order', orderId)
}

export function findOrderRow(orderId: string): Query<OrderRow | undefined> {
  return row<OrderRow>(`SELECT ${ORDER_COLUMNS} FROM orders WHERE id = ?`, orderId)
}

export function* findOrder(orderId: string): Query<Order | undefined> {
  const found = yield* findOrderRow(orderId)
  return found === undefined ? undefined : yield* whole(found)
}

export function* whole(order: OrderRow): Query<Order> {
  const lines = yield* rows<OrderLine>(
    `SELECT product_id AS "productId", title, unit_price_minor AS "unitPriceMinor", quantity, returned
       FROM order_lines WHERE order_id = ? ORDER BY number`,
    order.orderId,
  )
  const events = yield* rows<OrderEvent>(
    'SELECT type, status, detail, at_ms AS "atMs" FROM order_events WHERE order_id = ? ORDER BY number',
    order.orderId,
  )
  return { ...order, lines, events }
}

export type OrderHappening = {
  /** What happened, as the order's history tells it. */
  readonly type: string
  /** Where it changed the status. */
  readonly status?: OrderStatus
  readonly detail?: string
  /** Where others must hear of it. */
  readonly tells?: OutboxEventType
  readonly payload?: Readonly<Record<string, unknown>>
}

/** Writes an order's history, and tells those who wait for it. */
export function* note(orderId: string, happening: OrderHappening, moment: Moment): Query<void> {
  const { type, status, detail, tells, payload } = happening
  yield* change(
    `INSERT INTO order_events (order_id, number, type, status, detail, at_ms)
     VALUES (?, (SELECT coalesce(max(number), 0) + 1 FROM order_events WHERE order_id = ?), ?, ?, ?, ?)`,
    orderId,
    orderId,
    type,
    status ?? null,
    detail ?? null,
    moment.nowMs,
  )
  if (tells !== undefined)
    yield* enqueue({ type: tells, subjectId: orderId, payload: { orderId, ...payload } }, moment)
  moment.notify({ type: 'orderChanged', orderId })
}
