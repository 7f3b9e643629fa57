/** Reservations of several products over several shards and workers: P1 to P5, and what becomes of them when somebody dies. */
import * as assert from 'uvu/assert'
import { EngineError } from '../../src/actors/engine-error.ts'
import type { Refused, ReservationReply, SplitHeldReply } from '../../src/actors/requests.ts'
import { type SeveralProducts, SplitCoordinator } from '../../src/actors/split-coordinator.ts'
import type { CustomerId, ProductId, ReservationId } from '../../src/domain/ids.ts'
import { abortedKnownMs, doubtAfterMs, recoveryGraceMs, redeliverAfterMs } from '../../src/limits.ts'
import { InProcessEngine, inProcessEngine } from '../support/in-process-engine.ts'
import { note, suite } from '../support/suite.ts'
import {
  confirm,
  giveBack,
  productOf,
  readReservation,
  readStock,
  release,
  setStock,
  stockOf,
} from './asking.ts'

/** Products of shard 0 to 3; with two workers, 0 and 2 are the first one's. */
const products = [0, 1, 2, 3].map((shard) => productOf(shard)).toSorted() as [
  ProductId,
  ProductId,
  ProductId,
  ProductId,
]
const isSegment = (path: string) => path.endsWith('.segment')

async function stocked(units: number, options = {}): Promise<InProcessEngine> {
  const world = await inProcessEngine({ workers: 2, ...options })
  for (const product of products) await world.ask(setStock(product, units))
  return world
}

function coordinatorOf(world: InProcessEngine): SplitCoordinator {
  return new SplitCoordinator(world.engine, {
    clock: world.timers.clock,
    timers: world.timers.session(),
    shards: 4,
  })
}

function several(world: InProcessEngine, fields: Partial<SeveralProducts> = {}): SeveralProducts {
  const lines = fields.lines ?? products.map((productId) => ({ productId, quantity: 2 }))
  return {
    reservationId: world.engine.newReservationId(lines[0]?.productId as ProductId),
    customerId: 'ann' as CustomerId,
    ttlMs: undefined,
    allowPartial: false,
    reference: undefined,
    key: undefined,
    lines,
    ...fields,
  }
}

type Told<T> = { reply?: T; error?: unknown }

function begin<T>(promise: Promise<T>): Told<T> {
  const told: Told<T> = {}
  promise.then(
    (reply) => {
      told.reply = reply
    },
    (error: unknown) => {
      told.error = error
    },
  )
  return told
}

async function told<T>(world: InProcessEngine, promise: Promise<T>): Promise<T> {
  const outcome = begin(promise)
  await world.settle()
  if (outcome.error !== undefined) throw outcome.error
  assert.ok(
    outcome.reply !== undefined,
    JSON.stringify(world.lives.flat().flatMap(({ failures }) => failures)),
  )
  return outcome.reply as T
}

async function reserved(
  world: InProcessEngine,
  fields: Partial<SeveralProducts> = {},
): Promise<ReservationId> {
  const ask = several(world, fields)
  const reply = await told(world, coordinatorOf(world).reserve(ask))
  assert.is(reply.type, 'splitHeld', JSON.stringify(reply))
  return (reply as SplitHeldReply).reservationId
}

async function counts(world: InProcessEngine): Promise<readonly (readonly number[])[]> {
  const stocks: Awaited<ReturnType<typeof stockOf>>[] = []
  for (const product of products) stocks.push(await stockOf(world, product))
  return stocks.map(({ onHand, held, sold }) => [onHand, held, sold])
}

const each = (counted: readonly number[]) => products.map(() => counted)

const test = suite('several products in one reservation')

test('are held in every shard, or in one frame where one shard has them all', async () => {
  const world = await stocked(5)
  const reply = await told(world, coordinatorOf(world).reserve(several(world)))
  assert.is(reply.type, 'splitHeld')
  assert.equal(
    (reply as SplitHeldReply).lines,
    products.map((productId) => ({ productId, quantity: 2, available: 3 })),
  )
  assert.equal(await counts(world), each([5, 2, 0]))
})

