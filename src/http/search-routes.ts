/**
 * Search. The index says which products; what is shown of them is read from the catalog and the boards at that moment, so
 * that no price and no count is older than the product's own page.
 */
import { EngineError } from '../actors/engine-error.ts'
import type { Glanced } from '../actors/stock-glances.ts'
import { categoryPath } from '../domain/category-path.ts'
import { decimalOf } from '../domain/money.ts'
import { searchDepthMax, suggestionsMax } from '../limits/search.ts'
import { type Product, ratingOf } from '../persistence/tables/catalog/product-row.ts'
import { highlighted, Sought, snippetOf } from '../search/highlight.ts'
import type { SearchHit, SearchRequest } from '../search/search-index.ts'
import { readSearchPosition, type SearchPosition, searchPositionToken } from '../search/search-position.ts'
import type { HttpParts } from './parts.ts'
import { invalid } from './problems.ts'
import { LISTED } from './product-examples.ts'
import { queryOf } from './query.ts'
import { json } from './responses.ts'
import type { Call, Operation, Route } from './route.ts'
import { searchQuery, searchReply, suggestQuery, suggestReply } from './search-schemas.ts'
import { SearchesUnderWay } from './searches-under-way.ts'

type Parts = Pick<
  HttpParts,
  'search' | 'board' | 'tables' | 'shards' | 'clock' | 'rateLimits' | 'trustedProxies' | 'log'
>
type Searching = Parts & { readonly underWay: SearchesUnderWay }
type Query = (typeof searchQuery)['_output']

const PER_PAGE = 20

export function searchRoutes(parts: Parts): readonly Route[] {
  const searching = { ...parts, underWay: new SearchesUnderWay(parts) }
  return [
    { operation: SEARCH, handle: (call) => search(searching, call) },
    { operation: SUGGEST, handle: (call) => suggest(searching, call) },
  ]
}

const SEARCH: Operation = {
  method: 'get',
  path: '/v1/products/search',
  operationId: 'searchProducts',
  tag: 'Catalog',
  summary: 'Search products',
  description:
    'All words must be found, be they misspelt or only begun; where nothing has them all, most of them. What is sold out is found too, with `availableQty` 0, unless `inStock=true`. The index follows changes some tens of milliseconds behind; `minPosition` waits, two seconds at most, until it holds yours.',
  access: 'anyone',
  hot: true,
  query: { schema: searchQuery, example: { term: 'ihpone', inStock: 'true', sort: 'price-asc' } },
  success: {
    status: 200,
    description: 'A page of what was found.',
    schema: searchReply,
    example: {
      products: [
        {
          productId: LISTED.productId,
          title: LISTED.title,
          price: LISTED.price,
          currency: LISTED.currency,
          thumbnail: LISTED.images[0],
          rating: LISTED.rating,
          reviewCount: LISTED.reviewCount,
          availableQty: 41,
          highlights: { title: '<mark>Pixel</mark> 11' },
        },
      ],
      facets: {
        category: [{ value: 'Phones', count: 1 }],
        brand: [{ value: 'Google', count: 1 }],
        price: [{ value: '750-1500', count: 1 }],
        rating: [{ value: '4', count: 1 }],
      },
      pagination: { page: 1, perPage: 20, total: 1, totalPages: 1 },
      tookMs: 0.4,
      position: 't42,pAAAA',
    },
  },
  problems: ['search-behind', 'search-unavailable'],
}

async function search(parts: Searching, call: Call): Promise<Response> {
  const { clock, shards } = parts
  const query = queryOf(call, searchQuery)
  const [page, perPage] = [Number(query.page ?? 1), Number(query.perPage ?? PER_PAGE)]
  const offset = (page - 1) * perPage
  if (offset + perPage > searchDepthMax) {
    const message = `no more than ${searchDepthMax} products can be paged through: ask for less`
    throw invalid({ path: 'page', message })
  }
  const request = requestOf(query, { offset, limit: perPage })
  const beganAtMs = clock.monotonicMs()
  const after = positionOf(query.minPosition, shards)
  const { answer, position } = await parts.underWay.during(call, () =>
    parts.search.ask({ type: 'search', request }, after),
  )
  const tookMs = Math.round((clock.monotonicMs() - beganAtMs) * 1_000) / 1_000
  const { hits, total, facets } = answer
  return json(call, 200, {
    products: await shown(parts, hits, request),
    facets,
    pagination: {
      page,
      perPage,
      total,
      totalPages: Math.ceil(Math.min(total, searchDepthMax) / perPage),
    },
    tookMs,
    position: searchPositionToken(position, shards),
  })
}

