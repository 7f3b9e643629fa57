/** Waiting in line, through the engine: units that are freed go to the line in the frame that frees them. */
import * as assert from 'uvu/assert'
import type { ServedReply, WaitingReply } from '../../src/actors/requests.ts'
import type { JoinWaitlist, LeaveWaitlist, ScheduleSale } from '../../src/domain/commands.ts'
import type { CustomerId, ProductId, ReservationId } from '../../src/domain/ids.ts'
import type { Sale } from '../../src/domain/stock.ts'
import { servedPerTurnMax } from '../../src/limits.ts'
import { InProcessEngine, inProcessEngine } from '../support/in-process-engine.ts'
import type { MemoryDisk } from '../support/memory-disk.ts'
import { suite } from '../support/suite.ts'
import { confirm, makeHold, phone, release, reserve, setStock, stockOf } from './asking.ts'

const isSegment = (path: string) => path.endsWith('.segment')
const customer = (name: string | number) => `c-${name}` as CustomerId

function join(world: InProcessEngine, customerId: CustomerId, quantity = 1, productId: ProductId = phone) {
  const reservationId = world.engine.newReservationId(productId)
  return { type: 'joinWaitlist', productId, customerId, quantity, reservationId } satisfies JoinWaitlist
}

const place = (customerId: CustomerId, productId: ProductId = phone) => {
  return { type: 'readWaitlist', productId, customerId } as const
}

const sale = (terms: Sale): ScheduleSale => ({ type: 'scheduleSale', productId: phone, sale: terms })
const leave = (customerId: CustomerId): LeaveWaitlist => {
  return { type: 'leaveWaitlist', productId: phone, customerId }
}

/** As the power left it that failed when the first frame of what is under way had become durable, and no other. */
async function diskAfterFirstFrame(world: InProcessEngine): Promise<MemoryDisk> {
  let image: MemoryDisk | undefined
  world.disk.onChange = ({ kind, path }) => {
    if (kind === 'sync' && isSegment(path)) image ??= world.disk.afterPowerLoss()
  }
  await world.settle()
  world.crash()
  assert.ok(image !== undefined, 'a frame was written')
  return image
}

/** Sold out, with one hold of each unit. */
async function soldOut(units: number): Promise<{ world: InProcessEngine; holds: ReservationId[] }> {
  const world = await inProcessEngine()
  await world.ask(setStock(phone, units))
  const holds: ReservationId[] = []
  for (let n = 0; n < units; n++) holds.push((await makeHold(world)).id)
  return { world, holds }
}

const test = suite('waiting in line')

test('is refused while there is enough, and answered with a place when there is not', async () => {
  const { world, holds } = await soldOut(1)
  assert.equal((await world.ask(join(world, customer(1)))) as WaitingReply, {
    ...((await world.ask(place(customer(1)))) as WaitingReply),
  })
  assert.is(((await world.ask(join(world, customer(2)))) as WaitingReply).position, 2)
  assert.is(((await world.ask(join(world, customer(1)))) as WaitingReply).position, 1, 'again is the same')
  await world.ask(release(holds[0] as ReservationId))
  assert.is((await world.ask(place(customer(1)))).type, 'served')
  assert.is(((await world.ask(place(customer(2)))) as WaitingReply).position, 1)
  const rich = await inProcessEngine()
  await rich.ask(setStock(phone, 3))
  const refused = await rich.ask(join(rich, customer(1), 3))
  assert.is(refused.type === 'refused' && refused.refusal.reason, 'stockAvailable')
})

