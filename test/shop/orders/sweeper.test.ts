import { pino } from 'pino'
import * as assert from 'uvu/assert'
import type { CustomerId } from '../../../src/domain/ids.ts'
import { Sweeper } from '../../../src/shop/orders/sweeper.ts'
import type { ShopParts } from '../../../src/shop/shop-parts.ts'
import { suite } from '../../support/suite.ts'
import { ANN, PHONE, ShopWorld } from '../shop-world.ts'

const MINUTE_MS = 60_000
/** More than are driven at once. */
const WAITING = 20

const sweeping = suite('orders that are due')

sweeping('do not wait for a gateway that hangs, unless it is asked about them', async () => {
  await using world = await ShopWorld.start()
  await world.sell(PHONE, 1_000, 100)
  world.hears = false
  for (let buyer = 0; buyer < WAITING; buyer++) {
    const order = await world.order(`usr_${buyer}` as CustomerId, { [PHONE]: 1 })
    await world.pay(order, { method: 'upi', paymentToken: 'slow@upi' })
  }
  const unpaid = await world.order(ANN, { [PHONE]: 1 })
  const parts = world.parts()
  const hanging = Promise.withResolvers<never>()
  const gateway = { ...(parts.gateway as NonNullable<ShopParts['gateway']>), find: () => hanging.promise }
  const { timers } = world.engine
  const log = pino({ level: 'silent' })
  const sweeper = new Sweeper({ ...parts, gateway, timers: timers.session(), log })
  sweeper.start()
  await world.engine.advance(12 * MINUTE_MS)
  assert.is((await world.find(unpaid.orderId)).status, 'expired')
  assert.is((await world.stockOf(PHONE)).available, 100 - WAITING)
  hanging.reject(new Error('the connection was cut'))
  await world.wait(sweeper.stop())
})

sweeping.run()
