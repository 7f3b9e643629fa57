/** A product as an index knows it: all that is searched, filtered, counted and sorted by, and nothing that is only shown. */
import { categoriesAbove } from '../domain/category-path.ts'
import type { ProductId } from '../domain/ids.ts'
import { decimalOf } from '../domain/money.ts'
import { type Product, ratingOf } from '../persistence/tables/catalog/product-row.ts'

export type ProductDocument = {
  readonly productId: ProductId
  /** Changes with everything here but `inStock`: of two documents of a product that have the same one, nothing else differs. */
  readonly revision: string
  readonly title: string
  readonly brand: string | undefined
  /** The path and all that it lies in, the widest first. */
  readonly categories: readonly string[]
  readonly description: string
  /** Values of specifications. */
  readonly details: readonly string[]
  /** Decimal, in the product's own currency. */
  readonly price: number
  /** Mean of its reviews, 0 where there are none. */
  readonly rating: number
  readonly reviewCount: number
  readonly createdAtMs: number
  /** Whether one can be had now. The only thing an index is told of stock: counts change too often. */
  readonly inStock: boolean
}

/** Of a product that is not retired. */
export function documentOf(product: Product, inStock: boolean): ProductDocument {
  const { productId, title, brand, category, description, specifications, createdAtMs } = product
  const { priceMinor, currency, reviewCount } = product
  return {
    productId,
    revision: revisionOf(product),
    title,
    brand: brand ?? undefined,
    categories: category === null ? [] : categoriesAbove(category),
    description,
    details: specifications.map(([, value]) => value),
    price: decimalOf(priceMinor, currency),
    rating: ratingOf(product),
    reviewCount,
    createdAtMs,
    inStock,
  }
}

export function revisionOf({ version, reviewCount }: Pick<Product, 'version' | 'reviewCount'>): string {
  return `${version}.${reviewCount}`
}
