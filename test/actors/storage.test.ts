/** Want of room (FAULTS.md, 23 and 24): what is still answered, what is not, and that it goes on by itself. */
import * as assert from 'uvu/assert'
import type { Request } from '../../src/actors/requests.ts'
import { storageRetryMs } from '../../src/limits.ts'
import {
  type Asked,
  type InProcessEngine,
  inProcessEngine,
  journalDirectory,
} from '../support/in-process-engine.ts'
import type { MemoryDisk } from '../support/memory-disk.ts'
import { suite } from '../support/suite.ts'
import {
  addStock,
  confirm,
  extend,
  giveBack,
  isError,
  isReply,
  longReference,
  makeHold,
  phone,
  readReservation,
  readStock,
  release,
  reservationOf,
  reserve,
  setStock,
  stockOf,
} from './asking.ts'

const SEGMENT = 64 * 1_024

/** A worker whose disk has no room for a next segment; holds made before are given back. */
async function withoutNextSegment() {
  const world = await inProcessEngine({ segmentBytes: SEGMENT })
  await world.ask(setStock(phone, 10_000))
  const holds: Awaited<ReturnType<typeof makeHold>>[] = []
  for (let i = 0; i < 60; i++) holds.push(await makeHold(world))
  world.disk.capacityBytes = world.disk.usedBytes
  await rollOnce(world)
  return { world, holds }
}

/** Fills the open segment until the next one is in use, so that one behind it is asked for and cannot be had. */
async function rollOnce(world: InProcessEngine): Promise<void> {
  const before = world.worker().rolled.length
  for (let i = 0; i < 500; i++) {
    await makeHold(world, { reference: longReference })
    if (world.worker().rolled.length > before) return
  }
  throw new Error('the journal did not roll')
}

/** Reserves until that is refused; returns how often it was not. */
async function fillUp(world: InProcessEngine): Promise<number> {
  for (let made = 0; made < 1_000; made++) {
    const asked = world.call(reserve(world, { reference: longReference }))
    await world.settle()
    if (asked.outcome?.type === 'error') {
      isError(asked, 'storage-full')
      return made
    }
  }
  throw new Error('it was never full')
}

const running = suite('a worker without a next segment')

running('refuses new holds as storage-full, and still confirms, releases and expires', async () => {
  const { world, holds } = await withoutNextSegment()
  assert.ok((await fillUp(world)) > 0, 'there was room in the open segment')
  const [first, second, third] = holds
  assert.ok(first && second && third)
  const asked = [
    world.call(confirm(first.id)),
    world.call(release(second.id)),
    world.call(extend(third.id, 700_000)),
    world.call(addStock(phone, 1)),
    world.call(readStock()),
  ] as const
  await world.settle()
  isReply(asked[0], 'reservation')
  isReply(asked[1], 'reservation')
  isError(asked[2], 'storage-full')
  isError(asked[3], 'storage-full')
  isReply(asked[4], 'stock')
  assert.equal(world.worker().state, { type: 'ready', room: 'settlements' })
  const before = await stockOf(world)
  await world.advance(600_001)
  const { held } = await stockOf(world)
  assert.ok(held < before.held, 'what was due has expired')
  assert.ok(world.worker().logs.some(({ event }) => event === 'storage.full'))
})

running('refuses even settlements once the kept room is used, and still answers reads', async () => {
  const { world, holds } = await withoutNextSegment()
  await fillUp(world)
  const settlements = holds.flatMap(({ id }): Request[] => [confirm(id), giveBack(id)])
  let refused: Asked | undefined
  while (refused === undefined) {
    const request = settlements.shift()
    if (request === undefined) throw new Error('there was room to settle them all')
    const asked = await settled(world, request)
    if (asked.outcome?.type === 'error') refused = asked
  }
  isError(refused, 'read-only')
  isError(await settled(world, reserve(world)), 'read-only')
  assert.equal(world.worker().state, { type: 'ready', room: 'none' })
  isReply(await settled(world, readStock()), 'stock')
  assert.is(world.worker().isOver, false)
})

running('goes on by itself once there is room, with everything it had', async () => {
  const { world, holds } = await withoutNextSegment()
  await fillUp(world)
  const before = await stockOf(world)
  world.disk.heal()
  assert.equal(world.worker().state, { type: 'ready', room: 'settlements' })
  await world.advance(storageRetryMs + 1)
  assert.equal(world.worker().state, { type: 'ready', room: 'all' })
  await makeHold(world)
  assert.is((await stockOf(world)).held, before.held + 1)
  assert.ok(world.worker().logs.some(({ event }) => event === 'storage.recovered'))
  assert.is(world.lives[0]?.length, 1, 'without a restart')
  assert.is((await reservationOf(world, holds[0]?.id as never)).status, 'held')
})

running('expires holds although what comes due before them may not be written', async () => {
  const world = await inProcessEngine({ segmentBytes: SEGMENT })
  await world.ask(setStock(phone, 10_000))
  // What was released is forgotten a day later; that takes room and gives nothing back.
  const early = await makeHold(world)
  await world.ask(release(early.id))
  await world.advance(86_400_000 - 10_000)
  const late = await makeHold(world, { ttlMs: 60_000 })
  world.disk.capacityBytes = world.disk.usedBytes
  await rollOnce(world)
  await fillUp(world)
  await world.advance(20_000)
  assert.is((await reservationOf(world, early.id)).status, 'released', 'there is no room to forget it')
  await world.advance(60_000)
  assert.is((await reservationOf(world, late.id)).status, 'expired')
})

