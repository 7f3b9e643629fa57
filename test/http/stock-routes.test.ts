import * as assert from 'uvu/assert'
import type { ProductId } from '../../src/domain/ids.ts'
import { stockManyReply, stockReply } from '../../src/http/schemas.ts'
import { suite } from '../support/suite.ts'
import { fakes, stock } from './fake-parts.ts'
import { pathsOf } from './replies.ts'

const PUBLIC = { productId: 'pixel-11', available: 41, version: 9, asOf: '2026-11-27T08:00:00.000Z' }
const PRIVATE = { onHand: 45, held: 4, sold: 12, sequence: 2031 }

const read = suite('GET /v1/products/{id}/stock')

read('anyone reads what is available, and nothing of the shop’s own', async () => {
  const { call } = fakes()
  for (const as of [undefined, 'ann']) {
    const reply = await call('GET', '/v1/products/pixel-11/stock', as === undefined ? {} : { as })
    assert.is(reply.status, 200)
    assert.equal(reply.body, PUBLIC)
  }
})

read('a service key also shows what is on hand, held and sold', async () => {
  const { call, engine } = fakes()
  for (const as of ['service', 'staff', 'admin']) {
    const reply = await call('GET', '/v1/products/pixel-11/stock', { as })
    assert.equal(reply.body, { ...PUBLIC, ...PRIVATE })
    assert.ok(stockReply.safeParse(reply.body).success)
  }
  assert.equal(engine.requests[0], { type: 'readStock', productId: 'pixel-11' })
})

read('a product without stock, or with an id no product can have, is not found', async () => {
  const { call, engine } = fakes()
  engine.answer = () => ({ type: 'refused', refusal: { reason: 'unknownProduct', productId: 'constructor' } })
  const missing = await call('GET', '/v1/products/constructor/stock')
  assert.is(missing.status, 404)
  assert.is(missing.body.code, 'unknown-product')
  assert.is(engine.requests.length, 1)
  for (const id of [
    'search',
    'suggest',
    'import',
    '__proto__',
    '-a',
    'a%2fb',
    'a%00',
    '%E2%80%AEa',
    'a'.repeat(65),
  ]) {
    const reply = await call('GET', `/v1/products/${id}/stock`)
    assert.is(reply.status, 404, id)
    assert.is(reply.body.code, 'unknown-product', id)
  }
  assert.is(engine.requests.length, 1)
})

read.run()

const readMany = suite('GET /v1/stock')

readMany('answers each once, in the order asked for, and names those that are unknown', async () => {
  const { call, engine } = fakes()
  engine.answer = (request) => {
    assert.ok(request.type === 'readStock')
    const { productId } = request
    if (productId === ('nothing' as ProductId))
      return { type: 'refused', refusal: { reason: 'unknownProduct', productId } }
    return stock({ productId })
  }
  const reply = await call('GET', '/v1/stock?productIds=b,nothing,a,b')
  assert.is(reply.status, 200)
  assert.equal(reply.body, {
    stock: [
      { ...PUBLIC, productId: 'b' },
      { ...PUBLIC, productId: 'a' },
    ],
    unknown: ['nothing'],
  })
  assert.ok(stockManyReply.safeParse(reply.body).success)
  assert.is(engine.requests.length, 3)
})

readMany('with a service key it shows the shop’s own', async () => {
  const { call } = fakes()
  const reply = await call('GET', '/v1/stock?productIds=pixel-11', { as: 'service' })
  assert.equal(reply.body, { stock: [{ ...PUBLIC, ...PRIVATE }], unknown: [] })
})

readMany('a hundred at a time and not one more', async () => {
  const { call } = fakes()
  const ids = Array.from({ length: 101 }, (_, i) => `p${i}`)
  assert.is((await call('GET', `/v1/stock?productIds=${ids.slice(1).join(',')}`)).status, 200)
  assert.is((await call('GET', `/v1/stock?productIds=${ids.join(',')}`)).status, 400)
  assert.is((await call('GET', `/v1/stock?productIds=${'a,'.repeat(5_000)}a`)).status, 400)
})

readMany('is as strict with its query as others with their bodies', async () => {
  const { call, engine } = fakes()
  const queries: readonly (readonly [query: string, path: string])[] = [
    ['', 'productIds'],
    ['?', 'productIds'],
    ['?productIds=', 'productIds'],
    ['?productIds=a,', 'productIds'],
    ['?productIds=a%20b', 'productIds'],
    ['?productIds=a&productIds=b', 'productIds'],
    ['?productIds=__proto__', 'productIds'],
    ['?productIds=a&at=1', 'at'],
    ['?productIds=a&__proto__=1', '__proto__'],
    ['?productIds=a&constructor=1', 'constructor'],
    ['?productids=a', 'productIds'],
  ]
  for (const [query, path] of queries) {
    const reply = await call('GET', `/v1/stock${query}`)
    assert.is(reply.status, 400, query)
    assert.ok(pathsOf(reply).includes(path), `${query}: ${pathsOf(reply)}`)
  }
  assert.is(engine.requests.length, 0)
})

