import * as assert from 'uvu/assert'
import { EngineError } from '../../src/actors/engine-error.ts'
import type { ProductId } from '../../src/domain/ids.ts'
import { suite } from '../support/suite.ts'
import { stock, usualAnswer } from './fake-parts.ts'
import { pathsOf } from './replies.ts'
import { shop } from './shop-parts.ts'

const BODY = { productId: 'pixel-11', title: 'Pixel 11', price: 999.99, currency: 'USD' }
const { productId: _, ...FIELDS } = BODY
const PATH = '/v1/products/pixel-11'

/** Twice as long once they are JSON. */
function quotes(count: number, length: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, '"'.repeat(length)]))
}

const making = suite('making a product')

making('answers with what was made, where it is, and its version', async () => {
  using world = shop()
  const { call } = world
  const body = {
    ...BODY,
    description: 'Two\nlines',
    brand: 'Google',
    category: 'Phones>Android',
    images: ['https://img.example/a.png'],
    specifications: { constructor: 'x', Colour: 'black' },
  }
  const reply = await call('POST', '/v1/products', { as: 'staff', body })
  assert.is(reply.status, 201)
  assert.is(reply.headers.get('location'), PATH)
  assert.is(reply.headers.get('etag'), '"1"')
  assert.is(reply.headers.get('holdfast-position'), 't1')
  assert.equal(reply.body, {
    ...body,
    category: 'Phones > Android',
    createdAt: '2026-11-27T08:00:00.000Z',
    updatedAt: '2026-11-27T08:00:00.000Z',
  })
  const again = await call('POST', '/v1/products', { as: 'staff', body })
  assert.is(again.status, 409)
  assert.is(again.body.code, 'product-exists')
})

making('draws an id where none is given, and the same under the same key', async () => {
  using world = shop()
  const send = (title: string) =>
    world.call('POST', '/v1/products', {
      as: 'staff',
      body: { ...FIELDS, title },
      headers: { 'idempotency-key': 'k-1' },
    })
  const [first, second] = [await send('a'), await send('a')]
  assert.is(second.status, 201)
  assert.is(second.text, first.text)
  assert.is(second.headers.get('location'), first.headers.get('location'))
  assert.is(second.headers.get('idempotency-replayed'), 'true')
  assert.is((await send('b')).status, 422)
})

making('is for staff', async () => {
  using world = shop()
  const { call } = world
  const status = async (method: string, path: string, as?: string) =>
    (await call(method, path, { body: {}, ...(as === undefined ? {} : { as }) })).status
  for (const [method, path] of [
    ['POST', '/v1/products'],
    ['PUT', PATH],
    ['PATCH', PATH],
    ['DELETE', PATH],
  ] as const) {
    assert.is(await status(method, path), 401)
    assert.is(await status(method, path, 'ann'), 403)
    assert.is(await status(method, path, 'service'), 403)
  }
})

making('14, 16: takes no field that is not in its schema, and no value that is not', async () => {
  using world = shop()
  const mistakes: readonly (readonly [object, string])[] = [
    [{ version: 7 }, 'version'],
    [{ rating: 5 }, 'rating'],
    [{ retired: true }, 'retired'],
    [{ price: 0 }, 'price'],
    [{ price: -1 }, 'price'],
    [{ price: '9.99' }, 'price'],
    [{ price: null }, 'price'],
    [{ price: [1] }, 'price'],
    [{ price: 9.999 }, 'price'],
    [{ price: 0.001 }, 'price'],
    [{ price: 2 ** 53 }, 'price'],
    [{ price: 1e300 }, 'price'],
    [{ currency: 'usd' }, 'currency'],
    [{ currency: 'XXX' }, 'currency'],
    [{ currency: 'JPY' }, 'price'],
    [{ title: '' }, 'title'],
    [{ title: 'a\u0000b' }, 'title'],
    [{ title: 'x'.repeat(301) }, 'title'],
    [{ description: 'x'.repeat(10_001) }, 'description'],
    [{ description: 'a\u001b[31m' }, 'description'],
    [{ category: 'A > > B' }, 'category'],
    [{ brand: 1 }, 'brand'],
    [{ images: ['http://img.example/a.png'] }, 'images.0'],
    [{ images: ['javascript:alert(1)'] }, 'images.0'],
    [{ images: ['/images/../../etc/passwd'] }, 'images.0'],
    [{ images: ['https://'] }, 'images.0'],
    [{ images: Array.from({ length: 21 }, () => 'https://img.example/a.png') }, 'images'],
    [{ images: ['https://img.example/a".png'] }, 'images.0'],
    [{ specifications: quotes(88, 300) }, 'specifications'],
    [{ specifications: { a: 1 } }, 'specifications.a'],
    [{ specifications: [] }, 'specifications'],
    [{ productId: 'search' }, 'productId'],
    [{ productId: '__proto__' }, 'productId'],
    [{ productId: '../x' }, 'productId'],
    [{ productId: '\u202eabc' }, 'productId'],
    [{ productId: 'x'.repeat(10_000) }, 'productId'],
  ]
  for (const [change, path] of mistakes) {
    const reply = await world.call('POST', '/v1/products', { as: 'staff', body: { ...BODY, ...change } })
    assert.is(reply.status, 400, JSON.stringify(change).slice(0, 80))
    assert.equal(pathsOf(reply), [path])
  }
  assert.is(await world.shopTables.read('catalog.product', { productId: 'pixel-11' as ProductId }), undefined)
})

