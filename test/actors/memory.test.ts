/** The memory of a worker (FAULTS.md, 13): one budget for all of its shards, also after a restart with less of it. */
import * as assert from 'uvu/assert'
import { mailboxMaxOf, recordBytesMax } from '../../src/actors/memory-budget.ts'
import { endedKnownMsMin } from '../../src/domain/bounds.ts'
import type { ReservationId } from '../../src/domain/ids.ts'
import { mailboxMax, workerHeapMbDefaultMax, workerHeapMbMin } from '../../src/limits.ts'
import { type InProcessEngine, inProcessEngine } from '../support/in-process-engine.ts'
import { suite } from '../support/suite.ts'
import {
  confirm,
  extend,
  isError,
  makeHold,
  productOf,
  readReservation,
  release,
  reservationOf,
  reserve,
  setStock,
} from './asking.ts'

/** Room for some 450 records. */
const heapMb = 24.25
const HOUR = 3_600_000
const products = [productOf(0), productOf(1)] as const
const [ours, theirs] = products

const memory = suite('the memory of a worker')

memory('is one budget for all of its shards', async () => {
  const world = await stocked()
  const made = await fill(world, 0)
  const { memory: status } = world.worker().askStatus()
  assert.ok(status.usedBytes >= status.maxBytes && status.maxBytes === recordBytesMax(heapMb))
  assert.is(status.refused, 1)
  for (const productId of products) isError(await called(world, reserve(world, { productId })), 'memory-full')
  isError(await called(world, setStock(productOf(2), 1)), 'memory-full')
  assert.is(world.worker().askStatus().memory.refused, 4)

  for (const id of made) await world.ask(confirm(id))
  assert.is(world.worker().isOver, false)
})

memory('that one shard needs is freed by what another may forget, without anybody asking', async () => {
  const world = await stocked()
  const ended = await fill(world, 0)
  for (const id of ended) await world.ask(release(id))
  const living = await fill(world, 1)
  for (const id of living) await world.ask(extend(id, HOUR))
  await world.advance(endedKnownMsMin - 1)
  isError(await called(world, reserve(world, { productId: theirs })), 'memory-full')
  await world.advance(2)
  await makeHold(world, { productId: theirs })
  const [first] = ended
  assert.ok(first !== undefined)
  assert.is((await world.ask(readReservation(first))).type, 'refused')
  for (const id of living) assert.is((await reservationOf(world, id)).status, 'expired')
})

memory('that a restart takes away is given back as far as may be, and all the rest is settled', async () => {
  const world = await stocked(heapMb + 0.5)
  const made: ReservationId[] = []
  for (let n = 0; n < 800; n++) made.push((await makeHold(world, { productId: ours })).id)
  const [living, ended] = [made.slice(0, 400), made.slice(400)]
  for (const id of ended) {
    await world.ask(release(id))
    await world.advance(1)
  }
  await world.shutDown()
  const next = await inProcessEngine({ disk: world.disk, timers: world.timers, heapMb })
  isError(await called(next, reserve(next, { productId: ours })), 'memory-full')
  for (const id of living) await next.ask(confirm(id))
  isError(await called(next, reserve(next, { productId: ours })), 'memory-full')
  await next.advance(endedKnownMsMin)
  const isKnown = async (id: ReservationId) => (await next.ask(readReservation(id))).type === 'reservation'
  const known = await Promise.all(ended.map(isKnown))
  const forgotten = known.indexOf(true)
  assert.ok(forgotten > 0, 'some of those that ended are forgotten')
  assert.ok(known.slice(forgotten).every(Boolean), 'the oldest of them')
  for (const id of living) assert.ok(await isKnown(id))
  await makeHold(next, { productId: ours })
})

memory('holds fewer letters where its heap is small', () => {
  assert.ok(mailboxMaxOf(workerHeapMbMin) < mailboxMax / 4)
  assert.is(mailboxMaxOf(workerHeapMbDefaultMax), mailboxMax)
})

memory.run()

async function stocked(megabytes = heapMb): Promise<InProcessEngine> {
  const world = await inProcessEngine({ heapMb: megabytes })
  for (const productId of products) await world.ask(setStock(productId, 10_000))
  return world
}

/** Reserves of one of the products until there is no memory; answers what was made. */
async function fill(world: InProcessEngine, product: 0 | 1): Promise<ReservationId[]> {
  const made: ReservationId[] = []
  for (;;) {
    const request = reserve(world, { productId: products[product] })
    const asked = await called(world, request)
    if (asked.outcome?.type === 'error') {
      isError(asked, 'memory-full')
      return made
    }
    made.push(request.reservationId)
  }
}

async function called(world: InProcessEngine, request: Parameters<InProcessEngine['call']>[0]) {
  const asked = world.call(request)
  await world.settle()
  return asked
}
