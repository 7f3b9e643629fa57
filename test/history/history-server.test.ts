/** The history answers from the journal what the engine would have answered then, through whatever happens to either. */
import { rmSync, writeFileSync } from 'node:fs'
import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import type { StockReply } from '../../src/actors/requests.ts'
import { endedKnownMs } from '../../src/domain/bounds.ts'
import { type CustomerId, type ProductId, type ReservationId, shardOf } from '../../src/domain/ids.ts'
import { availableIn, type PastReservation } from '../../src/history/fold.ts'
import type { StockEvent } from '../../src/history/queries.ts'
import { historyAliveMs, historySilentMs, historyWaitMs } from '../../src/limits.ts'
import {
  addStock,
  confirm,
  extend,
  giveBack,
  makeHold,
  phone,
  productOf,
  release,
  reservationOf,
  setStock,
  startPayment,
  stockOf,
} from '../actors/asking.ts'
import { note, suite } from '../support/suite.ts'
import { HistoryWorld } from './history-world.ts'

const [ann, bob] = ['ann', 'bob'] as [CustomerId, CustomerId]
const products = [phone, productOf(1), productOf(2), productOf(3)]
const nobodys = `res_${'0'.repeat(28)}` as ReservationId
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

async function listed(world: HistoryWorld, filter = {}, limit = 100): Promise<readonly PastReservation[]> {
  const question = { type: 'listReservations', filter, before: undefined, limit } as const
  return (await world.history.ask(question)).reservations
}

async function found(world: HistoryWorld, reservationId: ReservationId) {
  return world.history.ask({ type: 'findReservation', reservationId })
}

async function stockAt(world: HistoryWorld, productId: ProductId, sequence: number) {
  return world.history.ask({ type: 'readStockAt', productId, moment: { type: 'sequence', sequence } })
}

async function stockEvents(world: HistoryWorld, productId = phone): Promise<readonly StockEvent[]> {
  const question = { type: 'listStockEvents', productId, from: undefined, limit: 100 } as const
  return (await world.history.ask(question))?.events ?? []
}

const answers = suite('the history')

answers('tells each reservation as it stands, and the newest first', async () => {
  using world = await HistoryWorld.start()
  const { engine } = world
  await engine.ask(setStock(phone, 100))
  const held = await makeHold(engine, { quantity: 2, customerId: ann, reference: 'cart-1' })
  await engine.advance(1)
  const sold = await makeHold(engine, { quantity: 3, customerId: bob })
  await engine.ask({ ...confirm(sold.id), reference: 'order-1', items: [{ productId: phone, quantity: 2 }] })
  await engine.ask(giveBack(sold.id))
  await engine.advance(1)
  const released = await makeHold(engine, { customerId: ann })
  await engine.ask(release(released.id))
  await engine.advance(1)
  const paying = await makeHold(engine, { customerId: bob })
  await engine.ask(startPayment(paying.id, 60_000))
  await world.catchUp()

  const all = await listed(world)
  assert.equal(
    all.map(({ reservationId }) => reservationId),
    [paying.id, released.id, sold.id, held.id],
  )
  assert.equal(
    all.map(({ status }) => status),
    ['paying', 'released', 'confirmed', 'held'],
  )
  assert.equal(all[2]?.lines, [{ productId: phone, quantity: 2, returned: 2 }])
  assert.is(all[2]?.reference, 'order-1')
  const ids = async (filter: object) =>
    (await listed(world, filter)).map(({ reservationId }) => reservationId)
  assert.equal(await ids({ customerId: ann }), [released.id, held.id])
  assert.equal(await ids({ status: 'confirmed' }), [sold.id])
  assert.equal(await ids({ reference: 'cart-1' }), [held.id])
  assert.equal(await ids({ reference: 'order-1', customerId: ann }), [])
  assert.equal(await ids({ productId: phone, customerId: bob, status: 'paying' }), [paying.id])
  assert.equal(await ids({ productId: products[1] }), [])
})

