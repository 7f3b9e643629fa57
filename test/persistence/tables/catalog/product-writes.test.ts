/** What a server of many connections does between two statements of a change, and the one writer of SQLite never can. */
import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import type { ProductFields } from '../../../../src/persistence/tables/catalog/product-row.ts'
import {
  findProduct,
  insertProduct,
  type ProductRefused,
  retireProduct,
  reviseProduct,
} from '../../../../src/persistence/tables/catalog/product-writes.ts'
import { migrate } from '../../../../src/persistence/tables/migrations.ts'
import type { Moment } from '../../../../src/persistence/tables/operation.ts'
import type { Query } from '../../../../src/persistence/tables/query.ts'
import { schema } from '../../../../src/persistence/tables/schema.ts'
import { SqliteSession } from '../../../../src/persistence/tables/sqlite-session.ts'
import { suite } from '../../../support/suite.ts'
import { fields, PIXEL } from './products.ts'

const MOMENT: Moment = { nowMs: 7, random: { fraction: () => 0.5 }, notify: () => {} }

function opened() {
  const database = new Database(':memory:')
  migrate(database, schema, 0)
  const session = new SqliteSession(database)
  session.run(insertProduct(PIXEL, fields(), MOMENT))
  /** Runs a query, and something else between its first statement and its second. */
  const interrupted = <Result>(query: Query<Result>, between: () => void): Result => {
    let isFirst = true
    const watched = function* (): Query<Result> {
      let step = query.next()
      while (step.done !== true) {
        const answer = yield step.value
        if (isFirst) between()
        isFirst = false
        step = query.next(answer)
      }
      return step.value
    }
    return session.run(watched())
  }
  const revise = (change: Partial<ProductFields>) =>
    reviseProduct({ productId: PIXEL }, (product) => ({ ...product, ...change }), MOMENT)
  return {
    session,
    interrupted,
    revise,
    product: () => session.run(findProduct(PIXEL)),
    [Symbol.dispose]: () => database.close(),
  }
}

const races = suite('two changes of one product at a time')

races('both hold, each on top of the other', () => {
  using world = opened()
  const { session, interrupted, revise } = world
  const saved = interrupted(revise({ title: 'New' }), () => void session.run(revise({ priceMinor: 1 })))
  assert.is(saved.type, 'saved')
  const product = world.product()
  assert.equal([product?.title, product?.priceMinor, product?.version], ['New', 1, 3])
})

races('of which one names the version that was, are one change', () => {
  using world = opened()
  const { session, interrupted, revise } = world
  const guarded = reviseProduct(
    { productId: PIXEL, guard: { ifMatch: [1] } },
    (product) => ({ ...product, title: 'New' }),
    MOMENT,
  )
  const refused = interrupted(guarded, () => void session.run(revise({ priceMinor: 1 })))
  assert.equal(refused, { type: 'refused', reason: 'guard' } satisfies ProductRefused)
  assert.is(world.product()?.title, 'Pixel 11')
})

races('of which one retires it, leave it retired and otherwise as it was', () => {
  using world = opened()
  const { session, interrupted, revise } = world
  const retire = () => void session.run(retireProduct({ productId: PIXEL }, MOMENT))
  assert.equal(interrupted(revise({ title: 'New' }), retire), { type: 'refused', reason: 'retired' })
  assert.equal([world.product()?.title, world.product()?.version], ['Pixel 11', 2])
})

races('that both retire it are one retirement', () => {
  using world = opened()
  const { session, interrupted } = world
  const retire = () => retireProduct({ productId: PIXEL }, MOMENT)
  const saved = interrupted(retire(), () => void session.run(retire()))
  assert.ok(saved.type === 'saved')
  assert.equal([saved.how, saved.product.version], ['unchanged', 2])
})

races.run()
