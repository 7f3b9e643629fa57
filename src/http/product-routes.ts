/** Products as everybody sees them: one page each, and the list of all. */
import { hash } from 'node:crypto'
import { EngineError } from '../actors/engine-error.ts'
import { categoryPath } from '../domain/category-path.ts'
import { isProductId } from '../domain/ids.ts'
import { productPageMax, reviewsShownMax } from '../limits/catalog.ts'
import type { Product } from '../persistence/tables/catalog/product-row.ts'
import { retireInEngine } from '../shop/catalog/retirement.ts'
import type { HttpParts } from './parts.ts'
import { productIdOf } from './path-ids.ts'
import { isKnown } from './preconditions.ts'
import { invalid, Problem } from './problems.ts'
import { LISTED } from './product-examples.ts'
import { browseQuery, productPageReply, productsReply } from './product-schemas.ts'
import { listedProduct } from './product-view.ts'
import { limitOf, queryOf } from './query.ts'
import { json, jsonText, notModified } from './responses.ts'
import { REVIEW, shownReview } from './review-routes.ts'
import type { Call, Operation, Route } from './route.ts'
import { shownSale } from './sale-routes.ts'

type Parts = Pick<HttpParts, 'engine' | 'board' | 'tables'>

/** Anybody may keep a page, and asks whether it still holds before showing it: it is the same for all. */
const CACHE = { 'cache-control': 'no-cache' }
const DIGEST_LENGTH = 22

export function productRoutes(parts: Parts): readonly Route[] {
  return [
    { operation: BROWSE, handle: (call) => browse(parts, call) },
    { operation: READ, handle: (call) => read(parts, call) },
  ]
}

const READ: Operation = {
  method: 'get',
  path: '/v1/products/{id}',
  operationId: 'readProduct',
  tag: 'Catalog',
  summary: 'Read a product',
  description:
    'With what is left of it, its sale, and the newest of its reviews. The `ETag` is that of all that is shown.',
  access: 'anyone',
  hot: true,
  conditions: ['If-None-Match'],
  success: {
    status: 200,
    description: 'The product.',
    schema: productPageReply,
    example: { ...LISTED, reviews: [REVIEW], availableQty: 41, sale: { perCustomerLimit: 2 } },
    headers: ['ETag'],
  },
  problems: ['unknown-product'],
}

async function read(parts: Parts, call: Call): Promise<Response> {
  const { tables } = parts
  const productId = productIdOf(call)
  const product = await tables.read('catalog.product', { productId })
  if (product === undefined) throw new Problem('unknown-product', `There is no product ${productId}.`)
  const reviews =
    product.reviewCount === 0
      ? []
      : await tables.read('catalog.reviews', { productId, before: undefined, limit: reviewsShownMax })
  const body = JSON.stringify({
    ...listedProduct(product),
    reviews: reviews.map(shownReview),
    ...(await stockOf(parts, product)),
  })
  const etag = `"${product.version}-${hash('sha256', body, 'base64url').slice(0, DIGEST_LENGTH)}"`
  const fields = { ...CACHE, etag }
  return isKnown(call, etag) ? notModified(call, fields) : jsonText(call, 200, body, fields)
}

/** What can be had of it; nothing of one that never had stock, or is not sold any more. */
async function stockOf({ engine, board }: Parts, { productId, retiredAtMs }: Product) {
  const glance = board.glance(productId)
  const stock = glance instanceof Promise ? await glance : glance
  const isRetired = retiredAtMs !== null
  if (isRetired && stock?.retired !== true) {
    // Something broke off between the catalog and the engine (shop/catalog/retirement.ts). Nobody waits for it here.
    void retireInEngine(engine, productId).catch(ignoreEngineError)
  }
  if (stock === undefined) return { availableQty: 0, sale: {} }
  return { availableQty: isRetired ? 0 : stock.available, sale: shownSale(stock.sale) }
}

function ignoreEngineError(error: unknown): void {
  if (!(error instanceof EngineError)) throw error
}

const BROWSE: Operation = {
  method: 'get',
  path: '/v1/products',
  operationId: 'listProducts',
  tag: 'Catalog',
  summary: 'Browse the catalog',
  description: 'In the order of their ids, without those that were retired.',
  access: 'anyone',
  query: { schema: browseQuery, example: { category: 'Phones', limit: '20' } },
  success: {
    status: 200,
    description: 'One page.',
    schema: productsReply,
    example: { products: [LISTED], nextCursor: LISTED.productId },
  },
  problems: [],
}

async function browse({ tables }: Parts, call: Call): Promise<Response> {
  const { category, brand, cursor, limit } = queryOf(call, browseQuery)
  if (cursor !== undefined && !isProductId(cursor)) {
    throw invalid({ path: 'cursor', message: 'must be the nextCursor of another page' })
  }
  const most = limitOf(limit, productPageMax)
  const found = await tables.read('catalog.browse', {
    category: category === undefined ? undefined : categoryPath(category),
    brand,
    after: cursor,
    limit: most + 1,
  })
  const products = found.slice(0, most)
  const last = products.at(-1)
  return json(call, 200, {
    products: products.map(listedProduct),
    ...(found.length > most && last !== undefined ? { nextCursor: last.productId } : {}),
  })
}