running.run()

const starting = suite('a start without room')

for (const tail of ['proven', 'not proven'] as const) {
  starting(`waits for room where the journal's tail is ${tail}, in one life of the worker`, async () => {
    const world = await inProcessEngine({ segmentBytes: SEGMENT })
    await world.ask(setStock(phone, 5))
    const held = await makeHold(world)
    if (tail === 'proven') await world.advance(1_000)
    world.crash()
    const room = world.disk.usedBytes
    const next = await restartWith(world, room - 2 * SEGMENT + 100)
    const asked = [world2(next, readStock()), world2(next, readReservation(held.id))]
    const change = next.call(reserve(next))
    await next.settle()
    if (tail === 'proven') {
      assert.is(next.worker().state.type, 'readOnly')
      for (const each of asked) assert.is(each.outcome?.type, 'reply')
      isError(change, 'read-only')
    } else {
      assert.is(next.worker().state.type, 'stopped', 'nothing may be shown that is not written anew')
      for (const each of asked) isError(each, 'shard-unavailable')
      isError(change, 'shard-unavailable')
    }
    for (let second = 0; second < 5; second++) await next.advance(storageRetryMs)
    assert.is(next.worker().failures.length, 0, next.worker().failures[0]?.why)
    next.disk.heal()
    await next.advance(storageRetryMs + 1)
    assert.is(next.worker().state.type, 'ready')
    assert.is((await reservationOf(next, held.id)).status, 'held')
    await makeHold(next)
  })
}

/** A new process on the same disk, which has only so much room. */
async function restartWith(world: InProcessEngine, capacityBytes: number): Promise<InProcessEngine> {
  world.disk.capacityBytes = capacityBytes
  return inProcessEngine({ disk: world.disk, timers: world.timers, segmentBytes: SEGMENT })
}

function world2(world: InProcessEngine, request: ReturnType<typeof readStock | typeof readReservation>) {
  return world.call(request)
}

async function settled<R extends Request>(world: InProcessEngine, request: R): Promise<Asked<R>> {
  const asked = world.call(request)
  await world.settle()
  return asked
}

/** One hold, and a process that ended right after it. */
async function crashedWithHold() {
  const world = await inProcessEngine({ segmentBytes: SEGMENT })
  await world.ask(setStock(phone, 5))
  const held = await makeHold(world)
  world.crash()
  return { world, held }
}

for (const path of [/-000000\.segment$/, /-000001\.segment$/, /\.mark$/]) {
  starting(`tries again where there was no room for ${path.source}`, async () => {
    const { world, held } = await crashedWithHold()
    world.disk.fail({ code: 'ENOSPC', kinds: ['write', 'writeLater'], path })
    const next = await restartWith(world, Number.POSITIVE_INFINITY)
    await next.advance(3 * storageRetryMs)
    assert.is(next.worker().failures.length, 0, next.worker().failures[0]?.why)
    assert.is(next.worker().state.type, 'ready')
    assert.is((await reservationOf(next, held.id)).status, 'held')
    const again = await inProcessEngine({ disk: next.disk.afterPowerLoss(), segmentBytes: SEGMENT })
    assert.is((await reservationOf(again, held.id)).status, 'held')
    assert.ok(next.disk.files(journalDirectory).length > 0)
  })
}

starting('tries again where what the first attempt had opened could not be closed either', async () => {
  const { world, held } = await crashedWithHold()
  world.disk.fail({ code: 'ENOSPC', kinds: ['sync'], path: /00000002-.*\.mark$/ })
  world.disk.fail({ code: 'ENOSPC', kinds: ['close'], path: /00000002-.*-000001\.segment$/ })
  const next = await restartWith(world, Number.POSITIVE_INFINITY)
  assert.is(next.worker().state.type, 'stopped')
  await next.advance(3 * storageRetryMs)
  assert.is(next.worker().failures.length, 0, next.worker().failures[0]?.why)
  assert.is(next.worker().state.type, 'ready')
  assert.is((await reservationOf(next, held.id)).status, 'held')
})

starting('leaves a disk that others can start from at any moment of its second attempt', async () => {
  const { world, held } = await crashedWithHold()
  world.disk.fail({ code: 'ENOSPC', kinds: ['sync'], path: /00000002-.*\.mark$/ })
  world.disk.fail({ code: 'ENOSPC', kinds: ['close'], path: /00000002-.*-000001\.segment$/ })
  world.disk.fail({ code: 'ENOSPC', kinds: ['remove'], path: /00000002-.*\.mark$/ })
  const disks: MemoryDisk[] = []
  world.disk.onChange = () => void disks.push(world.disk.copy(), world.disk.afterPowerLoss())
  const next = await restartWith(world, Number.POSITIVE_INFINITY)
  await next.advance(3 * storageRetryMs)
  assert.is(next.worker().state.type, 'ready')
  world.disk.onChange = undefined
  assert.ok(disks.length > 20)
  for (const disk of disks) {
    const other = await inProcessEngine({ disk, segmentBytes: SEGMENT })
    assert.is((await reservationOf(other, held.id)).status, 'held')
    other.crash()
  }
})

starting.run()
