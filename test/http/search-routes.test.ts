import * as assert from 'uvu/assert'
import type { ProductId } from '../../src/domain/ids.ts'
import { SearchError } from '../../src/search/search-error.ts'
import type { SearchRequest } from '../../src/search/search-index.ts'
import type { SearchQuestion } from '../../src/search/search-protocol.ts'
import { EVERYTHING } from '../search/catalog.ts'
import { suite } from '../support/suite.ts'
import { fakes, stock } from './fake-parts.ts'
import { shop } from './shop-parts.ts'

const PATH = '/v1/products/search'
const NO_FACETS = { category: [], brand: [], price: [], rating: [] }

/** A search that finds these products by these words. */
function finding(...found: readonly (readonly [productId: string, ...words: string[]])[]) {
  return {
    hits: found.map(([productId, ...words]) => ({ productId: productId as ProductId, words })),
    total: found.length,
    facets: NO_FACETS,
  }
}

function requestIn({ asked }: ReturnType<typeof fakes>['search']): SearchRequest {
  const question = asked.at(-1)?.question as SearchQuestion
  assert.is(question.type, 'search')
  return (question as Extract<SearchQuestion, { readonly type: 'search' }>).request
}

const search = suite('GET /v1/products/search')

search('asks for everything where nothing is said, and says where the index had come', async () => {
  const { call, search: index } = fakes()
  const reply = await call('GET', PATH)
  assert.is(reply.status, 200)
  assert.equal(requestIn(index), EVERYTHING)
  assert.equal(reply.body.pagination, { page: 1, perPage: 20, total: 0, totalPages: 0 })
  assert.match(String(reply.body.position), /^t7,p/)
})

search('hands on what is asked for', async () => {
  const { call, search: index } = fakes()
  const query =
    'term=ihpone&category=Phones%3ESmart&brand=Apple&minPrice=9.99&maxPrice=10&minRating=4.5&inStock=true&sort=price-asc&page=3&perPage=7'
  assert.is((await call('GET', `${PATH}?${query}&minPosition=t5,s1.4`)).status, 200)
  assert.equal(requestIn(index), {
    term: 'ihpone',
    category: 'Phones > Smart',
    brand: 'Apple',
    minPrice: 9.99,
    maxPrice: 10,
    minRating: 4.5,
    inStock: true,
    sort: 'price-asc',
    offset: 14,
    limit: 7,
  })
  const { after } = index.asked[0] ?? {}
  assert.equal([after?.tables, [...(after?.shards ?? [])]], [5, [[1, 4]]])
})

for (const [query, path] of [
  ['page=0', 'page'],
  ['page=501', 'page'],
  ['page=1e3', 'page'],
  ['page=99999999', 'page'],
  ['perPage=101', 'perPage'],
  ['perPage=1000000000', 'perPage'],
  ['perPage=-1', 'perPage'],
  ['minPrice=-1', 'minPrice'],
  ['minPrice=1e9', 'minPrice'],
  ['minPrice=5&maxPrice=4.99', 'maxPrice'],
  ['minRating=5.1', 'minRating'],
  ['inStock=yes', 'inStock'],
  ['sort=title', 'sort'],
  ['sort=price:asc,_text_match:desc', 'sort'],
  [`term=${'x'.repeat(201)}`, 'term'],
  ['minPosition=s9.1', 'minPosition'],
  ['minPosition=t', 'minPosition'],
  ['filter_by=price:>0', 'filter_by'],
  ['term=a&term=b', 'term'],
] as const) {
  search(`refuses ${query.slice(0, 40)}, and names it`, async () => {
    const { call, search: index } = fakes()
    const reply = await call('GET', `${PATH}?${query}`)
    assert.is(reply.status, 400)
    assert.ok((reply.body.errors as { path: string }[]).some((error) => error.path === path))
    assert.is(index.asked.length, 0)
  })
}

search('shows what the catalog and the board have now, whatever the index knows', async () => {
  using world = shop()
  const pixel = { productId: 'pixel-11', title: 'Pixel <11>', price: 5, currency: 'USD' }
  const description = 'Makes the Pixel better. '.repeat(30)
  await world.call('POST', '/v1/products', { as: 'staff', body: { ...pixel, description } })
  world.engine.answer = () => stock({ available: 7 })
  world.search.answer = () => finding(['pixel-11', 'pixel'], ['gone', 'pixel'])
  const reply = await world.call('GET', `${PATH}?term=pixel`)
  const [found, ...others] = reply.body.products as Record<string, unknown>[]
  assert.equal(others, [], 'what is not in the catalog any more is not shown')
  assert.equal([found?.title, found?.price, found?.availableQty], ['Pixel <11>', 5, 7])
  const highlights = found?.highlights as Record<string, string>
  assert.is(highlights.title, '<mark>Pixel</mark> &lt;11&gt;')
  assert.match(highlights.description ?? '', /^Makes the <mark>Pixel<\/mark> better\..*…$/)
})

search('never shows as in stock what is sold out, or was retired', async () => {
  using world = shop()
  for (const productId of ['sold-out', 'retired']) {
    const body = { productId, title: productId, price: 5, currency: 'USD' }
    await world.call('POST', '/v1/products', { as: 'staff', body })
  }
  world.engine.answer = () => stock({ available: 0 })
  await world.call('DELETE', '/v1/products/retired', { as: 'staff' })
  world.search.answer = () => finding(['sold-out'], ['retired'])
  const all = await world.call('GET', PATH)
  assert.equal(
    (all.body.products as Record<string, unknown>[]).map((each) => [each.productId, each.availableQty]),
    [['sold-out', 0]],
  )
  assert.equal((await world.call('GET', `${PATH}?inStock=true`)).body.products, [])
})

for (const [code, expected] of [
  ['behind', 'search-behind'],
  ['unavailable', 'search-unavailable'],
  ['overloaded', 'overloaded'],
  ['shutting-down', 'shutting-down'],
] as const) {
  search(`that is ${code} is 503, and says when to come again`, async () => {
    const { call, search: index } = fakes()
    index.answer = () => Promise.reject(new SearchError(code, 'planted'))
    const reply = await call('GET', PATH)
    assert.equal([reply.status, reply.body.code], [503, expected])
    assert.ok(Number(reply.headers.get('retry-after')) >= 1)
  })
}

search.run()

const suggest = suite('GET /v1/products/suggest')

suggest('completes what is typed', async () => {
  const { call, search: index } = fakes()
  index.answer = () => ['Pixel 11']
  const reply = await call('GET', '/v1/products/suggest?term=pix&limit=3')
  assert.equal(reply.body.suggestions, ['Pixel 11'])
  assert.equal(index.asked[0]?.question, { type: 'suggest', term: 'pix', limit: 3 })
  assert.is((await call('GET', '/v1/products/suggest')).status, 400)
  assert.is((await call('GET', '/v1/products/suggest?term=x&limit=11')).status, 400)
})

suggest.run()
