/** What callers are told, and when: S2, order, bounds, deadlines, ends of workers, and messages that misbehave. */
import * as assert from 'uvu/assert'
import { fingerprintOf } from '../../src/actors/protocol.ts'
import type { ReservationId } from '../../src/domain/ids.ts'
import {
  callsCrowdedFrom,
  callsInFlightMax,
  commandDeadlineMs,
  poisonRememberedMax,
  replyTimeoutMs,
} from '../../src/limits.ts'
import { type InProcessEngine, inProcessEngine } from '../support/in-process-engine.ts'
import { suite } from '../support/suite.ts'
import {
  addStock,
  confirm,
  isError,
  isReply,
  isUnanswered,
  makeHold,
  phone,
  productOf,
  readReservation,
  readStock,
  reservationOf,
  reserve,
  reserveMany,
  setStock,
  stockOf,
} from './asking.ts'

const isSegment = (path: string) => path.endsWith('.segment')

const durable = suite('a reply')

durable('leaves only when the frame of its event is durable', async () => {
  const world = await stocked(5)
  world.disk.holdSyncs = isSegment
  const asked = world.call(reserve(world))
  await world.settle()
  isUnanswered(asked)
  assert.is(world.disk.heldSyncs.length, 1)
  world.disk.finishSyncs()
  await world.settle()
  isReply(asked, 'held')
})

durable('to a read or a refusal waits for the frame it rests on, though it made no event', async () => {
  const world = await stocked(1)
  world.disk.holdSyncs = isSegment
  const held = world.call(reserve(world))
  await world.settle()
  const resting = [
    world.call(reserve(world)),
    world.call(readStock()),
    world.call(readReservation(held.request.reservationId)),
    world.call({ ...readReservation(held.request.reservationId) }),
  ]
  await world.settle()
  for (const asked of [held, ...resting]) isUnanswered(asked)
  world.disk.finishSyncs()
  await world.settle()
  isReply(held, 'held')
  assert.equal(
    resting.map(({ outcome }) => outcome?.type === 'reply' && outcome.reply.type),
    ['refused', 'stock', 'reservation', 'reservation'],
  )
})

durable('to a read waits for what the shard did by itself, which nobody else waits for', async () => {
  const world = await stocked(5)
  await makeHold(world, { ttlMs: 10_000 })
  await world.advance(9_000)
  world.disk.holdSyncs = isSegment
  await world.advance(2_000)
  assert.is(world.disk.heldSyncs.length, 1, 'the expiry is being synced')
  const read = world.call(readStock())
  await world.settle()
  isUnanswered(read)
  world.disk.finishSyncs()
  await world.settle()
  assert.ok(read.outcome?.type === 'reply' && read.outcome.reply.type === 'stock')
  assert.is((await stockOf(world)).available, 5)
})

durable(
  'to a read of another shard of the same worker waits as well, and of another worker does not',
  async () => {
    const world = await inProcessEngine({ workers: 2 })
    const [here, beside, there] = [productOf(0), productOf(2), productOf(1)]
    for (const product of [here, beside, there]) await world.ask(setStock(product, 1))
    world.disk.holdSyncs = (path) => path.includes('-w000-')
    const change = world.call(reserve(world, { productId: here }))
    const reads = [world.call(readStock(beside)), world.call(readStock(there))] as const
    await world.settle()
    isUnanswered(change)
    isUnanswered(reads[0])
    isReply(reads[1], 'stock')
    world.disk.finishSyncs()
    await world.settle()
    isReply(reads[0], 'stock')
  },
)

durable('of the second batch waits for the second frame, which is written only after the first', async () => {
  const world = await stocked(5)
  world.disk.holdSyncs = isSegment
  const first = world.call(reserve(world))
  await world.settle()
  const second = [world.call(reserve(world)), world.call(reserve(world))]
  await world.settle()
  assert.is(world.disk.heldSyncs.length, 1, 'one frame syncs at a time')
  world.disk.finishSyncs()
  await world.settle()
  isReply(first, 'held')
  for (const asked of second) isUnanswered(asked)
  assert.is(world.disk.heldSyncs.length, 1, 'both went into one frame')
  world.disk.finishSyncs()
  await world.settle()
  for (const asked of second) isReply(asked, 'held')
})

