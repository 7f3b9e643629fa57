/** Of every database: carts, discounts, checkouts and orders, from the first of them to the door and back. */
import * as assert from 'uvu/assert'
import type { CustomerId, ProductId, ReservationId } from '../../src/domain/ids.ts'
import type { CurrencyCode } from '../../src/domain/money.ts'
import type { NewOrder } from '../../src/persistence/tables/orders/order-operations.ts'
import type { Order } from '../../src/persistence/tables/orders/order-rows.ts'
import { fields, PIXEL } from '../persistence/tables/catalog/products.ts'
import type { TablesTest } from './tables.ts'
import { NOW_MS, type Place } from './tables-place.ts'

export const ANN = 'usr_ann' as CustomerId
const USD = 'USD' as CurrencyCode
const MINUTE_MS = 60_000

/** What is ordered: two of a product, less a hundred. */
export function newOrder(changes: Partial<NewOrder> = {}): NewOrder {
  return {
    orderId: 'ord_1',
    customerId: ANN,
    cartId: undefined,
    fingerprint: 'f'.repeat(64),
    reservationId: 'res_1' as ReservationId,
    currency: USD,
    subtotalMinor: 199_998,
    discountMinor: 100,
    discountCode: 'TEN',
    address: undefined,
    expiresAtMs: NOW_MS + MINUTE_MS,
    lookAtMs: NOW_MS + MINUTE_MS,
    lines: [{ productId: PIXEL, title: 'Pixel 11', unitPriceMinor: 99_999, quantity: 2 }],
    ...changes,
  }
}

export async function ordered(place: Place, changes: Partial<NewOrder> = {}): Promise<Order> {
  await place.write('catalog.create', { productId: PIXEL, fields: fields() })
  const made = await place.write('orders.create', newOrder(changes))
  assert.ok(made.type === 'order', JSON.stringify(made))
  return made.order
}

export function begin(orderId: string, method: 'card' | 'cod' = 'card') {
  return { orderId, method, expiresAtMs: NOW_MS + MINUTE_MS, lookAtMs: NOW_MS, attemptsMax: 3 }
}

export async function paid(place: Place, changes: Partial<NewOrder> = {}): Promise<Order> {
  const { orderId } = await ordered(place, changes)
  await place.write('payments.begin', begin(orderId))
  await place.write('payments.confirm', { key: `${orderId}:1`, transactionId: 'txn_1' })
  return (await place.read('orders.find', { orderId })) as Order
}

