import * as assert from 'uvu/assert'
import { tableKeyOf } from '../../../src/persistence/tables/table-key.ts'
import { cancelOrder } from '../../../src/shop/orders/cancel-order.ts'
import { payOrder } from '../../../src/shop/payments/pay-order.ts'
import { suite } from '../../support/suite.ts'
import { ANN, BOB, PHONE, paymentOf, ShopWorld } from '../shop-world.ts'

const MINUTE_MS = 60_000

async function shop(units = 5): Promise<ShopWorld> {
  const world = await ShopWorld.start()
  await world.sell(PHONE, 1_000, units)
  return world
}

/** The customer, by whom others are outbid. */
async function takeTheRest(world: ShopWorld): Promise<void> {
  const { available } = await world.stockOf(PHONE)
  const reservationId = world.engine.engine.newReservationId(PHONE)
  const rest = { reservationId, productId: PHONE, customerId: BOB, quantity: available, reference: undefined }
  await world.wait(
    world.engine.engine.execute({ type: 'reserve', ...rest, ttlMs: 3_600_000, allowPartial: false }),
  )
}

const paying = suite('a payment')

paying('by card confirms the order, sells its units, numbers its invoice and empties the cart', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 2 })
  const reply = await world.pay(order)
  assert.is(reply.type === 'payment' && reply.attempt.status, 'succeeded')
  const paid = await world.find(order.orderId)
  assert.equal(
    [paid.status, paid.capturedMinor, paid.refundedMinor, paid.invoiceNumber, paid.duty],
    ['confirmed', 2_000, 0, 1, null],
  )
  const { held, sold } = await world.stockOf(PHONE)
  assert.equal([held, sold], [0, 2])
  assert.equal((await world.wait(world.tables.read('cart.read', { customerId: ANN })))?.lines, [])
  assert.equal(world.books(order.orderId), { captured: 2_000, refunded: 0, captures: 1 })
})

paying('again answers that it is paid, and charges nobody', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 1 })
  const first = await world.pay(order)
  const again = await world.pay(order)
  assert.equal(again.type === 'payment' && again.attempt.key, first.type === 'payment' && first.attempt.key)
  assert.is(world.books(order.orderId).captures, 1)
})

paying('again under a key is answered the same whatever has come of the order meanwhile', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 1 })
  const key = tableKeyOf('usr_ann POST /v1/payment', 'k', 'body')
  await world.pay(order)
  const first = await world.pay(order, { key })
  await world.wait(cancelOrder(world.parts(), { ...order, by: 'usr_ann', reason: 'no', key: undefined }))
  assert.equal(await world.pay(order, { key }), { ...first, replayed: true })
})

paying('that comes late under a key is answered with what came of it, again and again', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 1 })
  const key = tableKeyOf('usr_ann POST /v1/payment', 'k', 'body')
  const parts = world.parts()
  const gateway = parts.gateway as NonNullable<typeof parts.gateway>
  const charge: typeof gateway.charge = async (request) => {
    const { reservationId } = await parts.tables.read('orders.find', order).then((found) => found ?? order)
    await parts.engine.execute({ type: 'release', reservationId, items: undefined })
    return await gateway.charge(request)
  }
  const first = await world.pay(order, { key }, { ...parts, gateway: { ...gateway, charge } })
  assert.is(first.type === 'payment' && first.orderStatus, 'confirmed', 'units were held anew')
  assert.equal(await world.pay(order, { key }), { ...first, replayed: true })
})

paying('from many tabs at once is one charge', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 1 })
  const parts = world.parts()
  const replies = await world.wait(
    Promise.all(Array.from({ length: 20 }, () => payOrder(parts, paymentOf(order)))),
  )
  assert.ok(replies.every(({ type }) => type === 'payment' || type === 'under-way'))
  assert.is(world.books(order.orderId).captures, 1)
  assert.is((await world.find(order.orderId)).status, 'confirmed')
})

paying('from a tab that comes when the units are sold, and nothing is recorded yet, is pending', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 1 })
  const parts = world.parts()
  const late: unknown[] = []
  const write: typeof parts.tables.write = async (name, args, key) => {
    if (name === 'payments.confirm') late.push(await payOrder(parts, paymentOf(order)))
    return await parts.tables.write(name, args, key)
  }
  const paid = await world.pay(order, {}, { ...parts, tables: { ...parts.tables, write } })
  assert.is(paid.type === 'payment' && paid.orderStatus, 'confirmed')
  const [reply] = late as readonly Awaited<ReturnType<typeof payOrder>>[]
  assert.is(reply?.type === 'under-way' && reply.attempt.status, 'charging')
  assert.is(world.books(order.orderId).captures, 1)
})

paying('that is declined leaves the units held for another try, and moves no deadline', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 1 })
  const declined = await world.pay(order, { paymentToken: 'tok_chargeDeclined' })
  assert.is(declined.type === 'payment' && declined.attempt.reason, 'declined')
  assert.is((await world.stockOf(PHONE)).held, 1)
  const before = await world.find(order.orderId)
  await world.pass(MINUTE_MS)
  const approved = await world.pay(order)
  assert.is(approved.type === 'payment' && approved.orderStatus, 'confirmed')
  assert.is((await world.find(order.orderId)).expiresAtMs, before.expiresAtMs)
  assert.is(approved.type === 'payment' && approved.attempt.number, 2)
})