test('are confirmed, and partly returned, everywhere before the reply goes out', async () => {
  const world = await stocked(5)
  const id = await reserved(world)
  const confirmed = (await told(world, coordinatorOf(world).change(confirm(id)))) as ReservationReply
  assert.is(confirmed.status, 'confirmed')
  assert.equal(await counts(world), each([3, 0, 2]))
  const items = [{ productId: products[3], quantity: 1 }]
  const returned = await told(
    world,
    coordinatorOf(world).change({ type: 'return', reservationId: id, items, reason: 'too small' }),
  )
  assert.equal(
    (returned as ReservationReply).lines.map((line) => line.returned),
    [0, 0, 0, 1],
  )
  assert.equal((await counts(world))[3], [4, 0, 1])
  await told(world, coordinatorOf(world).change(giveBack(id)))
  assert.equal(await counts(world), each([5, 0, 0]))
  const read = await told(world, coordinatorOf(world).change(readReservation(id)))
  assert.equal((read as ReservationReply).unsettled, [], 'every shard has acknowledged')
})

test('are partly released and partly confirmed', async () => {
  const world = await stocked(5)
  const id = await reserved(world)
  const coordinator = coordinatorOf(world)
  const part = (quantity: number) => products.slice(1).map((productId) => ({ productId, quantity }))
  await told(world, coordinator.change({ type: 'release', reservationId: id, items: part(1) }))
  assert.equal(
    (await counts(world)).map(([, held]) => held),
    [2, 1, 1, 1],
  )
  await told(
    world,
    coordinator.change({ type: 'confirm', reservationId: id, items: part(1).slice(1), reference: 'o-1' }),
  )
  assert.equal(await counts(world), [
    [5, 0, 0],
    [5, 0, 0],
    [4, 0, 1],
    [4, 0, 1],
  ])
})

test('are refused as a whole, with what each could have had, and nothing is held any more', async () => {
  const world = await stocked(5)
  for (const short of products) {
    const lines = products.map((productId) => ({ productId, quantity: productId === short ? 6 : 2 }))
    const reply = (await told(world, coordinatorOf(world).reserve(several(world, { lines })))) as Refused
    assert.equal(reply.refusal, {
      reason: 'outOfStock',
      items: lines.map(({ productId, quantity }) => ({ productId, requested: quantity, available: 5 })),
    })
    assert.equal(await counts(world), each([5, 0, 0]), 'before the refusal leaves')
  }
})

test('that overlap, asked for at once, all come to an end, and nothing is held for those that came to nothing', async () => {
  const world = await stocked(30)
  const calls = Array.from({ length: 60 }, (_, n) => {
    const pair = [products[n % 4], products[(n + 1) % 4]].toSorted() as ProductId[]
    const lines = pair.map((productId) => ({ productId, quantity: 2 }))
    return begin(coordinatorOf(world).reserve(several(world, { lines })))
  })
  await world.settle()
  const made = calls.filter(({ reply }) => reply?.type === 'splitHeld').length
  const refused = calls.filter(({ reply }) => reply?.type === 'refused').length
  assert.is(made + refused, calls.length)
  assert.ok(made > 0 && refused > 0, `${made} were made, ${refused} refused`)
  const held = (await counts(world)).map(([, units]) => units as number)
  assert.is(
    held.reduce((sum, units) => sum + units, 0),
    made * 4,
  )
})

test('take what can be had where that is allowed', async () => {
  const world = await stocked(5)
  await world.ask(setStock(products[1], 1))
  await world.ask(setStock(products[2], 0))
  const reply = await told(world, coordinatorOf(world).reserve(several(world, { allowPartial: true })))
  assert.equal(
    (reply as SplitHeldReply).lines.map(({ productId, quantity }) => [productId, quantity]),
    [
      [products[0], 2],
      [products[1], 1],
      [products[3], 2],
    ],
  )
  for (const product of products) await told(world, world.engine.execute(setStock(product, 2)))
  const none = products.map((productId) => ({ productId, quantity: 2 }))
  const left = await told(
    world,
    coordinatorOf(world).reserve(several(world, { allowPartial: true, lines: none.slice(0, 2) })),
  )
  assert.is(left.type, 'splitHeld')
  const again = await told(
    world,
    coordinatorOf(world).reserve(several(world, { allowPartial: true, lines: none.slice(0, 1) })),
  )
  assert.is(again.type, 'refused', 'nothing anywhere is a refusal')
})

test('expire together, and other shards hear of it though nobody asked', async () => {
  const world = await stocked(5)
  const id = await reserved(world, { ttlMs: 60_000 })
  await world.advance(60_000 + redeliverAfterMs + 1)
  assert.equal(await counts(world), each([5, 0, 0]))
  const read = (await told(world, coordinatorOf(world).change(readReservation(id)))) as ReservationReply
  assert.is(read.status, 'expired')
  assert.equal(read.unsettled, [])
})

