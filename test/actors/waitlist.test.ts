/** Waiting in line, through the engine: units that are freed go to the line in the frame that frees them. */
import * as assert from 'uvu/assert'
import type { ServedReply, WaitingReply } from '../../src/actors/requests.ts'
import type { JoinWaitlist } from '../../src/domain/commands.ts'
import type { CustomerId, ProductId, ReservationId } from '../../src/domain/ids.ts'
import { servedPerTurnMax } from '../../src/limits.ts'
import { InProcessEngine, inProcessEngine } from '../support/in-process-engine.ts'
import { suite } from '../support/suite.ts'
import { confirm, makeHold, phone, release, reserve, setStock, stockOf } from './asking.ts'

const customer = (name: string | number) => `c-${name}` as CustomerId

function join(world: InProcessEngine, customerId: CustomerId, quantity = 1, productId: ProductId = phone) {
  const reservationId = world.engine.newReservationId(productId)
  return { type: 'joinWaitlist', productId, customerId, quantity, reservationId } satisfies JoinWaitlist
}

const place = (customerId: CustomerId, productId: ProductId = phone) => {
  return { type: 'readWaitlist', productId, customerId } as const
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
