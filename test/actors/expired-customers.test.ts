/** Whose reservations have expired, as workers tell main of it for those who count hoarding (FAULTS.md, attack 29). */
import * as assert from 'uvu/assert'
import { SplitCoordinator } from '../../src/actors/split-coordinator.ts'
import type { CustomerId, ProductId } from '../../src/domain/ids.ts'
import { recoveryGraceMs } from '../../src/limits.ts'
import { type InProcessEngine, inProcessEngine } from '../support/in-process-engine.ts'
import { suite } from '../support/suite.ts'
import { confirm, makeHold, phone, productOf, release, setStock, startPayment } from './asking.ts'

const SECOND = 1_000
const ann = 'ann' as CustomerId
const bob = 'bob' as CustomerId
const test = suite('a customer whose reservation expires')

const told = (world: InProcessEngine) => world.lives.flat().flatMap(({ expired }) => expired)

async function stocked(options = {}): Promise<InProcessEngine> {
  const world = await inProcessEngine({ workers: 2, ...options })
  for (let shard = 0; shard < 4; shard++) await world.ask(setStock(productOf(shard), 100))
  return world
}

test('is told of once for each, whichever worker has it', async () => {
  const world = await stocked()
  for (let shard = 0; shard < 4; shard++) {
    await makeHold(world, { productId: productOf(shard), customerId: shard === 3 ? bob : ann, ttlMs: SECOND })
  }
  await world.advance(SECOND - 1)
  assert.equal(told(world), [])
  await world.advance(60 * SECOND)
  assert.equal(told(world).toSorted(), [ann, ann, ann, bob])
})

test('is told of once where it is a reservation of several products on several shards', async () => {
  const world = await stocked()
  const lines = [0, 1, 2, 3].map((shard) => ({ productId: productOf(shard), quantity: 2 }))
  const sorted = lines.toSorted((a, b) => (a.productId < b.productId ? -1 : 1))
  const coordinator = new SplitCoordinator(world.engine, {
    clock: world.timers.clock,
    timers: world.timers.session(),
    shards: 4,
  })
  void coordinator.reserve({
    reservationId: world.engine.newReservationId(sorted[0]?.productId as ProductId),
    customerId: bob,
    ttlMs: SECOND,
    allowPartial: false,
    reference: undefined,
    key: undefined,
    lines: sorted,
  })
  await world.advance(60 * SECOND)
  assert.equal(told(world), [bob])
})

test('is told of when payment ran out, and not when it was confirmed or released, nor where there is none', async () => {
  const world = await stocked()
  const paying = await makeHold(world, { customerId: ann, ttlMs: SECOND })
  await world.ask(startPayment(paying.id, 10 * SECOND))
  await world.ask(confirm((await makeHold(world, { customerId: bob, ttlMs: SECOND })).id))
  await world.ask(release((await makeHold(world, { customerId: bob, ttlMs: SECOND })).id))
  await makeHold(world, { customerId: undefined, ttlMs: SECOND })
  await world.advance(60 * SECOND)
  assert.equal(told(world), [ann])
})

test('is told of only once that is durable, and never where it did not become so', async () => {
  for (const becomesDurable of [true, false]) {
    const world = await stocked()
    await makeHold(world, { productId: phone, customerId: ann, ttlMs: SECOND })
    world.disk.holdSyncs = (path) => path.endsWith('.segment')
    await world.advance(2 * SECOND)
    assert.ok(world.disk.heldSyncs.length > 0, 'it was written')
    assert.equal(told(world), [])
    world.disk.holdSyncs = undefined
    if (becomesDurable) world.disk.finishSyncs()
    else world.disk.failSyncs('EIO')
    await world.settle()
    assert.equal(told(world), becomesDurable ? [ann] : [])
  }
})

test('is not told of again when a successor replays it', async () => {
  const world = await stocked({ workers: 1 })
  await makeHold(world, { productId: phone, customerId: ann, ttlMs: SECOND })
  await world.advance(2 * SECOND)
  world.kill()
  world.spawn(0)
  await world.advance(recoveryGraceMs + 60 * SECOND)
  assert.equal(told(world), [ann])
})

test.run()