making('takes as much as all its bounds allow', async () => {
  using world = shop()
  const long = (text: string, length: number) => text.repeat(length).slice(0, length)
  const body = {
    ...BODY,
    title: long('💥', 300),
    description: long('"\n', 10_000),
    brand: long('é', 100),
    category: long('x', 300),
    price: 1e10,
    images: Array.from({ length: 10 }, (_, i) => `https://img.example/${i}${'a'.repeat(1_900)}`),
    specifications: quotes(24, 300),
  }
  const reply = await world.call('POST', '/v1/products', { as: 'staff', body })
  assert.is(reply.status, 201, reply.text.slice(0, 300))
  assert.equal(reply.body.specifications, body.specifications)
})

making('17: keeps names of JavaScript’s own as names, and refuses the one that cannot be', async () => {
  using world = shop()
  const send = (body: unknown) => world.call('POST', '/v1/products', { as: 'staff', body })
  for (const productId of ['constructor', 'toString', 'hasOwnProperty']) {
    const specifications = { constructor: 'a', toString: 'b' }
    assert.is((await send({ ...BODY, productId, specifications })).status, 201)
    const { body } = await world.call('GET', `/v1/products/${productId}`)
    assert.equal(body.specifications, specifications)
  }
  const polluting = `{"title":"x","price":1,"currency":"USD","specifications":{"__proto__":"y"}}`
  assert.is((await send(polluting)).status, 400)
  assert.is(({} as Record<string, unknown>).y, undefined)
  assert.is((await world.call('GET', '/v1/products/__proto__')).status, 404)
})

making('43: takes what would be SQL or a tag as text', async () => {
  using world = shop()
  const title = `'; DROP TABLE products; -- <script>alert(1)</script>`
  const brand = `x' OR '1'='1`
  const made = await world.call('POST', '/v1/products', { as: 'staff', body: { ...BODY, title, brand } })
  assert.is(made.body.title, title)
  const none = await world.call('GET', `/v1/products?brand=${encodeURIComponent(`y' OR '1'='1`)}`)
  assert.equal(none.body, { products: [] })
  const found = await world.call('GET', `/v1/products?brand=${encodeURIComponent(brand)}`)
  assert.is((found.body.products as unknown[]).length, 1)
})

making.run()

const changing = suite('changing a product')

changing('PUT makes it or replaces it, as the conditions want', async () => {
  using world = shop()
  const put = (title: string, headers: Record<string, string> = {}) =>
    world.call('PUT', PATH, { as: 'staff', body: { ...FIELDS, title }, headers })
  assert.is((await put('a', { 'if-match': '"1"' })).status, 412)
  const made = await put('a', { 'if-none-match': '*' })
  assert.is(made.status, 201)
  assert.is(made.headers.get('location'), PATH)
  assert.is((await put('b', { 'if-none-match': '*' })).status, 412)
  const replaced = await put('b', { 'if-match': '"1-whatever", W/"7"' })
  assert.is(replaced.status, 200)
  assert.is(replaced.headers.get('etag'), '"2"')
  assert.is((await put('c', { 'if-match': '"1"' })).body.code, 'precondition-failed')
  assert.is((await put('c', { 'if-match': 'W/"2"' })).status, 412)
  assert.is((await put('c', { 'if-match': '2' })).status, 400)
  assert.is((await put('c')).headers.get('etag'), '"3"')
})