export function declareOrderTests(test: TablesTest): void {
  test('a cart holds what was put into it, as much as may be, and nobody else’s', async (place) => {
    const add = (productId: string, quantity: number) =>
      place.write('cart.add', {
        customerId: ANN,
        productId: productId as ProductId,
        quantity,
        quantityMax: 10,
      })
    assert.is(await place.read('cart.read', { customerId: ANN }), undefined)
    const first = await add('phone', 4)
    assert.equal(await add('phone', 7), { type: 'refused', reason: 'too-many' })
    await add('case', 1)
    await place.write('cart.update', {
      customerId: ANN,
      productId: 'case' as ProductId,
      quantity: 3,
      quantityMax: 10,
    })
    const nothing = { customerId: ANN, productId: 'none' as ProductId, quantity: 1, quantityMax: 10 }
    assert.equal(await place.write('cart.update', nothing), { type: 'refused', reason: 'not-in-cart' })
    await place.write('cart.remove', { customerId: ANN, productId: 'phone' as ProductId })
    const cart = await place.read('cart.read', { customerId: ANN })
    assert.ok(first.type === 'cart' && cart?.cartId === first.cartId)
    assert.equal(cart?.lines, [{ productId: 'case', quantity: 3 }])
  })

  test('a discount is made once and changed field by field', async (place) => {
    const discount = {
      code: 'TEN',
      percent: 12.5,
      amountMinor: null,
      currency: null,
      maxUses: 5,
      perCustomer: null,
      validFromMs: null,
      validUntilMs: null,
      active: 1,
    } as const
    const made = await place.write('discounts.create', discount)
    assert.equal(made, { type: 'discount', discount: { ...discount, createdAtMs: NOW_MS } })
    assert.is((await place.write('discounts.create', discount)).type, 'refused')
    const same = { maxUses: null, perCustomer: null, validFromMs: null, validUntilMs: null, active: null }
    await place.write('discounts.update', { ...same, code: 'TEN', active: 0 })
    const found = await place.read('discounts.find', { code: 'TEN' })
    assert.equal([found?.percent, found?.maxUses, found?.active], [12.5, 5, 0])
    assert.is((await place.read('discounts.list', { after: 'A', limit: 5 })).length, 1)
  })

  test('a checkout keeps its ids until its order is made', async (place) => {
    const args = {
      customerId: ANN,
      fingerprint: 'f'.repeat(64),
      reservationId: 'res_1' as ReservationId,
    }
    const begun = await place.write('checkouts.begin', args)
    const later = { ...args, reservationId: 'res_2' as ReservationId }
    assert.equal(await place.write('checkouts.begin', later), begun)
    const renewed = await place.write('checkouts.renew', { ...later, stale: args.reservationId })
    assert.is(renewed.reservationId, 'res_2')
    assert.equal(
      await place.write('checkouts.renew', {
        ...args,
        reservationId: 'res_3' as ReservationId,
        stale: args.reservationId,
      }),
      renewed,
    )
    await ordered(place, { orderId: renewed.orderId, reservationId: renewed.reservationId })
    assert.is((await place.write('checkouts.forget', { beforeMs: NOW_MS + 1 })).forgotten, 0)
  })

  test('an order is made once, for what was shown, and found by whatever is known of it', async (place) => {
    await place.write('catalog.create', { productId: PIXEL, fields: fields() })
    const [line] = newOrder().lines
    const stale = newOrder({ lines: [{ ...(line as NonNullable<typeof line>), unitPriceMinor: 1 }] })
    assert.is((await place.write('orders.create', stale)).type, 'refused')
    const made = await place.write('orders.create', newOrder({ cartId: 'cart_1', address: '{}' }))
    assert.ok(made.type === 'order')
    assert.equal(await place.write('orders.create', newOrder()), made)
    const other = await place.write(
      'orders.create',
      newOrder({ orderId: 'ord_2', customerId: 'usr_bob' as CustomerId }),
    )
    assert.equal(other, { type: 'refused', reason: 'owned-by-order', orderId: 'ord_1' })
    const { order } = made
    assert.equal(order.events, [{ type: 'created', status: 'pending_payment', detail: null, atMs: NOW_MS }])
    const reservationId = 'res_1' as ReservationId
    assert.equal(await place.read('orders.ofReservation', { reservationId }), {
      orderId: 'ord_1',
      customerId: ANN,
    })
    assert.is((await place.read('orders.pendingOfCart', { cartId: 'cart_1' })).length, 1)
    const { fingerprint } = newOrder()
    assert.equal(await place.read('orders.pendingByFingerprint', { customerId: ANN, fingerprint }), order)
    await place.write('orders.readdress', { orderId: 'ord_1', address: '{"city":"York"}' })
    const page = { customerId: ANN, status: undefined, before: undefined, limit: 5 }
    for (const query of [
      page,
      { ...page, customerId: undefined, status: 'pending_payment', before: 'ord_9' } as const,
    ])
      assert.is((await place.read('orders.list', query)).orders[0]?.address, '{"city":"York"}')
    assert.equal(
      place.notices.filter(({ type }) => type === 'orderChanged'),
      [{ type: 'orderChanged', orderId: 'ord_1' }],
    )
  })

  test('an order that nobody paid ends, and one that is called off gives its units back', async (place) => {
    const { orderId } = await ordered(place)
    assert.equal(await place.read('orders.due', { nowMs: NOW_MS, limit: 5 }), [])
    const due = { nowMs: NOW_MS + MINUTE_MS, limit: 5 }
    assert.equal(await place.read('orders.due', due), [orderId])
    assert.equal(await place.read('orders.due', { ...due, asksGateway: true }), [])
    assert.equal(await place.read('orders.due', { ...due, asksGateway: false }), [orderId])
    const backlog = await place.read('orders.backlog', due)
    assert.equal(backlog, {
      due: 1,
      dueSinceMs: NOW_MS + MINUTE_MS,
      underWay: 1,
      refundsOpen: 0,
      refundsFailed: 0,
    })
    const lease = { orderId, leaseMs: 100 }
    assert.is((await place.write('orders.claim', lease)).isDone, false, 'it is not due yet')
    place.clock.pass(MINUTE_MS)
    assert.is((await place.write('orders.claim', lease)).isDone, true)
    assert.is((await place.write('orders.claim', lease)).isDone, false, 'somebody is at it')
    const rested = await place.write('orders.lookAgain', { orderId, lookAtMs: undefined })
    assert.is(rested.isDone, false, 'it waits for a payment')
    await place.write('orders.lookAgain', { orderId, lookAtMs: NOW_MS + 5, updatedAtMs: NOW_MS })
    assert.is((await place.write('orders.expire', { orderId })).type, 'order')
    assert.equal((await place.read('orders.state', { orderId }))?.order.lookAtMs, null)
    const second = newOrder({ orderId: 'ord_2', reservationId: 'res_2' as ReservationId })
    await place.write('orders.create', second)
    const cancel = { orderId: 'ord_2', by: 'usr_ann', reason: 'changed my mind', unlessPaid: true }
    assert.is((await place.write('orders.cancel', cancel)).type, 'order')
    assert.is((await place.write('orders.cancel', cancel)).type, 'refused')
    assert.is((await place.write('orders.dutyDone', { orderId: 'ord_2', duty: 'release' })).isDone, true)
    assert.is((await place.write('orders.lookAgain', { orderId: 'ord_2', lookAtMs: undefined })).isDone, true)
  })

  test('an order is paid, shipped, delivered and reviewed', async (place) => {
    const cart = await place.write('cart.add', {
      customerId: ANN,
      productId: PIXEL,
      quantity: 3,
      quantityMax: 9,
    })
    assert.ok(cart.type === 'cart')
    const order = await paid(place, { cartId: cart.cartId })
    assert.equal([order.status, order.invoiceNumber, order.capturedMinor], ['confirmed', 1, 199_898])
    assert.equal((await place.read('cart.read', { customerId: ANN }))?.lines, [
      { productId: PIXEL, quantity: 1 },
    ])
    const { orderId } = order
    const shipment = { orderId, trackingNumber: 'T1', carrier: undefined, estimatedDelivery: '2026-12-24' }
    await place.write('orders.ship', shipment)
    await place.write('orders.ship', { ...shipment, carrier: 'Post' })
    const delivered = await place.write('orders.deliver', { orderId })
    assert.ok(delivered.type === 'order' && delivered.order.carrier === 'Post')
    const review = { productId: PIXEL, customerId: ANN, rating: 4, title: null, text: null }
    assert.is((await place.write('catalog.review', review)).type, 'reviewed')
    assert.equal(await place.write('catalog.review', review), { type: 'refused', reason: 'already-reviewed' })
    assert.is((await place.read('catalog.product', { productId: PIXEL }))?.ratingSum, 4)
    const [first] = await place.read('catalog.reviews', { productId: PIXEL, before: undefined, limit: 5 })
    assert.equal([first?.rating, first?.author], [4, null])
  })
}
