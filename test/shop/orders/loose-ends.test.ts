/** What is left hanging where two things happen at once: every order ends all the same, with its units and its money. */
import * as assert from 'uvu/assert'
import type { ReservationRequest } from '../../../src/actors/requests.ts'
import type { Order } from '../../../src/persistence/tables/orders/order-rows.ts'
import type { Attempt } from '../../../src/persistence/tables/orders/payment-operations.ts'
import { cancelOrder } from '../../../src/shop/orders/cancel-order.ts'
import { returnItems } from '../../../src/shop/orders/return-items.ts'
import type { Captured } from '../../../src/shop/payments/gateway.ts'
import { payOrder, succeed } from '../../../src/shop/payments/pay-order.ts'
import type { ShopParts } from '../../../src/shop/shop-parts.ts'
import { suite } from '../../support/suite.ts'
import { ANN, PHONE, paymentOf, ShopWorld } from '../shop-world.ts'

const MINUTE_MS = 60_000

async function shop(units = 5): Promise<ShopWorld> {
  const world = await ShopWorld.start()
  await world.sell(PHONE, 1_000, units)
  return world
}

async function attemptsOf(world: ShopWorld, { orderId }: Order): Promise<readonly Attempt[]> {
  return await world.wait(world.tables.read('payments.ofOrder', { orderId }))
}

/** The provider charges, and the shop hears that it failed: the first attempt is over, and may still succeed. */
async function failFirst(world: ShopWorld, order: Order, paymentToken: string): Promise<Attempt> {
  const parts = world.parts()
  const gateway = parts.gateway as NonNullable<ShopParts['gateway']>
  const charge: typeof gateway.charge = async (request) => {
    await gateway.charge(request)
    return { type: 'failed', reason: 'processing-error' }
  }
  await world.pay(order, { paymentToken }, { ...parts, gateway: { ...gateway, charge } })
  const [attempt] = await attemptsOf(world, order)
  return attempt as Attempt
}

async function paidOrder(world: ShopWorld, quantity: number): Promise<Order> {
  const order = await world.order(ANN, { [PHONE]: quantity })
  await world.pay(order)
  return order
}

function chargedAs(world: ShopWorld, { key }: Attempt): Captured {
  const charge = world.database
    .prepare<[string], Omit<Captured, 'type'>>(
      `SELECT transaction_id AS "transactionId", amount_minor AS "amountMinor", currency
         FROM sandbox_charges WHERE key = ?`,
    )
    .get(key)
  if (charge === undefined) throw new Error(`no charge of ${key}`)
  return { type: 'succeeded', ...charge }
}

/** The units are lost in the moment in which they are to be sold. */
function losing(parts: ShopParts): ShopParts {
  const change = async (request: ReservationRequest) => {
    const { reservationId } = request
    if (request.type === 'confirm')
      await parts.splits.change({ type: 'release', reservationId, items: undefined })
    return await parts.splits.change(request)
  }
  return { ...parts, splits: { ...parts.splits, change: change as typeof parts.splits.change } }
}

const atTheDoor = suite('an order to be paid at the door')

atTheDoor('whose hold is lost as it is confirmed has its units held anew', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 2 })
  await world.pay(order, { method: 'cod', paymentToken: undefined }, losing(world.parts()))
  await world.finish()
  const { status, duty } = await world.find(order.orderId)
  const { held, sold } = await world.stockOf(PHONE)
  assert.equal([status, duty, held, sold], ['confirmed', null, 0, 2])
})

atTheDoor('expires where no units are left to be held anew', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 2 })
  const parts = losing(world.parts())
  const execute = async (request: Parameters<typeof parts.engine.execute>[0]) =>
    request.type === 'reserve'
      ? ({ type: 'refused', refusal: { reason: 'outOfStock', items: [] } } as const)
      : await parts.engine.execute(request)
  const soldOut = { ...parts, engine: { ...parts.engine, execute: execute as typeof parts.engine.execute } }
  await world.pay(order, { method: 'cod', paymentToken: undefined }, soldOut)
  await world.finish()
  const { status, duty, invoiceNumber } = await world.find(order.orderId)
  assert.equal([status, duty, invoiceNumber], ['expired', null, null])
  assert.is((await world.stockOf(PHONE)).available, 5)
})

