/** Products, as staff change them and everybody reads them. */
import { assert } from '../../../domain/assert.ts'
import type { ProductId } from '../../../domain/ids.ts'
import { type CurrencyCode, minorUnits } from '../../../domain/money.ts'
import { productImagesMax, productPageMax, productsReadMax } from '../../../limits/catalog.ts'
import { drawId } from '../draw-id.ts'
import { type Moment, read, write } from '../operation.ts'
import { type Query, rows } from '../query.ts'
import { TablesError } from '../tables-error.ts'
import {
  PRODUCT_COLUMNS,
  type Product,
  type ProductFields,
  type ProductRow,
  productOf,
} from './product-row.ts'
import {
  findProduct,
  insertProduct,
  isMet,
  type ProductGuard,
  type ProductRefused,
  type ProductSaved,
  retireProduct,
  reviseProduct,
} from './product-writes.ts'

/** What a change leaves out stays. A price is in the currency that the product has once the change is made. */
export type ProductChange = Partial<Omit<ProductFields, 'priceMinor'>> & {
  /** Decimal. */
  readonly price?: number | undefined
}

/** What a cart or an order must know of a product. */
export type ProductSummary = {
  readonly productId: ProductId
  readonly title: string
  readonly priceMinor: number
  readonly currency: CurrencyCode
  /** Of its first image. */
  readonly thumbnail: string | undefined
  readonly retired: boolean
  readonly version: number
}

export type ProductsFound = {
  readonly products: readonly Product[]
  /** What is wrong with those that are damaged, a sentence each: whoever runs the server must hear of it. */
  readonly damage: readonly string[]
}

export type BrowseArgs = {
  readonly category: string | undefined
  readonly brand: string | undefined
  /** Products behind this one. */
  readonly after: string | undefined
  readonly limit: number
}

type CreateArgs = { readonly productId: ProductId | undefined; readonly fields: ProductFields }
type ReplaceArgs = {
  readonly productId: ProductId
  readonly fields: ProductFields
  readonly guard: ProductGuard
}
type PatchArgs = {
  readonly productId: ProductId
  readonly change: ProductChange
  readonly guard: ProductGuard
}
type ImageArgs = { readonly productId: ProductId; readonly url: string }
type RetireArgs = { readonly productId: ProductId; readonly guard: ProductGuard }
type Replied = ProductSaved | ProductRefused

export const productOperations = {
  'catalog.product': read(({ productId }: { readonly productId: ProductId }) => findProduct(productId)),
  /** Up to `productsReadMax` of them, in no order; those that do not exist are absent. */
  'catalog.products': read(({ ids }: { readonly ids: readonly ProductId[] }) => summaries(ids)),
  /** Up to `productPageMax` of them whole, in no order; those that do not exist, or are damaged, are absent. */
  'catalog.found': read(({ ids }: { readonly ids: readonly ProductId[] }) => productsOf(ids)),
  'catalog.browse': read((args: BrowseArgs) => browse(args)),
  'catalog.create': write((args: CreateArgs, moment) => create(args, moment)),
  'catalog.replace': write((args: ReplaceArgs, moment) => replace(args, moment)),
  'catalog.patch': write((args: PatchArgs, moment) => patch(args, moment)),
  'catalog.addImage': write((args: ImageArgs, moment) => addImage(args, moment)),
  'catalog.retire': write((args: RetireArgs, moment) => retireProduct(args, moment)),
}

function* create({ productId, fields }: CreateArgs, moment: Moment): Query<Replied> {
  const id = productId ?? (drawId('prd', moment) as string as ProductId)
  return (yield* insertProduct(id, fields, moment)) ?? { type: 'refused', reason: 'exists' }
}

function* replace({ productId, fields, guard }: ReplaceArgs, moment: Moment): Query<Replied> {
  if (isMet(guard, undefined)) {
    const created = yield* insertProduct(productId, fields, moment)
    if (created !== undefined) return created
  }
  const revised = yield* reviseProduct({ productId, guard }, () => fields, moment)
  // It is not there, as the guard asked that it be.
  const isUnmet = revised.type === 'refused' && revised.reason === 'unknown'
  return isUnmet ? { type: 'refused', reason: 'guard' } : revised
}

function patch({ productId, change, guard }: PatchArgs, moment: Moment): Query<Replied> {
  const revise = (product: Product): ProductFields | ProductRefused => {
    const { price, ...rest } = change
    const fields = { ...product, ...rest }
    const { currency } = fields
    if (price === undefined && currency === product.currency) return fields
    // Another currency with the old number would be another price, perhaps a hundred times as much.
    const priceMinor = price === undefined ? undefined : minorUnits(price, currency)
    return priceMinor === undefined
      ? { type: 'refused', reason: 'price', currency }
      : { ...fields, priceMinor }
  }
  return reviseProduct({ productId, guard }, revise, moment)
}

