/** Calls that wait for a shard that changes hands, as a supervisor of a cluster asks for. */
import * as assert from 'uvu/assert'
import type { RepliesMessage } from '../../src/actors/protocol.ts'
import { callsInFlightMax, commandDeadlineMs, parkedCheckMs, parkedMsMax } from '../../src/limits.ts'
import { type InProcessEngine, type InProcessOptions, inProcessEngine } from '../support/in-process-engine.ts'
import { suite } from '../support/suite.ts'
import { isError, isReply, phone, readStock, reserve, setStock, stockOf } from './asking.ts'

const parking = suite('a call for a shard that changes hands')

async function moving(options: InProcessOptions = {}): Promise<InProcessEngine> {
  const world = await inProcessEngine(options)
  world.control.back.send({ type: 'park', forMs: parkedMsMax })
  await world.ask(setStock(phone, 100))
  return world
}

parking('waits while nobody serves it, and is sent when somebody does', async () => {
  const world = await moving()
  world.kill()
  const asked = [reserve(world), readStock(), reserve(world)].map((request) => world.call(request))
  await world.advance(parkedMsMax - 100)
  assert.ok(asked.every(({ outcome }) => outcome === undefined))
  assert.is(world.engine.inFlight, 3)
  world.spawn(0)
  await world.settle()
  for (const [i, type] of ['held', 'stock', 'held'].entries()) isReply(asked[i] as (typeof asked)[0], type)
  assert.is(world.engine.inFlight, 0)
  assert.is((await stockOf(world)).held, 2)
})

parking('is refused when it has waited long enough', async () => {
  const world = await moving()
  world.kill()
  const first = world.call(reserve(world))
  await world.advance(parkedMsMax / 2)
  const second = world.call(reserve(world))
  await world.advance(parkedMsMax / 2 + parkedCheckMs)
  isError(first, 'shard-unavailable')
  assert.is(second.outcome, undefined)
  world.spawn(0)
  await world.settle()
  isReply(second, 'held')
  assert.is((await stockOf(world)).held, 1)
})

parking('is refused at once where nobody but a person can help', async () => {
  const world = await moving()
  world.kill()
  const waiting = world.call(readStock())
  world.control.back.send({ type: 'state', worker: 0, state: { type: 'stopped', why: 'as it was told' } })
  await world.settle()
  isError(waiting, 'shard-unavailable')
  const later = world.call(readStock())
  await world.settle()
  isError(later, 'shard-unavailable')
})

parking('that the last owner turned away while it closed is asked of the next one', async () => {
  const world = await moving()
  const worker = world.worker()
  worker.wire.there.isHolding = true
  const asked = world.call(reserve(world))
  await world.settle()
  const { held } = worker.wire.there
  worker.tell({ type: 'shutdown' })
  for (const message of held.splice(0)) worker.wire.there.deliver(message)
  await world.settle()
  assert.ok(worker.isClosed)
  assert.is(asked.outcome, undefined, 'nobody was told that the engine is shutting down')
  world.spawn(0)
  await world.settle()
  isReply(asked, 'held')
})

parking('that the last owner never looked at is asked of the next one', async () => {
  const world = await moving()
  const worker = world.worker()
  worker.tell({ type: 'shutdown' })
  worker.wire.there.isHolding = true
  const asked = world.call(reserve(world))
  await world.settle()
  assert.ok(worker.isClosed)
  worker.wire.there.held.length = 0
  world.spawn(0)
  await world.settle()
  isReply(asked, 'held')
  assert.is((await stockOf(world)).held, 1)
})

parking('that may have happened is unknown, unless it only reads', async () => {
  const world = await moving()
  world.worker().wire.back.isHolding = true
  const [changing, reading] = [world.call(reserve(world)), world.call(readStock())]
  await world.settle()
  world.kill()
  world.spawn(0)
  await world.settle()
  isError(changing, 'outcome-unknown')
  isReply(reading, 'stock')
  assert.is((await stockOf(world)).held, 1, 'it did happen')
})

parking('up to the last word may have happened, and none behind it', async () => {
  const world = await moving()
  const { wire } = world.worker()
  wire.back.isHolding = true
  const asked = [reserve(world), reserve(world)].map((request) => world.call(request))
  await world.settle()
  const later = world.call(reserve(world))
  wire.there.isHolding = true
  await world.settle()
  const replies = wire.back.held.filter(({ cells }) => cells.length > 0)
  assert.is(replies.length, 1)
  // As a relay says whose connection is lost with the replies.
  const lastWord = (wire.there.held[0]?.lastCallId ?? 0) - 1
  wire.back.deliver({ cells: [], lastWord } satisfies RepliesMessage)
  // And of what it was to send after that, which it does not know to have come to nothing.
  wire.back.deliver({ cells: [], lastWord: lastWord + 1 } satisfies RepliesMessage)
  world.kill()
  world.spawn(0)
  await world.settle()
  for (const one of asked) isError(one, 'outcome-unknown')
  isReply(later, 'held')
  assert.is((await stockOf(world)).held, 3)
})

parking('that a worker was sent before it ended without a word is asked of the next one', async () => {
  const world = await moving()
  world.kill()
  world.control.back.isHolding = true
  const { wire } = world.spawn(0)
  // As if its thread ended before it had looked at anything.
  for (const way of [wire.back, wire.there]) way.isHolding = true
  await world.settle()
  world.control.back.release()
  const asked = world.call(reserve(world))
  await world.settle()
  assert.is(wire.there.held.length, 1)
  world.kill()
  world.spawn(0)
  await world.settle()
  isReply(asked, 'held')
  assert.is((await stockOf(world)).held, 1)
})

parking('is not sent to a worker that has had its last word', async () => {
  const world = await moving()
  const { wire } = world.worker()
  wire.back.deliver({ cells: [], lastWord: 1 })
  const sent: unknown[] = []
  wire.there.receive((message) => void sent.push(message))
  const asked = world.call(reserve(world))
  await world.settle()
  assert.is(sent.length, 0)
  world.kill()
  world.spawn(0)
  await world.settle()
  isReply(asked, 'held')
})

parking('waits no longer in all than a command may, however often its shard moves', async () => {
  const world = await moving()
  const asked = world.call(reserve(world))
  world.worker().wire.there.isHolding = true
  await world.settle()
  await world.advance(commandDeadlineMs - 1_000)
  const { wire } = world.worker()
  wire.back.deliver({ cells: [], lastWord: 1 })
  world.kill()
  await world.advance(1_000 - parkedCheckMs)
  assert.is(asked.outcome, undefined)
  await world.advance(2 * parkedCheckMs)
  isError(asked, 'shard-unavailable')
})

parking('counts as one that a listener waits for', async () => {
  const world = await moving()
  world.kill()
  const asked = Array.from({ length: callsInFlightMax }, () => world.call(readStock()))
  assert.ok(world.engine.isCrowded)
  const oneMore = world.call(readStock())
  await world.settle()
  isError(oneMore, 'overloaded')
  assert.ok(asked.every(({ outcome }) => outcome === undefined))
  world.engine.close()
  await world.settle()
  for (const one of asked) isError(one, 'shard-unavailable')
})

parking('waits for nothing where shards never move', async () => {
  const world = await inProcessEngine()
  world.kill()
  const asked = world.call(readStock())
  await world.settle()
  isError(asked, 'shard-unavailable')
})

parking.run()
