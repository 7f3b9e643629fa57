/** Time (FAULTS.md, 41, 42, 45): what a shard does by itself, when, and how much of it at once. */
import * as assert from 'uvu/assert'
import { endedKnownMs } from '../../src/domain/bounds.ts'
import type { CustomerId, ProductId, ReservationId } from '../../src/domain/ids.ts'
import { shardOf } from '../../src/domain/ids.ts'
import { expiriesPerBatchMax, recoveryGraceMs } from '../../src/limits.ts'
import { inProcessEngine } from '../support/in-process-engine.ts'
import { suite } from '../support/suite.ts'
import {
  confirm,
  extend,
  giveBack,
  isReply,
  isUnanswered,
  makeHold,
  phone,
  readStock,
  release,
  reservationOf,
  reserve,
  reserveMany,
  setStock,
  startPayment,
  stockOf,
} from './asking.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const holds = suite('a hold')

holds('expires at its time by the shard clock, not before', async () => {
  const world = await stocked(10)
  const { id } = await makeHold(world, { ttlMs: 10 * SECOND })
  await world.advance(10 * SECOND - 1)
  assert.is((await reservationOf(world, id)).status, 'held')
  await world.advance(2)
  assert.is((await reservationOf(world, id)).status, 'expired')
  assert.is((await stockOf(world)).available, 10)
})

for (const [name, jumpMs] of [
  ['ahead', HOUR],
  ['back', -HOUR],
] as const) {
  holds(`expires at its time although the wall clock jumps an hour ${name}`, async () => {
    const world = await stocked(10)
    const { id } = await makeHold(world, { ttlMs: 10 * MINUTE })
    const { clock } = world.timers
    clock.setWall(clock.wallMs() + jumpMs)
    await world.advance(10 * MINUTE - 1)
    assert.is((await reservationOf(world, id)).status, 'held')
    const other = await makeHold(world, { ttlMs: MINUTE })
    await world.advance(2)
    assert.is((await reservationOf(world, id)).status, 'expired')
    assert.is((await reservationOf(world, other.id)).status, 'held')
    await world.advance(MINUTE)
    assert.is((await reservationOf(world, other.id)).status, 'expired')
    assert.is(world.worker().askStatus().clockSkewMs, jumpMs)
  })
}

holds('expires although the wall clock stands still', async () => {
  const world = await stocked(10)
  const { id } = await makeHold(world, { ttlMs: 10 * SECOND })
  const frozen = world.timers.clock.wallMs()
  for (let second = 0; second < 11; second++) {
    await world.advance(SECOND)
    world.timers.clock.setWall(frozen)
  }
  assert.is((await reservationOf(world, id)).status, 'expired')
})

holds('that was extended expires at its new time, and only then', async () => {
  const world = await stocked(10)
  const { id } = await makeHold(world, { ttlMs: 10 * SECOND })
  await world.advance(5 * SECOND)
  await world.ask(extend(id, 20 * SECOND))
  await world.advance(19 * SECOND)
  assert.is((await reservationOf(world, id)).status, 'held')
  await world.advance(SECOND + 1)
  assert.is((await reservationOf(world, id)).status, 'expired')
  assert.is(world.worker().askStatus().shards[0]?.counters.expired, 1)
})

holds('that is being paid expires at its payment deadline, and only then', async () => {
  const world = await stocked(10)
  const { id } = await makeHold(world, { ttlMs: 10 * SECOND })
  await world.ask(startPayment(id, MINUTE))
  await world.advance(MINUTE - 1)
  assert.is((await reservationOf(world, id)).status, 'paying')
  await world.advance(2)
  assert.is((await reservationOf(world, id)).status, 'expired')
})

holds('confirmed in the turn in which it is due is sold, not expired', async () => {
  const world = await stocked(10)
  const { id } = await makeHold(world, { ttlMs: 10 * SECOND })
  world.timers.clock.pass(10 * SECOND)
  const reply = await world.ask(confirm(id))
  assert.is(reply.type === 'reservation' && reply.status, 'confirmed')
  await world.advance(MINUTE)
  assert.equal(pick(await stockOf(world)), { onHand: 9, held: 0, sold: 1 })
})