paying('that is declined twenty times is not tried again, and the order can be called off', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 1 })
  for (let tried = 0; tried < 20; tried++) {
    const declined = await world.pay(order, { paymentToken: 'tok_chargeDeclined' })
    assert.is(declined.type === 'payment' && declined.attempt.status, 'failed')
  }
  assert.equal(await world.pay(order), { type: 'refused', reason: 'too-many-attempts' })
  assert.is(world.books(order.orderId).captures, 0)
  await world.wait(cancelOrder(world.parts(), { ...order, by: 'usr_ann', reason: 'no', key: undefined }))
  assert.is((await world.stockOf(PHONE)).available, 5)
})

paying('under a key is answered as before, a failure too', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 1 })
  const key = tableKeyOf('usr_ann POST /v1/payment', 'k', 'body')
  const first = await world.pay(order, { paymentToken: 'tok_chargeDeclined', key })
  await world.pay(order)
  const again = await world.pay(order, { paymentToken: 'tok_chargeDeclined', key })
  assert.equal(again, { ...first, replayed: true })
})

paying('of another amount, or of somebody else’s order, charges nobody', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 1 })
  const wrong = await world.pay(order, { amount: 9.99 })
  assert.is(wrong.type === 'refused' && wrong.reason, 'amount-mismatch')
  const stranger = await world.pay(order, { customerId: BOB })
  assert.is(stranger.type === 'refused' && stranger.reason, 'unknown-order')
  assert.is(world.books(order.orderId).captures, 0)
})

paying('that is pending is confirmed by its webhook, however often that comes', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 1 })
  const pending = await world.pay(order, { method: 'upi', paymentToken: 'duplicate@upi' })
  assert.is(pending.type === 'payment' && pending.attempt.status, 'pending')
  await world.pass(MINUTE_MS)
  assert.is((await world.find(order.orderId)).status, 'confirmed')
  assert.ok(world.posts.length >= 3)
  await world.wait(Promise.all(Array.from({ length: 20 }, () => world.hear(world.posts[0] as never))))
  assert.equal(world.books(order.orderId), { captured: 1_000, refunded: 0, captures: 1 })
  assert.is((await world.find(order.orderId)).capturedMinor, 1_000)
})

paying('whose webhook never comes is asked about', async () => {
  await using world = await shop()
  world.hears = false
  const order = await world.order(ANN, { [PHONE]: 1 })
  await world.pay(order, { method: 'upi', paymentToken: 'lost@upi' })
  await world.pass(2 * MINUTE_MS)
  assert.is((await world.find(order.orderId)).status, 'confirmed')
})

paying(
  'whose outcome is unknown is pending, is asked about under the same key, and is one capture',
  async () => {
    await using world = await shop()
    const order = await world.order(ANN, { [PHONE]: 1 })
    const unknown = await world.pay(order, { paymentToken: 'tok_timeoutAfterCapture' })
    assert.is(unknown.type === 'under-way' && unknown.attempt.status, 'charging')
    const meanwhile = await world.pay(order)
    assert.is(meanwhile.type === 'under-way' && meanwhile.attempt.number, 1, 'no second attempt begins')
    await world.pass(MINUTE_MS)
    assert.is((await world.find(order.orderId)).status, 'confirmed')
    assert.is(world.books(order.orderId).captures, 1)
  },
)

paying('on delivery confirms at once and is due until delivered', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 1 })
  await world.pay(order, { method: 'cod', paymentToken: undefined })
  const { orderId } = order
  const confirmed = await world.find(orderId)
  assert.equal([confirmed.status, confirmed.capturedMinor], ['confirmed', 0])
  const shipment = { orderId, trackingNumber: 'T1', carrier: undefined, estimatedDelivery: '2026-12-04' }
  await world.wait(world.tables.write('orders.ship', shipment))
  await world.wait(world.tables.write('orders.deliver', { orderId }))
  const delivered = await world.find(orderId)
  assert.equal(
    [delivered.status, delivered.capturedMinor, delivered.trackingNumber],
    ['delivered', 1_000, 'T1'],
  )
  assert.is(world.books(orderId).captures, 0)
})

paying('of nothing confirms without charging', async () => {
  await using world = await shop()
  const discount = { code: 'FREE', percent: 100, amountMinor: null, currency: null, active: 1 } as const
  const terms = { maxUses: null, perCustomer: null, validFromMs: null, validUntilMs: null }
  await world.wait(world.tables.write('discounts.create', { ...discount, ...terms }))
  await world.fillCart(ANN, { [PHONE]: 1 })
  const made = await world.checkOut(ANN, { discountCode: 'FREE' })
  assert.is(made.type, 'order')
  if (made.type !== 'order') return
  const reply = await world.pay(made.order)
  assert.is(reply.type === 'payment' && reply.orderStatus, 'confirmed')
  assert.is(world.books(made.order.orderId).captures, 0)
})

