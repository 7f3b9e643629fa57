import * as assert from 'uvu/assert'
import { productOf, readStock, reserve, setStock } from '../../actors/asking.ts'
import { suite } from '../../support/suite.ts'
import { World } from './relay-world.ts'

const forwarding = suite('a shard of another node')

forwarding('is asked like one of this node', async () => {
  const world = await (await World.start([0, 1, 0, 1])).ready()
  try {
    for (const node of world.nodes) {
      for (let shard = 0; shard < 4; shard++) {
        const product = productOf(shard)
        const stock = await node.engine.execute(setStock(product, 10))
        assert.is(stock.type, 'stock')
        const held = await node.engine.execute(reserve(node, { productId: product }))
        assert.is(held.type, 'held')
      }
    }
    for (const node of world.nodes) {
      const stock = await node.engine.execute(readStock(productOf(1)))
      assert.is(stock.type === 'stock' && stock.held, 2)
    }
  } finally {
    await world.stop()
  }
})

forwarding.run()
