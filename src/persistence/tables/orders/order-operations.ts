/** Orders: made of what is held, read, called off, and sent on their way. */
import type { CustomerId, ProductId, ReservationId } from '../../../domain/ids.ts'
import type { CurrencyCode } from '../../../domain/money.ts'
import { type Moment, read, Undone, write } from '../operation.ts'
import { change, type Query, row, rows, type SqlValue } from '../query.ts'
import {
  aloneWithOrder,
  findOrder,
  findOrderRow,
  IS_BEING_PAID,
  note,
  ORDER_COLUMNS,
  type Order,
  type OrderRow,
  type OrderStatus,
  OWES_REFUND,
  whole,
} from './order-rows.ts'
import { refundRest } from './refund-operations.ts'
import { dueAtTheDoor } from './return-operations.ts'

export type OrderRefused =
  | { readonly type: 'refused'; readonly reason: 'unknown-order' }
  /** It is in no state in which that can be done. */
  | { readonly type: 'refused'; readonly reason: 'order-state'; readonly status: OrderStatus }
  | { readonly type: 'refused'; readonly reason: 'price-changed'; readonly productId: ProductId }
  | { readonly type: 'refused'; readonly reason: 'owned-by-order'; readonly orderId: string }

/** `order` stands in its own member, since an answer with a `type` of its own may be kept. */
export type OrderReply = { readonly type: 'order'; readonly order: Order }

export type NewOrder = {
  readonly orderId: string
  readonly customerId: CustomerId
  readonly cartId: string | undefined
  readonly fingerprint: string
  readonly reservationId: ReservationId
  readonly currency: CurrencyCode
  readonly subtotalMinor: number
  readonly discountMinor: number
  readonly discountCode: string | undefined
  /** JSON text. */
  readonly address: string | undefined
  readonly expiresAtMs: number
  /** When the sweeper is to see whether anything became of it. */
  readonly lookAtMs: number
  readonly lines: readonly {
    readonly productId: ProductId
    readonly title: string
    readonly unitPriceMinor: number
    readonly quantity: number
  }[]
}

type ById = { readonly orderId: string }
export type OrdersPage = { readonly orders: readonly Order[]; readonly next: string | undefined }
export type OrdersQuery = {
  readonly customerId: CustomerId | undefined
  readonly status: OrderStatus | undefined
  /** Id of the last one seen: older ones follow. */
  readonly before: string | undefined
  readonly limit: number
}

export const orderOperations = {
  'orders.create': write((order: NewOrder, moment) => createOrder(order, moment)),
  'orders.find': read(({ orderId }: ById) => findOrder(orderId)),
  'orders.list': read((query: OrdersQuery) => listOrders(query)),
  /** The order that has this reservation, if one has. */
  'orders.ofReservation': read(({ reservationId }: { readonly reservationId: ReservationId }) =>
    row<{ readonly orderId: string; readonly customerId: CustomerId }>(
      'SELECT id AS "orderId", customer_id AS "customerId" FROM orders WHERE reservation_id = ?',
      reservationId,
    ),
  ),
  /** Those of a customer's cart that wait for a payment. */
  'orders.pendingOfCart': read(({ cartId }: { readonly cartId: string }) =>
    rows<OrderRow>(
      `SELECT ${ORDER_COLUMNS} FROM orders WHERE cart_id = ? AND status = 'pending_payment' ORDER BY id`,
      cartId,
    ),
  ),
  'orders.pendingByFingerprint': read(
    ({ customerId, fingerprint }: Pick<NewOrder, 'customerId' | 'fingerprint'>) =>
      findPending(customerId, fingerprint),
  ),
  'orders.readdress': write((args: ById & { readonly address: string | undefined }, moment) =>
    readdress(args, moment),
  ),
  'orders.cancel': write((args: Cancel, moment) => cancelOrder(args, moment)),
  'orders.expire': write((args: ById, moment) => expireOrder(args, moment)),
  'orders.ship': write((args: Shipment, moment) => shipOrder(args, moment)),
  'orders.deliver': write((args: ById, moment) => deliverOrder(args, moment)),
}