holds('expires on every worker and shard, each by its own alarm', async () => {
  const world = await inProcessEngine({ workers: 3, shards: 8 })
  const made: { id: ReservationId; atMs: number }[] = []
  for (let n = 0; n < 40; n++) {
    const productId = `each-${n}` as ProductId
    await world.ask(setStock(productId, 1))
    const ttlMs = 1_000 + ((n * 7_919) % 30_000)
    made.push({ id: (await makeHold(world, { productId, ttlMs })).id, atMs: ttlMs })
  }
  const start = world.timers.clock.monotonicMs()
  for (const { id, atMs } of made.sort((a, b) => a.atMs - b.atMs)) {
    await world.advance(Math.max(0, start + atMs - 1 - world.timers.clock.monotonicMs()))
    assert.is((await reservationOf(world, id)).status, 'held')
    await world.advance(2)
    assert.is((await reservationOf(world, id)).status, 'expired')
  }
})

holds.run()

const grace = suite('after a recovery')

grace('no hold made before it expires within 30 s of the shard being ready', async () => {
  const world = await stocked(10)
  const { id } = await makeHold(world, { ttlMs: 10 * SECOND })
  world.crash()
  world.timers.clock.pass(HOUR)
  const next = await restart(world)
  await next.advance(recoveryGraceMs - 1)
  assert.is((await reservationOf(next, id)).status, 'held')
  await next.advance(2)
  assert.is((await reservationOf(next, id)).status, 'expired')
})

grace('a hold made since expires at its own time', async () => {
  const world = await stocked(10)
  world.crash()
  world.timers.clock.pass(HOUR)
  const next = await restart(world)
  await next.advance(1)
  const { id } = await makeHold(next, { ttlMs: 5 * SECOND })
  await next.advance(5 * SECOND + 1)
  assert.is((await reservationOf(next, id)).status, 'expired')
})

grace('holds made in the very millisecond of the last record have the grace too', async () => {
  const world = await stocked(10)
  const { id } = await makeHold(world, { ttlMs: SECOND })
  world.crash()
  // The successor's wall clock is behind, so its shard time goes on from the last record.
  world.timers.clock.setWall(world.timers.clock.wallMs() - 30 * SECOND)
  const next = await restart(world)
  await next.advance(recoveryGraceMs - SECOND)
  assert.is((await reservationOf(next, id)).status, 'held')
  await next.advance(SECOND + 1)
  assert.is((await reservationOf(next, id)).status, 'expired')
})

grace('a payment deadline has the same grace', async () => {
  const world = await stocked(10)
  const { id } = await makeHold(world, { ttlMs: 10 * SECOND })
  await world.ask(startPayment(id, MINUTE))
  world.crash()
  world.timers.clock.pass(HOUR)
  const next = await restart(world)
  await next.advance(recoveryGraceMs - 1)
  assert.is((await reservationOf(next, id)).status, 'paying')
  const reply = await next.ask(confirm(id))
  assert.is(reply.type === 'reservation' && reply.status, 'confirmed')
})

grace.run()

const doubt = suite('a wall clock that cannot be believed')

for (const [name, jumpMs, isReady] of [
  ['60 s behind the last record', -60 * SECOND, true],
  ['more than 60 s behind it', -60 * SECOND - 1, false],
  ['a day ahead of it', DAY, true],
  ['more than a day ahead of it', DAY + 1, false],
] as const) {
  doubt(`${name}: ${isReady ? 'is believed' : 'stops the shards until it is accepted'}`, async () => {
    const world = await stocked(10)
    world.crash()
    const { clock } = world.timers
    clock.setWall(clock.wallMs() + jumpMs)
    const next = await restart(world)
    assert.is(next.worker().state.type, isReady ? 'ready' : 'stopped')
    if (isReady) return
    await next.advance(MINUTE)
    assert.is(next.worker().state.type, 'stopped')
    assert.is(next.worker().isOver, false, 'and does not start again and again')
    next.crash()
    const accepted = await restart(world, { acceptClock: true })
    assert.is(accepted.worker().state.type, 'ready')
    assert.is((await stockOf(accepted)).onHand, 10)
  })
}

