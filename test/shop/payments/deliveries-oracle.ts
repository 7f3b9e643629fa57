/** What must be true of the shop's books, the provider's, and the stock, once nothing is left to do. */
import * as assert from 'uvu/assert'
import type { ProductId } from '../../../src/domain/ids.ts'
import type { ShopWorld } from '../shop-world.ts'

export type Outcomes = {
  readonly orders: number
  readonly capturedMinor: number
  readonly refundedMinor: number
  readonly surplus: number
  readonly reservedAnew: number
  readonly soldOutAfterPaid: number
  readonly refundsFailed: number
} & Readonly<Record<`${'confirmed' | 'refunded' | 'expired' | 'cancelled'}Orders`, number>>

export type Expected = {
  /** Units of each product at the start. */
  readonly stock: ReadonlyMap<ProductId, number>
  /** Events that the shop says it has. */
  readonly heard: ReadonlySet<string>
}

const returnsBeforeDelivery = `
  (SELECT count(*) FROM order_events e WHERE e.order_id = o.id AND e.type = 'returned' AND e.number <
    (SELECT d.number FROM order_events d WHERE d.order_id = o.id AND d.type = 'delivered'))`

/** Of what came back before it was delivered nobody paid, nor its share of the discount. Returns come back one by one. */
const paidAtTheDoor = `
  (SELECT coalesce(sum(a.amount_minor - coalesce(
     (SELECT sum(l.unit_price_minor * (i.value ->> 'quantity')) * o.total_minor / o.subtotal_minor
        FROM order_returns t, json_each(t.items) i
        JOIN order_lines l ON l.order_id = o.id AND l.product_id = i.value ->> 'productId'
       WHERE t.order_id = o.id AND t.status = 'done' AND t.gives = 1 AND ${returnsBeforeDelivery} >=
         (SELECT count(*) FROM order_returns s WHERE s.order_id = o.id AND s.status = 'done' AND s.id <= t.id)), 0)), 0)
     FROM payment_attempts a WHERE a.order_id = o.id AND a.status = 'succeeded' AND a.method = 'cod'
      AND EXISTS (SELECT 1 FROM order_events e WHERE e.order_id = o.id AND e.type = 'delivered'))`