atTheDoor('costs what is left of it, where some of it came back on the way', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 3 })
  const { orderId } = order
  await world.pay(order, { method: 'cod', paymentToken: undefined })
  const shipment = { orderId, trackingNumber: undefined, carrier: undefined, estimatedDelivery: undefined }
  await world.wait(world.tables.write('orders.ship', shipment))
  const back = { orderId, items: [{ productId: PHONE, quantity: 1 }], reason: 'broken', by: 'staff' }
  await world.wait(returnItems(world.parts(), { ...back, gives: true, key: undefined }))
  await world.wait(world.tables.write('orders.deliver', { orderId }))
  assert.is((await world.find(orderId)).capturedMinor, 2_000)
  await world.wait(returnItems(world.parts(), { ...back, items: undefined, gives: true, key: undefined }))
  await world.finish()
  const { status, refundedMinor } = await world.find(orderId)
  assert.equal([status, refundedMinor], ['refunded', 2_000])
})

atTheDoor.run()

const late = suite('a payment that had failed, and succeeds after all')

late('while another is tried pays nothing, however often it is heard at once', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 1 })
  const first = await failFirst(world, order, 'tok_visa')
  await world.pay(order, { method: 'upi', paymentToken: 'failure@upi' })
  const parts = world.parts()
  const twice = [1, 2].map(() => succeed(parts, first, chargedAs(world, first)))
  await world.wait(Promise.all(twice))
  assert.is((await world.find(order.orderId)).status, 'pending_payment')
  assert.is((await world.stockOf(PHONE)).held, 1, 'the units wait for the other attempt')
  await world.finish()
  const { status, capturedMinor, refundedMinor } = await world.find(order.orderId)
  assert.equal([status, capturedMinor, refundedMinor], ['expired', 1_000, 1_000])
  assert.is((await world.stockOf(PHONE)).available, 5)
  assert.equal(world.books(order.orderId), { captured: 1_000, refunded: 1_000, captures: 1 })
})

late('has its money back though the order is confirmed before that has arrived', async () => {
  await using world = await shop()
  world.hears = false
  const order = await world.order(ANN, { [PHONE]: 1 })
  const first = await failFirst(world, order, 'tok_slowRefund')
  const parts = world.parts()
  const gateway = parts.gateway as NonNullable<ShopParts['gateway']>
  const charge: typeof gateway.charge = async (request) => {
    await succeed(parts, first, chargedAs(world, first))
    return await gateway.charge(request)
  }
  await world.pay(order, {}, { ...parts, gateway: { ...gateway, charge } })
  await world.finish()
  assert.is((await world.find(order.orderId)).status, 'confirmed')
  assert.equal(world.books(order.orderId), { captured: 2_000, refunded: 1_000, captures: 2 })
  const refunds = await world.wait(world.tables.read('refunds.ofOrder', { orderId: order.orderId }))
  assert.equal(
    refunds.map(({ status }) => status),
    ['succeeded'],
  )
})

late('leaves no units sold that nobody has paid', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 1 })
  const { orderId } = order
  const { reservationId } = await world.find(orderId)
  await world.wait(
    world.parts().splits.change({ type: 'confirm', reservationId, items: undefined, reference: orderId }),
  )
  await world.finish()
  const { available, sold } = await world.stockOf(PHONE)
  assert.equal([(await world.find(orderId)).status, available, sold], ['cancelled', 5, 0])
})

late.run()

const givenBack = suite('an order whose money staff gave back')

givenBack('while its units were still to be found is over', async () => {
  await using world = await shop()
  world.hears = false
  const order = await world.order(ANN, { [PHONE]: 1 })
  const { orderId } = order
  await world.pay(order, { method: 'upi', paymentToken: 'lost@upi' })
  await world.engine.advance(4_000)
  const [attempt] = await attemptsOf(world, order)
  const { key, transactionId } = attempt as Attempt
  await world.wait(world.tables.write('payments.capture', { key, transactionId: transactionId ?? '' }))
  const request = { orderId, amountMinor: 1_000, reason: 'asked for it', by: 'staff' }
  const promised = await world.wait(world.tables.write('refunds.request', request))
  if (promised.type === 'refused') throw new Error(promised.reason)
  const { refundId } = promised.refund
  const arrived = { refundId, result: 'succeeded', providerId: undefined, failure: undefined } as const
  await world.wait(world.tables.write('refunds.record', arrived))
  await world.finish()
  const { status, duty } = await world.find(orderId)
  const { available, sold } = await world.stockOf(PHONE)
  assert.equal([status, duty, available, sold], ['refunded', null, 5, 0])
})

