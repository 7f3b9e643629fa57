/** What is shown of the stock of another node's shard (stock-board.ts). */
import * as assert from 'uvu/assert'
import type { StockGlance } from '../../../src/actors/stock-glances.ts'
import type { ProductId } from '../../../src/domain/ids.ts'
import { shardOf } from '../../../src/domain/ids.ts'
import { productOf, readStock, reserve, setStock } from '../../actors/asking.ts'
import { suite } from '../../support/suite.ts'
import { type Node, pause, SHARDS, until, World } from './relay-world.ts'

const phone = productOf(1)

const board = suite('the board of a shard of another node')

board('is never older than what anybody was answered at this node, while it moves', async () => {
  const world = await (await World.start([0, 1, 0, 1])).ready()
  try {
    const [first, second] = [world.node(0), world.node(1)]
    await first.engine.execute(setStock(phone, 1_000_000))
    await glanceAt(first, phone)
    let looked = 0
    let isOver = false
    const buy = async (node: Node) => {
      while (!isOver) {
        const reply = await node.engine.execute(reserve(node, { productId: phone }))
        assert.is(reply.type, 'held')
        if (reply.type !== 'held' || node !== first) continue
        const glance = first.engine.glance(phone)
        assert.not(glance instanceof Promise, 'nobody is asked')
        assert.ok((glance as StockGlance).available <= reply.available)
        looked += 1
      }
    }
    const all = Promise.all([first, first, first, second, second].map(buy))
    await pause(600)
    isOver = true
    await all
    assert.ok(looked > 10, `${looked}`)
    // By this node: what was answered at another one may be on its way here.
    const stock = await first.engine.execute(readStock(phone))
    assert.ok(stock.type === 'stock')
    assert.is((await glanceAt(first, phone)).available, stock.available)
    assert.is((await glanceAt(first, phone)).version, stock.version)
    assert.ok(first.engine.isShownLive(phone))
  } finally {
    await world.stop()
  }
})

board('changes without anybody here asking', async () => {
  const world = await (await World.start([0, 1, 0, 1])).ready()
  try {
    const [first, second] = [world.node(0), world.node(1)]
    await second.engine.execute(setStock(phone, 10))
    assert.is((await glanceAt(first, phone)).available, 10)
    await second.engine.execute(reserve(second, { productId: phone, quantity: 3 }))
    await until(() => (first.engine.glance(phone) as StockGlance).available === 7)
    const later = world.node(0).attachEngine()
    await until(() => later.workers()[1]?.state.type === 'ready')
    assert.is(((await later.glance(phone)) as StockGlance).available, 7, 'an engine that comes later')
  } finally {
    await world.stop()
  }
})

board('comes whole, however many products there are, and has what is new since', async () => {
  const world = await World.start([0, 1, 0, 1])
  try {
    const [first, second] = [world.node(0), world.node(1)]
    await second.ready()
    const many: ProductId[] = []
    for (let n = 0; many.length < 2_600; n++) {
      const product = `of-many-${n}` as ProductId
      if (shardOf(product, SHARDS) === 1) many.push(product)
    }
    await inTurns(many.slice(0, 2_500), (product) => second.engine.execute(setStock(product, 5)))
    await first.ready()
    await inTurns(many.slice(0, 2_500), async (product) => {
      assert.is((await glanceAt(first, product)).available, 5)
    })
    assert.is(await first.engine.glance(many[2_550] as ProductId), undefined)
    await inTurns(many.slice(2_500), (product) => second.engine.execute(setStock(product, 6)))
    for (const product of many.slice(2_500)) assert.is((await glanceAt(first, product)).available, 6)
  } finally {
    await world.stop()
  }
})

board('stays as it was shown last where its owner is lost, and is made anew by the next', async () => {
  const world = await (await World.start([0, 1, 0, 1])).ready()
  try {
    const [first, second] = [world.node(0), world.node(1)]
    await second.engine.execute(setStock(phone, 10))
    await glanceAt(first, phone)
    await until(() => !(first.engine.glance(phone) instanceof Promise))
    world.way(0, 1).cut()
    await until(() => !first.engine.isShownLive(phone))
    await second.engine.execute(reserve(second, { productId: phone }))
    assert.is((await glanceAt(first, phone)).available, 10)
    world.way(0, 1).heal()
    await until(() => first.engine.isShownLive(phone))
    const read = await first.engine.execute(readStock(phone))
    assert.is(read.type === 'stock' && read.available, 9)
    assert.is((await glanceAt(first, phone)).available, 9)
  } finally {
    await world.stop()
  }
})

async function glanceAt(node: Node, product: ProductId): Promise<StockGlance> {
  const glance = await node.engine.glance(product)
  if (glance === undefined) throw new Error(`${product} is not shown`)
  return glance
}

/** Some at a time, as many as a node takes. */
async function inTurns(
  products: readonly ProductId[],
  each: (product: ProductId) => Promise<unknown>,
): Promise<void> {
  for (let at = 0; at < products.length; at += 500) await Promise.all(products.slice(at, at + 500).map(each))
}

board.run()