test('ends with a hold, in order, before anybody new can have the units', async () => {
  const { world, holds } = await soldOut(2)
  for (const n of [1, 2, 3]) await world.ask(join(world, customer(n)))
  const freed = world.call(release(holds[0] as ReservationId))
  const newcomer = world.call(reserve(world, { customerId: customer('new') }))
  await world.settle()
  assert.is(freed.outcome?.type, 'reply')
  assert.is(newcomer.outcome?.type === 'reply' && newcomer.outcome.reply.type, 'refused')
  const served = (await world.ask(place(customer(1)))) as ServedReply
  assert.is(served.type, 'served')
  await world.ask(confirm(served.reservationId))
  assert.is((await world.ask(place(customer(1)))).type, 'refused', 'what ended is not waited for')
  const { onHand, held, sold } = await stockOf(world)
  assert.equal([onHand, held, sold], [1, 1, 1])
})

test('for more than comes at once keeps what comes', async () => {
  const { world, holds } = await soldOut(3)
  await world.ask(join(world, customer(1), 2))
  await world.ask(release(holds[0] as ReservationId))
  assert.is((await stockOf(world)).available, 0, 'put aside for the head')
  assert.is((await world.ask(place(customer(1)))).type, 'waiting')
  await world.ask(release(holds[1] as ReservationId))
  assert.is((await world.ask(place(customer(1)))).type, 'served')
  assert.is((await stockOf(world)).held, 3)
})

test('by very many is served a turn at a time, and nobody new comes between', async () => {
  const { world } = await soldOut(1)
  const waiting = 3 * servedPerTurnMax
  for (let n = 0; n < waiting; n++) await world.ask(join(world, customer(n)))
  const more = world.call(setStock(phone, waiting))
  const newcomer = world.call(reserve(world, { customerId: customer('new') }))
  await world.settle()
  assert.is(more.outcome?.type, 'reply')
  assert.is(newcomer.outcome?.type === 'reply' && newcomer.outcome.reply.type, 'refused')
  await world.advance(10)
  assert.is((await stockOf(world)).held, waiting)
  assert.is((await world.ask(place(customer(waiting - 2)))).type, 'served')
  assert.is(((await world.ask(place(customer(waiting - 1)))) as WaitingReply).position, 1)
})

test('survives a restart in the middle of being served', async () => {
  const { world } = await soldOut(1)
  const waiting = 3 * servedPerTurnMax
  for (let n = 0; n < waiting; n++) await world.ask(join(world, customer(n)))
  world.call(setStock(phone, waiting + 1))
  for (let step = 0; step < 4; step++) await world.timers.step()
  world.crash()
  const again = await new InProcessEngine({ disk: world.disk.copy() }).start()
  await again.advance(10)
  const { held, available, onHand } = await stockOf(again)
  assert.is(held + available, onHand)
  assert.is(
    available === 0 || held === waiting + 1,
    true,
    `${held} held of ${onHand}, ${available} available`,
  )
})

test('goes on after a restart where what is left for the head was partly free before', async () => {
  // One unit is free when the first joins, and stays everybody's: of the last two only one is put aside.
  const { world } = await soldOut(1)
  await world.ask(setStock(phone, 2))
  // As many as the first turn serves, and one more.
  const waiting = 2 * servedPerTurnMax + 1
  for (let n = 0; n < waiting; n++) await world.ask(join(world, customer(n), 2))
  const more = world.call(setStock(phone, 2 + 2 * waiting - 1))
  const again = await new InProcessEngine({ disk: await diskAfterFirstFrame(world) }).start()
  assert.is(more.outcome?.type, 'reply')
  await again.advance(10)
  assert.is((await stockOf(again)).held, 1 + 2 * waiting)
  assert.is((await again.ask(place(customer(waiting - 1)))).type, 'served')
})

test('ends after a restart for who was to leave the line when the worker ended', async () => {
  const { world } = await soldOut(1)
  const waiting = 3 * servedPerTurnMax
  for (let n = 0; n < waiting; n++) await world.ask(join(world, customer(n)))
  const closed = world.call(sale({ closesAtMs: 1 }))
  const again = await new InProcessEngine({ disk: await diskAfterFirstFrame(world) }).start()
  assert.is(closed.outcome?.type, 'reply')
  await again.advance(10)
  await again.ask(sale({}))
  for (const n of [0, waiting - 1]) {
    const { type } = await again.ask(place(customer(n)))
    assert.is(type, 'refused', `the place of ${n} is gone`)
  }
})