readMany.run()

const adjust = suite('POST /v1/products/{id}/stock/adjustments')
const PATH = '/v1/products/pixel-11/stock/adjustments'

adjust('a delta goes to the product with its reason and reference', async () => {
  const { call, engine } = fakes()
  const body = { delta: -3, reason: 'broken', reference: 'rma-1' }
  const reply = await call('POST', PATH, { as: 'staff', body })
  assert.is(reply.status, 200)
  assert.equal(reply.body, { ...PUBLIC, ...PRIVATE })
  assert.match(reply.headers.get('holdfast-position') ?? '', /^s[0-7]\.2031$/)
  const change = { delta: -3 }
  assert.equal(engine.only, {
    type: 'adjust',
    productId: 'pixel-11',
    change,
    reason: 'broken',
    reference: 'rma-1',
    key: undefined,
  })
})

adjust('a set goes with the version it rests on', async () => {
  const { call, engine } = fakes()
  const reply = await call('POST', PATH, {
    as: 'admin',
    body: { set: 0, expectedVersion: 9, reason: 'count' },
  })
  assert.is(reply.status, 200)
  assert.equal(engine.only, {
    type: 'adjust',
    productId: 'pixel-11',
    change: { set: 0, expectedVersion: 9 },
    reason: 'count',
    reference: undefined,
    key: undefined,
  })
})

adjust('what is malformed is refused with its path', async () => {
  const bodies: readonly (readonly [body: unknown, path: string])[] = [
    [{ reason: 'x' }, 'delta'],
    [{ delta: 1 }, 'reason'],
    [{ set: 1 }, 'reason'],
    [{ delta: 1, set: 1, reason: 'x' }, 'delta'],
    [{ delta: 0, reason: 'x' }, 'delta'],
    [{ delta: 1.5, reason: 'x' }, 'delta'],
    [{ delta: '1', reason: 'x' }, 'delta'],
    [{ delta: null, reason: 'x' }, 'delta'],
    [{ delta: 1e10, reason: 'x' }, 'delta'],
    [{ delta: -1e10, reason: 'x' }, 'delta'],
    [{ set: -1, reason: 'x' }, 'set'],
    [{ set: 1e10, reason: 'x' }, 'set'],
    [{ set: 1, expectedVersion: -1, reason: 'x' }, 'expectedVersion'],
    [{ delta: 1, expectedVersion: 1, reason: 'x' }, 'expectedVersion'],
    [{ set: 1, reason: 'x', reference: 'r' }, 'reference'],
    [{ delta: 1, reason: 'a\r\nb' }, 'reason'],
    [{ delta: 1, reason: 'x', onHand: 9 }, 'onHand'],
    [[{ delta: 1, reason: 'x' }], ''],
    [null, ''],
    [7, ''],
  ]
  for (const [body, path] of bodies) {
    const { call, engine } = fakes()
    const reply = await call('POST', PATH, { as: 'staff', body })
    assert.is(reply.status, 400, JSON.stringify(body))
    assert.equal(pathsOf(reply), [path], JSON.stringify(body))
    assert.is(engine.requests.length, 0)
  }
})

adjust('refusals say what is in the way', async () => {
  const { call, engine } = fakes()
  const body = { set: 1, expectedVersion: 8, reason: 'count' }
  engine.answer = () => ({
    type: 'refused',
    refusal: { reason: 'stockVersionMismatch', expected: 8, version: 9 },
  })
  const mismatch = await call('POST', PATH, { as: 'staff', body })
  assert.is(mismatch.status, 409)
  assert.is(mismatch.body.code, 'stock-version-mismatch')
  assert.is(mismatch.body.version, 9)
  engine.answer = () => ({ type: 'refused', refusal: { reason: 'stockBelowHeld', onHand: 5, held: 4 } })
  const below = await call('POST', PATH, { as: 'staff', body })
  assert.is(below.body.code, 'stock-below-held')
  assert.is(below.body.held, 4)
})

adjust('a path that names no product is not found before the body is looked at', async () => {
  const { call } = fakes()
  const reply = await call('POST', '/v1/products/search/stock/adjustments', { as: 'staff', body: '{' })
  assert.is(reply.status, 404)
})

adjust.run()
