/** What shoppers ask for while thousands wait to pay is found by an index of its own, and never among all who wait. */
import Database from 'better-sqlite3'
import * as assert from 'uvu/assert'
import { migrate } from '../../../../src/persistence/tables/migrations.ts'
import { operations } from '../../../../src/persistence/tables/operations.ts'
import type { Query, Statement } from '../../../../src/persistence/tables/query.ts'
import { schema } from '../../../../src/persistence/tables/schema.ts'
import { suite } from '../../../support/suite.ts'

const plans = suite('what shoppers ask for')

/** How SQLite would answer the first statement of a query. */
function planOf(query: Query<unknown>): string {
  const database = new Database(':memory:')
  migrate(database, schema, 0)
  const { sql, values } = query.next().value as Statement
  const steps = database
    .prepare<unknown[], { readonly detail: string }>(`EXPLAIN QUERY PLAN ${sql}`)
    .all(...values)
  database.close()
  return steps.map(({ detail }) => detail).join('; ')
}

const customerId = 'usr_a' as never

plans('is found without looking at what others are about to pay', () => {
  const fingerprint = 'f'.repeat(64)
  assert.match(
    planOf(operations['orders.pendingByFingerprint'].run({ customerId, fingerprint })),
    /^SEARCH orders USING INDEX orders_pending \(customer_id=\? AND fingerprint=\?\)$/,
  )
  assert.match(
    planOf(operations['orders.pendingOfCart'].run({ cartId: 'cart_a' })),
    /^SEARCH orders USING INDEX orders_pending_of_cart \(cart_id=\?\)$/,
  )
})

plans('is listed in the order of an index, a page at a time', () => {
  const page = { status: undefined, before: undefined, limit: 20 }
  assert.match(
    planOf(operations['orders.list'].run({ ...page, customerId })),
    /^SEARCH orders USING INDEX orders_by_customer \(customer_id=\?\)$/,
  )
  assert.match(
    planOf(operations['orders.list'].run({ ...page, customerId: undefined, status: 'confirmed' })),
    /^SEARCH orders USING INDEX orders_by_status \(status=\?\)$/,
  )
})

plans('is swept by what is due alone', () => {
  assert.match(
    planOf(operations['orders.due'].run({ nowMs: 1, limit: 1 })),
    /^SEARCH orders USING INDEX orders_to_look_at \(look_at_ms>\? AND look_at_ms<\?\)$/,
  )
  for (const asksGateway of [true, false]) {
    const plan = planOf(operations['orders.due'].run({ nowMs: 1, limit: 1, asksGateway }))
    assert.match(plan, /^SEARCH orders USING INDEX orders_to_look_at/)
    assert.not.match(plan, /SCAN|TEMP B-TREE/)
  }
})

plans(
  'is compared with a restored journal, or a provider’s list, without looking at all there ever was',
  () => {
    const sold = planOf(operations['orders.soldSince'].run({ sinceMs: 1, after: 'ord_a', limit: 1 }))
    assert.match(sold, /^SEARCH orders USING INDEX sqlite_autoindex_orders_1 \(id>\?\)/)
    assert.not.match(sold, /TEMP B-TREE/)
    assert.match(
      planOf(operations['shop.newest'].run({})),
      /^SCAN orders USING INDEX sqlite_autoindex_orders_1$/,
    )
  },
)

plans.run()