function requestOf(query: Query, page: Pick<SearchRequest, 'offset' | 'limit'>): SearchRequest {
  const { term = '', category, brand, minPrice, maxPrice, minRating, inStock, sort = 'relevance' } = query
  const number = (text: string | undefined) => (text === undefined ? undefined : Number(text))
  return {
    term,
    // What is no path is no category's name either.
    category: category === undefined ? undefined : (categoryPath(category) ?? category),
    brand,
    minPrice: number(minPrice),
    maxPrice: number(maxPrice),
    minRating: number(minRating),
    inStock: inStock === 'true',
    sort,
    ...page,
  }
}

/** Throws 400. */
function positionOf(text: string | undefined, shards: number): SearchPosition | undefined {
  if (text === undefined) return undefined
  const position = readSearchPosition(text, shards)
  if (position !== undefined) return position
  throw invalid({
    path: 'minPosition',
    message: 'must be the Holdfast-Position of a reply, or several of them',
  })
}

/** Those that are still sold; of those that were asked for in stock, those of which there is some. */
async function shown(
  { tables, board, log }: Parts,
  hits: readonly SearchHit[],
  { inStock }: SearchRequest,
): Promise<readonly unknown[]> {
  if (hits.length === 0) return []
  const ids = hits.map(({ productId }) => productId)
  const [found, glances] = await Promise.all([tables.read('catalog.found', { ids }), board.glanceMany(ids)])
  for (const why of found.damage) log.error({ why }, 'tables.damaged')
  const products = new Map(found.products.map((product) => [product.productId, product]))
  return hits.flatMap(({ productId, words }, i) => {
    const product = products.get(productId)
    if (product === undefined || product.retiredAtMs !== null) return []
    const availableQty = availableOf(glances[i])
    return inStock && availableQty === 0
      ? []
      : [{ ...summaryOf(product), availableQty, highlights: marksIn(product, words) }]
  })
}

/** Nothing where nothing can be said now: it is not shown as if it could be had. */
function availableOf(glance: Glanced): number {
  if (glance === undefined || glance instanceof EngineError) return 0
  return glance.retired ? 0 : glance.available
}

function summaryOf(product: Product) {
  const { productId, title, priceMinor, currency, images, reviewCount } = product
  const [thumbnail] = images
  const price = decimalOf(priceMinor, currency)
  return { productId, title, price, currency, thumbnail, rating: ratingOf(product), reviewCount }
}

function marksIn({ title, description }: Product, words: readonly string[]) {
  const sought = new Sought(words)
  return { title: highlighted(title, sought), description: snippetOf(description, sought) }
}

const SUGGEST: Operation = {
  method: 'get',
  path: '/v1/products/suggest',
  operationId: 'suggestProducts',
  tag: 'Catalog',
  summary: 'Complete what is being typed',
  description: 'Titles that begin, or have a word that begins, like this.',
  access: 'anyone',
  hot: true,
  query: { schema: suggestQuery, example: { term: 'pix' } },
  success: {
    status: 200,
    description: 'The best rated first.',
    schema: suggestReply,
    example: { suggestions: ['Pixel 11'], position: 't42,pAAAA' },
  },
  problems: ['search-unavailable'],
}

async function suggest({ search: index, underWay, shards }: Searching, call: Call): Promise<Response> {
  const { term, limit } = queryOf(call, suggestQuery)
  const question = { type: 'suggest', term, limit: Number(limit ?? suggestionsMax) } as const
  const { answer, position } = await underWay.during(call, () => index.ask(question))
  return json(call, 200, { suggestions: answer, position: searchPositionToken(position, shards) })
}
