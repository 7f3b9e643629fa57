/**
 * Changes of products. Each is made by one conditional statement that names the version it rests on, and writes what
 * happened to the outbox beside it; one that would change nothing writes nothing.
 */
import { assert } from '../../../domain/assert.ts'
import { categoriesAbove } from '../../../domain/category-path.ts'
import type { ProductId } from '../../../domain/ids.ts'
import type { CurrencyCode } from '../../../domain/money.ts'
import type { Moment } from '../operation.ts'
import { enqueue, lastOutboxId } from '../outbox.ts'
import { change, type Query, row } from '../query.ts'
import {
  hasSameFields,
  PRODUCT_COLUMNS,
  type Product,
  type ProductFields,
  type ProductRow,
  productOf,
} from './product-row.ts'

/** Of what must be so for a change to be made. */
export type ProductGuard = {
  /** One of these versions; `any` is any that exists. */
  readonly ifMatch?: 'any' | readonly number[] | undefined
  /** None of these; `any` is none at all. */
  readonly ifNoneMatch?: 'any' | readonly number[] | undefined
}

export type ProductSaved = {
  readonly type: 'saved'
  readonly how: 'created' | 'updated' | 'unchanged'
  readonly product: Product
  /** Place in the outbox of this change, or of one that came after the last. */
  readonly position: number
}
export type ProductRefused =
  | { readonly type: 'refused'; readonly reason: 'unknown' | 'exists' | 'retired' | 'guard' | 'images' }
  /** None in the currency that the product would have. */
  | { readonly type: 'refused'; readonly reason: 'price'; readonly currency: CurrencyCode }

/** What somebody else's change between reading and writing makes necessary; on SQLite there is none. */
const TRIES_MAX = 8

export function* findProduct(productId: ProductId): Query<Product | undefined> {
  const found = yield* row<ProductRow>(`SELECT ${PRODUCT_COLUMNS} FROM products WHERE id = ?`, productId)
  return found === undefined ? undefined : productOf(found)
}

export function isMet({ ifMatch, ifNoneMatch }: ProductGuard, product: Product | undefined): boolean {
  if (ifMatch !== undefined) {
    if (product === undefined) return false
    if (ifMatch !== 'any' && !ifMatch.includes(product.version)) return false
  }
  if (ifNoneMatch === undefined || product === undefined) return true
  return ifNoneMatch !== 'any' && !ifNoneMatch.includes(product.version)
}

/** Undefined where there is one of this id already. */
export function* insertProduct(
  productId: ProductId,
  fields: ProductFields,
  moment: Moment,
): Query<ProductSaved | undefined> {
  const { nowMs } = moment
  const product: Product = {
    productId,
    ...fields,
    version: 1,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    retiredAtMs: null,
    ratingSum: 0,
    reviewCount: 0,
  }
  const inserted = yield* change(
    `INSERT INTO products (id, title, description, brand, category, price_minor, currency, images, specifications,
       version, created_at_ms, updated_at_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?) ON CONFLICT (id) DO NOTHING`,
    productId,
    ...columnsOf(fields),
    nowMs,
    nowMs,
  )
  if (inserted === 0) return undefined
  yield* placeIn(productId, fields.category)
  return { type: 'saved', how: 'created', product, position: yield* tell(product, moment) }
}

/**
 * Makes of a product what `revise` makes of it, if it is there, not retired, and as the guard wants it. `revise` may be
 * asked again, where somebody else was quicker.
 */
export function* reviseProduct(
  { productId, guard = {} }: { readonly productId: ProductId; readonly guard?: ProductGuard | undefined },
  revise: (product: Product) => ProductFields | ProductRefused,
  moment: Moment,
): Query<ProductSaved | ProductRefused> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const product = yield* findProduct(productId)
    if (product === undefined) return { type: 'refused', reason: 'unknown' }
    if (!isMet(guard, product)) return { type: 'refused', reason: 'guard' }
    if (product.retiredAtMs !== null) return { type: 'refused', reason: 'retired' }
    const fields = revise(product)
    if ('type' in fields) return fields
    if (hasSameFields(product, fields)) {
      return { type: 'saved', how: 'unchanged', product, position: yield* lastOutboxId() }
    }
    const saved = yield* updateProduct(product, fields, moment)
    if (saved !== undefined) return saved
  }
  return { type: 'refused', reason: 'guard' }
}

/** Undefined where the product is not at this version any more. */
function* updateProduct(
  before: Product,
  fields: ProductFields,
  moment: Moment,
): Query<ProductSaved | undefined> {
  const { productId, version } = before
  const updated = yield* row<ProductRow>(
    `UPDATE products SET title = ?, description = ?, brand = ?, category = ?, price_minor = ?, currency = ?, images = ?,
       specifications = ?, version = version + 1, updated_at_ms = ?
     WHERE id = ? AND version = ? AND retired_at_ms IS NULL RETURNING ${PRODUCT_COLUMNS}`,
    ...columnsOf(fields),
    moment.nowMs,
    productId,
    version,
  )
  if (updated === undefined) return undefined
  if (fields.category !== before.category) {
    yield* change('DELETE FROM product_categories WHERE product_id = ?', productId)
    yield* placeIn(productId, fields.category)
  }
  const product = productOf(updated)
  return { type: 'saved', how: 'updated', product, position: yield* tell(product, moment) }
}

/** Retires it, once; whoever comes again is answered as if it had just been done. */
export function* retireProduct(
  { productId, guard = {} }: { readonly productId: ProductId; readonly guard?: ProductGuard | undefined },
  moment: Moment,
): Query<ProductSaved | ProductRefused> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const product = yield* findProduct(productId)
    if (product === undefined) return { type: 'refused', reason: 'unknown' }
    if (product.retiredAtMs !== null) {
      return { type: 'saved', how: 'unchanged', product, position: yield* lastOutboxId() }
    }
    if (!isMet(guard, product)) return { type: 'refused', reason: 'guard' }
    const updated = yield* row<ProductRow>(
      `UPDATE products SET retired_at_ms = ?, updated_at_ms = ?, version = version + 1
       WHERE id = ? AND version = ? AND retired_at_ms IS NULL RETURNING ${PRODUCT_COLUMNS}`,
      moment.nowMs,
      moment.nowMs,
      productId,
      product.version,
    )
    if (updated === undefined) continue
    const retired = productOf(updated)
    return { type: 'saved', how: 'updated', product: retired, position: yield* tell(retired, moment) }
  }
  return { type: 'refused', reason: 'guard' }
}

function columnsOf(fields: ProductFields) {
  const { title, description, brand, category, priceMinor, currency, images, specifications } = fields
  return [
    title,
    description,
    brand,
    category,
    priceMinor,
    currency,
    JSON.stringify(images),
    JSON.stringify(specifications),
  ] as const
}

/** Under each category that its path lies in, so that it is found by any of them. */
function* placeIn(productId: ProductId, category: string | null): Query<void> {
  for (const each of category === null ? [] : categoriesAbove(category)) {
    const placed = yield* change(
      'INSERT INTO product_categories (path, product_id) VALUES (?, ?) ON CONFLICT DO NOTHING',
      each,
      productId,
    )
    assert(placed === 1, 'no path holds itself')
  }
}

function tell({ productId, version, retiredAtMs }: Product, moment: Moment): Query<number> {
  const payload = { version, ...(retiredAtMs === null ? {} : { retired: true }) }
  return enqueue({ type: 'product.changed', subjectId: productId, payload }, moment)
}