answers('gives lists in pages, each going on where the last one ended', async () => {
  using world = await HistoryWorld.start()
  const { engine } = world
  await engine.ask(setStock(phone, 1_000))
  // More than one row of ids, and written in parts.
  for (let i = 0; i < 90; i++) {
    await makeHold(engine, { customerId: i % 3 === 0 ? ann : bob })
    if (i % 40 === 0) await world.catchUp()
    if (i % 40 === 0) await found(world, nobodys)
  }
  await world.catchUp()
  for (const filter of [{}, { customerId: ann }, { productId: phone }, { status: 'held' }] as const) {
    const all = (await listed(world, filter)).map(({ reservationId }) => reservationId)
    const inPages: ReservationId[] = []
    let before: ReservationId | undefined
    do {
      const question = { type: 'listReservations', filter, before, limit: 4 } as const
      const { reservations, next } = await world.history.ask(question)
      inPages.push(...reservations.map(({ reservationId }) => reservationId))
      before = next
    } while (before !== undefined)
    assert.equal(inPages, all)
    assert.equal(all, all.toSorted().reverse())
  }
})

answers('still knows a reservation that its shard has forgotten', async () => {
  using world = await HistoryWorld.start()
  const { engine } = world
  await engine.ask(setStock(phone, 10))
  const { id } = await makeHold(engine)
  await engine.ask(release(id))
  await world.sleep(endedKnownMs + 1)
  await world.catchUp()
  assert.is((await engine.ask({ type: 'readReservation', reservationId: id })).type, 'refused')
  assert.is((await found(world, id))?.status, 'released')
  assert.is(await found(world, `${id.slice(0, -3)}000` as ReservationId), undefined)
})

answers('shows what each event changed, why, and what was left', async () => {
  using world = await HistoryWorld.start()
  const { engine } = world
  await engine.ask(setStock(phone, 10))
  const { id } = await makeHold(engine, { quantity: 4, customerId: ann })
  await engine.ask({ ...confirm(id), items: [{ productId: phone, quantity: 3 }] })
  await engine.ask(addStock(phone, 5))
  await engine.ask({ type: 'retire', productId: phone })
  await world.catchUp()
  const events = await stockEvents(world)
  assert.equal(
    events.map(({ event, after: { version, onHand, held, sold, retired } }) => {
      return [event.type, version, onHand, held, sold, retired]
    }),
    [
      ['ProductRetired', 5, 12, 0, 3, true],
      ['StockAdjusted', 4, 12, 0, 3, false],
      ['UnitsConfirmed', 3, 7, 0, 3, false],
      ['UnitsHeld', 2, 10, 4, 0, false],
      ['StockAdjusted', 1, 10, 0, 0, false],
    ],
  )
  assert.equal(events[2]?.before, events[3]?.after)
  assert.is(events[2]?.reservation?.customerId, ann)
  assert.is(events[0]?.reservation, undefined)
  const question = { type: 'listStockEvents', productId: phone, limit: 2 } as const
  const first = await world.history.ask({ ...question, from: undefined })
  const second = await world.history.ask({ ...question, from: first?.next })
  const third = await world.history.ask({ ...question, from: second?.next })
  const versions = [first, second, third].map((page) => page?.events.map(({ after }) => after.version))
  assert.equal(versions, [[5, 4], [3, 2], [1]])
  assert.is(third?.next, undefined)
  const unknown = products[1] as ProductId
  assert.is(await world.history.ask({ ...question, productId: unknown, from: undefined }), undefined)
})

answers('tells the stock as of any sequence and any time', async () => {
  using world = await HistoryWorld.start()
  const { engine } = world
  const seen: StockReply[] = []
  // More than one block of events, and written in parts.
  for (let i = 0; i < 90; i++) {
    await engine.ask(setStock(phone, 10 + i))
    seen.push(await stockOf(engine))
    if (i % 40 === 0) await world.catchUp()
    if (i % 40 === 0) await found(world, nobodys)
    // Another product of the shard, so that sequences go on without this one.
    await engine.ask(setStock(productOf(0, 4) === phone ? anotherOf(0) : phone, i))
    await engine.advance(1_000)
  }
  await world.catchUp()
  for (const [i, reply] of seen.entries()) {
    for (const sequence of [reply.sequence, reply.sequence + 1]) {
      const at = await stockAt(world, phone, sequence)
      assert.equal(at.type === 'stock' && [at.stock.version, at.stock.onHand], [i + 1, 10 + i])
    }
    for (const atMs of [reply.asOfMs, reply.asOfMs + 999]) {
      const moment = { type: 'time', atMs } as const
      const at = await world.history.ask({ type: 'readStockAt', productId: phone, moment })
      assert.equal(at.type === 'stock' && [at.stock.version, at.stock.atMs], [i + 1, reply.asOfMs])
    }
  }
  assert.is((await stockAt(world, phone, 0)).type, 'unknown')
  assert.is((await stockAt(world, anotherOf(1), 1)).type, 'unknown')
})