givenBack('for one item and not for another keeps the other’s price', async () => {
  await using world = await shop()
  const { orderId } = await paidOrder(world, 3)
  const back = { orderId, items: [{ productId: PHONE, quantity: 1 }], reason: 'worn', by: 'staff' }
  for (const gives of [true, false, true])
    await world.wait(returnItems(world.parts(), { ...back, gives, key: undefined }))
  await world.finish()
  const { status, refundedMinor } = await world.find(orderId)
  assert.equal([status, refundedMinor], ['confirmed', 2_000])
  assert.equal(world.books(orderId), { captured: 3_000, refunded: 2_000, captures: 1 })
})

givenBack('has each charge give back its own, where it was charged twice', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 1 })
  const { orderId } = order
  const first = await failFirst(world, order, 'tok_failingRefund')
  await world.pay(order)
  await world.wait(succeed(world.parts(), first, chargedAs(world, first)))
  await world.finish()
  const late = await world.find(orderId)
  assert.equal([late.status, late.capturedMinor, late.refundedMinor], ['confirmed', 2_000, 0])
  await world.wait(cancelOrder(world.parts(), { orderId, by: 'staff', reason: 'no', key: undefined }))
  await world.finish()
  assert.equal(world.books(orderId), { captured: 2_000, refunded: 1_000, captures: 2 })
  const refunds = await world.wait(world.tables.read('refunds.ofOrder', { orderId }))
  assert.equal(refunds.map(({ attemptKey, status }) => `${attemptKey} ${status}`).sort(), [
    `${first.key} failed`,
    `${first.key} failed`,
    `${orderId}:2 succeeded`,
  ])
})

givenBack('has a card give back what it took, and not the cash that is still to come', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 1 })
  const { orderId } = order
  const first = await failFirst(world, order, 'tok_visa')
  await world.pay(order, { method: 'cod', paymentToken: undefined })
  const parts = world.parts()
  const gateway = parts.gateway as NonNullable<ShopParts['gateway']>
  const refund: typeof gateway.refund = () => Promise.resolve({ type: 'failed', reason: 'declined' })
  await world.wait(succeed({ ...parts, gateway: { ...gateway, refund } }, first, chargedAs(world, first)))
  await world.wait(cancelOrder(world.parts(), { orderId, by: 'staff', reason: 'no', key: undefined }))
  await world.finish()
  assert.equal(world.books(orderId), { captured: 1_000, refunded: 1_000, captures: 1 })
})

givenBack.run()

const superseded = suite('an order whose cart has changed')

superseded('and that is paid in that moment stays paid', async () => {
  await using world = await shop()
  const order = await world.order(ANN, { [PHONE]: 1 })
  await world.fillCart(ANN, { [PHONE]: 1 })
  const parts = world.parts()
  const write: typeof parts.tables.write = async (name, args, key) => {
    if (name === 'orders.cancel') await payOrder(parts, paymentOf(order))
    return await parts.tables.write(name, args, key)
  }
  const made = await world.checkOut(ANN, {}, { ...parts, tables: { ...parts.tables, write } })
  assert.is(made.type, 'order')
  const { status, refundedMinor } = await world.find(order.orderId)
  assert.equal([status, refundedMinor], ['confirmed', 0])
  await world.pass(20 * MINUTE_MS)
  assert.is((await world.stockOf(PHONE)).sold, 1)
})

superseded.run()

const adopted = suite('an order of a reservation')

adopted('of which a part was released meanwhile is not paid, and gives the rest back', async () => {
  await using world = await shop()
  const { engine } = world.engine
  const reservationId = engine.newReservationId(PHONE)
  const hold = {
    productId: PHONE,
    customerId: ANN,
    quantity: 3,
    ttlMs: undefined,
    allowPartial: false,
  } as const
  await world.wait(engine.execute({ type: 'reserve', reservationId, ...hold, reference: undefined }))
  const made = await world.checkOut(ANN, { source: { type: 'reservation', reservationId } })
  if (made.type === 'refused') throw new Error(made.reason)
  const items = [{ productId: PHONE, quantity: 2 }]
  await world.wait(engine.execute({ type: 'release', reservationId, items }))
  const paid = await world.pay(made.order)
  assert.equal(paid, { type: 'refused', reason: 'order-state', status: 'cancelled' })
  const { available, sold } = await world.stockOf(PHONE)
  assert.equal([available, sold], [5, 0])
  assert.is(world.books(made.order.orderId).captures, 0)
})

adopted.run()
