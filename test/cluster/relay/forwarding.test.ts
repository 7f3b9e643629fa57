/** Whoever asks at any node is answered as by the node that serves the shard: nothing of the engine knows the difference. */
import * as assert from 'uvu/assert'
import { commandKeyOf, shardOfKey } from '../../../src/actors/command-key.ts'
import type { ReservationReply } from '../../../src/actors/requests.ts'
import { SplitCoordinator } from '../../../src/actors/split-coordinator.ts'
import type { CustomerId, ProductId, ReservationId, ShardId } from '../../../src/domain/ids.ts'
import { reservationIdOf } from '../../../src/domain/ids.ts'
import { StockStreams } from '../../../src/http/stock-streams.ts'
import { realClock, realRandom, realTimers } from '../../../src/seams.ts'
import {
  addStock,
  confirm,
  extend,
  giveBack,
  productOf,
  readReservation,
  readStock,
  release,
  reserve,
  setStock,
} from '../../actors/asking.ts'
import { suite } from '../../support/suite.ts'
import { type Node, SHARDS, until, World } from './relay-world.ts'

type Context = { world: World; first: Node; second: Node }
const forwarding = suite<Context>('a shard of another node', { context: {} as Context })

forwarding.before(async (context) => {
  context.world = await (await World.start([0, 1, 0, 1])).ready()
  context.first = context.world.node(0)
  context.second = context.world.node(1)
  for (let shard = 0; shard < SHARDS; shard++)
    await context.first.engine.execute(setStock(productOf(shard), 100))
})

forwarding.after(({ world }) => world.stop())

forwarding('is asked like one of this node, and both see the same', async ({ world }) => {
  for (let shard = 0; shard < SHARDS; shard++) {
    const productId = productOf(shard)
    for (const [node, other] of [world.nodes, world.nodes.toReversed()] as [Node, Node][]) {
      const request = reserve(node, { productId, quantity: 2 })
      const held = await node.engine.execute(request)
      assert.is(held.type, 'held')
      const read = await other.engine.execute(readReservation(request.reservationId))
      assert.is(read.type === 'reservation' && read.status, 'held')
      await other.engine.execute(extend(request.reservationId, 900_000))
      const ended = await other.engine.execute(confirm(request.reservationId))
      assert.is(ended.type === 'reservation' && ended.status, 'confirmed')
      const returned = await node.engine.execute(giveBack(request.reservationId))
      assert.is(returned.type === 'reservation' && returned.lines[0]?.returned, 2)
    }
    const [here, there] = await Promise.all(
      world.nodes.map((node) => node.engine.execute(readStock(productId))),
    )
    assert.equal({ ...here, asOfMs: 0 }, { ...there, asOfMs: 0 })
  }
})

forwarding('refuses in the same words', async ({ first, second }) => {
  const productId = productOf(1)
  for (const node of [first, second]) {
    const refused = await node.engine.execute(reserve(node, { productId, quantity: 1_000 }))
    assert.equal(refused, {
      type: 'refused',
      refusal: { reason: 'outOfStock', items: [{ productId, requested: 1_000, available: 100 }] },
    })
    const nobody = reservationIdOf('01K5ZC4N8XQ2M7V3H9R6T1B0DW', 1 as ShardId)
    assert.equal(await node.engine.execute(release(nobody)), {
      type: 'refused',
      refusal: { reason: 'unknownReservation' },
    })
    assert.is(await node.engine.glance('nowhere-to-be-had' as ProductId), undefined)
  }
})

forwarding('takes part in reservations of several products, whoever coordinates them', async ({ world }) => {
  const products = [0, 1, 2, 3].map((shard) => productOf(shard))
  const lines = products
    .map((productId) => ({ productId, quantity: 3 }))
    .toSorted((a, b) => (a.productId < b.productId ? -1 : 1))
  for (const node of world.nodes) {
    const splits = coordinatorOf(node)
    const key = commandKeyOf('ann POST /v1/reservations', `several-${node.nodeId}`, JSON.stringify(lines))
    const ask = {
      reservationId: node.engine.newReservationId(lines[0]?.productId as ProductId),
      customerId: 'ann' as CustomerId,
      ttlMs: undefined,
      allowPartial: false,
      reference: undefined,
      key,
      lines,
    }
    const held = await splits.reserve(ask)
    assert.is(held.type === 'splitHeld' && held.lines.length, 4)
    for (const each of world.nodes) {
      const again = await coordinatorOf(each).reserve({
        ...ask,
        reservationId: each.engine.newReservationId(lines[0]?.productId as ProductId),
      })
      assert.is(again.type === 'splitHeld' && again.replayed, true, 'as it was answered before')
      assert.is(again.type === 'splitHeld' && again.reservationId, ask.reservationId)
    }
    const other = world.node(1 - world.nodes.indexOf(node))
    const ended = await coordinatorOf(other).change(confirm(ask.reservationId))
    assert.is(ended.type === 'reservation' && ended.status, 'confirmed')
  }
  for (const productId of products) {
    const stock = await world.node(0).engine.execute(readStock(productId))
    assert.equal(stock.type === 'stock' && [stock.held, stock.sold], [0, 6])
  }
})

