/** What makes the search look at a product's stock. */
import * as assert from 'uvu/assert'
import type { CustomerId, ProductId, ReservationId } from '../../src/domain/ids.ts'
import { mayShow } from '../../src/search/changes.ts'
import { suite } from '../support/suite.ts'
import { SearchWorld } from './search-world.ts'

const changes = suite('what changes stock')

changes('is looked at where the last unit went, or the first came, and not for every hold', async () => {
  await using world = await SearchWorld.start()
  const looked: ProductId[] = []
  const { inStock } = world.stock
  world.stock.inStock = (productIds) => {
    looked.push(...productIds)
    return inStock(productIds)
  }
  const lookedAt = async () => {
    await world.pass(300)
    return looked.splice(0)
  }
  await world.sell('phone', 3)
  world.server.start()
  await world.pass(1_500)
  await lookedAt()

  const first = await world.reserve('phone')
  await world.reserve('phone')
  assert.equal(await lookedAt(), [], 'one is left')
  await world.reserve('phone')
  assert.equal(await lookedAt(), ['phone'])
  assert.equal(await world.found({ inStock: true }), [])
  await world.wait(world.engine.engine.execute({ type: 'release', reservationId: first, items: undefined }))
  assert.equal(await lookedAt(), ['phone'])
  assert.equal(await world.found({ inStock: true }), ['phone'])
})

changes('may be of whoever is served from a line: what was put aside for it is left', () => {
  const served = {
    type: 'WaitlistServed',
    productId: 'phone' as ProductId,
    version: 9,
    customerId: 'usr_1' as CustomerId,
    reservationId: 'rsv_1' as ReservationId,
    quantity: 1,
    expiresAtMs: 0,
    available: 5,
  } as const
  assert.is(mayShow(served), true)
  assert.is(mayShow({ ...served, type: 'UnitsHeld', reference: undefined }), false)
  assert.is(mayShow({ ...served, type: 'UnitsHeld', reference: undefined, available: 0 }), true)
})

changes.run()
