/** What a reader finds on a board, whatever its writer is doing: B3 to B6. When anything is shown is tried elsewhere. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import * as assert from 'uvu/assert'
import {
  ShardBoard,
  type ShardBoardMemory,
  ShardBoardReader,
  type ShownStock,
  type StockEntry,
} from '../../src/actors/stock-board.ts'
import type { ShardId } from '../../src/domain/ids.ts'
import { availableOf } from '../../src/domain/stock.ts'
import { note, suite } from '../support/suite.ts'
import { type HammerData, stockAt } from './board-hammer.ts'

const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** What is to be read of what was shown; fields of a sale that are absent are so in one way only. */
function shownOf(entry: StockEntry): object {
  const { version, onHand, held, sold, retired, sale } = entry
  return plain({ version, available: availableOf(entry), onHand, held, sold, retired, sale })
}

function plain(shown: object | undefined): object {
  return JSON.parse(JSON.stringify(shown ?? {}))
}

const entry = (fields: Partial<StockEntry> = {}): StockEntry => {
  return {
    number: 0,
    version: 1,
    onHand: 10,
    held: 2,
    earmarked: 1,
    sold: 0,
    retired: false,
    sale: {},
    ...fields,
  }
}

const board = suite('a board')

board('says of each product what was shown of it last', () => {
  note(`TEST_SEED=${seed}`)
  const units = fc.nat({ max: 1_000_000_000 })
  const time = fc.option(fc.integer({ min: -(10 ** 13), max: 10 ** 14 }), { nil: undefined })
  const limit = fc.option(fc.nat({ max: 3_600_000 }), { nil: undefined })
  const sale = fc.record(
    {
      opensAtMs: time,
      closesAtMs: time,
      perCustomerLimit: limit,
      holdTtlMs: limit,
      maxPerReservation: limit,
    },
    { requiredKeys: [], noNullPrototype: true },
  )
  const change = fc.record({
    number: fc.nat({ max: 5 }),
    later: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
    onHand: units,
    held: units,
    earmarked: units,
    sold: fc.maxSafeNat(),
    retired: fc.boolean(),
    sale,
  })
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 40 }), fc.array(change, { maxLength: 40 }), (first, changes) => {
      const shard = new ShardBoard(3 as ShardId)
      const reader = () => new ShardBoardReader(structuredClone(shard.memory))
      const newest: StockEntry[] = []
      for (const { number: any, later, ...counts } of changes) {
        const number = Math.min(any, newest.length)
        // What was recovered may begin anywhere.
        const version = (newest[number]?.version ?? first) + later
        newest[number] = { number, version, ...counts }
        shard.show([newest[number]])
      }
      assert.is(reader().products, newest.length)
      for (const shown of newest) assert.equal(plain(reader().read(shown.number)), shownOf(shown))
      assert.is(reader().read(newest.length), undefined)
    }),
    { seed },
  )
})

board('grows with its products, and who was not told of the new part finds none of it', () => {
  const shard = new ShardBoard(0 as ShardId)
  for (let number = 0; number < 1_024; number++) shard.show([entry({ number, version: number + 1 })])
  const early = new ShardBoardReader(shard.memory)
  assert.is(shard.chunks, 1)
  for (let number = 1_024; number < 5_000; number++) shard.show([entry({ number, version: number + 1 })])
  assert.is(shard.chunks, 4, 'each is as large as all before')
  const reader = new ShardBoardReader(shard.memory)
  for (let number = 0; number < 5_000; number++) assert.is(reader.read(number)?.version, number + 1)
  assert.is(early.products, 5_000)
  assert.is(early.read(1_023)?.version, 1_024)
  assert.is(early.read(1_024), undefined)
})

board('goes on where the low half of a version begins anew', () => {
  for (const around of [2 ** 31, 2 ** 32, 2 ** 33]) {
    const shard = new ShardBoard(0 as ShardId)
    const reader = (): ShownStock | undefined => new ShardBoardReader(shard.memory).read(0)
    for (let version = around - 3; version < around + 3; version++) {
      shard.show([entry({ version })])
      assert.is(reader()?.version, version)
    }
  }
})

board('refuses to go back, and products out of order; the same may be shown twice', () => {
  const shard = new ShardBoard(0 as ShardId)
  for (const version of [5, 6, 6]) shard.show([entry({ version })])
  assert.is(new ShardBoardReader(shard.memory).read(0)?.version, 6)
  assert.throws(() => shard.show([entry({ version: 5 })]), /versions only go up/)
  assert.throws(() => shard.show([entry({ number: 2 })]), /come in order/)
})

board('is read while a writer stands still half-way', () => {
  const shard = new ShardBoard(0 as ShardId)
  shard.show([entry({ version: 1 })])
  const { memory } = shard
  const reader = new ShardBoardReader(memory)
  const half = entry({ version: 2, held: 3 })
  Object.defineProperty(half, 'sold', {
    get: () => {
      throw new Error('it stops here')
    },
  })
  assert.throws(() => shard.show([half]), /it stops here/)
  assert.equal(plain(reader.read(0)), shownOf(entry({ version: 1 })))
})

board.run()

const threads = suite('a board that another thread writes as fast as it can', { limitMs: 60_000 })

/** The low half of versions begins anew on the way. */
const TURN = 2 ** 32
const FIRST = TURN - 100_000
const SEEN = 2_000

threads('is never read half old and half new, and never goes back', async () => {
  const gate = new SharedArrayBuffer(4)
  const cells = new Int32Array(gate)
  const workerData: HammerData = { gate, firstVersion: FIRST }
  const worker = new Worker(new URL('./board-hammer.ts', import.meta.url), { workerData })
  const exited = once(worker, 'exit')
  const [memory] = (await once(worker, 'message')) as [ShardBoardMemory]
  const reader = new ShardBoardReader(memory)
  Atomics.store(cells, 0, 1)
  Atomics.notify(cells, 0)
  let [newest, seen, readings] = [FIRST, 0, 0]
  try {
    // As long as it takes on a machine where the two share a core.
    while (seen < SEEN || newest < 2 * TURN - FIRST) {
      const shown = reader.read(0)
      assert.ok(shown !== undefined && shown.version >= newest, `${shown?.version} after ${newest}`)
      readings += 1
      if (shown.version > newest) seen += 1
      newest = shown.version
      isWhole(shown)
    }
  } finally {
    Atomics.store(cells, 0, 2)
  }
  const [last] = (await once(worker, 'message')) as [number]
  assert.is(reader.read(0)?.version, last)
  await exited
  note(`${readings} readings, ${seen} versions seen of ${last - FIRST}`)
})

/** By hand, since whatever takes long between two readings spares the writer a reader. */
function isWhole(shown: ShownStock): void {
  const { version, onHand, held, earmarked, sold, retired, sale } = stockAt(shown.version)
  const isSo =
    shown.onHand === onHand &&
    shown.held === held &&
    shown.available === onHand - held - earmarked &&
    shown.sold === sold &&
    shown.retired === retired &&
    shown.sale.opensAtMs === sale.opensAtMs &&
    shown.sale.closesAtMs === sale.closesAtMs &&
    shown.sale.perCustomerLimit === sale.perCustomerLimit &&
    shown.sale.holdTtlMs === sale.holdTtlMs &&
    shown.sale.maxPerReservation === sale.maxPerReservation
  if (!isSo) assert.equal(shown, shownOf(stockAt(version)))
}

threads.run()