function addImage({ productId, url }: ImageArgs, moment: Moment): Query<Replied> {
  return reviseProduct(
    { productId },
    (product) => {
      const { images } = product
      if (images.includes(url)) return product
      return images.length >= productImagesMax
        ? { type: 'refused', reason: 'images' }
        : { ...product, images: [...images, url] }
    },
    moment,
  )
}

/** In the order of their ids, without those that are retired. */
function* browse({ category, brand, after = '', limit }: BrowseArgs): Query<readonly Product[]> {
  const most = Math.min(limit, productPageMax + 1)
  const [where, ...values] = browsing(category, brand, after)
  const found = yield* rows<ProductRow>(BROWSING[where], ...values, most)
  return found.map(productOf)
}

const BROWSING = {
  all: `SELECT ${PRODUCT_COLUMNS} FROM products WHERE id > ? AND retired_at_ms IS NULL ORDER BY id LIMIT ?`,
  brand: `SELECT ${PRODUCT_COLUMNS} FROM products
    WHERE brand = ? AND id > ? AND retired_at_ms IS NULL ORDER BY id LIMIT ?`,
  category: `SELECT ${PRODUCT_COLUMNS} FROM product_categories JOIN products ON id = product_id
    WHERE path = ? AND product_id > ? AND retired_at_ms IS NULL ORDER BY product_id LIMIT ?`,
  brandInCategory: `SELECT ${PRODUCT_COLUMNS} FROM products
    WHERE brand = ? AND id > ? AND retired_at_ms IS NULL
      AND EXISTS (SELECT 1 FROM product_categories WHERE path = ? AND product_id = id) ORDER BY id LIMIT ?`,
} as const

function browsing(
  category: string | undefined,
  brand: string | undefined,
  after: string,
): readonly [keyof typeof BROWSING, ...string[]] {
  if (brand !== undefined && category !== undefined) return ['brandInCategory', brand, after, category]
  if (category !== undefined) return ['category', category, after]
  return brand === undefined ? ['all', after] : ['brand', brand, after]
}

type SummaryRow = Omit<ProductSummary, 'thumbnail' | 'retired'> & {
  readonly images: string
  readonly retiredAtMs: number | null
}

/** Texts of few lengths, so that each is prepared once: what is not needed of one is filled up with nothing. */
const SUMMARIES = new Map(
  [1, 10, productsReadMax].map((count) => [
    count,
    `SELECT id AS "productId", title, price_minor AS "priceMinor", currency, images, version,
       retired_at_ms AS "retiredAtMs"
     FROM products WHERE id IN (${Array.from({ length: count }, () => '?').join()})`,
  ]),
)

const FOUND = new Map(
  [1, 20, productPageMax].map((count) => [
    count,
    `SELECT ${PRODUCT_COLUMNS} FROM products WHERE id IN (${Array.from({ length: count }, () => '?').join()})`,
  ]),
)

/** One that is damaged does not keep everybody from the others. */
function* productsOf(ids: readonly ProductId[]): Query<ProductsFound> {
  try {
    const found = yield* rows<ProductRow>(...filledUp(FOUND, ids))
    return { products: found.map(productOf), damage: [] }
  } catch (error) {
    if (!(error instanceof TablesError) || error.code !== 'damaged') throw error
    return ids.length === 1 ? { products: [], damage: [error.message] } : yield* eachOf(ids)
  }
}

function* eachOf(ids: readonly ProductId[]): Query<ProductsFound> {
  const all: ProductsFound[] = []
  for (const id of ids) all.push(yield* productsOf([id]))
  return {
    products: all.flatMap(({ products }) => products),
    damage: all.flatMap(({ damage }) => damage),
  }
}

/** The shortest text that has room for all of them. */
function filledUp(
  texts: ReadonlyMap<number, string>,
  ids: readonly ProductId[],
): readonly [sql: string, ...ids: (ProductId | null)[]] {
  const [count, sql] = [...texts].find(([most]) => ids.length <= most) ?? []
  assert(
    count !== undefined && sql !== undefined,
    `no more than ${[...texts.keys()].at(-1)} are read at a time`,
  )
  return [sql, ...Array.from({ length: count }, (_, i) => ids[i] ?? null)]
}

function* summaries(ids: readonly ProductId[]): Query<readonly ProductSummary[]> {
  if (ids.length === 0) return []
  const found = yield* rows<SummaryRow>(...filledUp(SUMMARIES, ids))
  return found.map(({ images, retiredAtMs, ...rest }) => {
    const [thumbnail]: readonly string[] = JSON.parse(images)
    return { ...rest, thumbnail, retired: retiredAtMs !== null }
  })
}