doubt('time never goes back, whatever the clock says at the next start', async () => {
  const world = await stocked(10)
  const before = (await stockOf(world)).asOfMs
  world.crash()
  world.timers.clock.setWall(world.timers.clock.wallMs() - 30 * SECOND)
  const next = await restart(world)
  assert.ok((await stockOf(next)).asOfMs >= before)
})

doubt.run()

const ended = suite('an ended reservation')

ended('is known for a day, and then forgotten by an event', async () => {
  const world = await stocked(10)
  const { id } = await makeHold(world)
  await world.ask(release(id))
  await world.advance(endedKnownMs - 1)
  assert.is((await reservationOf(world, id)).status, 'released')
  await world.advance(2)
  const reply = await world.ask({ type: 'readReservation', reservationId: id })
  assert.equal(reply, { type: 'refused', refusal: { reason: 'unknownReservation' } })
  world.crash()
  const next = await restart(world)
  assert.equal(await next.ask({ type: 'readReservation', reservationId: id }), reply)
  assert.is((await stockOf(next)).version, 4, 'stock, hold, release, forgotten')
})

ended('that was confirmed can be returned for 60 days, then the customer counts anew', async () => {
  const world = await stocked(10)
  await world.ask({ type: 'scheduleSale', productId: phone, sale: { perCustomerLimit: 1 } })
  const { id } = await makeHold(world)
  await world.ask(confirm(id))
  await world.advance(60 * DAY - 1)
  const another = await world.ask(reserve(world))
  assert.is(another.type === 'refused' && another.refusal.reason, 'perCustomerLimit')
  await world.advance(2)
  const late = await world.ask(giveBack(id))
  assert.equal(late, { type: 'refused', refusal: { reason: 'returnWindowOver' } })
  await makeHold(world)
})

ended('that was confirmed is returned on the last day and forgotten a day after its window', async () => {
  const world = await stocked(10)
  const { id } = await makeHold(world)
  await world.ask(confirm(id))
  await world.advance(60 * DAY - 1)
  const reply = await world.ask(giveBack(id))
  assert.is(reply.type === 'reservation' && reply.lines[0]?.returned, 1)
  await world.advance(DAY)
  assert.is((await reservationOf(world, id)).status, 'confirmed')
  await world.advance(2)
  assert.equal(await world.ask({ type: 'readReservation', reservationId: id }), {
    type: 'refused',
    refusal: { reason: 'unknownReservation' },
  })
})

ended('waits longer than a timer of Node can, by alarms of at most a day', async () => {
  const world = await stocked(10)
  const { id } = await makeHold(world)
  await world.ask(confirm(id))
  await world.advance(1)
  for (let day = 0; day < 59; day++) {
    const { nextAtMs, clock } = world.timers
    assert.ok(nextAtMs - clock.monotonicMs() <= DAY)
    await world.advance(DAY)
  }
  assert.is((await reservationOf(world, id)).status, 'confirmed')
  await world.advance(2 * DAY)
  const reply = await world.ask(giveBack(id))
  assert.is(reply.type, 'refused')
})

ended.run()

const many = suite('very many holds due in the same millisecond', { limitMs: 60_000 })

many('expire in bounded batches, and a buyer is answered in between', async () => {
  const world = await inProcessEngine({ segmentBytes: 4 * 1_024 * 1_024 })
  const count = 20_000
  await world.ask(setStock(phone, 10 * count))
  await reserveMany(world, count, { ttlMs: MINUTE, customerId: undefined })
  await world.advance(1)
  assert.is((await stockOf(world)).held, count)
  world.timers.clock.pass(MINUTE)
  const asked = world.call(reserve(world, { ttlMs: HOUR, customerId: undefined }))
  await world.settle()
  isReply(asked, 'held')
  const { held } = await stockOf(world)
  assert.ok(held >= count - 8 * expiriesPerBatchMax, `${held} are still held: the buyer was not kept waiting`)
  assert.ok(held < count, 'expiry has begun')
  await world.advance(SECOND)
  assert.is((await stockOf(world)).held, 1)
})