test('ends when the sale does, for everybody who stands there', async () => {
  const { world, holds } = await soldOut(1)
  const waiting = 3 * servedPerTurnMax
  await world.ask(sale({ closesAtMs: world.timers.clock.wallMs() + 60_000 }))
  for (let n = 0; n < waiting; n++) await world.ask(join(world, customer(n)))
  await world.ask(sale({ closesAtMs: world.timers.clock.wallMs() + 30_000 }))
  await world.advance(29_000)
  assert.is(((await world.ask(place(customer(waiting - 1)))) as WaitingReply).position, waiting)
  await world.advance(2_000)
  const { version } = await stockOf(world)
  assert.is(version, 1 + 1 + 2 + 2 * waiting, 'and all of them have left')
  await world.ask(sale({ closesAtMs: world.timers.clock.wallMs() + 60_000 }))
  for (const n of [0, waiting - 1]) assert.is((await world.ask(place(customer(n)))).type, 'refused')
  await world.ask(release(holds[0] as ReservationId))
  assert.is((await stockOf(world)).available, 1, 'nobody is waited for')
})

test('is not taken up again by a sale that is extended after its end, however soon', async () => {
  const { world } = await soldOut(1)
  const closesAtMs = world.timers.clock.wallMs() + 60_000
  await world.ask(sale({ closesAtMs }))
  const waiting = 3 * servedPerTurnMax
  for (let n = 0; n < waiting; n++) await world.ask(join(world, customer(n)))
  world.timers.clock.pass(60_000)
  const asked = [
    world.call(leave(customer(1))),
    world.call(sale({ closesAtMs: closesAtMs + 60_000 })),
  ] as const
  await world.settle()
  const [left, extended] = asked.map(({ outcome }) => outcome)
  assert.is(left?.type === 'reply' && left.reply.type, 'refused', 'the line is over, whoever asks')
  assert.is(extended?.type === 'error' && extended.error.code, 'overloaded', 'while the line is emptied')
  await world.advance(10)
  await world.ask(sale({ closesAtMs: closesAtMs + 60_000 }))
  for (const n of [0, waiting - 1]) assert.is((await world.ask(place(customer(n)))).type, 'refused')
})

test('keeps holds and counts over the end of a sale that is extended', async () => {
  const { world } = await soldOut(3)
  const now = () => world.timers.clock.wallMs()
  await world.ask(sale({ perCustomerLimit: 4, closesAtMs: now() + 60_000 }))
  await world.advance(60_000)
  await world.ask(setStock(phone, 10))
  const closed = await world.ask(reserve(world))
  assert.is(closed.type === 'refused' && closed.refusal.reason, 'saleClosed')
  await world.ask(sale({ closesAtMs: now() + 60_000 }))
  await world.ask(sale({ perCustomerLimit: 4, closesAtMs: now() + 60_000 }))
  const over = await world.ask(reserve(world, { quantity: 2 }))
  assert.equal(over.type === 'refused' && over.refusal, {
    reason: 'perCustomerLimit',
    productId: phone,
    limit: 4,
    remaining: 1,
  })
  await makeHold(world)
  assert.is((await stockOf(world)).held, 4)
})

test('served holds that expire go to the next in line', async () => {
  const { world, holds } = await soldOut(1)
  for (const n of [1, 2]) await world.ask(join(world, customer(n)))
  await world.ask(release(holds[0] as ReservationId))
  assert.is((await world.ask(place(customer(1)))).type, 'served')
  await world.advance(601_000)
  assert.is((await world.ask(place(customer(1)))).type, 'refused')
  assert.is((await world.ask(place(customer(2)))).type, 'served')
})

test.run()
