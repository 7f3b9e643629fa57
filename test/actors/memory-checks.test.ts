/** FAULTS.md, D39: what a worker has in memory is compared with a replay of its journal. */
import * as assert from 'uvu/assert'
import { CheckedReplay, type MemoryCheck, MemoryChecks } from '../../src/actors/memory-checks.ts'
import { Shard } from '../../src/actors/shard.ts'
import { walkOver } from '../../src/actors/state-walk.ts'
import type { ProductId, ReservationId, ShardId } from '../../src/domain/ids.ts'
import { noLink } from '../../src/persistence/journal/frame.ts'
import { listSnapshots } from '../../src/persistence/journal/snapshot.ts'
import { stockAdjusted } from '../domain/examples.ts'
import { given } from '../domain/given.ts'
import { type InProcessEngine, inProcessEngine, snapshotDirectory } from '../support/in-process-engine.ts'
import { suite } from '../support/suite.ts'
import {
  confirm,
  extend,
  giveBack,
  longReference,
  makeHold,
  productOf,
  release,
  reservationOf,
  setStock,
  startPayment,
  stockOf,
} from './asking.ts'

const products = Array.from({ length: 12 }, (_, n) => `p${n}` as ProductId)
const untouched = productOf(2)
/** Of the default, in the supervisor. */
const SEGMENTS = 4

const test = suite('the memory of a worker')

async function stocked(workers = 1): Promise<InProcessEngine> {
  const world = await inProcessEngine({ workers })
  for (const product of products) await world.ask(setStock(product, 100_000))
  return world
}

/** Goes on reserving, and with what was reserved, until the journal has rolled so often. */
async function work(world: InProcessEngine, rolls: number, held: ReservationId[] = []): Promise<void> {
  const from = world.worker().rolled.length
  for (let n = 0; world.worker().rolled.length < from + rolls; n++) {
    assert.ok(n < 5_000, 'the journal rolls')
    const productId = products[n % products.length] as ProductId
    if (productId !== untouched)
      held.push((await makeHold(world, { productId, reference: longReference })).id)
    if (n % 3 !== 0) continue
    const id = held.splice((n * 7) % held.length, 1)[0] as ReservationId
    if (n % 4 === 0) await world.ask(release(id))
    else if (n % 4 === 1) await world.ask(extend(id, 700_000))
    else {
      await world.ask(startPayment(id, 800_000))
      await world.ask(confirm(id))
      if (n % 4 === 2) await world.ask(giveBack(id))
    }
  }
}

test('never differs from its replay, over rolls, snapshots, kills, restarts and other numbers of workers', async () => {
  let world = await stocked()
  let compared = 0
  const held: ReservationId[] = []
  const ends = ['kill', 'shutDown', 'crash', 'kill', 'respawn'] as const
  for (const [life, end] of ends.entries()) {
    for (let n = 0; n < 2; n++) {
      await work(world, n === 0 ? SEGMENTS : 2, held)
      for (let worker = 0; worker < world.options.workers; worker++) {
        const checked = world.worker(worker).snapshot(world.disk.session())
        assert.equal(checked.differences, [], `life ${life}`)
        assert.ok(checked.open.length < 64, `${checked.open.length} are left to the next`)
        compared += checked.compared
      }
      // Expiries, and what was decided last, are checks of this life too.
      await world.advance(n * 400_000)
    }
    if (end === 'respawn') {
      world.kill()
      world.spawn(0)
      await world.settle()
      await work(world, SEGMENTS, held)
      assert.equal(world.worker().snapshot(world.disk.session()).differences, [])
      continue
    }
    if (end === 'shutDown') await world.shutDown()
    else world.crash()
    const { disk, timers } = world
    world = await inProcessEngine({ disk, timers, workers: 1 + (life % 2) })
  }
  assert.ok(compared > 300, `${compared} compared`)
})

test('is found to have a flip in it; the worker ends, and its successor has what the journal says', async () => {
  using watched = new WatchedShards()
  const world = await stocked()
  const bystander = await makeHold(world, { productId: untouched, quantity: 3 })
  await work(world, SEGMENTS)
  const life = world.worker()
  assert.equal(life.snapshot(world.disk.session()).differences, [])
  const { shard, stock } = watched.find(untouched)
  stock.held ^= 1 << 20
  await work(world, SEGMENTS)
  const before = listSnapshots(world.disk.session(), snapshotDirectory)
  const { differences } = life.snapshot(world.disk.session())
  assert.ok(differences.length > 0, 'it is noticed')
  for (const { part, shard: of, products: named, sequence } of differences) {
    assert.equal([part, of, named], ['products', shard, [untouched]])
    assert.ok(sequence > 0)
  }
  const after = listSnapshots(world.disk.session(), snapshotDirectory)
  const newOf = (wanted: boolean) =>
    after.filter(
      (found) => (found.shard === shard) === wanted && !before.some(({ name }) => name === found.name),
    )
  assert.is(newOf(true).length, 0, 'of a shard in doubt no snapshot is made')
  assert.ok(newOf(false).length > 0, 'of the others there is one')

  life.tell({ type: 'end', why: 'its memory differs' })
  await world.settle()
  assert.is(life.exitCode, 1)
  assert.match(life.failures[0]?.why ?? '', 'its memory differs')
  assert.is(life.failures[0]?.poison, undefined, 'no command is to blame')
  world.spawn(0)
  await world.settle()
  assert.is((await stockOf(world, untouched)).held, 3)
  assert.is((await reservationOf(world, bystander.id)).status, 'held')
  await work(world, SEGMENTS)
  assert.equal(world.worker().snapshot(world.disk.session()).differences, [])
})

