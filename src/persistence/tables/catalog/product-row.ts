/** A product as the tables have it, and as everybody else is given it. */
import type { ProductId } from '../../../domain/ids.ts'
import type { CurrencyCode } from '../../../domain/money.ts'

/** What staff say of a product. */
export type ProductFields = {
  readonly title: string
  readonly description: string
  readonly brand: string | null
  /** A path, see `domain/category-path.ts`. */
  readonly category: string | null
  readonly priceMinor: number
  readonly currency: CurrencyCode
  readonly images: readonly string[]
  /** In their order, each name once. */
  readonly specifications: readonly (readonly [name: string, value: string])[]
}

export type Product = ProductFields & {
  readonly productId: ProductId
  /** Grows with each change of the fields, and with the retirement. */
  readonly version: number
  readonly createdAtMs: number
  readonly updatedAtMs: number
  readonly retiredAtMs: number | null
  readonly ratingSum: number
  readonly reviewCount: number
}

export type ProductRow = Omit<Product, 'images' | 'specifications'> & {
  /** JSON. */
  readonly images: string
  /** JSON. */
  readonly specifications: string
}

/** Of a `ProductRow`. */
export const PRODUCT_COLUMNS = `id AS "productId", title, description, brand, category, price_minor AS "priceMinor", currency,
  images, specifications, version, created_at_ms AS "createdAtMs", updated_at_ms AS "updatedAtMs",
  retired_at_ms AS "retiredAtMs", rating_sum AS "ratingSum", review_count AS "reviewCount"`

export function productOf(row: ProductRow): Product {
  return { ...row, images: JSON.parse(row.images), specifications: JSON.parse(row.specifications) }
}

const HUNDREDTHS = 100

/** Mean of its reviews to the hundredth; 0 where there are none. */
export function ratingOf({ ratingSum, reviewCount }: Pick<Product, 'ratingSum' | 'reviewCount'>): number {
  return reviewCount === 0 ? 0 : Math.round((HUNDREDTHS * ratingSum) / reviewCount) / HUNDREDTHS
}

/** Whether nothing would change. */
export function hasSameFields(a: ProductFields, b: ProductFields): boolean {
  return textOf(a) === textOf(b)
}

function textOf(fields: ProductFields): string {
  const { title, description, brand, category, priceMinor, currency, images, specifications } = fields
  return JSON.stringify([title, description, brand, category, priceMinor, currency, images, specifications])
}
