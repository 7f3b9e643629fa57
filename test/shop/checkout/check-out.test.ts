import * as assert from 'uvu/assert'
import type { ProductId } from '../../../src/domain/ids.ts'
import { tableKeyOf } from '../../../src/persistence/tables/table-key.ts'
import { checkOut } from '../../../src/shop/checkout/check-out.ts'
import { keepCoupon } from '../../../src/shop/checkout/keep-coupon.ts'
import { suite } from '../../support/suite.ts'
import { ANN, askOf, BOB, CASE, PHONE, ShopWorld } from '../shop-world.ts'

const checkout = suite('checkout')

checkout('holds the units of a cart and freezes its prices in an order', async () => {
  await using world = await ShopWorld.start()
  await world.sell(PHONE, 99_999, 5)
  await world.sell(CASE, 2_500, 10)
  const order = await world.order(ANN, { [PHONE]: 1, [CASE]: 2 })
  assert.is(order.status, 'pending_payment')
  assert.is(order.totalMinor, 104_999)
  assert.equal(
    order.lines.map(({ productId, unitPriceMinor, quantity }) => [productId, unitPriceMinor, quantity]),
    [
      [CASE, 2_500, 2],
      [PHONE, 99_999, 1],
    ],
  )
  assert.is((await world.stockOf(PHONE)).held, 1)
  assert.is((await world.stockOf(CASE)).held, 2)
  world.database.exec('UPDATE products SET price_minor = 1')
  assert.is((await world.find(order.orderId)).totalMinor, 104_999)
})

checkout('of a cart that has not changed answers the order that waits already', async () => {
  await using world = await ShopWorld.start()
  await world.sell(PHONE, 1_000, 5)
  const first = await world.order(ANN, { [PHONE]: 2 })
  const again = await world.checkOut(ANN)
  assert.is(again.type === 'order' && again.order.orderId, first.orderId)
  assert.is((await world.stockOf(PHONE)).held, 2)
})

checkout('of a cart that has changed makes a new order, and the old one gives its units back', async () => {
  await using world = await ShopWorld.start()
  await world.sell(PHONE, 1_000, 3)
  const first = await world.order(ANN, { [PHONE]: 2 })
  const second = await world.order(ANN, { [PHONE]: 1 })
  assert.is.not(second.orderId, first.orderId)
  assert.is((await world.find(first.orderId)).status, 'cancelled')
  assert.equal(await heldAndSold(world), [3, 0], 'all three are hers, and only once')
})

checkout('at the same time from two tabs makes one order and one hold', async () => {
  await using world = await ShopWorld.start()
  await world.sell(PHONE, 1_000, 5)
  const cartId = await world.fillCart(ANN, { [PHONE]: 1 })
  const parts = world.parts()
  const made = await world.wait(Promise.all([1, 2, 3].map(() => checkOut(parts, askOf(ANN, cartId)))))
  const orders = new Set(made.map((each) => (each.type === 'order' ? each.order.orderId : each.reason)))
  assert.is(orders.size, 1, [...orders].join())
  assert.equal(await heldAndSold(world), [1, 0])
})

checkout('of several products at the same time from three tabs is one order and one hold, too', async () => {
  await using world = await ShopWorld.start()
  await world.sell(PHONE, 1_000, 1)
  await world.sell(CASE, 100, 1)
  const cartId = await world.fillCart(ANN, { [PHONE]: 1, [CASE]: 1 })
  const parts = world.parts()
  const made = await world.wait(Promise.all([1, 2, 3].map(() => checkOut(parts, askOf(ANN, cartId)))))
  const orders = new Set(made.map((each) => (each.type === 'order' ? each.order.orderId : each.reason)))
  assert.is(orders.size, 1, [...orders].join())
  assert.equal(await heldAndSold(world), [1, 0])
})

