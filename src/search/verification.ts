/** Compares what an index has with what it is to have: the catalog, and the stock as the boards show it. */
import type { ProductId } from '../domain/ids.ts'
import { differencesMax } from '../limits/search.ts'
import { type CatalogReader, pagesOfCatalog } from './catalog-truth.ts'
import { revisionOf } from './product-document.ts'
import type { IndexedProduct, SearchIndex } from './search-index.ts'
import type { StockSource } from './stock-source.ts'

export type Difference = {
  readonly productId: ProductId
  readonly index: SearchIndex['name']
  /** It is not there; it is there and should not be; it is not as the catalog has it; it is wrong about the stock. */
  readonly what: 'missing' | 'extra' | 'outdated' | 'stock'
}

export type Verification = {
  /** Of the catalog. */
  readonly products: number
  readonly indexes: readonly SearchIndex['name'][]
  readonly differences: number
  /** The first of them. */
  readonly listed: readonly Difference[]
}

export type VerificationParts = {
  readonly indexes: readonly SearchIndex[]
  readonly tables: CatalogReader
  readonly stock: StockSource
  /** Lets whoever waits be answered. */
  readonly breathe: () => Promise<void>
  /** Resolves when what was under way has come to the indexes. */
  readonly settle: () => Promise<void>
}

/** What is found twice, with time to settle between, is a difference: what is under way is none. */
export async function verify(parts: VerificationParts): Promise<Verification> {
  const { indexes } = parts
  let found = new Map<string, Difference>()
  let products = 0
  for (let look = 0; look < 2; look++) {
    if (look > 0 && found.size === 0) break
    if (look > 0) await parts.settle()
    const seen = new Map<string, Difference>()
    for (const index of indexes) {
      const { differences, products: count } = await differencesOf(index, parts)
      products = count
      for (const each of differences) {
        const key = `${each.index} ${each.productId} ${each.what}`
        if (look === 0 || found.has(key)) seen.set(key, each)
      }
    }
    found = seen
  }
  const names = indexes.map(({ name }) => name)
  return {
    products,
    indexes: names,
    differences: found.size,
    listed: [...found.values()].slice(0, differencesMax),
  }
}

async function differencesOf(
  index: SearchIndex,
  { tables, stock, breathe }: VerificationParts,
): Promise<{ readonly differences: readonly Difference[]; readonly products: number }> {
  const { name } = index
  const held = new Map<ProductId, IndexedProduct>()
  for await (const each of index.contents()) held.set(each.productId, each)
  const differences: Difference[] = []
  let products = 0
  for await (const page of pagesOfCatalog(tables)) {
    products += page.length
    const inStock = await stock.inStock(page.map(({ productId }) => productId))
    for (const product of page) {
      const { productId } = product
      const has = held.get(productId)
      held.delete(productId)
      // Where nothing can be said of it now, what the index has counts as right.
      const isThere = inStock.get(productId) ?? has?.inStock
      if (has === undefined) differences.push({ productId, index: name, what: 'missing' })
      else if (has.revision !== revisionOf(product))
        differences.push({ productId, index: name, what: 'outdated' })
      else if (has.inStock !== isThere) differences.push({ productId, index: name, what: 'stock' })
    }
    await breathe()
  }
  for (const productId of held.keys()) differences.push({ productId, index: name, what: 'extra' })
  return { differences, products }
}