many('expire to the last one although nobody asks for anything and each sync takes long', async () => {
  const world = await inProcessEngine()
  const count = 3_000
  await world.ask(setStock(phone, count))
  for (let n = 0; n < count; n++) world.call(reserve(world, { ttlMs: MINUTE, customerId: undefined }))
  await world.settle()
  await world.advance(MINUTE - 1)
  world.disk.holdSyncs = (path) => path.endsWith('.segment')
  for (let step = 0; step < 200; step++) {
    await world.advance(10)
    world.disk.finishSyncs()
  }
  world.disk.holdSyncs = undefined
  world.disk.finishSyncs()
  await world.settle()
  assert.is((await stockOf(world)).held, 0)
})

many('cost bounded work in each turn even where all of them were settled before', async () => {
  const world = await inProcessEngine()
  const count = 4 * expiriesPerBatchMax
  await world.ask(setStock(phone, count))
  const made = Array.from({ length: count }, () => {
    const request = reserve(world, { ttlMs: MINUTE, customerId: undefined })
    world.call(request)
    return request.reservationId
  })
  await world.settle()
  for (const id of made) world.call(confirm(id))
  await world.settle()
  await world.advance(MINUTE - 1)
  const turns = await turnsOf(world, 10)
  assert.ok(turns >= 4, `${count} entries that do not hold any more were looked at in ${turns} turns`)
})

many('never make a frame that its segment cannot hold', async () => {
  const world = await inProcessEngine({ shards: 1, segmentBytes: 64 * 1_024 })
  const productId = 'x'.repeat(64) as ProductId
  assert.is(shardOf(productId, 1), 0)
  const count = 2_000
  await world.ask(setStock(productId, 2 * count))
  const customerId = undefined
  for (let n = 0; n < count; n++) world.call(reserve(world, { productId, ttlMs: MINUTE, customerId }))
  await world.settle()
  await world.advance(MINUTE - 1)
  assert.is((await stockOf(world, productId)).held, count)
  // While one frame syncs, the next is gathered nearly full; then all that is due comes on top.
  world.disk.holdSyncs = (path) => path.endsWith('.segment')
  const long = 'y'.repeat(100) as CustomerId
  world.call(reserve(world, { productId, customerId: long }))
  await world.settle()
  for (let n = 0; n < 78; n++) world.call(reserve(world, { productId, customerId: long }))
  await world.settle()
  world.timers.clock.pass(SECOND)
  const asked = world.call(readStock(productId))
  await world.settle()
  isUnanswered(asked)
  world.disk.holdSyncs = undefined
  world.disk.finishSyncs()
  await world.advance(10 * SECOND)
  assert.is(world.worker().failures.length, 0, world.worker().failures[0]?.why)
  assert.is((await stockOf(world, productId)).held, 79)
})

many.run()

type World = Awaited<ReturnType<typeof inProcessEngine>>

async function stocked(units: number): Promise<World> {
  const world = await inProcessEngine()
  await world.ask(setStock(phone, units))
  return world
}

function restart(world: World, options: { acceptClock?: boolean } = {}): Promise<World> {
  return inProcessEngine({ disk: world.disk, timers: world.timers, ...options })
}

/** How many turns of time it takes until nothing is due in the next milliseconds. */
async function turnsOf(world: World, ms: number): Promise<number> {
  let turns = 0
  const { timers } = world
  const endMs = timers.clock.monotonicMs() + ms
  while (timers.nextAtMs <= endMs) {
    await world.advance(timers.nextAtMs - timers.clock.monotonicMs())
    turns += 1
  }
  return turns
}

function pick({ onHand, held, sold }: { onHand: number; held: number; sold: number }) {
  return { onHand, held, sold }
}