checkout('whose twin makes the order while its prices are looked up answers that order', async () => {
  await using world = await ShopWorld.start()
  await world.sell(PHONE, 1_000, 5)
  const cartId = await world.fillCart(ANN, { [PHONE]: 1 })
  const parts = world.parts()
  let twin: string | undefined
  const read: typeof parts.tables.read = async (name, args) => {
    const found = await parts.tables.read(name, args)
    if (name !== 'orders.pendingOfCart') return found
    const made = await checkOut(parts, askOf(ANN, cartId))
    twin = made.type === 'order' ? made.order.orderId : made.reason
    return found
  }
  const made = await world.checkOut(ANN, {}, { ...parts, tables: { ...parts.tables, read } })
  assert.is(made.type === 'order' && made.order.orderId, twin)
  assert.equal(await heldAndSold(world), [1, 0])
})

checkout('at a price that was lowered makes a new order where that is expected', async () => {
  await using world = await ShopWorld.start()
  await world.sell(PHONE, 1_000, 1)
  const first = await world.order(ANN, { [PHONE]: 1 })
  world.database.exec('UPDATE products SET price_minor = 800')
  const wrong = await world.checkOut(ANN, { expectedTotal: 9 })
  assert.equal(wrong, { type: 'refused', reason: 'total-changed', totalMinor: 800, currency: 'USD' })
  assert.is((await world.find(first.orderId)).status, 'pending_payment')
  const second = await world.checkOut(ANN, { expectedTotal: 8 })
  assert.is(second.type === 'order' && second.order.totalMinor, 800)
  assert.is((await world.find(first.orderId)).status, 'cancelled')
  assert.equal(await heldAndSold(world), [1, 0])
})

checkout('is refused with what is short, and holds nothing then', async () => {
  await using world = await ShopWorld.start()
  await world.sell(PHONE, 1_000, 1)
  await world.sell(CASE, 100, 10)
  await world.fillCart(ANN, { [PHONE]: 2, [CASE]: 1 })
  const refused = await world.checkOut(ANN)
  assert.is(refused.type === 'refused' && refused.reason, 'units')
  if (refused.type === 'refused' && refused.reason === 'units') {
    assert.equal(refused.refusal, {
      reason: 'outOfStock',
      items: [
        { productId: CASE, requested: 1, available: 10 },
        { productId: PHONE, requested: 2, available: 1 },
      ],
    })
  }
  assert.is((await world.stockOf(CASE)).held, 0)
})

checkout('by the last buyer of the last unit is one order', async () => {
  await using world = await ShopWorld.start()
  await world.sell(PHONE, 1_000, 1)
  const carts = [await world.fillCart(ANN, { [PHONE]: 1 }), await world.fillCart(BOB, { [PHONE]: 1 })]
  const parts = world.parts()
  const asks = [askOf(ANN, carts[0] ?? ''), askOf(BOB, carts[1] ?? '')]
  const made = await world.wait(Promise.all(asks.map((ask) => checkOut(parts, ask))))
  assert.equal(made.map(({ type }) => type).sort(), ['order', 'refused'])
})

checkout('of somebody else’s cart, of none, or of an empty one makes nothing', async () => {
  await using world = await ShopWorld.start()
  await world.sell(PHONE, 1_000, 1)
  const cartId = await world.fillCart(ANN, { [PHONE]: 1 })
  const parts = world.parts()
  const reasonOf = async (customerId: typeof ANN, cart: string) => {
    const made = await world.wait(checkOut(parts, askOf(customerId, cart)))
    return made.type === 'refused' ? made.reason : made.type
  }
  assert.is(await reasonOf(BOB, cartId), 'unknown-cart')
  assert.is(await reasonOf(ANN, 'cart_other'), 'unknown-cart')
  await world.wait(world.tables.write('cart.remove', { customerId: ANN, productId: PHONE }))
  assert.is(await reasonOf(ANN, cartId), 'cart-empty')
})

checkout(
  'is refused where the price is not what was expected, before and while the units are held',
  async () => {
    await using world = await ShopWorld.start()
    await world.sell(PHONE, 1_000, 5)
    await world.fillCart(ANN, { [PHONE]: 1 })
    const early = await world.checkOut(ANN, { expectedTotal: 9 })
    assert.equal(early, { type: 'refused', reason: 'total-changed', totalMinor: 1_000, currency: 'USD' })

    const parts = world.parts()
    const { execute } = parts.engine
    const late = { ...parts, engine: { ...parts.engine, execute: withPriceChange } }
    async function withPriceChange(request: Parameters<typeof execute>[0]) {
      if (request.type === 'reserve') world.database.exec('UPDATE products SET price_minor = 1001')
      return await execute(request)
    }
    const refused = await world.checkOut(ANN, { expectedTotal: 10 }, late as typeof parts)
    assert.is(refused.type === 'refused' && refused.reason, 'price-changed')
    assert.equal(await heldAndSold(world), [0, 0], 'what it held is free again')
  },
)

