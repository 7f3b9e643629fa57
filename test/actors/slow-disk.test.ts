/** A disk that is slow, and one that does not answer at all (FAULTS.md, 30 and 31). */
import * as assert from 'uvu/assert'
import { callsInFlightMax, syncStuckMs } from '../../src/limits.ts'
import { type InProcessEngine, inProcessEngine } from '../support/in-process-engine.ts'
import { suite } from '../support/suite.ts'
import { isError, isReply, isUnanswered, phone, reserve, setStock, stockOf } from './asking.ts'

const slow = suite('a disk whose syncs take')

for (const syncMs of [50, 500, 5_000]) {
  slow(`${syncMs} ms delays replies, and none leaves before its sync`, async () => {
    const world = await stocked()
    world.disk.holdSyncs = isSegment
    const calls = Array.from({ length: 100 }, () => world.call(reserve(world)))
    await world.advance(syncMs - 1)
    for (const call of calls) isUnanswered(call)
    world.disk.finishSyncs()
    await world.settle()
    for (const call of calls) isReply(call, 'held')
    assert.is(world.worker().state.type, 'ready')
  })
}

slow.run()

const stuck = suite('a disk whose syncs do not return')

stuck(
  'is given up: whoever waits is told that the outcome is unknown, whoever comes that nothing happened',
  async () => {
    const world = await stocked()
    world.disk.holdSyncs = isSegment
    const early = world.call(reserve(world))
    await world.advance(2 * syncStuckMs)
    assert.is(world.worker().state.type, 'stopped')
    isError(early, 'outcome-unknown')
    const late = world.call(reserve(world))
    await world.settle()
    isError(late, 'shard-unavailable')
  },
)

stuck('is trusted again when they do: what was written before counts', async () => {
  const world = await stocked()
  world.disk.holdSyncs = isSegment
  world.call(reserve(world))
  await world.advance(2 * syncStuckMs)
  world.disk.holdSyncs = undefined
  world.disk.finishSyncs()
  await world.settle()
  assert.is(world.worker().state.type, 'ready')
  const again = world.call(reserve(world))
  await world.settle()
  isReply(again, 'held')
  assert.is((await stockOf(world)).held, 2)
})

stuck('is not given up while anything becomes durable', async () => {
  const world = await stocked()
  world.disk.holdSyncs = isSegment
  for (let nth = 0; nth < 4; nth++) {
    world.call(reserve(world))
    await world.advance(syncStuckMs * 0.6)
    world.disk.finishSyncs()
    await world.settle()
    assert.is(world.worker().state.type, 'ready')
  }
})

stuck('takes no more than its listeners have room for', async () => {
  const world = await stocked()
  world.disk.holdSyncs = isSegment
  for (let n = 0; n < callsInFlightMax; n++) world.call(reserve(world))
  const more = world.call(reserve(world))
  await world.settle()
  isError(more, 'overloaded')
})

stuck.run()

function isSegment(path: string): boolean {
  return path.endsWith('.segment')
}

async function stocked(): Promise<InProcessEngine> {
  const world = await inProcessEngine()
  await world.ask(setStock(phone, 20_000))
  return world
}
