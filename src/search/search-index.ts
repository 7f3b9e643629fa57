/**
 * The port of an index over the catalog. Whoever asks it gets ids: what is shown of a product is read where it is kept, so
 * that no price or count is ever older than the catalog's.
 *
 * X1  It is told the whole truth of a product each time, or only whether it is in stock. Told twice it is the same.
 * X2  It is written by one caller, and asked by many.
 * X3  A document it cannot take is refused by itself; the others of the batch are taken.
 * X4  Nothing a shopper types is anything but words or a value to it (FAULTS.md, attack 42).
 */
import type { ProductId } from '../domain/ids.ts'
import type { ProductDocument } from './product-document.ts'

export const searchSorts = ['relevance', 'price-asc', 'price-desc', 'rating', 'newest'] as const
export type SearchSort = (typeof searchSorts)[number]

export type SearchRequest = {
  /** Words, whole or begun, in any order, with typing errors; all products where it is empty. */
  readonly term: string
  /** A path, see `domain/category-path.ts`: products in it, and in what lies in it. */
  readonly category: string | undefined
  readonly brand: string | undefined
  /** Decimal, both inclusive. */
  readonly minPrice: number | undefined
  readonly maxPrice: number | undefined
  readonly minRating: number | undefined
  /** Only what can be had now. */
  readonly inStock: boolean
  /** By relevance: the better match, then what is in stock, then the better rated. Ties go by the product's id. */
  readonly sort: SearchSort
  readonly offset: number
  readonly limit: number
}

export type SearchHit = {
  readonly productId: ProductId
  /** Of the product's own, in lower case and without marks: those that were found. Empty where nothing was looked for. */
  readonly words: readonly string[]
}

export type FacetCount = { readonly value: string; readonly count: number }

/** Of all that was found, not of the page; the most frequent first, `facetValuesMax` of each at most. */
export type Facets = {
  /** Paths: each product counts for its own and for all it lies in. */
  readonly category: readonly FacetCount[]
  readonly brand: readonly FacetCount[]
  /** `100-250`: from 100 up to, and not with, 250; `1500-` is the last. Cheap ones first; those without products are absent. */
  readonly price: readonly FacetCount[]
  /** `4`: rated 4 or better. From 4 down to 1; those without products are absent. */
  readonly rating: readonly FacetCount[]
}

export type SearchAnswer = {
  readonly hits: readonly SearchHit[]
  readonly total: number
  readonly facets: Facets
}

export type StockChange = { readonly productId: ProductId; readonly inStock: boolean }
export type IndexedProduct = Pick<ProductDocument, 'productId' | 'revision' | 'inStock'>
export type RefusedDocument = { readonly productId: ProductId; readonly why: string }

export type SearchIndex = {
  readonly name: 'embedded' | 'typesense'
  /** Takes documents in the place of what it has of these products. Answers those it cannot take (X3). */
  put(documents: readonly ProductDocument[]): Promise<readonly RefusedDocument[]>
  /** Products it does not have are none of its business. */
  setInStock(changes: readonly StockChange[]): Promise<void>
  remove(productIds: readonly ProductId[]): Promise<void>
  search(request: SearchRequest): Promise<SearchAnswer>
  /** How a title goes on that begins, or has a word that begins, like this; each once, the best rated first. */
  suggest(term: string, limit: number): Promise<readonly string[]>
  /** All that it has, in no order. */
  contents(): AsyncIterable<IndexedProduct>
}

/** It cannot answer or be told anything now, and may be asked again. */
export class IndexUnavailable extends Error {
  override readonly name = 'IndexUnavailable'
}

/** What it has kept is gone, or is not what this version keeps: it must be told everything anew. */
export class IndexLost extends Error {
  override readonly name = 'IndexLost'
}

/** Lower ends of the price facet's ranges. */
export const priceRangesFrom = [0, 10, 25, 50, 100, 250, 750, 1_500] as const
/** What the rating facet counts, and above. */
export const ratingsFrom = [4, 3, 2, 1] as const
export const facetValuesMax = 20

export function priceRangeName(index: number): string {
  return `${priceRangesFrom[index]}-${priceRangesFrom[index + 1] ?? ''}`
}
