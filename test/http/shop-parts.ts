/** The app over real tables in memory and an engine that answers what a test tells it. */
import { InProcessTables } from '../support/in-process-tables.ts'
import { type Fakes, fakes, NOW_MS } from './fake-parts.ts'

export type Shop = Fakes & Disposable & { readonly shopTables: InProcessTables }

export function shop(): Shop {
  const shopTables = new InProcessTables({ wallMs: () => NOW_MS, monotonicMs: () => 0 })
  return Object.assign(fakes({ tables: shopTables }), {
    shopTables,
    [Symbol.dispose]: () => shopTables.close(),
  })
}
