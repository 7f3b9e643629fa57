/** Live stock off the board: never what is not durable, never an older one, and there while a shard is not. */

import type { MessagePort } from 'node:worker_threads'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import { Engine } from '../../src/actors/engine.ts'
import { EngineError } from '../../src/actors/engine-error.ts'
import {
  type CallsMessage,
  type Cell,
  type RepliesMessage,
  readCalls,
  type ToEngine,
  writeReply,
} from '../../src/actors/protocol.ts'
import type { StockReply } from '../../src/actors/requests.ts'
import { ShardBoard } from '../../src/actors/stock-board.ts'
import { type Glance, type StockGlance, StockGlances } from '../../src/actors/stock-glances.ts'
import { type ProductId, type ShardId, shardOf } from '../../src/domain/ids.ts'
import { absentStocksKnownMax, stocksSoughtMax } from '../../src/limits.ts'
import { type InProcessEngine, inProcessEngine } from '../support/in-process-engine.ts'
import { ManualClock, ManualTimers } from '../support/manual-time.ts'
import { note, suite } from '../support/suite.ts'
import { Wire } from '../support/wire.ts'
import {
  addStock,
  confirm,
  giveBack,
  isUnanswered,
  makeHold,
  phone,
  productOf,
  release,
  reserve,
  setStock,
  stockOf,
} from './asking.ts'

const isSegment = (path: string) => path.endsWith('.segment')
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const sale = { perCustomerLimit: 4, opensAtMs: 1_000 }

/** Waits where it must be looked for; no time passes. */
async function glanceAt(world: InProcessEngine, productId: ProductId = phone): Promise<Glance> {
  const glance = Promise.resolve(world.engine.glance(productId))
  await world.settle()
  return glance
}

/** At once, or the test has failed. */
function seen(world: InProcessEngine, productId: ProductId = phone): StockGlance {
  const glance = world.engine.glance(productId)
  assert.ok(glance !== undefined && !(glance instanceof Promise), 'it is known where to look')
  return glance
}

async function stocked(units = 10): Promise<InProcessEngine> {
  const world = await inProcessEngine()
  await world.ask(setStock(phone, units))
  await glanceAt(world)
  return world
}

/** What both say. */
function countsOf({ version, available, onHand, held, sold, retired, sale }: StockGlance | StockReply) {
  return JSON.parse(JSON.stringify({ version, available, onHand, held, sold, retired, sale }))
}

const glances = suite('a glance')

glances('shows what a hold left as soon as it is durable, and not before', async () => {
  const world = await stocked()
  const before = seen(world)
  world.disk.holdSyncs = isSegment
  const held = world.call(reserve(world, { quantity: 3 }))
  await world.settle()
  isUnanswered(held)
  assert.equal(seen(world), before)
  const later = world.call(reserve(world, { quantity: 2 }))
  await world.settle()
  world.disk.finishSyncs()
  await world.settle()
  isUnanswered(later)
  assert.equal(
    [seen(world).held, seen(world).version],
    [3, before.version + 1],
    'the first frame and no more',
  )
  world.disk.finishSyncs()
  await world.settle()
  assert.equal([seen(world).held, seen(world).available], [5, 5])
})

glances('shows no less than an answer that has come, in the very moment in which it comes', async () => {
  const world = await stocked(1_000)
  const behind: string[] = []
  for (let n = 0; n < 500; n++) {
    void world.engine.execute(reserve(world)).then((reply) => {
      if (reply.type !== 'held') throw new Error(reply.type)
      if (seen(world).available > reply.available) behind.push(`${n}`)
    })
  }
  await world.settle()
  assert.equal(behind, [])
  assert.is(seen(world).held, 500)
})

glances('shows what the shard does by itself: a hold that expires', async () => {
  const world = await stocked()
  await makeHold(world, { ttlMs: 60_000 })
  assert.is(seen(world).held, 1)
  await world.advance(61_000)
  assert.equal([seen(world).held, seen(world).available], [0, 10])
})

glances('shows a sale and that a product is retired, with the counts of the same version', async () => {
  const world = await stocked()
  await world.ask({ type: 'scheduleSale', productId: phone, sale })
  assert.equal(countsOf(seen(world)), countsOf(await stockOf(world)))
  assert.is(seen(world).sale.perCustomerLimit, 4)
  await world.ask({ type: 'scheduleSale', productId: phone, sale: {} })
  assert.equal(seen(world).sale, {})
  await world.ask({ type: 'retire', productId: phone })
  assert.ok(seen(world).retired)
  assert.equal(countsOf(seen(world)), countsOf(await stockOf(world)))
})

