/** The app over real tables in memory and an engine that answers what a test tells it. */
import type { CustomerId, ProductId } from '../../src/domain/ids.ts'
import type { HttpParts } from '../../src/http/parts.ts'
import { recordPurchase } from '../../src/persistence/tables/catalog/purchases.ts'
import { SqliteSession } from '../../src/persistence/tables/sqlite-session.ts'
import { InProcessTables } from '../support/in-process-tables.ts'
import { type Fakes, fakes, NOW_MS } from './fake-parts.ts'

export type Shop = Fakes &
  Disposable & {
    readonly shopTables: InProcessTables
    /** As if an order of theirs had been confirmed. */
    sell(customerId: string, ...productIds: readonly string[]): void
  }

export function shop(parts: Partial<HttpParts> = {}): Shop {
  const shopTables = new InProcessTables({ wallMs: () => NOW_MS, monotonicMs: () => 0 })
  const session = new SqliteSession(shopTables.database)
  return Object.assign(fakes({ tables: shopTables, ...parts }), {
    shopTables,
    sell: (customerId: string, ...productIds: readonly string[]) => {
      const purchase = {
        customerId: customerId as CustomerId,
        productIds: productIds as readonly ProductId[],
        orderId: 'ord_1',
      }
      session.run(recordPurchase(purchase, { nowMs: NOW_MS }))
    },
    [Symbol.dispose]: () => shopTables.close(),
  })
}