durable('never leaves where the sync fails, even if the next one would not', async () => {
  const world = await stocked(5)
  world.disk.fail({ code: 'EIO', kinds: ['sync'], path: /-000001\.segment$/ })
  const calls = world.disk.calls
  const asked = world.call(reserve(world))
  await world.settle()
  isError(asked, 'outcome-unknown')
  assert.is(world.worker().failures.length, 1)
  assert.is(world.worker().exitCode, 1)
  assert.ok(world.disk.calls - calls <= 3, 'and nothing is tried again')
})

durable('comes in the order of the calls, over many turns', async () => {
  const world = await stocked(10_000)
  const order: number[] = []
  for (let n = 0; n < 2_000; n++) {
    const request = n % 3 === 0 ? readStock() : reserve(world)
    void world.engine.execute(request).then(() => order.push(n))
  }
  await world.settle()
  assert.equal(
    order,
    Array.from({ length: 2_000 }, (_, n) => n),
  )
})

durable.run()

const bounds = suite('bounds')

bounds('as many calls as are answered soon are taken; one more is refused at once', async () => {
  const world = await stocked(2 * callsInFlightMax)
  world.disk.holdSyncs = isSegment
  const asked = Array.from({ length: callsInFlightMax }, () => world.call(reserve(world)))
  const refused = [world.call(reserve(world)), world.call(readStock())]
  await world.settle()
  for (const call of refused) isError(call, 'overloaded')
  assert.is(world.engine.inFlight, callsInFlightMax)
  world.disk.holdSyncs = undefined
  world.disk.finishSyncs()
  await world.settle()
  for (const call of asked) isReply(call, 'held')
  assert.is((await stockOf(world)).held, callsInFlightMax)
})

bounds('it is crowded before it is full, so that what settles reservations still gets in', async () => {
  const world = await stocked(callsCrowdedFrom)
  world.disk.holdSyncs = isSegment
  for (let n = 1; n < callsCrowdedFrom; n++) world.call(reserve(world))
  assert.not(world.engine.isCrowded)
  world.call(reserve(world))
  assert.ok(world.engine.isCrowded)
  const read = world.call(readStock())
  world.disk.holdSyncs = undefined
  world.disk.finishSyncs()
  await world.settle()
  isReply(read, 'stock')
  assert.not(world.engine.isCrowded)
})

bounds('a command that waited past its deadline is refused undecided', async () => {
  const world = await stocked(5)
  world.worker().wire.there.isHolding = true
  const asked = [world.call(reserve(world)), world.call(readStock())]
  await world.advance(commandDeadlineMs + 1)
  for (const call of asked) isUnanswered(call)
  world.worker().wire.there.release()
  await world.settle()
  for (const call of asked) isError(call, 'overloaded')
  assert.is((await stockOf(world)).held, 0)
  assert.is(world.worker().askStatus().shed, 2)
})

bounds('a command within its deadline is decided', async () => {
  const world = await stocked(5)
  world.worker().wire.there.isHolding = true
  const asked = world.call(reserve(world))
  await world.advance(commandDeadlineMs)
  world.worker().wire.there.release()
  await world.settle()
  isReply(asked, 'held')
})

bounds('a caller whose answer does not come is told after 10 s, not 15, whenever it asked', async () => {
  const world = await stocked(5)
  world.worker().wire.back.isHolding = true
  const early = world.call(reserve(world))
  await world.advance(100)
  const change = world.call(reserve(world))
  const read = world.call(readStock())
  await world.advance(replyTimeoutMs - 101)
  isUnanswered(early)
  await world.advance(2)
  isError(early, 'outcome-unknown')
  isUnanswered(change)
  await world.advance(100)
  isError(change, 'outcome-unknown')
  isError(read, 'overloaded')
  assert.is(world.engine.inFlight, 0)
})

