import * as assert from 'uvu/assert'
import { EngineError } from '../../src/actors/engine-error.ts'
import type { CustomerId, ProductId } from '../../src/domain/ids.ts'
import { reservationReply, reservedReply } from '../../src/http/schemas.ts'
import { suite } from '../support/suite.ts'
import { fakes, NOW_MS, RESERVATION_ID, reservation, splitHeld } from './fake-parts.ts'
import { pathsOf } from './replies.ts'

const PATH = `/v1/reservations/${RESERVATION_ID}`
const ITEMS = [
  { productId: 'pixel-11', quantity: 2 },
  { productId: 'case', quantity: 1 },
  { productId: 'pixel-11', quantity: 3 },
  { productId: 'Charger', quantity: 4 },
]

const reserve = suite('POST /v1/reservations of several products')

reserve('asks for each product once, by product id, under an id drawn for the lowest', async () => {
  const { call, engine, splits } = fakes()
  const body = { items: ITEMS, ttlSeconds: 60, customerId: 'usr_ann', reference: 'cart-7' }
  assert.is((await call('POST', '/v1/reservations', { as: 'service', body })).status, 201)
  assert.equal(splits.asks, [
    {
      reservationId: RESERVATION_ID,
      customerId: 'usr_ann',
      ttlMs: 60_000,
      allowPartial: false,
      reference: 'cart-7',
      key: undefined,
      lines: [
        { productId: 'Charger', quantity: 4 },
        { productId: 'case', quantity: 1 },
        { productId: 'pixel-11', quantity: 5 },
      ],
    },
  ])
  assert.equal(engine.drawnFor, ['Charger'])
  assert.is(engine.requests.length, 0, 'the rest is the coordinator’s')
})

reserve('is answered in the order in which the request first named each product', async () => {
  const { call } = fakes()
  const body = { items: ITEMS, customerId: 'usr_ann', reference: 'cart-7' }
  const reply = await call('POST', '/v1/reservations', { as: 'service', body })
  assert.equal(reply.body, {
    reservationId: RESERVATION_ID,
    status: 'held',
    items: [
      { productId: 'pixel-11', quantity: 5, available: 41 },
      { productId: 'case', quantity: 1, available: 41 },
      { productId: 'Charger', quantity: 4, available: 41 },
    ],
    customerId: 'usr_ann',
    reference: 'cart-7',
    expiresAt: '2026-11-27T08:10:00.000Z',
    sequence: 1042,
  })
  assert.ok(reservedReply.safeParse(reply.body).success)
  assert.is(reply.headers.get('location'), PATH)
  assert.is(reply.headers.get('holdfast-position'), 's3.1042')
  assert.is(reply.headers.get('idempotency-replayed'), null)
})

reserve('in part is answered with what it got, and without the lines that got nothing', async () => {
  const { call, splits } = fakes()
  splits.answer = (ask) => ({
    ...splitHeld(ask),
    lines: [{ productId: 'pixel-11' as ProductId, quantity: 1, available: 0 }],
  })
  const body = { items: ITEMS, allowPartial: true }
  const reply = await call('POST', '/v1/reservations', { as: 'service', body })
  assert.is(reply.status, 201)
  assert.equal(reply.body.items, [{ productId: 'pixel-11', quantity: 1, available: 0 }])
  assert.ok(splits.asks[0]?.allowPartial)
})

reserve('is for themselves where a customer asks, who cannot say otherwise', async () => {
  const { call, splits } = fakes()
  assert.is((await call('POST', '/v1/reservations', { as: 'ann', body: { items: ITEMS } })).status, 201)
  assert.is(splits.asks[0]?.customerId, 'usr_ann')
  const body = { items: ITEMS, customerId: 'usr_bob' }
  assert.equal(pathsOf(await call('POST', '/v1/reservations', { as: 'ann', body })), ['customerId'])
  assert.is(splits.asks.length, 1)
})

reserve('lines of one product are one product, however many there are', async () => {
  const { call, engine, splits } = fakes()
  const items = Array.from({ length: 100 }, () => ({ productId: 'pixel-11', quantity: 10_000 }))
  const reply = await call('POST', '/v1/reservations', { as: 'service', body: { items } })
  assert.is(reply.status, 201)
  assert.ok(engine.only.type === 'reserve' && engine.only.quantity === 1_000_000)
  assert.is(splits.asks.length, 0)
})