glances('asks a shard once, and not its disk: also for what is being synced', async () => {
  const world = await inProcessEngine()
  await world.ask(setStock(phone, 10))
  world.disk.holdSyncs = isSegment
  world.call(reserve(world))
  await world.settle()
  const glance = await glanceAt(world)
  assert.equal([glance?.held, glance?.available], [0, 10])
  const { inFlight } = world.engine
  for (let n = 0; n < 10; n++) seen(world)
  assert.is(world.engine.inFlight, inFlight, 'nobody is asked any more')
  world.disk.finishSyncs()
  await world.settle()
  assert.is(seen(world).held, 1)
})

glances('says when it was the newest: now, or when its shard went down', async () => {
  const world = await stocked()
  const wallMs = () => world.timers.clock.wallMs()
  assert.is(seen(world).asOfMs, wallMs())
  await world.advance(5_000)
  assert.is(seen(world).asOfMs, wallMs())
  const downAtMs = wallMs()
  world.kill()
  await world.advance(5_000)
  assert.is(seen(world).asOfMs, downAtMs)
  world.spawn(0)
  await world.settle()
  assert.is(seen(world).asOfMs, wallMs())
})

glances('of many keeps their order, at once where all are known', async () => {
  const world = await stocked()
  const [here, there] = [phone, productOf(1)]
  await world.ask(setStock(there, 7))
  const ids = [there, 'nobody' as ProductId, here]
  const first = world.engine.glanceMany(ids)
  assert.instance(first, Promise)
  await world.settle()
  const available = (await first).map((glance) => glance instanceof EngineError || glance?.available)
  assert.equal(available, [7, undefined, 10])
  const again = world.engine.glanceMany(ids)
  assert.not.instance(again, Promise)
  assert.equal(again, await first)
})

glances('finds products beyond the first part of the board', async () => {
  const world = await inProcessEngine({ shards: 1, segmentBytes: 1_048_576 })
  const ids = Array.from({ length: 2_500 }, (_, n) => `p${n}` as ProductId)
  assert.is(await glanceAt(world, 'p2499' as ProductId), undefined)
  for (const [n, id] of ids.entries()) world.call(setStock(id, n + 1))
  await world.settle()
  for (const [n, id] of ids.entries()) assert.is((await glanceAt(world, id))?.available, n + 1)
})

glances.run()

const absent = suite('a product without stock')

absent('is looked for again only once its shard has one more', async () => {
  const world = await stocked()
  const other = productsOf(0, 3)
  assert.is(await glanceAt(world, other[0]), undefined)
  assert.is(world.engine.glance(other[0]), undefined, 'at once')
  await world.ask(setStock(other[1] as ProductId, 5))
  assert.instance(world.engine.glance(other[0]), Promise, 'it may be there now')
  assert.is(await glanceAt(world, other[0]), undefined)
  assert.is(world.engine.glance(other[0]), undefined)
  await world.ask(setStock(other[0], 3))
  assert.is((await glanceAt(world, other[0]))?.available, 3)
})

absent('is there for nobody before it is durable', async () => {
  const world = await stocked()
  const [other] = productsOf(0, 1)
  world.disk.holdSyncs = isSegment
  const made = world.call(setStock(other, 5))
  assert.is(await glanceAt(world, other), undefined)
  isUnanswered(made)
  world.disk.finishSyncs()
  await world.settle()
  assert.is((await glanceAt(world, other))?.available, 5)
})

absent('that was never durable is not taken for the one that has its number instead', async () => {
  const world = await stocked()
  const [lost, other] = productsOf(0, 2) as [ProductId, ProductId]
  world.disk.holdSyncs = isSegment
  world.call(reserve(world))
  await world.settle()
  // Its frame waits for the one before, and is never written.
  world.call(setStock(lost, 5))
  await world.settle()
  assert.is(await glanceAt(world, lost), undefined)
  world.kill()
  world.disk.holdSyncs = undefined
  world.spawn(0)
  await world.settle()
  await world.ask(setStock(other, 7))
  assert.is(await glanceAt(world, lost), undefined)
  assert.is((await glanceAt(world, other))?.available, 7)
})

