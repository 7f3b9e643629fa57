/** What an index is to hold: the catalog as the tables have it, and whether there is any as the boards show it. */
import type { ProductId } from '../domain/ids.ts'
import { productPageMax } from '../limits/catalog.ts'
import type { Product } from '../persistence/tables/catalog/product-row.ts'
import type { AnswerOf, ArgsOf, ReadName } from '../persistence/tables/operations.ts'

/** The tables, in a file at hand or on a server. */
export type CatalogReader = {
  read<N extends ReadName>(name: N, args: ArgsOf<N>): AnswerOf<N> | Promise<AnswerOf<N>>
}

/** All products that are not retired, a page at a time, in the order of their ids. */
export async function* pagesOfCatalog(tables: CatalogReader): AsyncGenerator<readonly Product[]> {
  let after: string | undefined
  for (;;) {
    const page = await tables.read('catalog.browse', {
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
export async function presentOf(tables: CatalogReader, productIds: Iterable<ProductId>): Promise<Present> {
  const there: Product[] = []
  const gone: ProductId[] = []
  for (const productId of productIds) {
    const product = await tables.read('catalog.product', { productId })
    if (product === undefined || product.retiredAtMs !== null) gone.push(productId)
    else there.push(product)
  }
  return { there, gone }
}