paying.run()

const late = suite('an order that is not paid in time')

late('expires with its hold, and cannot be paid then', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 1 })
  await world.pass(11 * MINUTE_MS)
  assert.is((await world.find(order.orderId)).status, 'expired')
  assert.is((await world.stockOf(PHONE)).available, 5)
  const reply = await world.pay(order)
  assert.equal(reply, { type: 'refused', reason: 'order-state', status: 'expired' })
  assert.is(world.books(order.orderId).captures, 0)
})

late('is confirmed all the same where it was paid and units are left', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 1 })
  world.hears = false
  await world.pay(order, { method: 'upi', paymentToken: 'slow@upi' })
  await world.pass(60 * MINUTE_MS)
  const paid = await world.find(order.orderId)
  assert.is(paid.status, 'confirmed')
  const events = paid.events.map(({ type }) => type)
  assert.equal(events.slice(-3), ['paid', 'reserved-anew', 'confirmed'])
  const { held, sold } = await world.stockOf(PHONE)
  assert.equal([held, sold], [0, 1])
})

late('has its money back, once and all of it, where none are left', async () => {
  await using world = await shop(1)
  const order = await world.order(ANN, { [PHONE]: 1 })
  await world.pay(order, { method: 'upi', paymentToken: 'slow@upi' })
  await world.pass(15 * MINUTE_MS - 20_000)
  await world.pass(5_000)
  const { reservationId } = await world.find(order.orderId)
  await world.wait(world.engine.engine.execute({ type: 'release', reservationId, items: undefined }))
  await takeTheRest(world)
  await world.pass(60 * MINUTE_MS)
  const refunded = await world.find(order.orderId)
  assert.equal([refunded.status, refunded.capturedMinor, refunded.refundedMinor], ['refunded', 1_000, 1_000])
  assert.equal(world.books(order.orderId), { captured: 1_000, refunded: 1_000, captures: 1 })
})

late.run()

const calledOff = suite('an order that is called off')

calledOff('before it is paid gives its units back', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 2 })
  await world.wait(cancelOrder(world.parts(), { ...order, by: 'usr_ann', reason: 'no', key: undefined }))
  assert.is((await world.find(order.orderId)).status, 'cancelled')
  assert.is((await world.stockOf(PHONE)).available, 5)
  const reply = await world.pay(order)
  assert.equal(reply, { type: 'refused', reason: 'order-state', status: 'cancelled' })
})

calledOff('after it was paid gives units and money back', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 2 })
  await world.pay(order)
  await world.wait(cancelOrder(world.parts(), { ...order, by: 'usr_ann', reason: 'no', key: undefined }))
  await world.pass(5_000)
  assert.is((await world.find(order.orderId)).status, 'refunded')
  const { available, sold } = await world.stockOf(PHONE)
  assert.equal([available, sold], [5, 0])
  assert.equal(world.books(order.orderId), { captured: 2_000, refunded: 2_000, captures: 1 })
})

calledOff('while it is being paid is refunded once it was', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 1 })
  await world.pay(order, { method: 'upi', paymentToken: 'success@upi' })
  await world.wait(cancelOrder(world.parts(), { ...order, by: 'usr_ann', reason: 'no', key: undefined }))
  assert.is((await world.stockOf(PHONE)).available, 5)
  await world.pass(5 * MINUTE_MS)
  assert.is((await world.find(order.orderId)).status, 'refunded')
  assert.equal(world.books(order.orderId), { captured: 1_000, refunded: 1_000, captures: 1 })
  assert.is((await world.stockOf(PHONE)).available, 5)
})

calledOff('after it was shipped is refused', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 1 })
  await world.pay(order)
  const { orderId } = order
  const shipment = { orderId, trackingNumber: undefined, carrier: undefined, estimatedDelivery: undefined }
  await world.wait(world.tables.write('orders.ship', shipment))
  const reply = await world.wait(
    cancelOrder(world.parts(), { ...order, by: 'usr_ann', reason: 'no', key: undefined }),
  )
  assert.equal(reply, { type: 'refused', reason: 'order-state', status: 'shipped' })
})

calledOff('has a refund that is slow end as refunded, and one that fails stay to be seen', async () => {
  await using world = await shop()
  const slow = await world.order(ANN, { [PHONE]: 1 })
  await world.pay(slow, { paymentToken: 'tok_slowRefund' })
  const failing = await world.order(BOB, { [PHONE]: 1 })
  await world.pay(failing, { paymentToken: 'tok_failingRefund' })
  for (const order of [slow, failing])
    await world.wait(cancelOrder(world.parts(), { ...order, by: 'staff', reason: 'no', key: undefined }))
  assert.is((await world.find(slow.orderId)).status, 'cancelled')
  await world.pass(10 * MINUTE_MS)
  assert.is((await world.find(slow.orderId)).status, 'refunded')
  const left = await world.find(failing.orderId)
  assert.equal([left.status, left.refundedMinor], ['cancelled', 0])
  assert.ok(left.events.some(({ type }) => type === 'refund-failed'))
})

calledOff.run()