/** Each asks for what must not be; it is to answer nothing. */
const BROKEN: Readonly<Record<string, string>> = {
  'an order has no end, or something is owed': `
    SELECT o.id FROM orders o
     WHERE o.status = 'pending_payment' OR o.duty IS NOT NULL OR o.look_at_ms IS NOT NULL
        OR EXISTS (SELECT 1 FROM payment_attempts a WHERE a.order_id = o.id AND a.status IN ('charging', 'pending'))
        OR EXISTS (SELECT 1 FROM refunds r WHERE r.order_id = o.id AND r.status IN ('requested', 'pending'))
        OR EXISTS (SELECT 1 FROM order_returns t WHERE t.order_id = o.id AND t.status = 'requested')`,
  'a timeline has a status twice': `
    SELECT order_id, status FROM order_events WHERE status IS NOT NULL GROUP BY order_id, status HAVING count(*) > 1`,
  'a customer is told something of an order twice': `
    SELECT subject_id, type FROM outbox WHERE type LIKE 'order.%' GROUP BY subject_id, type HAVING count(*) > 1`,
  'more than one payment counts for an order': `
    SELECT order_id FROM payment_attempts WHERE status = 'succeeded' GROUP BY order_id HAVING count(*) > 1`,
  'an attempt is not what the provider made of it': `
    SELECT a.key, a.status, c.status AS charge FROM payment_attempts a LEFT JOIN sandbox_charges c ON c.key = a.key
     WHERE a.method IN ('card', 'upi')
       AND (a.status IN ('succeeded', 'surplus')) <> (coalesce(c.status, 'none') = 'succeeded')`,
  'a charge is of no attempt': `
    SELECT c.key FROM sandbox_charges c WHERE NOT EXISTS (SELECT 1 FROM payment_attempts a WHERE a.key = c.key)`,
  'a capture is of another amount than the order asked for, and counts': `
    SELECT a.key FROM payment_attempts a JOIN sandbox_charges c ON c.key = a.key JOIN orders o ON o.id = a.order_id
     WHERE a.status IN ('succeeded', 'surplus') AND coalesce(a.reason, '') <> 'mismatch'
       AND (c.amount_minor <> o.total_minor OR c.currency <> o.currency)`,
  'what goes back of an attempt is not what the provider sent': `
    SELECT a.key, a.order_id FROM payment_attempts a LEFT JOIN sandbox_charges c ON c.key = a.key
     WHERE a.method IN ('card', 'upi')
       AND (SELECT coalesce(sum(r.amount_minor), 0) FROM refunds r WHERE r.attempt_key = a.key AND r.status = 'succeeded')
        <> (SELECT coalesce(sum(s.amount_minor), 0) FROM sandbox_refunds s
             WHERE s.transaction_id = c.transaction_id AND s.status = 'succeeded')`,
  'a refund went out that nobody promised': `
    SELECT s.key FROM sandbox_refunds s WHERE NOT EXISTS (SELECT 1 FROM refunds r WHERE r.id = s.key)`,
  'an order does not count what was captured for it': `
    SELECT o.id FROM orders o WHERE o.captured_minor <> ${paidAtTheDoor} +
      (SELECT coalesce(sum(a.amount_minor), 0) FROM payment_attempts a WHERE a.order_id = o.id
         AND a.status IN ('succeeded', 'surplus') AND coalesce(a.reason, '') <> 'mismatch' AND a.method IN ('card', 'upi'))`,
  'an order does not count what went back of it': `
    SELECT o.id FROM orders o WHERE o.refunded_minor <>
      (SELECT coalesce(sum(r.amount_minor), 0) FROM refunds r
        WHERE r.order_id = o.id AND r.counted = 1 AND r.status = 'succeeded')`,
  'what came in another amount is kept': `
    SELECT a.key FROM payment_attempts a JOIN sandbox_charges c ON c.key = a.key
     WHERE a.status = 'surplus' AND c.amount_minor <>
       (SELECT coalesce(sum(r.amount_minor), 0) FROM refunds r WHERE r.attempt_key = a.key AND r.status = 'succeeded')
       AND NOT EXISTS (SELECT 1 FROM refunds r WHERE r.attempt_key = a.key AND r.status = 'failed')`,
  'an order that was kept is not paid': `
    SELECT o.id FROM orders o WHERE o.status IN ('confirmed', 'shipped', 'delivered') AND NOT EXISTS
      (SELECT 1 FROM payment_attempts a WHERE a.order_id = o.id AND a.status = 'succeeded' AND a.amount_minor = o.total_minor)`,
  'the whole price went back, and the order is kept': `
    SELECT o.id FROM orders o WHERE o.status IN ('confirmed', 'shipped', 'delivered') AND o.total_minor <=
      (SELECT sum(r.amount_minor) FROM refunds r JOIN payment_attempts a ON a.key = r.attempt_key
        WHERE r.order_id = o.id AND r.status = 'succeeded' AND a.status = 'succeeded')`,
  'money of an order that ended is kept, and no refund of it failed': `
    SELECT o.id FROM orders o WHERE o.status IN ('expired', 'cancelled', 'refunded') AND o.captured_minor <> o.refunded_minor
       AND NOT EXISTS (SELECT 1 FROM order_events e WHERE e.order_id = o.id AND e.type = 'refund-failed')`,
  'what pays an order went back by itself': `
    SELECT r.id, r.order_id FROM refunds r JOIN payment_attempts a ON a.key = r.attempt_key
     WHERE a.status = 'succeeded' AND r.requested_by = 'shop'
       AND EXISTS (SELECT 1 FROM order_events e WHERE e.order_id = r.order_id AND e.type = 'confirmed')
       AND NOT EXISTS (SELECT 1 FROM order_events e WHERE e.order_id = r.order_id AND e.type = 'cancelled')`,
  'an order is refunded, and its money is not': `
    SELECT o.id FROM orders o WHERE o.status = 'refunded' AND (o.captured_minor = 0 OR o.captured_minor <> o.refunded_minor)`,
  'an order whose payment went back, and all else with it, is not refunded': `
    SELECT o.id FROM orders o WHERE o.status <> 'refunded' AND o.captured_minor > 0 AND o.captured_minor = o.refunded_minor
       AND EXISTS (SELECT 1 FROM payment_attempts a WHERE a.order_id = o.id AND a.status = 'succeeded')`,
  'an invoice is of an order that was never confirmed, or the other way round': `
    SELECT o.id FROM orders o WHERE (o.invoice_number IS NOT NULL) <>
      EXISTS (SELECT 1 FROM order_events e WHERE e.order_id = o.id AND e.type = 'confirmed')`,
}

type Found = { readonly id?: string; readonly order_id?: string; readonly key?: string }