bounds('a reply that comes after its caller gave up harms nobody', async () => {
  const world = await stocked(5)
  const { back } = world.worker().wire
  back.isHolding = true
  const late = [
    world.call(reserve(world)),
    world.call(reserve(world, { quantity: 9 })),
    world.call(readStock()),
  ]
  await world.advance(2 * replyTimeoutMs)
  for (const call of late) assert.is(call.outcome?.type, 'error')
  back.release()
  await world.settle()
  assert.is((await stockOf(world)).held, 1)
})

bounds.run()

const ends = suite("a worker's end")

ends('tells those who wait: outcome unknown for changes, unavailable for reads', async () => {
  const world = await stocked(5)
  world.disk.holdSyncs = isSegment
  const change = world.call(reserve(world))
  const read = world.call(readStock())
  await world.settle()
  world.kill()
  await world.settle()
  isError(change, 'outcome-unknown')
  isError(read, 'shard-unavailable')
  const meanwhile = world.call(reserve(world))
  await world.settle()
  isError(meanwhile, 'shard-unavailable')
})

ends('leaves the shards of other workers as they are', async () => {
  const world = await inProcessEngine({ workers: 2 })
  const there = productOf(1)
  await world.ask(setStock(phone, 3))
  await world.ask(setStock(there, 3))
  world.kill(0)
  isError(await called(world, reserve(world)), 'shard-unavailable')
  await makeHold(world, { productId: there })
})

ends('is followed by a successor that has all that was answered', async () => {
  const world = await stocked(5)
  const { id } = await makeHold(world)
  world.kill()
  world.spawn(0)
  await world.settle()
  assert.is((await reservationOf(world, id)).status, 'held')
  await makeHold(world)
  assert.is((await stockOf(world)).held, 2)
})

ends('by a command that breaks it names that command', async () => {
  const world = await stocked(5)
  const { id } = await makeHold(world)
  // The rules have no answer to a command that does not exist, so their own check stops the worker.
  const poison = { type: 'steal', reservationId: id } as unknown as ReturnType<typeof confirm>
  isError(await called(world, poison), 'outcome-unknown')
  assert.is(world.worker().failures[0]?.poison, fingerprintOf(poison))
  assert.is(world.worker().exitCode, 1)
})

ends('brings a quarantine for what the supervisor names, whatever its reservation id', async () => {
  const world = await stocked(5)
  const poison = reserve(world, { reference: 'poison' })
  world.control.back.send({ type: 'quarantine', fingerprint: fingerprintOf(poison) })
  isError(await called(world, { ...poison }), 'command-quarantined')
  isError(await called(world, reserve(world, { reference: 'poison' })), 'command-quarantined')
  await makeHold(world, { reference: 'harmless' })
  for (let n = 0; n < poisonRememberedMax; n++)
    world.control.back.send({ type: 'quarantine', fingerprint: `other ${n}` })
  await makeHold(world, { reference: 'poison' })
})

ends.run()

const messages = suite('messages between threads (F50)')

messages('that arrive twice take effect once', async () => {
  const world = await stocked(5)
  const { there, back } = world.worker().wire
  there.isHolding = true
  const asked = world.call(reserve(world))
  await world.settle()
  const [message] = there.held
  assert.ok(message)
  there.release()
  there.deliver(message)
  await world.settle()
  there.deliver(message)
  await world.settle()
  isReply(asked, 'held')
  assert.is(world.worker().failures.length, 0, world.worker().failures[0]?.why)
  assert.is((await stockOf(world)).held, 1)

  back.isHolding = true
  const read = world.call(readStock())
  await world.settle()
  const [reply] = back.held
  assert.ok(reply)
  back.release()
  back.deliver(reply)
  await world.settle()
  isReply(read, 'stock')
})

