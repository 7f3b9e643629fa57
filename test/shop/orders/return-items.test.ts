import * as assert from 'uvu/assert'
import { driveOrder } from '../../../src/shop/orders/drive-order.ts'
import { returnItems } from '../../../src/shop/orders/return-items.ts'
import { suite } from '../../support/suite.ts'
import { ANN, CASE, PHONE, ShopWorld } from '../shop-world.ts'

const returns = suite('items that come back')

async function bought(): Promise<{ readonly world: ShopWorld; readonly orderId: string }> {
  const world = await ShopWorld.start()
  await world.sell(PHONE, 1_001, 5)
  await world.sell(CASE, 100, 5)
  const order = await world.order(ANN, { [PHONE]: 2, [CASE]: 1 })
  await world.pay(order)
  return { world, orderId: order.orderId }
}

const by = 'key_staff'

returns('are on hand again, and what was paid for them goes back', async () => {
  const { world: shop, orderId } = await bought()
  await using world = shop
  const items = [{ productId: PHONE, quantity: 1 }]
  const back = { orderId, items, reason: 'scratched', gives: true, by, key: undefined }
  await world.wait(returnItems(world.parts(), back))
  await world.finish()
  assert.equal(world.books(orderId), { captured: 2_102, refunded: 1_001, captures: 1 })
  const { onHand, sold } = await world.stockOf(PHONE)
  assert.equal([onHand, sold], [4, 1])
  assert.is((await world.find(orderId)).status, 'confirmed', 'the rest is still to come')

  const tooMany = await world.wait(
    returnItems(world.parts(), { ...back, items: [{ productId: PHONE, quantity: 2 }] }),
  )
  assert.is(tooMany.type === 'refused' && tooMany.reason, 'exceeds-order')
  await world.wait(returnItems(world.parts(), { ...back, items: undefined }))
  await world.finish()
  assert.equal(world.books(orderId), { captured: 2_102, refunded: 2_102, captures: 1 })
  assert.is((await world.find(orderId)).status, 'refunded')
})

returns(
  'whose units were put on hand long ago by somebody who could not say so are not put there twice',
  async () => {
    const { world: shop, orderId } = await bought()
    await using world = shop
    const items = [{ productId: PHONE, quantity: 1 }]
    const begin = { orderId, items, reason: 'scratched', gives: true, by }
    await world.wait(world.tables.write('returns.begin', begin))
    const { reservationId } = await world.find(orderId)
    // Under a key that its shard has forgotten since.
    const { splits } = world.parts()
    await world.wait(splits.change({ type: 'return', reservationId, items, reason: 'scratched' }))
    await world.wait(driveOrder(world.parts(), orderId))
    const { onHand, sold } = await world.stockOf(PHONE)
    assert.equal([onHand, sold], [4, 1], 'one came back')
    assert.is((await world.find(orderId)).lines.find(({ productId }) => productId === PHONE)?.returned, 1)
    await world.finish()
    assert.is(world.books(orderId).refunded, 1_001)
  },
)

returns.run()
