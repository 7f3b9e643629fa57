/** What an index is to hold: the catalog as the tables have it, and whether there is any as the boards show it. */
import type { ProductId } from '../domain/ids.ts'
import { productPageMax } from '../limits/catalog.ts'
import type { Product } from '../persistence/tables/catalog/product-row.ts'
import type { TablesReader } from '../persistence/tables/tables-reader.ts'

export type CatalogReader = Pick<TablesReader, 'read'>

/** All products that are not retired, a page at a time, in the order of their ids. */
export function* pagesOfCatalog(tables: CatalogReader): Generator<readonly Product[]> {
  let after: string | undefined
  for (;;) {
    const page = tables.read('catalog.browse', {
      category: undefined,
      brand: undefined,
      after,
      limit: productPageMax,
    })
    after = page.at(-1)?.productId
    if (after === undefined) return
    yield page
  }
}

export type Present = { readonly there: readonly Product[]; readonly gone: readonly ProductId[] }

/** Which of these products are in the catalog now; what was retired is gone. */
export function presentOf(tables: CatalogReader, productIds: Iterable<ProductId>): Present {
  const there: Product[] = []
  const gone: ProductId[] = []
  for (const productId of productIds) {
    const product = tables.read('catalog.product', { productId })
    if (product === undefined || product.retiredAtMs !== null) gone.push(productId)
    else there.push(product)
  }
  return { there, gone }
}