checkout('adopts a reservation of the caller’s, and nobody else’s', async () => {
  await using world = await ShopWorld.start()
  await world.sell(PHONE, 1_000, 5)
  const { engine } = world.engine
  const reservationId = engine.newReservationId(PHONE)
  const reserve = { type: 'reserve', reservationId, productId: PHONE, customerId: ANN, quantity: 2 } as const
  await world.wait(engine.execute({ ...reserve, ttlMs: undefined, allowPartial: false, reference: 'mine' }))
  const source = { type: 'reservation', reservationId } as const
  const stranger = await world.checkOut(BOB, { source })
  assert.is(stranger.type === 'refused' && stranger.reason, 'unknown-reservation')
  const made = await world.checkOut(ANN, { source })
  assert.is(made.type === 'order' && made.order.totalMinor, 2_000)
  assert.equal(await heldAndSold(world), [2, 0])
  const again = await world.checkOut(ANN, { source })
  assert.is(
    again.type === 'order' && made.type === 'order' && again.order.orderId === made.order.orderId,
    true,
  )
})

checkout(
  'of an adopted reservation is answered the same under its key, whatever has come of the order',
  async () => {
    await using world = await ShopWorld.start()
    await world.sell(PHONE, 1_000, 5)
    const { engine } = world.engine
    const reservationId = engine.newReservationId(PHONE)
    const reserve = {
      type: 'reserve',
      reservationId,
      productId: PHONE,
      customerId: ANN,
      quantity: 2,
    } as const
    await world.wait(engine.execute({ ...reserve, ttlMs: undefined, allowPartial: false, reference: 'mine' }))
    const source = { type: 'reservation', reservationId } as const
    const order = await world.checkOut(ANN, { source })
    const key = tableKeyOf('usr_ann POST /v1/checkout', 'k', 'body')
    const first = await world.checkOut(ANN, { source, key })
    assert.is(first.type, 'order')
    if (order.type === 'order') await world.pay(order.order)
    assert.equal(await world.checkOut(ANN, { source, key }), { ...first, replayed: true })
  },
)

checkout('does not adopt what is being paid for elsewhere', async () => {
  await using world = await ShopWorld.start()
  await world.sell(PHONE, 1_000, 5)
  const { engine } = world.engine
  const reservationId = engine.newReservationId(PHONE)
  const reserve = { type: 'reserve', reservationId, productId: PHONE, customerId: ANN, quantity: 2 } as const
  await world.wait(engine.execute({ ...reserve, ttlMs: undefined, allowPartial: false, reference: 'mine' }))
  await world.wait(engine.execute({ type: 'startPayment', reservationId, payingMs: 900_000 }))
  const made = await world.checkOut(ANN, { source: { type: 'reservation', reservationId } })
  assert.is(made.type === 'refused' && made.reason === 'units' && made.refusal.reason, 'paymentStarted')
})

checkout('under a key answers as before, even once the order has moved on', async () => {
  await using world = await ShopWorld.start()
  await world.sell(PHONE, 1_000, 5)
  await world.fillCart(ANN, { [PHONE]: 1 })
  const key = tableKeyOf('usr_ann POST /v1/checkout', 'k1', 'body')
  const first = await world.checkOut(ANN, { key })
  assert.is(first.type, 'order')
  if (first.type !== 'order') return
  await world.pay(first.order)
  const again = await world.checkOut(ANN, { key })
  assert.equal(again, { ...first, replayed: true })
})

checkout('under a key that found an order waiting answers that one, and makes no other later', async () => {
  await using world = await ShopWorld.start()
  await world.sell(PHONE, 1_000, 5)
  const first = await world.order(ANN, { [PHONE]: 1 })
  const key = tableKeyOf('usr_ann POST /v1/checkout', 'k2', 'body')
  const found = await world.checkOut(ANN, { key })
  assert.is(found.type === 'order' && found.order.orderId, first.orderId)
  await world.pay(first)
  await world.fillCart(ANN, { [PHONE]: 1 })
  assert.equal(await world.checkOut(ANN, { key }), { ...found, replayed: true })
  assert.equal(await heldAndSold(world), [0, 1])
})

