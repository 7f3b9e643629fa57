/** Lists of ids in packed rows, beside the same in plain arrays. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from 'better-sqlite3'
import * as assert from 'uvu/assert'
import { ProductReservations } from '../../src/history/product-reservations.ts'
import { openProjection } from '../../src/history/projection-file.ts'
import { Dice } from '../support/dice.ts'
import { note, suite } from '../support/suite.ts'

type Context = { directory: string; database: Database; lists: ProductReservations }

const test = suite<Context>('the reservations of products')
const seed = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const ID_CHARS = 28
const ROW_IDS = 64

test.before.each((context) => {
  context.directory = mkdtempSync(join(tmpdir(), 'holdfast-history-'))
  context.database = openProjection(join(context.directory, 'history.sqlite'), () => {})
  context.lists = new ProductReservations(context.database)
})
test.after.each(({ directory, database }) => {
  database.close()
  rmSync(directory, { recursive: true })
})

test('are listed downwards from any id, however late some come', ({ lists, database }) => {
  const dice = new Dice(seed)
  const model = new Map<number, string[]>()
  let nowMs = 10_000_000
  for (let round = 0; round < 150; round++) {
    nowMs += 1_000
    for (const product of [1, 2, 3]) {
      const ids = Array.from({ length: Math.floor(dice.fraction() ** 4 * 300) }, () => {
        // One node's clock is an hour late, and some waited for their answer.
        const lateMs = dice.hits(0.1) ? 3_600_000 : dice.hits(0.2) ? dice.between(0, 5_000) : 0
        return idAt(nowMs - lateMs + dice.between(0, 999), dice)
      }).sort()
      lists.add(product, ids)
      model.set(product, [...(model.get(product) ?? []), ...ids].sort())
    }
    for (const [product, ids] of model) {
      const before = dice.hits(0.2)
        ? '~'
        : dice.hits(0.5)
          ? dice.pick(['', ...ids])
          : idAt(nowMs - 7_000, dice)
      const count = dice.between(1, 300)
      const expected = ids.filter((id) => id < before).toReversed()
      const where = `TEST_SEED=${seed}, round ${round}`
      assert.equal(lists.below(product, before, count), expected.slice(0, count), where)
    }
  }
  assert.equal(lists.below(4, '~', 10), [])
  const counts = countsIn(database)
  const all = [...model.values()].reduce((sum, ids) => sum + ids.length, 0)
  assert.is(
    counts.reduce((sum, count) => sum + count, 0),
    all,
  )
  assert.ok(counts.every((count) => count <= ROW_IDS))
  assert.ok(counts.length < all / 16, `${counts.length} rows for ${all} ids`)
  note(`TEST_SEED=${seed}: ${all} ids in ${counts.length} rows`)
})

test('stay in rows of some length where one node’s come an hour late, one at a time', ({
  lists,
  database,
}) => {
  const dice = new Dice(seed)
  for (let nr = 0; nr < 200; nr++)
    lists.add(
      1,
      Array.from({ length: 64 }, (_, at) => idAt(nr * 64 + at, dice)),
    )
  for (let nr = 0; nr < 2_000; nr++) lists.add(1, [idAt(dice.between(0, 12_000), dice)])
  const counts = countsIn(database)
  assert.ok(counts.length < 500, `${counts.length} rows for 14,800 ids`)
})

test('cannot have one twice', ({ lists }) => {
  const ids = [idAt(1, new Dice(1)), idAt(2, new Dice(2)), idAt(3, new Dice(3))] as const
  lists.add(1, ids)
  for (const id of [ids[2], ids[2]]) assert.throws(() => lists.add(1, [id]), /twice/)
})

function idAt(ms: number, dice: Dice): string {
  return String(ms).padStart(14, '0') + String(dice.between(0, 1e13)).padStart(ID_CHARS - 14, '0')
}

/** Ids of each row, by product and last id. */
function countsIn(database: Database): readonly number[] {
  const rows = database.prepare<[], { readonly ids: string }>(
    'SELECT ids FROM product_reservations ORDER BY product, last',
  )
  return rows.all().map(({ ids }) => ids.length / ID_CHARS)
}

test.run()