messages('that arrive twice are not done twice, whether or not what they ask for could be', async () => {
  const world = await stocked(5)
  const { there } = world.worker().wire
  there.isHolding = true
  const asked = world.call(addStock(phone, 3))
  await world.settle()
  const [message] = there.held
  assert.ok(message)
  there.release()
  there.deliver(message)
  await world.settle()
  isReply(asked, 'stock')
  assert.is((await stockOf(world)).onHand, 8)
})

messages('that ask for a reservation anew by the same id are refused, and end no worker', async () => {
  const world = await stocked(5)
  const request = reserve(world)
  isReply(await called(world, request), 'held')
  for (const again of [request, { ...request, quantity: 2 }]) {
    assert.equal(await world.ask(again), { type: 'refused', refusal: { reason: 'reservationExists' } })
  }
  await world.ask(confirm(request.reservationId))
  assert.is((await world.ask(request)).type, 'refused')
  assert.is(world.worker().failures.length, 0, world.worker().failures[0]?.why)
  assert.is((await stockOf(world)).sold, 1)
})

messages('of a worker that has ended are not heard, nor does it hear any', async () => {
  const world = await stocked(5)
  const old = world.worker()
  old.wire.back.isHolding = true
  const asked = world.call(reserve(world))
  await world.settle()
  world.kill()
  world.spawn(0)
  await world.settle()
  isError(asked, 'outcome-unknown')
  for (const message of old.wire.back.held) old.wire.back.deliver(message)
  old.wire.there.send({ sentAtMs: 0, cells: [], lastCallId: 0 })
  await world.settle()
  assert.is((await stockOf(world)).held, 1, 'it was durable, though its caller could not know')
})

messages('of different calls may overtake each other', async () => {
  const world = await stocked(5)
  const { back } = world.worker().wire
  back.isHolding = true
  const first = world.call(reserve(world))
  await world.settle()
  const second = world.call(readStock())
  await world.settle()
  for (const message of back.held.splice(0).reverse()) back.deliver(message)
  back.release()
  await world.settle()
  isReply(first, 'held')
  isReply(second, 'stock')
})

messages('that are lost end in a time-out, and the same command can be asked again', async () => {
  const world = await stocked(5)
  const { there } = world.worker().wire
  there.isHolding = true
  const lost = world.call(confirm((await reserveBefore(world)).id))
  await world.settle()
  there.held.length = 0
  there.release()
  await world.advance(2 * replyTimeoutMs)
  isError(lost, 'outcome-unknown')
  isReply(await called(world, lost.request), 'reservation')
})

messages('with ids of shards that do not exist are answered without asking anybody', async () => {
  const world = await stocked(5)
  const { id } = await makeHold(world)
  const elsewhere = `${id.slice(0, -2)}ZZ` as ReservationId
  const reply = await world.ask(readReservation(elsewhere))
  assert.equal(reply, { type: 'refused', refusal: { reason: 'unknownReservation' } })
})

messages.run()

const closing = suite('an orderly shutdown')

closing('decides, makes durable and answers all that was accepted', async () => {
  const world = await stocked(2_000)
  const asked = Array.from({ length: 1_500 }, () => world.call(reserve(world)))
  await world.timers.step()
  await world.shutDown()
  for (const call of asked) isReply(call, 'held')
  assert.is(world.worker().isClosed, true)
  assert.is(world.worker().exitCode, 0)
  const next = await inProcessEngine({ disk: world.disk.afterPowerLoss() })
  assert.is((await stockOf(next)).held, 1_500)
})

closing('refuses what comes during it, at once', async () => {
  const world = await stocked(5)
  world.disk.holdSyncs = isSegment
  const accepted = world.call(reserve(world))
  await world.settle()
  world.worker().tell({ type: 'shutdown' })
  const late = [world.call(reserve(world)), world.call(readStock())]
  await world.settle()
  for (const call of late) isError(call, 'shutting-down')
  isUnanswered(accepted)
  world.disk.holdSyncs = undefined
  world.disk.finishSyncs()
  await world.settle()
  isReply(accepted, 'held')
  assert.is(world.worker().exitCode, 0)
})