checkout.run()

const discounts = suite('a discount')

async function discounted(terms: {
  readonly maxUses?: number
  readonly perCustomer?: number
}): Promise<ShopWorld> {
  const world = await ShopWorld.start()
  await world.sell(PHONE, 999, 100)
  const discount = {
    code: 'TEN',
    percent: 10,
    amountMinor: null,
    currency: null,
    maxUses: terms.maxUses ?? null,
    perCustomer: terms.perCustomer ?? null,
    validFromMs: null,
    validUntilMs: null,
    active: 1,
  } as const
  await world.wait(world.tables.write('discounts.create', discount))
  await world.wait(keepCoupon(world.parts(), discount))
  return world
}

discounts('takes its part off, rounded to the even unit, and is typed in any case', async () => {
  await using world = await discounted({})
  await world.fillCart(ANN, { [PHONE]: 5 })
  const made = await world.checkOut(ANN, { discountCode: 'ten' })
  assert.is(made.type === 'order' && made.order.discountMinor, 500, '499.5 goes to 500')
  assert.is(made.type === 'order' && made.order.totalMinor, 4_495)
})

discounts('can have its last use taken once, and it comes back when the order is called off', async () => {
  await using world = await discounted({ maxUses: 1 })
  await world.fillCart(ANN, { [PHONE]: 1 })
  await world.fillCart(BOB, { [PHONE]: 1 })
  const first = await world.checkOut(ANN, { discountCode: 'TEN' })
  assert.is(first.type, 'order')
  const second = await world.checkOut(BOB, { discountCode: 'TEN' })
  assert.equal(second, { type: 'refused', reason: 'discount-used-up', code: 'TEN' })
  assert.is((await world.stockOf(PHONE)).held, 1, 'what went with the refused one is not held')
  if (first.type !== 'order') return
  const { orderId } = first.order
  await world.wait(world.tables.write('orders.cancel', { orderId, by: 'test', reason: 'test' }))
  await world.pass(2_000)
  assert.is((await world.checkOut(BOB, { discountCode: 'TEN' })).type, 'order')
})

discounts('for each customer once is for each customer once', async () => {
  await using world = await discounted({ perCustomer: 1 })
  await world.fillCart(ANN, { [PHONE]: 1 })
  const first = await world.checkOut(ANN, { discountCode: 'TEN' })
  assert.is(first.type, 'order')
  if (first.type === 'order') await world.pay(first.order)
  await world.fillCart(ANN, { [PHONE]: 1 })
  const second = await world.checkOut(ANN, { discountCode: 'TEN' })
  assert.equal(second, { type: 'refused', reason: 'discount-used-up', code: 'TEN' })
  await world.fillCart(BOB, { [PHONE]: 1 })
  assert.is((await world.checkOut(BOB, { discountCode: 'TEN' })).type, 'order')
})

discounts('that nobody knows, or that is over, is refused by its code', async () => {
  await using world = await discounted({})
  await world.fillCart(ANN, { [PHONE]: 1 })
  const reasonOf = async (discountCode: string) => {
    const made = await world.checkOut(ANN, { discountCode })
    return made.type === 'refused' ? made.reason : made.type
  }
  assert.is(await reasonOf('NOPE'), 'unknown-discount')
  assert.is(await reasonOf("x' OR 1=1"), 'unknown-discount')
  await world.checkOut(ANN)
  assert.is(await reasonOf("x' OR 1=1"), 'unknown-discount', 'nor is it the order without it that waits')
  world.database.exec('UPDATE discounts SET valid_until_ms = 1')
  assert.is(await reasonOf('TEN'), 'discount-not-valid')
})

discounts.run()

async function heldAndSold(
  world: ShopWorld,
  productId: ProductId = PHONE,
): Promise<readonly [number, number]> {
  const { held, sold } = await world.stockOf(productId)
  return [held, sold]
}