answers('waits for a position within a bound, and answers from there', async () => {
  using world = await HistoryWorld.start()
  const { engine } = world
  await engine.ask(setStock(phone, 10))
  const { id, sequence } = await makeHold(engine)
  const after = new Map([[shardOf(phone, 4), sequence]])
  const asked = world.history.client.ask({ type: 'findReservation', reservationId: id }, after)
  await engine.settle()
  await world.catchUp()
  const { answer, position } = await asked
  assert.is(answer?.status, 'held')
  assert.is(position.get(shardOf(phone, 4)), sequence)

  const never = new Map([[shardOf(phone, 4), sequence + 1]])
  const late = world.history.client.ask({ type: 'findReservation', reservationId: id }, never)
  let code: string | undefined
  late.catch((error: { code: string }) => {
    code = error.code
  })
  await engine.advance(historyWaitMs - 1)
  assert.is(code, undefined)
  await engine.advance(historyWaitMs)
  assert.is(code, 'behind')
})

answers(
  'says that none are available where some that were put aside were taken away, not fewer than none',
  async () => {
    using world = await HistoryWorld.start()
    const { engine } = world
    await engine.ask(setStock(phone, 5))
    const held = await makeHold(engine, { quantity: 5, customerId: bob })
    const reservationId = engine.engine.newReservationId(phone)
    await engine.ask({ type: 'joinWaitlist', productId: phone, customerId: ann, quantity: 50, reservationId })
    await engine.ask(release(held.id))
    await engine.ask(addStock(phone, -3))
    await world.catchUp()
    const events = await stockEvents(world)
    assert.equal(
      events
        .slice(0, 2)
        .map(({ event, after }) => [event.type, after.onHand, after.earmarked, availableIn(after)]),
      [
        ['UnitsEarmarked', 2, 2, 0],
        ['StockAdjusted', 2, 5, 0],
      ],
    )
  },
)

answers.run()

const through = suite('the history goes on')

through('through kills of either side, other numbers of workers, and a lost file', async () => {
  for (let life = 0; life < 6; life++) await randomLife(seed + life)
  note(`TEST_SEED=${seed}`)
})

through('with a file of another version, or of no version, or none at all: it is made anew', async () => {
  using world = await HistoryWorld.start()
  const { engine } = world
  await engine.ask(setStock(phone, 10))
  const { id } = await makeHold(engine)
  await world.catchUp()
  for (const damage of [
    () => rmSync(world.path),
    () => writeFileSync(world.path, 'this is no database, and has never been one'.repeat(100)),
    () => writeFileSync(world.path, ''),
  ]) {
    world.history.server.close()
    damage()
    for (const part of ['-wal', '-shm']) rmSync(world.path + part, { force: true })
    world.begin()
    await world.catchUp()
    assert.is((await found(world, id))?.status, 'held')
    assert.is((await stockEvents(world)).length, 2)
  }
})

through('with rows that are not what was put there: it is made anew', async () => {
  using world = await HistoryWorld.start()
  const { engine } = world
  await engine.ask(setStock(phone, 10))
  const { id } = await makeHold(engine)
  for (const damage of [
    "UPDATE reservations SET rest = x'ff'",
    "UPDATE stock_events SET events = x'ffff'",
    'UPDATE stock_events SET version = version + 1',
    'UPDATE reservations SET status = 9',
    'UPDATE product_reservations SET ids = substr(ids, 2)',
    'DELETE FROM reservations',
  ]) {
    await world.catchUp()
    world.history.server.close()
    const file = new Database(world.path)
    file.exec(damage)
    file.close()
    const life = world.begin()
    await world.catchUp()
    await listed(world, { productId: phone }).catch(() => {})
    await stockEvents(world).catch(() => {})
    await world.catchUp()
    assert.is(life.logged('history.rebuilt'), 1, damage)
    assert.equal(
      (await listed(world, { productId: phone })).map(({ reservationId }) => reservationId),
      [id],
    )
    assert.is((await stockEvents(world)).length, 2)
  }
})