changing('PATCH changes what it names; two of the same version cannot both', async () => {
  using world = shop()
  const patch = (body: object, headers: Record<string, string> = {}) =>
    world.call('PATCH', PATH, { as: 'staff', body, headers })
  assert.is((await patch({ price: 1 })).status, 404)
  await world.call('POST', '/v1/products', { as: 'staff', body: { ...BODY, brand: 'Google' } })
  const page = await world.call('GET', PATH)
  const etag = page.headers.get('etag') ?? ''
  const replies = await Promise.all([1, 2].map((price) => patch({ price }, { 'if-match': etag })))
  assert.equal(replies.map(({ status }) => status).sort(), [200, 412])
  const last = await patch({ brand: null, title: 'New' })
  assert.is(last.body.brand, undefined)
  assert.is(last.body.title, 'New')
  const wrong = await patch({ price: 1.234 })
  assert.is(wrong.status, 400)
  assert.equal(pathsOf(wrong), ['price'])
  assert.match(String(wrong.body.detail), /2 digits/)
  assert.is((await patch({ currency: 'EUR' })).status, 400)
})

changing('a tag of a page stays good for changes while stock and reviews change', async () => {
  using world = shop()
  await world.call('POST', '/v1/products', { as: 'staff', body: BODY })
  const before = (await world.call('GET', PATH)).headers.get('etag') ?? ''
  world.engine.answer = () => stock({ available: 1 })
  const after = (await world.call('GET', PATH)).headers.get('etag')
  assert.is.not(after, before)
  const reply = await world.call('PATCH', PATH, {
    as: 'staff',
    body: { price: 5 },
    headers: { 'if-match': before },
  })
  assert.is(reply.status, 200)
})

changing.run()

const retiring = suite('retiring a product')

retiring('tells the engine, and leaves the page', async () => {
  using world = shop()
  const { call, engine } = world
  await call('POST', '/v1/products', { as: 'staff', body: BODY })
  assert.is((await call('DELETE', PATH, { as: 'staff', headers: { 'if-match': '"9"' } })).status, 412)
  assert.equal(engine.requests, [])
  const reply = await call('DELETE', PATH, { as: 'staff' })
  assert.is(reply.status, 200)
  assert.is(reply.body.retired, true)
  assert.equal(engine.only, { type: 'retire', productId: 'pixel-11' })
  engine.answer = () => stock({ retired: true })
  const page = await call('GET', PATH)
  assert.is(page.body.retired, true)
  assert.is(page.body.availableQty, 0)
  assert.equal((await call('GET', '/v1/products')).body, { products: [] })
  assert.is((await call('PATCH', PATH, { as: 'staff', body: { price: 1 } })).body.code, 'product-retired')
  assert.is((await call('DELETE', '/v1/products/nobody', { as: 'staff' })).status, 404)
})

retiring('gives one that never had stock an empty one, so that none can be sold later', async () => {
  using world = shop()
  const { call, engine } = world
  await call('POST', '/v1/products', { as: 'staff', body: BODY })
  let has = false
  engine.answer = (request) => {
    if (request.type === 'adjust') has = true
    if (request.type !== 'retire' || has) return usualAnswer(request)
    return { type: 'refused', refusal: { reason: 'unknownProduct', productId: request.productId } }
  }
  assert.is((await call('DELETE', PATH, { as: 'staff' })).status, 200)
  assert.equal(
    engine.requests.map(({ type }) => type),
    ['retire', 'adjust', 'retire'],
  )
})

retiring(
  'that broke off between catalog and engine is finished by the next try, or the next reader',
  async () => {
    for (const who of ['retry', 'reader'] as const) {
      using world = shop()
      const { call, engine } = world
      await call('POST', '/v1/products', { as: 'staff', body: BODY })
      engine.answer = () => {
        throw new EngineError('shard-unavailable', 'planted')
      }
      const headers = { 'idempotency-key': 'k-1' }
      const broken = await call('DELETE', PATH, { as: 'staff', headers })
      assert.is(broken.status, 504)
      assert.is(broken.body.code, 'outcome-unknown')
      engine.answer = usualAnswer
      engine.requests.splice(0)
      if (who === 'retry') {
        const again = await call('DELETE', PATH, { as: 'staff', headers })
        assert.is(again.status, 200)
        assert.is(again.headers.get('idempotency-replayed'), 'true')
      } else {
        assert.is((await call('GET', PATH)).body.availableQty, 0)
      }
      assert.ok(engine.requests.some(({ type }) => type === 'retire'))
    }
  },
)

retiring.run()
