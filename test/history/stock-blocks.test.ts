import * as assert from 'uvu/assert'
import { noCounts } from '../../src/history/fold.ts'
import { ProjectionDamaged } from '../../src/history/projection-damaged.ts'
import {
  entriesOf,
  type StockBlockRow,
  StockBlocks,
  type StockEntry,
} from '../../src/history/stock-blocks.ts'
import { suite } from '../support/suite.ts'

const test = suite('blocks of stock events')
/** What a row may have so that none of it stands outside of SQLite's tree, with pages of 8 KiB. */
const ROW_BYTES_MAX = 2_030

test('give back what was added, by product and version, in rows of a bounded size', () => {
  const blocks = new StockBlocks()
  const added = new Map<number, StockEntry[]>()
  for (let i = 0; i < 300; i++) {
    const product = i % 3 === 0 ? 7 : 5
    const entries = added.get(product) ?? []
    added.set(product, entries)
    const entry = entryOf(entries.length + 11, i)
    entries.push(entry)
    blocks.add(product, entry)
  }
  const rows: (StockBlockRow & { readonly product: number })[] = []
  const take = () =>
    blocks.take((product, version, events) => rows.push({ product, version, events: Buffer.from(events) }))
  take()
  assert.equal(
    rows.map(({ product }) => product),
    rows.map(({ product }) => product).toSorted((one, other) => one - other),
  )
  for (const [product, entries] of added) {
    const own = rows.filter((row) => row.product === product)
    assert.equal(own.flatMap(entriesOf), entries)
    assert.ok(own.length > 1)
    assert.ok(own.every((row) => row.events.length <= ROW_BYTES_MAX))
  }
  const before = rows.length
  take()
  assert.is(rows.length, before, 'what was taken is not given again')
})

test('that were cut short, or are of something else, cannot be read, and say so', () => {
  const blocks = new StockBlocks()
  blocks.add(1, entryOf(1, 3))
  let row: StockBlockRow | undefined
  blocks.take((_, version, events) => {
    row = { version, events: Buffer.from(events) }
  })
  const { events } = row as StockBlockRow
  for (const damaged of [
    events.subarray(0, -1),
    Buffer.alloc(3, 0xff),
    Buffer.concat([events, Buffer.of(1)]),
  ])
    assert.throws(
      () => entriesOf({ version: 1, events: damaged }),
      (error: Error) => error instanceof ProjectionDamaged,
    )
})

function entryOf(version: number, nr: number): StockEntry {
  const counts = {
    ...noCounts,
    version,
    onHand: 2 ** 40,
    held: nr,
    sold: 3,
    waiting: 2,
    earmarked: 1,
    retired: nr % 2 === 1,
  }
  const event = nr % 50 === 0 ? undefined : Buffer.alloc(60 + (nr % 40), nr)
  return { sequence: nr * 1_000, atMs: 1.7e12 + nr, counts, event }
}

test.run()
