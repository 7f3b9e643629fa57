import * as assert from 'uvu/assert'
import { EngineError } from '../../src/actors/engine-error.ts'
import { productPageReply, productsReply } from '../../src/http/product-schemas.ts'
import { suite } from '../support/suite.ts'
import { stock } from './fake-parts.ts'
import { pathsOf } from './replies.ts'
import { type Shop, shop } from './shop-parts.ts'

const PATH = '/v1/products/pixel-11'

async function stocked(...ids: readonly string[]): Promise<Shop> {
  const world = shop()
  for (const productId of ids) {
    const body = { productId, title: productId, price: 5, currency: 'USD', category: 'A > B', brand: 'C' }
    await world.call('POST', '/v1/products', { as: 'staff', body })
  }
  return world
}

const page = suite('a product’s page')

page('shows what is left of it, its sale and its rating', async () => {
  using world = await stocked('pixel-11')
  world.engine.answer = () => stock({ available: 41, sale: { perCustomerLimit: 2 } })
  const reply = await world.call('GET', PATH)
  assert.is(reply.status, 200)
  assert.ok(productPageReply.safeParse(reply.body).success, reply.text)
  assert.is(reply.body.availableQty, 41)
  assert.equal(reply.body.sale, { perCustomerLimit: 2 })
  assert.is(reply.body.rating, 0)
  world.engine.answer = ({ type }) => ({ type: 'refused', refusal: { reason: 'unknownProduct', type } })
  const without = await world.call('GET', PATH)
  assert.is(without.body.availableQty, 0)
  assert.equal(without.body.sale, {})
})

page('is there while the shard of the product is down, as the board shows it', async () => {
  using world = shop({ board: { glance: () => stock({ available: 7 }), glanceMany: () => [] } })
  const body = { productId: 'pixel-11', title: 'x', price: 5, currency: 'USD' }
  await world.call('POST', '/v1/products', { as: 'staff', body })
  const away = () => {
    throw new EngineError('shard-unavailable', 'planted')
  }
  world.engine.answer = away
  const reply = await world.call('GET', PATH)
  assert.equal([reply.status, reply.body.availableQty], [200, 7])
  using other = await stocked('pixel-11')
  other.engine.answer = away
  assert.is((await other.call('GET', PATH)).body.code, 'shard-unavailable', 'nobody knows')
})

page('is not sent again to whoever has it', async () => {
  using world = await stocked('pixel-11')
  const first = await world.call('GET', PATH)
  const etag = first.headers.get('etag') ?? ''
  assert.match(etag, /^"1-[\w-]{22}"$/)
  for (const field of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
    const known = await world.call('GET', PATH, { headers: { 'if-none-match': field } })
    assert.is(known.status, 304, field)
    assert.is(known.text, '')
    assert.is(known.headers.get('etag'), etag)
    assert.is(known.headers.get('content-type'), null)
    assert.is(known.headers.get('cache-control'), 'no-cache')
  }
  world.engine.answer = () => stock({ available: 3 })
  const changed = await world.call('GET', PATH, { headers: { 'if-none-match': etag } })
  assert.is(changed.status, 200)
  assert.is.not(changed.headers.get('etag'), etag)
  assert.is((await world.call('GET', PATH, { headers: { 'if-none-match': 'x' } })).status, 400)
})

page('52: is kept by nobody without asking; what fails is kept by nobody at all', async () => {
  using world = await stocked('pixel-11')
  assert.is((await world.call('GET', PATH)).headers.get('cache-control'), 'no-cache')
  assert.is((await world.call('GET', '/v1/products/nobody')).headers.get('cache-control'), 'no-store')
  const changed = await world.call('PATCH', PATH, { as: 'staff', body: { price: 1 } })
  assert.is(changed.headers.get('cache-control'), 'no-store')
})

page('is nobody’s where there is no such product, and the engine is not asked', async () => {
  using world = await stocked()
  for (const id of ['nobody', 'import', 'constructor', '%00', 'a'.repeat(65)]) {
    const reply = await world.call('GET', `/v1/products/${id}`)
    assert.is(reply.status, 404, id)
    assert.is(reply.body.code, 'unknown-product')
  }
  assert.equal(world.engine.requests, [])
})

page.run()

const list = suite('the list of products')

list('is read page by page', async () => {
  using world = await stocked('a', 'b', 'c')
  const first = await world.call('GET', '/v1/products?limit=2')
  assert.ok(productsReply.safeParse(first.body).success, first.text)
  const ids = (body: Record<string, unknown>) =>
    (body.products as { productId: string }[]).map(({ productId }) => productId)
  assert.equal(ids(first.body), ['a', 'b'])
  const second = await world.call('GET', `/v1/products?limit=2&cursor=${first.body.nextCursor}`)
  assert.equal(ids(second.body), ['c'])
  assert.is(second.body.nextCursor, undefined)
  assert.equal(ids((await world.call('GET', '/v1/products?category=A&brand=C')).body), ['a', 'b', 'c'])
  assert.equal(ids((await world.call('GET', '/v1/products?category=A%3EB')).body), ['a', 'b', 'c'])
  assert.equal(ids((await world.call('GET', '/v1/products?category=B')).body), [])
})

list('refuses what it cannot read', async () => {
  using world = await stocked()
  for (const [query, path] of [
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=1e1', 'limit'],
    ['cursor=%20', 'cursor'],
    ['cursor=search', 'cursor'],
    ['category=%3E', 'category'],
    ['brand=', 'brand'],
    ['sort=price', 'sort'],
  ] as const) {
    const reply = await world.call('GET', `/v1/products?${query}`)
    assert.is(reply.status, 400, query)
    assert.equal(pathsOf(reply), [path])
  }
})

list.run()