through('with another history, from its beginning', async () => {
  using world = await HistoryWorld.start()
  const { engine } = world
  await engine.ask(setStock(phone, 10))
  await engine.shutDown()
  const earlier = engine.disk.copy()
  await world.restartEngine()
  const { id } = await makeHold(world.engine)
  await world.catchUp()
  assert.is((await found(world, id))?.status, 'held')
  world.history.server.close()
  await world.engine.shutDown()
  // Yesterday's backup is put back, and the projection is today's.
  await world.restartEngine({ disk: earlier })
  await world.engine.ask(setStock(phone, 77))
  const life = world.begin()
  await world.catchUp()
  assert.is(life.logged('history.rebuilt'), 1)
  assert.is(await found(world, id), undefined)
  assert.equal(
    (await stockEvents(world)).map(({ after }) => after.onHand),
    [77, 10],
  )
})

through('later where its disk is nearly full, and behind the shards meanwhile', async () => {
  using world = await HistoryWorld.start()
  const { engine } = world
  await engine.ask(setStock(phone, 10))
  await world.catchUp()
  world.history.freeBytes = 1_000
  await engine.advance(2_000)
  const { id } = await makeHold(engine)
  await world.catchUp()
  assert.is(await found(world, id), undefined)
  assert.is(world.history.logged('history.noRoom'), 1)
  world.history.freeBytes = Number.POSITIVE_INFINITY
  await engine.advance(2_000)
  assert.is((await found(world, id))?.status, 'held')
})

through.run()

const watching = suite('watching')

watching(
  'is told of every change of what is watched, and of nothing else, and only when it is durable',
  async () => {
    using world = await HistoryWorld.start()
    const { engine, history } = world
    for (const productId of products) await engine.ask(setStock(productId, 10))
    let changes = 0
    const watched = history.client.watch(phone, () => {
      changes += 1
    })
    await world.catchUp()
    await watched
    // What was written before the watch may be told again.
    changes = 0
    await engine.ask(setStock(products[1] as ProductId, 11))
    await world.catchUp()
    assert.is(changes, 0)
    engine.disk.holdSyncs = (path) => path.endsWith('.segment')
    const asked = engine.call(setStock(phone, 12))
    await engine.settle()
    await world.catchUp()
    assert.is(changes, 0)
    assert.is(asked.outcome, undefined)
    engine.disk.holdSyncs = undefined
    engine.disk.finishSyncs()
    await world.catchUp()
    assert.is(changes, 1)
    history.client.unwatch(phone)
    await engine.ask(setStock(phone, 13))
    await world.catchUp()
    assert.is(changes, 1)
    assert.is((await history.server.status()).watchedProducts, 0)
  },
)

watching('goes on over a restart of the workers', async () => {
  using world = await HistoryWorld.start()
  const { engine, history } = world
  await engine.ask(setStock(phone, 10))
  let changes = 0
  void history.client.watch(phone, () => {
    changes += 1
  })
  await world.catchUp()
  engine.kill()
  engine.spawn(0)
  await engine.advance(6_000)
  changes = 0
  await engine.ask(setStock(phone, 11))
  await world.catchUp()
  assert.is(changes, 1)
})

watching('is believed only while somebody says that nothing was missed', async () => {
  using world = await HistoryWorld.start()
  const { engine, history } = world
  await engine.ask(setStock(phone, 10))
  void history.client.watch(phone, () => {})
  await world.catchUp()
  await engine.advance(historyAliveMs)
  assert.ok(history.client.isWatching)
  await engine.advance(10 * historySilentMs)
  assert.ok(history.client.isWatching, 'quiet is not silence')
  history.end()
  assert.not.ok(history.client.isWatching)
  const stuck = world.begin()
  void stuck.client.watch(phone, () => {})
  await engine.advance(historyAliveMs)
  assert.ok(stuck.client.isWatching)
  stuck.stop()
  await engine.advance(historySilentMs)
  assert.not.ok(stuck.client.isWatching)
})

watching.run()

/** Another product of a shard. */
function anotherOf(shard: number): ProductId {
  for (let n = 100; ; n++) {
    const product = `q${n}` as ProductId
    if (shardOf(product, 4) === shard) return product
  }
}

/**
 * Commands, kills and restarts at random. In the end the history tells every reservation and every stock as the engine
 * does, and every stock it ever told by sequence.
 */
