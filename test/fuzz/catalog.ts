/** What a world's catalog begins with, so that requests find products, and buyers of them. */
import type { Database } from 'better-sqlite3'
import type { CustomerId, ProductId } from '../../src/domain/ids.ts'
import { insertProduct } from '../../src/persistence/tables/catalog/product-writes.ts'
import { recordPurchase } from '../../src/persistence/tables/catalog/purchases.ts'
import type { Moment } from '../../src/persistence/tables/operation.ts'
import { SqliteSession } from '../../src/persistence/tables/sqlite-session.ts'
import { fields } from '../persistence/tables/catalog/products.ts'
import { CUSTOMERS, PRODUCTS } from './values.ts'

/** Half of the products, each bought by everybody. */
export function fillCatalog(database: Database, { nowMs, random }: Pick<Moment, 'nowMs' | 'random'>): void {
  const session = new SqliteSession(database)
  const moment: Moment = { nowMs, random, notify: () => {} }
  const productIds = PRODUCTS.filter((_, i) => i % 2 === 0) as readonly string[] as readonly ProductId[]
  for (const productId of productIds) session.run(insertProduct(productId, fields(), moment))
  for (const customerId of CUSTOMERS as readonly string[] as readonly CustomerId[])
    session.run(recordPurchase({ customerId, productIds, orderId: 'ord_1' }, moment))
}