/** Made once, whoever tries again; refused where a price has changed since it was shown. */
function* createOrder(order: NewOrder, moment: Moment): Query<OrderReply | OrderRefused> {
  const { nowMs } = moment
  for (const { productId, unitPriceMinor } of order.lines) {
    const same = yield* row(
      'SELECT 1 AS same FROM products WHERE id = ? AND price_minor = ? AND currency = ?',
      productId,
      unitPriceMinor,
      order.currency,
    )
    if (same === undefined) return { type: 'refused', reason: 'price-changed', productId }
  }
  const inserted = yield* change(
    `INSERT INTO orders (id, customer_id, cart_id, fingerprint, status, reservation_id, currency, subtotal_minor,
       discount_minor, total_minor, captured_minor, refunded_minor, discount_code, address, expires_at_ms, look_at_ms,
       created_at_ms, updated_at_ms)
     VALUES (?, ?, ?, ?, 'pending_payment', ?, ?, ?, ?, ?, 0, 0, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    order.orderId,
    order.customerId,
    order.cartId ?? null,
    order.fingerprint,
    order.reservationId,
    order.currency,
    order.subtotalMinor,
    order.discountMinor,
    order.subtotalMinor - order.discountMinor,
    order.discountCode ?? null,
    order.address ?? null,
    order.expiresAtMs,
    order.lookAtMs,
    nowMs,
    nowMs,
  )
  if (inserted === 0) return yield* ofSameReservation(order)
  for (const [index, { productId, title, unitPriceMinor, quantity }] of order.lines.entries()) {
    yield* change(
      `INSERT INTO order_lines (order_id, number, product_id, title, unit_price_minor, quantity, returned)
       VALUES (?, ?, ?, ?, ?, ?, 0)`,
      order.orderId,
      index + 1,
      productId,
      title,
      unitPriceMinor,
      quantity,
    )
  }
  yield* change(
    'DELETE FROM checkouts WHERE customer_id = ? AND fingerprint = ?',
    order.customerId,
    order.fingerprint,
  )
  const { orderId } = order
  yield* note(orderId, { type: 'created', status: 'pending_payment', tells: 'order.created' }, moment)
  return { type: 'order', order: (yield* findOrder(orderId)) as Order }
}

/** Whoever was first has made this order already, or another one of the reservation. */
function* ofSameReservation(order: NewOrder): Query<OrderReply | OrderRefused> {
  const found = yield* row<OrderRow>(
    `SELECT ${ORDER_COLUMNS} FROM orders WHERE reservation_id = ?`,
    order.reservationId,
  )
  if (found === undefined) return { type: 'refused', reason: 'unknown-order' }
  const isSame = found.customerId === order.customerId && found.status === 'pending_payment'
  if (isSame) return { type: 'order', order: yield* whole(found) }
  return { type: 'refused', reason: 'owned-by-order', orderId: found.orderId }
}

function* findPending(customerId: string, fingerprint: string): Query<Order | undefined> {
  const found = yield* row<OrderRow>(
    `SELECT ${ORDER_COLUMNS} FROM orders
      WHERE customer_id = ? AND fingerprint = ? AND status = 'pending_payment' ORDER BY id DESC LIMIT 1`,
    customerId,
    fingerprint,
  )
  return found === undefined ? undefined : yield* whole(found)
}

/** The newest first. */
function* listOrders({ customerId, status, before, limit }: OrdersQuery): Query<OrdersPage> {
  const conditions: string[] = []
  const values: SqlValue[] = []
  const where = (condition: string, value: SqlValue | undefined) => {
    if (value === undefined) return
    conditions.push(condition)
    values.push(value)
  }
  where('customer_id = ?', customerId)
  where('status = ?', status)
  where('id < ?', before)
  const filter = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
  const found = yield* rows<OrderRow>(
    `SELECT ${ORDER_COLUMNS} FROM orders ${filter} ORDER BY id DESC LIMIT ?`,
    ...values,
    limit + 1,
  )
  const orders: Order[] = []
  for (const order of found.slice(0, limit)) orders.push(yield* whole(order))
  return { orders, next: found.length > limit ? orders.at(-1)?.orderId : undefined }
}

/** As it is without an address. */
function* readdress(
  { orderId, address }: ById & { readonly address: string | undefined },
  { nowMs }: Moment,
): Query<OrderReply | OrderRefused> {
  yield* change(
    `UPDATE orders SET address = coalesce(?, address), updated_at_ms = ?
      WHERE id = ? AND status = 'pending_payment'`,
    address ?? null,
    nowMs,
    orderId,
  )
  return yield* replyOf(orderId)
}

export type Cancel = ById & {
  readonly by: string
  readonly reason: string
  /** Where nobody asked for it: only as long as it waits for a payment, and none may come to something. */
  readonly unlessPaid?: boolean
}

/** Before shipping. The units follow, and what was captured goes back: both are owed from this moment on. */
function* cancelOrder(cancel: Cancel, moment: Moment): Query<OrderReply | OrderRefused> {
  const { orderId, by, reason, unlessPaid = false } = cancel
  yield* aloneWithOrder(orderId)
  const isUnpaid = `AND status = 'pending_payment' AND duty IS NULL AND NOT ${IS_BEING_PAID}`
  const cancelled = yield* change(
    `UPDATE orders
        SET duty = CASE status WHEN 'confirmed' THEN 'return' ELSE 'release' END, status = 'cancelled',
            look_at_ms = ?, updated_at_ms = ?
      WHERE id = ? AND status IN ('pending_payment', 'confirmed') ${unlessPaid ? isUnpaid : ''}`,
    moment.nowMs,
    moment.nowMs,
    orderId,
  )
  if (cancelled === 0) return yield* refusedFor(orderId)
  const payload = { reason }
  yield* note(
    orderId,
    {
      type: 'cancelled',
      status: 'cancelled',
      detail: `${reason} (${by})`,
      tells: 'order.cancelled',
      payload,
    },
    moment,
  )
  yield* refundRest({ orderId, reason: 'the order was cancelled', by }, moment)
  return yield* replyOf(orderId)
}

/** The hold ended before anything was paid. */
function* expireOrder({ orderId }: ById, moment: Moment): Query<OrderReply | OrderRefused> {
  yield* aloneWithOrder(orderId)
  const expired = yield* change(
    `UPDATE orders SET status = 'expired', updated_at_ms = ?, look_at_ms =
        CASE WHEN ${IS_BEING_PAID} OR ${OWES_REFUND} THEN look_at_ms END
      WHERE id = ? AND status = 'pending_payment' AND duty IS NULL`,
    moment.nowMs,
    orderId,
  )
  if (expired === 0) return yield* refusedFor(orderId)
  yield* note(orderId, { type: 'expired', status: 'expired', tells: 'order.expired' }, moment)
  return yield* replyOf(orderId)
}

export type Shipment = ById & {
  readonly trackingNumber: string | undefined
  readonly carrier: string | undefined
  /** YYYY-MM-DD */
  readonly estimatedDelivery: string | undefined
}

/** Said again it changes the tracking only, and where it does that is told. */
function* shipOrder(shipment: Shipment, moment: Moment): Query<OrderReply | OrderRefused> {
  const { orderId, trackingNumber, carrier, estimatedDelivery } = shipment
  yield* aloneWithOrder(orderId)
  const before = yield* findOrderRow(orderId)
  const changed = yield* change(
    `UPDATE orders SET status = 'shipped', updated_at_ms = ?, tracking_number = coalesce(?, tracking_number),
        carrier = coalesce(?, carrier), estimated_delivery = coalesce(?, estimated_delivery)
      WHERE id = ? AND status IN ('confirmed', 'shipped')`,
    moment.nowMs,
    trackingNumber ?? null,
    carrier ?? null,
    estimatedDelivery ?? null,
    orderId,
  )
  if (changed === 0 || before === undefined) return yield* refusedFor(orderId)
  const payload = { trackingNumber, carrier, estimatedDelivery }
  if (before.status === 'confirmed')
    yield* note(orderId, { type: 'shipped', status: 'shipped', tells: 'order.shipped', payload }, moment)
  else if (!isSameTracking(before, (yield* findOrderRow(orderId)) as OrderRow))
    yield* note(orderId, { type: 'tracking-changed', tells: 'order.shipped', payload }, moment)
  return yield* replyOf(orderId)
}

function isSameTracking(a: OrderRow, b: OrderRow): boolean {
  return (
    a.trackingNumber === b.trackingNumber &&
    a.carrier === b.carrier &&
    a.estimatedDelivery === b.estimatedDelivery
  )
}

/** What is paid at the door is paid by now. */
function* deliverOrder({ orderId }: ById, moment: Moment): Query<OrderReply | OrderRefused> {
  yield* aloneWithOrder(orderId)
  const order = yield* findOrder(orderId)
  const dueMinor = order?.paymentMethod === 'cod' ? yield* dueAtTheDoor(orderId) : 0
  const delivered = yield* change(
    `UPDATE orders SET status = 'delivered', updated_at_ms = ?,
        captured_minor = CASE payment_method WHEN 'cod' THEN ? + captured_minor ELSE captured_minor END
      WHERE id = ? AND status = 'shipped'`,
    moment.nowMs,
    dueMinor,
    orderId,
  )
  if (delivered === 0) return yield* refusedFor(orderId)
  yield* note(orderId, { type: 'delivered', status: 'delivered', tells: 'order.delivered' }, moment)
  return yield* replyOf(orderId)
}

/** Why nothing was changed. */
export function* refusedFor(orderId: string): Query<OrderRefused> {
  const order = yield* findOrderRow(orderId)
  if (order === undefined) return { type: 'refused', reason: 'unknown-order' }
  return { type: 'refused', reason: 'order-state', status: order.status }
}

export function* replyOf(orderId: string): Query<OrderReply> {
  const order = yield* findOrder(orderId)
  if (order === undefined) throw new Undone<OrderRefused>({ type: 'refused', reason: 'unknown-order' })
  return { type: 'order', order }
}