absent('is asked for by one of all who want it, and by no more than a listener may ask at once', async () => {
  const world = await stocked()
  world.worker().wire.there.isHolding = true
  const ids = Array.from({ length: stocksSoughtMax }, (_, n) => `made-up-${n}` as ProductId)
  const first = world.engine.glanceMany(ids)
  assert.is(world.engine.inFlight, stocksSoughtMax)
  const again = world.engine.glanceMany(ids)
  assert.is(world.engine.inFlight, stocksSoughtMax)
  const [refused] = await world.engine.glanceMany(['one-more' as ProductId])
  assert.ok(refused instanceof EngineError && refused.code === 'overloaded', `${refused}`)
  assert.is(seen(world).available, 10, 'and what is known is there all the same')
  world.worker().wire.there.release()
  await world.settle()
  for (const glance of [...(await first), ...(await again)]) assert.is(glance, undefined)
  assert.is(await glanceAt(world, 'one-more' as ProductId), undefined)
})

absent('crowds out only others without, however many are made up', async () => {
  const world = await stocked()
  for (let n = 0; n <= absentStocksKnownMax; n++) {
    void world.engine.glance(`made-up-${n}` as ProductId)
    if (n % stocksSoughtMax === stocksSoughtMax - 1) await world.settle()
  }
  await world.settle()
  assert.instance(world.engine.glance('made-up-0' as ProductId), Promise, 'it was forgotten')
  assert.is(world.engine.glance(`made-up-${absentStocksKnownMax}` as ProductId), undefined)
  assert.is(seen(world).available, 10)
  await world.settle()
})

absent.run()

const down = suite('while a shard is down')

down('a glance shows what was durable last, and never goes back after', async () => {
  const world = await stocked()
  await makeHold(world, { quantity: 2 })
  world.disk.holdSyncs = isSegment
  world.call(reserve(world, { quantity: 3 }))
  await world.settle()
  const before = countsOf(seen(world))
  assert.is(before.held, 2)
  world.kill()
  world.disk.holdSyncs = undefined
  assert.equal(countsOf(seen(world)), before)
  const life = world.spawn(0)
  assert.equal(countsOf(seen(world)), before, 'as long as its successor recovers')
  await world.settle()
  assert.is(life.state.type, 'ready')
  // What was written and not synced counts once it was written anew.
  assert.equal([seen(world).held, seen(world).version], [5, before.version + 1])
  assert.equal(countsOf(seen(world)), countsOf(await stockOf(world)))
})

down('the old board stays until the new one is filled', async () => {
  const world = await stocked()
  await makeHold(world)
  const before = countsOf(seen(world))
  world.kill()
  world.disk.holdSyncs = isSegment
  const life = world.spawn(0)
  await world.settle()
  assert.is(life.state.type, 'starting', 'it waits for its disk')
  assert.equal(countsOf(seen(world)), before)
  world.disk.holdSyncs = undefined
  world.disk.finishSyncs()
  await world.settle()
  assert.is(life.state.type, 'ready')
  assert.equal(countsOf(seen(world)), before)
})

down('a product that was never looked at cannot be, and others can', async () => {
  const world = await inProcessEngine({ workers: 2 })
  const [here, there] = [productOf(0), productOf(1)]
  for (const id of [here, there]) await world.ask(setStock(id, 3))
  world.kill(0)
  const [first, second] = await Promise.all([world.engine.glanceMany([here, there]), world.settle()]).then(
    ([all]) => all,
  )
  assert.ok(first instanceof EngineError && first.code === 'shard-unavailable', `${first}`)
  assert.ok(second !== undefined && !(second instanceof EngineError) && second.available === 3)
  world.spawn(0)
  await world.settle()
  assert.is((await glanceAt(world, here))?.available, 3)
})

down('what an ended worker still says of its board is not heard', () => {
  const control = new Wire<never, ToEngine>()
  const timers = new ManualTimers(new ManualClock(0))
  const wires = [1, 2].map(() => new Wire<CallsMessage, RepliesMessage>())
  const parts = { clock: timers.clock, timers: timers.session(), random: { fraction: () => 0 } }
  // Messages that were on their way when a port was closed may still come.
  const portOf = (end: MessagePort) => ({ ...(end as unknown as (typeof wires)[0]).near, close: () => {} })
  const engine = new Engine({ ...parts, control: control.near, portOf, shards: 1, workers: 1 })
  const boardOf = (version: number) => {
    const board = new ShardBoard(0 as ShardId)
    const counts = { onHand: version, held: 0, earmarked: 0, sold: 0, retired: false, sale: {} }
    board.show([{ number: 0, version, ...counts }])
    return { cells: [], board: [board.memory] }
  }
  for (const wire of wires) {
    if (wire !== wires[0]) control.back.send({ type: 'down', worker: 0 })
    control.back.send({ type: 'link', worker: 0, port: wire as unknown as MessagePort })
  }
  wires[1]?.far.send(boardOf(8))
  wires[0]?.far.send(boardOf(7))
  control.back.send({ type: 'state', worker: 0, state: { type: 'ready', room: 'all' } })
  const calls: CallsMessage[] = []
  wires[1]?.far.receive((message) => calls.push(message))
  const glance = engine.glance(phone)
  return timers.settle().then(async () => {
    const [call] = calls
    assert.ok(call)
    const place = { type: 'stockPlace', number: 0, products: 1 } as const
    readCalls(call.cells, (callId) => {
      const cells: Cell[] = []
      writeReply(cells, callId, place)
      wires[1]?.far.send({ cells })
    })
    assert.is((await glance)?.version, 8)
  })
})