reserve('a hundred products are the most', async () => {
  const { call, splits } = fakes()
  const items = Array.from({ length: 101 }, (_, i) => ({ productId: `p${i}`, quantity: 1 }))
  const reply = await call('POST', '/v1/reservations', { as: 'service', body: { items } })
  assert.equal(pathsOf(reply), ['items'])
  const most = { as: 'service', body: { items: items.slice(1) } }
  assert.is((await call('POST', '/v1/reservations', most)).status, 201)
  assert.is(splits.asks[0]?.lines.length, 100)
})

reserve('a shortage names each product in the order of the request, and first what is short', async () => {
  const { call, splits } = fakes()
  splits.answer = () => ({
    type: 'refused',
    refusal: {
      reason: 'outOfStock',
      items: [
        { productId: 'Charger' as ProductId, requested: 4, available: 3 },
        { productId: 'case' as ProductId, requested: 1, available: 0 },
        { productId: 'pixel-11' as ProductId, requested: 5, available: 41 },
      ],
    },
  })
  const reply = await call('POST', '/v1/reservations', { as: 'service', body: { items: ITEMS } })
  assert.is(reply.status, 409)
  assert.is(reply.body.code, 'out-of-stock')
  assert.equal(reply.body.items, [
    { productId: 'pixel-11', requested: 5, available: 41 },
    { productId: 'case', requested: 1, available: 0 },
    { productId: 'Charger', requested: 4, available: 3 },
  ])
  assert.is(reply.body.detail, '1 of case were asked for, 0 are available.')
})

reserve('other refusals and failures are answered as for one product', async () => {
  const { call, splits } = fakes()
  splits.answer = () => ({
    type: 'refused',
    refusal: { reason: 'saleClosed', productId, closesAtMs: NOW_MS },
  })
  const productId = 'case' as ProductId
  const closed = await call('POST', '/v1/reservations', { as: 'service', body: { items: ITEMS } })
  assert.is(closed.body.code, 'sale-closed')
  assert.is(closed.body.productId, 'case')
  splits.answer = () => {
    throw new EngineError('overloaded', 'given up')
  }
  const over = await call('POST', '/v1/reservations', { as: 'service', body: { items: ITEMS } })
  assert.is(over.status, 503)
  assert.ok(over.headers.has('retry-after'))
})

reserve.run()

const several = suite('a reservation of several products')

const LINES = [
  { productId: 'case' as ProductId, quantity: 1, returned: 1 },
  { productId: 'pixel-11' as ProductId, quantity: 5, returned: 0 },
]

several('is shown with all its lines, and once confirmed with what came back of each', async () => {
  const { call, engine } = fakes()
  engine.answer = () => reservation({ lines: LINES.map((line) => ({ ...line, returned: 0 })) })
  const held = await call('GET', PATH, { as: 'service' })
  assert.equal(held.body.items, [
    { productId: 'case', quantity: 1 },
    { productId: 'pixel-11', quantity: 5 },
  ])
  engine.answer = () => reservation({ lines: LINES, status: 'confirmed', resolvedAtMs: NOW_MS })
  const confirmed = await call('GET', PATH, { as: 'service' })
  assert.equal(confirmed.body.items, LINES)
  assert.ok(reservationReply.safeParse(confirmed.body).success)
})

several('is the caller’s own or not found', async () => {
  const { call, engine } = fakes()
  engine.answer = () => reservation({ lines: LINES, customerId: 'usr_bob' as CustomerId })
  assert.is((await call('GET', PATH, { as: 'bob' })).status, 200)
  assert.is((await call('GET', PATH, { as: 'ann' })).status, 404)
  assert.is((await call('POST', `${PATH}/release`, { as: 'ann' })).status, 404)
})

several('is changed in all its shards before the reply leaves, where units move', async () => {
  const { call, splits } = fakes()
  await call('POST', `${PATH}/release`, { as: 'service' })
  await call('POST', `${PATH}/confirm`, { as: 'service' })
  await call('POST', `${PATH}/return`, { as: 'service', body: { reason: 'x' } })
  assert.equal(
    splits.changes.map(({ type }) => type),
    ['release', 'confirm', 'return'],
  )
  await call('POST', `${PATH}/extend`, { as: 'service', body: { ttlSeconds: 60 } })
  await call('POST', `${PATH}/paying`, { as: 'service' })
  assert.is(splits.changes.length, 3, 'times are the home’s alone')
})

several.run()
