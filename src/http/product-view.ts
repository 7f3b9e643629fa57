/** Products between the wire and the tables. */
import type { z } from 'zod'
import { categoryPath } from '../domain/category-path.ts'
import { type CurrencyCode, decimalOf, digitsOf, minorUnits } from '../domain/money.ts'
import type { ProductChange } from '../persistence/tables/catalog/product-operations.ts'
import { type Product, type ProductFields, ratingOf } from '../persistence/tables/catalog/product-row.ts'
import { invalid, type Problem } from './problems.ts'
import type { patchProductBody, replaceProductBody } from './product-schemas.ts'
import { timeOf } from './time.ts'

/** What a checked body says of a product. Throws 400 where the price is none in its currency. */
export function fieldsOf(body: z.output<typeof replaceProductBody>): ProductFields {
  const { title, description = '', brand = null, category, price, images = [], specifications = {} } = body
  const { currency } = body
  const priceMinor = minorUnits(price, currency)
  if (priceMinor === undefined) throw badPrice(currency)
  return {
    title,
    description,
    brand,
    category: category === undefined ? null : (categoryPath(category) ?? null),
    priceMinor,
    currency,
    images,
    specifications: Object.entries(specifications),
  }
}

/** What a checked body changes. */
export function changeOf(body: z.output<typeof patchProductBody>): ProductChange {
  const { title, description, brand, category, price, currency, images, specifications } = body
  return {
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(brand === undefined ? {} : { brand }),
    ...(category === undefined
      ? {}
      : { category: category === null ? null : (categoryPath(category) ?? null) }),
    ...(price === undefined ? {} : { price }),
    ...(currency === undefined ? {} : { currency }),
    ...(images === undefined ? {} : { images }),
    ...(specifications === undefined ? {} : { specifications: Object.entries(specifications) }),
  }
}

/** 400 that names the price. */
export function badPrice(currency: CurrencyCode): Problem {
  const message = `must be given with at most ${digitsOf(currency)} digits behind the point, as ${currency} has them`
  return invalid({ path: 'price', message })
}

/** The part that staff change. */
export function shownProduct(product: Product) {
  const { productId, title, description, brand, category, priceMinor, currency, images } = product
  return {
    productId,
    title,
    description,
    ...(brand === null ? {} : { brand }),
    ...(category === null ? {} : { category }),
    price: decimalOf(priceMinor, currency),
    currency,
    images,
    specifications: Object.fromEntries(product.specifications),
    createdAt: timeOf(product.createdAtMs),
    updatedAt: timeOf(product.updatedAtMs),
    ...(product.retiredAtMs === null ? {} : { retired: true as const }),
  }
}

/** With what its reviews add up to. */
export function listedProduct(product: Product) {
  return { ...shownProduct(product), rating: ratingOf(product), reviewCount: product.reviewCount }
}

/** Of the part that staff change: what conditions of a change look at. */
export function versionTag({ version }: Product): string {
  return `"${version}"`
}