down.run()

const always = suite('whatever is asked for, in whatever order it becomes durable')

const act = fc.record({
  kind: fc.constantFrom('reserve', 'reserve', 'add', 'release', 'confirm', 'return', 'sale', 'wait', 'pass'),
  product: fc.nat({ max: 2 }),
  quantity: fc.integer({ min: 1, max: 4 }),
  disk: fc.constantFrom('same', 'hold', 'finish', 'die'),
})

always('a glance is of the newest durable version, and equal to the state when all is quiet', async () => {
  note(`TEST_SEED=${seed}`)
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 30 }), async (acts) => {
      const world = await inProcessEngine({ shards: 2 })
      const ids = [productOf(0, 2), productOf(1, 2), ...productsOf(0, 1, 2)]
      for (const id of ids) await world.ask(setStock(id, 6))
      for (const id of ids) await glanceAt(world, id)
      const held: ReturnType<typeof reserve>[] = []
      let [isHeld, frozen] = [false, ids.map((id) => countsOf(seen(world, id)))]
      for (const { kind, product, quantity, disk } of acts) {
        const before = ids.map((id) => seen(world, id).version)
        if (disk === 'hold' && !isHeld) {
          await world.settle()
          world.disk.holdSyncs = isSegment
          frozen = ids.map((id) => countsOf(seen(world, id)))
          isHeld = true
        } else if (disk !== 'same' && disk !== 'hold') {
          if (disk === 'die') world.kill()
          isHeld = false
          world.disk.holdSyncs = undefined
          world.disk.finishSyncs()
          if (disk === 'die') world.spawn(0)
          await world.settle()
        }
        const productId = ids[product] as ProductId
        const target = held.at(-quantity)?.reservationId
        if (kind === 'reserve') {
          const request = reserve(world, { productId, quantity, ttlMs: 30_000 })
          held.push(request)
          world.call(request)
        } else if (kind === 'add') world.call(addStock(productId, quantity - 2))
        else if (kind === 'sale')
          world.call({ type: 'scheduleSale', productId, sale: { ...sale, opensAtMs: 1 } })
        else if (kind === 'pass') await world.advance(20_000)
        else if (kind === 'wait') {
          const reservationId = world.engine.newReservationId(productId)
          const customerId = `waits-${quantity}` as never
          world.call({ type: 'joinWaitlist', productId, customerId, quantity, reservationId })
        } else if (target !== undefined) {
          const settle = { release, confirm, return: giveBack }[kind]
          world.call(settle(target))
        }
        await world.settle()
        for (const [n, id] of ids.entries()) {
          assert.ok(seen(world, id).version >= (before[n] as number), 'it went back')
          if (isHeld) assert.equal(countsOf(seen(world, id)), frozen[n], 'it is not durable')
          else assert.equal(countsOf(seen(world, id)), countsOf(await stockOf(world, id)))
        }
      }
    }),
    { seed, numRuns: 60 },
  )
})

always.run()

const found = suite('an answer that names no place')

found('is a mistake of the engine, and nobody is told of a stock', async () => {
  const refused = { type: 'refused', refusal: { reason: 'unknownProduct', productId: phone } } as const
  const clock = { wallMs: () => 0 }
  const many = new StockGlances(() => Promise.resolve(refused), { clock, shards: 1, workers: 1 })
  await Promise.resolve(many.at(phone)).then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /is not refused/),
  )
})

found.run()

/** Others of this shard. */
function productsOf(shard: number, count: number, shards = 4): [ProductId, ...ProductId[]] {
  const first = `other-${shard}-`
  const all: ProductId[] = []
  for (let n = 0; all.length < count; n++) {
    const id = `${first}${n}` as ProductId
    if (shardOf(id, shards) === shard) all.push(id)
  }
  return all as [ProductId, ...ProductId[]]
}