test('that were long given up are not made by a listener that stood still meanwhile', async () => {
  const world = await stocked(5)
  const { back } = world.worker(1).wire
  back.isHolding = true
  const making = coordinatorOf(world).reserve(several(world))
  await world.advance(doubtAfterMs + 1_000)
  assert.is((await stockOf(world, products[2])).held, 0, 'its hold has asked, and was given back')
  // No timer rings: the thread that would be told of the time stands still.
  world.timers.clock.pass(abortedKnownMs + 1_000)
  await world.ask(readStock(products[0]))
  back.release()
  const refused = await told(world, making).then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.ok(refused instanceof EngineError && refused.code === 'overloaded', String(refused))
  assert.equal(await counts(world), each([5, 0, 0]))
})

test('that nobody finished making are given back: their holds ask the home', async () => {
  const world = await stocked(5)
  const ask = several(world)
  const { reservationId, customerId } = ask
  for (const shard of [1, 2, 3]) {
    const lines = ask.lines.filter(({ productId }) => productId === productOf(shard))
    if (lines.length === 0 || productOf(shard) === products[0]) continue
    await told(
      world,
      world.engine.execute({
        type: 'holdLines',
        reservationId,
        shard,
        customerId,
        allowPartial: false,
        lines,
      } as never),
    )
  }
  assert.ok((await counts(world)).some(([, held]) => held === 2))
  await world.advance(doubtAfterMs + 1)
  assert.equal(await counts(world), each([5, 0, 0]))
  const late = begin(coordinatorOf(world).reserve(ask))
  await world.settle()
  assert.ok(
    late.error instanceof EngineError && late.error.code === 'overloaded',
    'an aborted one is never made',
  )
  assert.equal(await counts(world), each([5, 0, 0]))
})

for (const worker of [0, 1]) {
  test(`are settled after worker ${worker} died before it heard`, async () => {
    const world = await stocked(5)
    const id = await reserved(world)
    world.kill(worker)
    const change = begin(coordinatorOf(world).change(release(id)))
    await world.settle()
    world.spawn(worker)
    await world.advance(10 * redeliverAfterMs)
    if (change.error !== undefined) {
      await told(world, coordinatorOf(world).change(release(id)))
    }
    await world.advance(2 * redeliverAfterMs)
    assert.equal(await counts(world), each([5, 0, 0]))
  })
}

test('survive a crash of everything at any moment of making and settling them', async () => {
  let calls = 0
  for (let left = 0; left <= 0; calls++) {
    const world = await stocked(5)
    left = calls
    world.disk.onChange = () => {
      left -= 1
      if (left === 0) world.crash()
    }
    const ask = several(world, { ttlMs: 600_000 })
    const made = begin(coordinatorOf(world).reserve(ask))
    await world.settle()
    const settled = begin(coordinatorOf(world).change(confirm(ask.reservationId)))
    await world.settle()
    world.crash()
    const again = await new InProcessEngine({ disk: world.disk.afterPowerLoss(), workers: 1 }).start()
    await again.advance(recoveryGraceMs + 2 * doubtAfterMs)
    const read = begin(coordinatorOf(again).change(readReservation(ask.reservationId)))
    await again.settle()
    const after = read.reply
    const counted = await counts(again)
    if (settled.reply?.type === 'reservation') {
      assert.is((after as ReservationReply).status, 'confirmed', `call ${calls}`)
    }
    if (made.reply?.type === 'splitHeld') assert.is(after?.type, 'reservation', `call ${calls}`)
    const status = after?.type === 'reservation' ? after.status : 'none'
    const expected = { none: [5, 0, 0], held: [5, 2, 0], confirmed: [3, 0, 2] }[status as 'none']
    assert.equal(counted, each(expected), `call ${calls}: ${status}`)
  }
  note(`${calls} moments`)
  assert.ok(calls > 10)
})

test('rest on durable events only: no shard hears of a settlement that may be lost', async () => {
  const world = await stocked(5)
  const id = await reserved(world, { ttlMs: 60_000 })
  world.disk.holdSyncs = isSegment
  await world.advance(60_000 + 3 * redeliverAfterMs)
  world.crash()
  const again = await new InProcessEngine({ disk: world.disk.afterPowerLoss(), workers: 1 }).start()
  const read = (await told(again, coordinatorOf(again).change(readReservation(id)))) as ReservationReply
  assert.is(read.status, 'held')
  assert.equal(await counts(again), each([5, 2, 0]))
})

test.run()