async function randomLife(lifeSeed: number): Promise<void> {
  using world = await HistoryWorld.start({ segmentBytes: 64 * 1_024 })
  const random = randomOf(lifeSeed)
  const below = (count: number) => Math.floor(random() * count)
  const ids: ReservationId[] = []
  const told: StockReply[] = []
  const anId = () => ids[below(ids.length)] ?? nobodys
  const aProduct = () => products[below(products.length)] as ProductId
  for (let step = 0; step < 250; step++) {
    const { engine } = world
    const productId = aProduct()
    switch (below(16)) {
      case 0:
        await engine.ask(addStock(productId, 1 + below(30)))
        break
      case 1:
        await engine.ask(setStock(productId, below(50)))
        break
      case 2: {
        const sale = below(2) === 0 ? {} : { perCustomerLimit: 1 + below(5), holdTtlMs: 1_000 + below(5_000) }
        await engine.ask({ type: 'scheduleSale', productId, sale })
        break
      }
      case 3:
        await engine.ask({ ...release(anId()), items: partOf(below(3), productId) })
        break
      case 4:
      case 5:
        await engine.ask({ ...confirm(anId()), items: partOf(below(3), productId) })
        break
      case 6:
        await engine.ask(giveBack(anId()))
        break
      case 7:
        await engine.ask(extend(anId(), 1_000 + below(60_000)))
        break
      case 8:
        await engine.ask(startPayment(anId(), 1_000 + below(60_000)))
        break
      case 9:
        if (below(20) === 0) await world.sleep(endedKnownMs)
        else await engine.advance(below(8_000))
        break
      case 10:
        if (below(6) > 0) break
        world.kill()
        world.begin()
        break
      case 11:
        if (below(6) > 0) break
        if (below(2) === 0) engine.crash()
        else await engine.shutDown()
        await world.restartEngine({ workers: 1 + below(3) })
        world.kill()
        world.begin()
        break
      case 12: {
        const reply = await engine.ask({ type: 'readStock', productId })
        if (reply.type === 'stock') told.push(reply)
        break
      }
      default: {
        const quantity = 1 + below(4)
        const customerId = below(3) === 0 ? ann : bob
        const reservationId = engine.engine.newReservationId(productId)
        const ttlMs = 1_000 + below(20_000)
        const command = { type: 'reserve', reservationId, productId, quantity, customerId, ttlMs } as const
        const reply = await engine.ask({ ...command, allowPartial: below(2) === 0, reference: undefined })
        if (reply.type === 'held') ids.push(reservationId)
      }
    }
  }
  await compare(world, ids, told)
  // Filled anew from the first event it is the same.
  world.history.server.close()
  rmSync(world.path)
  world.begin()
  await compare(world, ids, told)
}

async function compare(world: HistoryWorld, ids: readonly ReservationId[], told: readonly StockReply[]) {
  const now = await stockWhenReached(world)
  for (const id of ids) {
    const past = await found(world, id)
    assert.ok(past, `${id} is known`)
    const reply = await world.engine.ask({ type: 'readReservation', reservationId: id })
    if (reply.type === 'refused') continue
    const { customerId, reference, status, lines, expiresAtMs } = await reservationOf(world.engine, id)
    const { sequence: _, createdAtMs: __, ...shown } = past as PastReservation
    assert.equal(shown, {
      reservationId: id,
      customerId,
      reference,
      status,
      lines,
      expiresAtMs,
      resolvedAtMs: reply.resolvedAtMs ?? 0,
    })
  }
  for (const reply of [...told, ...now]) {
    const { productId, version, onHand, held, sold, retired, sequence } = reply
    const at = await stockAt(world, productId, sequence)
    assert.is(at.type, 'stock')
    if (at.type !== 'stock') continue
    const { atMs: _, sequence: __, waiting, earmarked, ...shown } = at.stock
    assert.equal(shown, { productId, version, onHand, held, sold, retired })
    assert.is(onHand - held - earmarked, reply.available)
    assert.ok(waiting > 0 || earmarked === 0)
  }
}

/** What the engine says of every product, once the history has come as far: what is due may happen with any question. */
async function stockWhenReached(world: HistoryWorld): Promise<readonly StockReply[]> {
  for (;;) {
    await world.catchUp()
    const replies: StockReply[] = []
    for (const productId of products) {
      const reply = await world.engine.ask({ type: 'readStock', productId })
      if (reply.type === 'stock') replies.push(reply)
    }
    const { position } = await world.history.whole({ type: 'findReservation', reservationId: nobodys })
    const isReached = ({ productId, sequence }: StockReply) =>
      sequence === position.get(shardOf(productId, world.engine.options.shards))
    if (replies.every(isReached)) return replies
  }
}

function partOf(quantity: number, productId: ProductId) {
  return quantity === 0 ? undefined : [{ productId, quantity }]
}

function randomOf(start: number): () => number {
  let state = start | 0
  return () => {
    state = (state + 0x9e3779b9) | 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 0x1_0000_0000
  }
}