/** Asserts all of it; answers what there was of each outcome. */
export async function checkBooks(world: ShopWorld, expected: Expected): Promise<Outcomes> {
  const { database } = world
  for (const [what, sql] of Object.entries(BROKEN)) {
    const found = database.prepare<[], Found>(`${sql} LIMIT 3`).all()
    const first = found[0]
    const orderId = first?.order_id ?? first?.id ?? String(first?.key).split(':')[0]
    assert.is(found.length, 0, `${what}: ${JSON.stringify(found)}\n${storyOf(world, String(orderId))}`)
  }
  checkInvoices(world)
  checkHeard(world, expected.heard)
  const taken = checkSums(world)
  await checkStock(world, expected.stock)
  const count = (sql: string) =>
    database.prepare<[], number>(`SELECT count(*) FROM ${sql}`).pluck().get() ?? 0
  return {
    orders: count('orders'),
    confirmedOrders: count(`orders WHERE status IN ('confirmed', 'shipped', 'delivered')`),
    refundedOrders: count(`orders WHERE status = 'refunded'`),
    expiredOrders: count(`orders WHERE status = 'expired'`),
    cancelledOrders: count(`orders WHERE status = 'cancelled'`),
    surplus: count(`payment_attempts WHERE status = 'surplus'`),
    reservedAnew: count(`order_events WHERE type = 'reserved-anew'`),
    soldOutAfterPaid: count(`refunds WHERE reason = 'no units were left when it was paid'`),
    refundsFailed: count(`refunds WHERE status = 'failed'`),
    ...taken,
  }
}

function checkInvoices({ database }: ShopWorld): void {
  const invoices = database
    .prepare<[], { readonly many: number; readonly last: number }>(
      'SELECT count(invoice_number) AS many, coalesce(max(invoice_number), 0) AS last FROM orders',
    )
    .get()
  assert.is(invoices?.last, invoices?.many, 'invoices have no gap')
}

/** What was heard is known for good, and nothing else is. */
function checkHeard({ database }: ShopWorld, heard: ReadonlySet<string>): void {
  const known = database.prepare<[], string>('SELECT event_id FROM gateway_events').pluck().all()
  assert.is(known.length, heard.size, 'as many events are known as were heard')
  assert.ok(
    known.every((eventId) => heard.has(eventId)),
    'all of them genuine',
  )
}

/** To the cent, and in total: what came in another amount, and could not go back, is in no order's books. */
function checkSums({ database }: ShopWorld): Pick<Outcomes, 'capturedMinor' | 'refundedMinor'> {
  const sum = (sql: string) => database.prepare<[], number>(`SELECT coalesce(sum(${sql}`).pluck().get() ?? 0
  const capturedMinor = sum(`amount_minor), 0) FROM sandbox_charges WHERE status = 'succeeded'`)
  const refundedMinor = sum(`amount_minor), 0) FROM sandbox_refunds WHERE status = 'succeeded'`)
  const counted = sum(
    `captured_minor - refunded_minor), 0) FROM orders WHERE payment_method IN ('card', 'upi')`,
  )
  const stuck = sum(`c.amount_minor - c.refunded_minor), 0) FROM sandbox_charges c
    JOIN payment_attempts a ON a.key = c.key WHERE a.reason = 'mismatch'`)
  assert.is(capturedMinor - refundedMinor, counted + stuck, 'the books balance')
  return { capturedMinor, refundedMinor }
}

async function checkStock(world: ShopWorld, stock: ReadonlyMap<ProductId, number>): Promise<void> {
  const sold = new Map(
    world.database
      .prepare<[], [ProductId, number]>(
        `SELECT l.product_id, sum(l.quantity - l.returned) FROM order_lines l JOIN orders o ON o.id = l.order_id
          WHERE o.status IN ('confirmed', 'shipped', 'delivered') OR (o.status = 'refunded' AND EXISTS
            (SELECT 1 FROM order_events e WHERE e.order_id = o.id AND e.type = 'shipped'))
          GROUP BY l.product_id`,
      )
      .raw()
      .all() as [ProductId, number][],
  )
  for (const [productId, units] of stock) {
    const now = await world.stockOf(productId)
    const found = { held: now.held, sold: now.sold, all: now.onHand + now.sold }
    assert.equal(found, { held: 0, sold: sold.get(productId) ?? 0, all: units }, `units of ${productId}`)
  }
}

/** All that is known of an order, for whoever must find out what went wrong. */
function storyOf({ database }: ShopWorld, orderId: string): string {
  const tables = {
    orders: 'id = ?',
    order_events: 'order_id = ?',
    payment_attempts: 'order_id = ?',
    refunds: 'order_id = ?',
    sandbox_charges: 'order_id = ?',
  }
  const rows = Object.entries(tables).flatMap(([table, where]) =>
    database.prepare<[string], object>(`SELECT * FROM ${table} WHERE ${where}`).all(orderId),
  )
  return rows.map((row) => JSON.stringify(row)).join('\n')
}
