/** Searches and products of which little is said. */
import type { ProductId } from '../../src/domain/ids.ts'
import type { ProductDocument } from '../../src/search/product-document.ts'
import type { SearchRequest } from '../../src/search/search-index.ts'

export const EVERYTHING: SearchRequest = {
  term: '',
  category: undefined,
  brand: undefined,
  minPrice: undefined,
  maxPrice: undefined,
  minRating: undefined,
  inStock: false,
  sort: 'relevance',
  offset: 0,
  limit: 20,
}

type Words = Partial<Omit<ProductDocument, 'productId'>>

/** A product of which little is said. */
export function documentNamed(productId: string, title: string, more: Words = {}): ProductDocument {
  return {
    productId: productId as ProductId,
    revision: '1.0',
    title,
    brand: undefined,
    categories: [],
    description: '',
    details: [],
    price: 100,
    rating: 0,
    reviewCount: 0,
    createdAtMs: 1_767_268_800_000,
    inStock: true,
    ...more,
  }
}