closing('ends in order although a hold comes due while it closes', async () => {
  const world = await stocked(5)
  const { id } = await makeHold(world, { ttlMs: 1_000 })
  world.disk.holdSyncs = isSegment
  const accepted = world.call(reserve(world))
  await world.settle()
  world.worker().tell({ type: 'shutdown' })
  await world.settle()
  world.timers.clock.pass(2_000)
  // Whoever asks now is refused; the turn that brings about must not write into a journal that closes.
  const late = world.call(readStock())
  await world.settle()
  isError(late, 'shutting-down')
  world.disk.holdSyncs = undefined
  world.disk.finishSyncs()
  await world.settle()
  isReply(accepted, 'held')
  assert.is(world.worker().failures.length, 0, world.worker().failures[0]?.why)
  assert.is(world.worker().exitCode, 0)
  const next = await inProcessEngine({ disk: world.disk, timers: world.timers })
  assert.is((await reservationOf(next, id)).status, 'held')
})

closing('ends in order when its turn and the alarm of a hold come together', async () => {
  const world = await stocked(5)
  await makeHold(world, { ttlMs: 1_000 })
  world.timers.clock.pass(1_000)
  world.call(readStock())
  await world.timers.step()
  await world.shutDown()
  assert.is(world.worker().failures.length, 0, world.worker().failures[0]?.why)
  assert.is(world.worker().exitCode, 0)
})

closing('fails the worker where the last sync fails, and answers nothing that rests on it', async () => {
  const world = await stocked(5)
  world.disk.holdSyncs = isSegment
  const asked = world.call(reserve(world))
  await world.settle()
  world.worker().tell({ type: 'shutdown' })
  await world.settle()
  world.disk.failSyncs('EIO')
  await world.settle()
  isError(asked, 'outcome-unknown')
  assert.is(world.worker().isClosed, false)
  assert.is(world.worker().exitCode, 1)
})

/** More events than are worth a snapshot. */
const MANY = 11_000

closing('leaves a snapshot where there is much to replay, and goes on from it', async () => {
  const world = await stocked(20_000)
  await reserveMany(world, MANY)
  await world.shutDown()
  assert.is(world.disk.files('/data/snapshots').length, 1)
  const next = await inProcessEngine({ disk: world.disk, timers: world.timers })
  assert.is((await stockOf(next)).held, MANY)
  assert.ok(next.worker().logs.some(({ detail }) => 'events' in detail && detail.events === 0))
})

closing('without room for its snapshot still closes in order (FAULTS.md, 24)', async () => {
  const world = await stocked(20_000)
  await reserveMany(world, MANY)
  world.disk.fail({ code: 'ENOSPC', kinds: ['write'], path: /snapshot/ })
  await world.shutDown()
  assert.is(world.worker().exitCode, 0)
  assert.equal(world.disk.files('/data/snapshots'), [])
  const next = await inProcessEngine({ disk: world.disk, timers: world.timers })
  assert.is((await stockOf(next)).held, MANY)
})

closing.run()

async function stocked(units: number): Promise<InProcessEngine> {
  const world = await inProcessEngine()
  await world.ask(setStock(phone, units))
  return world
}

async function called<R extends Parameters<InProcessEngine['call']>[0]>(world: InProcessEngine, request: R) {
  const asked = world.call(request)
  await world.settle()
  return asked
}

/** A hold made although calls to the worker are being held back: by a wire of its own. */
async function reserveBefore(world: InProcessEngine): Promise<{ id: ReservationId }> {
  const { there } = world.worker().wire
  there.release()
  const made = await makeHold(world)
  there.isHolding = true
  return made
}