forwarding('knows the keys of commands that came by other nodes', async ({ first, second }) => {
  const productId = productOf(3)
  let key = commandKeyOf('bob POST', 'k0', '{}')
  for (let n = 1; shardOfKey(key, SHARDS) !== 3; n++) key = commandKeyOf('bob POST', `k${n}`, '{}')
  const request = reserve(first, { productId, key } as object)
  const held = await first.engine.execute(request)
  const again = await second.engine.execute(reserve(second, { productId, key } as object))
  assert.is(held.type, 'held')
  assert.is(again.type === 'held' && again.replayed, true)
  assert.is(again.type === 'held' && again.reservationId, request.reservationId)
})

forwarding('serves who waits in line there when units come by another node', async ({ first, second }) => {
  const productId = 'all-gone' as ProductId
  await first.engine.execute(setStock(productId, 1))
  await first.engine.execute(reserve(first, { productId }))
  const waiting: ReservationId[] = []
  for (const [customer, node] of [
    ['cleo', first],
    ['dan', second],
  ] as const) {
    const reservationId = node.engine.newReservationId(productId)
    waiting.push(reservationId)
    const customerId = customer as CustomerId
    const placed = await node.engine.execute({
      type: 'joinWaitlist',
      productId,
      customerId,
      quantity: 1,
      reservationId,
    })
    assert.is(placed.type === 'waiting' && placed.position, waiting.length)
  }
  await second.engine.execute(addStock(productId, 2))
  for (const id of waiting) {
    let read: ReservationReply | undefined
    await until(() => {
      void first.engine.execute(readReservation(id)).then((reply) => {
        if (reply.type === 'reservation') read = reply
      })
      return read !== undefined
    })
    assert.is(read?.status, 'held')
  }
})

forwarding('is asked by several engines of a node, each with calls of its own', async ({ world, first }) => {
  const productId = productOf(1)
  const before = await first.engine.execute(readStock(productId))
  const engines = [first.engine, first.attachEngine(), first.attachEngine()]
  await until(() => engines.every((engine) => engine.workers().every(({ state }) => state.type === 'ready')))
  const replies = await Promise.all(
    engines.flatMap((engine) =>
      Array.from({ length: 20 }, () => engine.execute(reserve({ engine }, { productId }))),
    ),
  )
  assert.ok(replies.every(({ type }) => type === 'held'))
  const versions = new Set(replies.map((reply) => (reply.type === 'held' ? reply.sequence : 0)))
  assert.is(versions.size, 60, 'each got an answer of its own')
  engines[2]?.close()
  const after = await world.node(1).engine.execute(readStock(productId))
  assert.is(after.type === 'stock' && before.type === 'stock' && after.held - before.held, 60)
  assert.is((await first.engine.execute(readStock(productId))).type, 'stock', 'those that stay are answered')
})

forwarding('is followed live by who listens at another node', async ({ first, second }) => {
  const productId = productOf(1)
  let changed = () => {}
  const streams = new StockStreams({
    engine: first.engine,
    // What the journals here tell of, the test says.
    history: {
      isWatching: true,
      watch(_product, onChange) {
        changed = onChange
        return Promise.resolve()
      },
      unwatch() {},
    },
    clock: realClock,
    timers: realTimers,
    random: realRandom(),
  })
  const stock = await first.engine.execute(readStock(productId))
  assert.ok(stock.type === 'stock')
  const body = streams.open(stock, {
    productId,
    view: ({ version, available }) => `{"version":${version},"available":${available}`,
    address: undefined,
    resumes: undefined,
    cut() {},
  })
  const reader = body.getReader()
  let text = ''
  const has = async (part: string) => {
    while (!text.includes(part)) text += Buffer.from((await reader.read()).value ?? []).toString()
  }
  await has(`"version":${stock.version},"available":${stock.available}`)
  await second.engine.execute(reserve(second, { productId, quantity: 2 }))
  changed()
  await has(`"version":${stock.version + 1},"available":${stock.available - 2}`)
  streams.end()
})

forwarding.run()

function coordinatorOf({ engine }: Node): SplitCoordinator {
  return new SplitCoordinator(engine, { clock: realClock, timers: realTimers, shards: SHARDS })
}