test('is found to have a flip in it where it is a reservation', async () => {
  using watched = new WatchedShards()
  const world = await stocked()
  const { id } = await makeHold(world, { productId: untouched, quantity: 3 })
  const reservation = watched.find(untouched).state.reservations.get(id)
  assert.ok(reservation !== undefined)
  reservation.quantity ^= 1
  await work(world, SEGMENTS)
  const [first] = world.worker().snapshot(world.disk.session()).differences
  assert.equal([first?.part, first?.id, first?.products], ['reservations', id, [untouched]])
})

test('of a shard in which nothing happens any more is compared all the same', async () => {
  using watched = new WatchedShards()
  const world = await stocked()
  const loud = products[0] as ProductId
  const quiet = products.find(
    (product) => watched.find(product).shard !== watched.find(loud).shard,
  ) as ProductId
  const rolled = () => world.worker().rolled.length
  for (const isFlipped of [false, true]) {
    if (isFlipped) watched.find(quiet).stock.onHand += 4
    const from = rolled()
    while (rolled() < from + 2 * SEGMENTS)
      await makeHold(world, { productId: loud, reference: longReference })
    const { differences } = world.worker().snapshot(world.disk.session())
    assert.is(differences.length > 0, isFlipped)
  }
})

test('is checked a little at a time, round and round', async () => {
  using watched = new WatchedShards()
  await stocked()
  const { all } = watched
  const checks = new MemoryChecks(all, 1_024 * 1_024)
  const taken: MemoryCheck[] = []
  for (let bytes = 0; bytes < 64 * 1_024; bytes += 1_024) {
    const check = checks.takeIfDue(bytes)
    if (check !== undefined) taken.push(check)
  }
  assert.is(taken.length, 15, 'once in 4 KiB')
  assert.equal(
    taken.slice(0, 6).map(({ shard }) => shard as number),
    [0, 1, 2, 3, 0, 1],
  )
  for (const { part, shard, sequence } of taken) {
    assert.is(part, 'products', 'there is nothing else')
    assert.is(sequence + 1, all[shard]?.nextSequence)
  }
})

test('is compared at the very sequence: a check waits for its replay, and is dropped where that begins behind it (M2)', () => {
  const { shard: state } = given(stockAdjusted(5))
  const shard = 1 as ShardId
  const window = walkOver('products', state).next()
  const checks = [3, 5, 5, 6, 9].map((sequence): MemoryCheck => ({ ...window, shard, sequence }))
  const replay = new CheckedReplay(checks)
  // Recovery may begin again, as when a segment is archived meanwhile.
  for (let time = 0; time < 2; time++) {
    const at = { shard, state, snapshotSequence: 5, nextSequence: 6, link: noLink, lastTimeMs: 0 }
    replay.onBase(at)
    assert.is(replay.result.compared, 2)
    for (const nextSequence of [7, 8, 9]) replay.onEvent({ ...at, nextSequence })
    const { compared, differences, open } = replay.result
    assert.equal([compared, differences, open], [3, [], checks.slice(-1)])
  }
})

test.run()

/** All shards that have had a turn meanwhile: where a test flips what nobody else may touch. */
class WatchedShards {
  readonly #shards = new Map<ShardId, Shard>()
  readonly #original = Shard.prototype.endTurn

  constructor() {
    const shards = this.#shards
    const original = this.#original
    Shard.prototype.endTurn = function endTurn(this: Shard) {
      shards.set(this.id, this)
      original.call(this)
    }
  }

  get all(): readonly Shard[] {
    return [...this.#shards.values()].sort((a, b) => a.id - b.id)
  }

  find(productId: ProductId) {
    for (const { id: shard, state } of this.#shards.values()) {
      const stock = state.products.get(productId)
      if (stock !== undefined) return { shard, state, stock }
    }
    throw new Error(`no shard has ${productId}`)
  }

  [Symbol.dispose](): void {
    Shard.prototype.endTurn = this.#original
  }
}
