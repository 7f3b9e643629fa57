/**
 * A shopper and a real server that kills itself between two steps of an order; then a start without harm, the same shopper
 * with the same keys, and the verdict: an order or a refund, whatever was interrupted (FAULTS.md, 64).
 */

import { join } from 'node:path'
import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import type { shopCrashPoints } from '../../src/crash-points.ts'
import { type CallOutcome, callServer } from './http-call.ts'
import { pause, type ServerProcess, Site } from './server-process.ts'

export type ShopCrashPoint = (typeof shopCrashPoints)[number]

const UNITS = 5
const PRICE = 999.99
const COUPONS = 3
/** Longer than the sweeper waits before it asks about an attempt that nobody came back to. */
const TRIES_MAX = 80
const PAUSE_MS = 500
const SETTLED = ['confirmed', 'refunded', 'expired', 'cancelled']

/** A shop with a phone, a case, a coupon, and a customer with a full cart. */
export type Template = { readonly site: Site; readonly token: string; readonly cartId: string }

export async function makeTemplate(): Promise<Template> {
  const site = new Site()
  const server = await site.start()
  const admin = (method: string, path: string, body: unknown) => server.request(method, path, body)
  for (const productId of ['phone', 'case']) {
    const product = { productId, title: `The ${productId}`, price: PRICE, currency: 'USD' }
    assert.is((await admin('POST', '/v1/products', product)).status, 201)
    const stock = { set: UNITS, reason: 'delivery' }
    await admin('POST', `/v1/products/${productId}/stock/adjustments`, stock)
  }
  await admin('POST', '/v1/discounts', { code: 'TEN', percent: 10, maxUses: COUPONS })
  const account = { name: 'Ann Bee', email: 'ann@example.com', password: 'seven herons at dawn' }
  const { body } = await admin('POST', '/v1/auth/register', account)
  const token = body.accessToken as string
  let cartId = ''
  for (const productId of ['phone', 'case']) {
    const added = await server.request('POST', '/v1/cart/add', { productId, quantity: 1 }, { token })
    cartId = added.body.cartId as string
  }
  assert.is((await server.stop()).code, 0)
  return { site, token, cartId }
}

/** What the shopper does up to the crash, and again after it, under the same keys. */
async function shop(
  template: Template,
  server: ServerProcess,
  cancels: boolean,
): Promise<string | undefined> {
  const { token, cartId } = template
  const call = (path: string, idempotencyKey: string, body?: unknown): Promise<CallOutcome> =>
    callServer(server.port, ['POST', path], { token, idempotencyKey, body })
  const made = await call('/v1/checkout', 'checkout-1', { cartId, discountCode: 'TEN' })
  if (made.type !== 'answered') return undefined
  assert.is(made.status, 201, JSON.stringify(made.body))
  const orderId = made.body.orderId as string
  const amount = made.body.totalAmount
  const payment = { orderId, paymentMethod: 'card', amount, paymentToken: 'tok_visa' }
  for (let tries = 1; tries <= TRIES_MAX; tries++) {
    const paid = await call('/v1/payment', `payment-${tries}`, payment)
    if (paid.type !== 'answered') return orderId
    assert.ok(paid.status === 200 || paid.body.code === 'order-state', JSON.stringify(paid.body))
    // Nobody knows yet what became of a try that was cut off: the shopper looks again.
    if (paid.body.status !== 'pending') break
    await pause(PAUSE_MS)
  }
  if (cancels) await call(`/v1/orders/${orderId}/cancel`, 'cancel-1')
  return orderId
}

/** `cancels` where the place to die lies behind the payment. */
export async function dieAt(template: Template, crashPoint: ShopCrashPoint): Promise<void> {
  const cancels = crashPoint.startsWith('order.')
  await using site = Site.copyOf(template.site)
  const dying = await site.start({ environment: { CRASH_POINT: crashPoint } })
  const begun = await shop(template, dying, cancels)
  assert.is((await dying.exited).signal, 'SIGKILL', `nothing came to ${crashPoint}`)

  const server = await site.start()
  const orderId = (await shop(template, server, cancels)) ?? begun
  assert.ok(orderId !== undefined, 'the shopper has an order in the end')
  await server.until(async () => {
    const { body } = await server.request('GET', `/v1/orders/${orderId}`)
    const isAtRest = SETTLED.includes(String(body.status)) && (!cancels || body.status === 'refunded')
    return isAtRest
  }, `${orderId} has ended`)
  const { body: order } = await server.request('GET', `/v1/orders/${orderId}`)
  assert.is(order.status, cancels ? 'refunded' : 'confirmed')
  const { body: all } = await server.request('GET', '/v1/orders')
  assert.is((all.orders as unknown[]).length, 1, 'one cart, one order')
  const sold = cancels ? 0 : 1
  for (const productId of ['phone', 'case']) {
    await server.until(async () => {
      const { body } = await server.request('GET', `/v1/products/${productId}/stock`)
      return [body.onHand, body.held, body.sold].join() === [UNITS - sold, 0, sold].join()
    }, `${productId}: ${sold} sold, none stranded`)
  }
  const { body: discount } = await server.request('GET', '/v1/discounts/TEN')
  assert.is(discount.usesLeft, COUPONS - sold)
  assert.is((await server.stop()).code, 0)
  checkBooks(site, { orderId, isKept: !cancels, total: order.totalAmount as number })
}

/** What the sandbox took and gave back, by its own books. */
function checkBooks(
  site: Site,
  { orderId, isKept, total }: { readonly orderId: string; readonly isKept: boolean; readonly total: number },
): void {
  const database = new Database(join(site.directory, 'tables.sqlite'), { readonly: true })
  const sum = (sql: string) =>
    database.prepare<[string], { readonly n: number; readonly sum: number }>(sql).get(orderId)
  const taken = sum(
    `SELECT count(*) AS n, coalesce(sum(amount_minor), 0) AS sum FROM sandbox_charges
      WHERE order_id = ? AND status = 'succeeded'`,
  )
  const given = sum(
    `SELECT count(*) AS n, coalesce(sum(r.amount_minor), 0) AS sum FROM sandbox_refunds r
       JOIN sandbox_charges c ON c.transaction_id = r.transaction_id
      WHERE c.order_id = ? AND r.status = 'succeeded'`,
  )
  database.close()
  const minor = Math.round(total * 100)
  assert.equal([taken?.n, taken?.sum], [1, minor], 'one capture, of the whole')
  assert.equal([given?.n, given?.sum], isKept ? [0, 0] : [1, minor], 'an order or one refund')
}
